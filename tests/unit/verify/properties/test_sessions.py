"""Session guarantees: devices see what they wrote, and write after what they saw."""

from __future__ import annotations

import pytest

from imsim.history import Event
from imsim.verify.finding import Property
from imsim.verify.verdict import Outcome, judge

BROKEN = {Property.SESSIONS: 1}


def test_a_device_that_shows_something_else_before_what_it_sent_forgot_its_own_write(chat):
    chat.send("alice/phone", "alice-1", 2).send("bob/pc", "bob-1", 3)
    chat.show("bob-1", 3).show("alice-1", 2)

    verdict = judge(chat.end())

    assert verdict.counts == BROKEN
    assert verdict.violations[0].sentence == ("alice/phone told that alice-1 was sent, and then shows bob-1 without it")
    assert [row.event for row in verdict.violations[0].rows] == [Event.RESOLVED, Event.SHOWN]


def test_a_device_need_not_know_that_it_was_sent(chat):
    chat.submit("alice/phone", "alice-1").commit("alice-1", 2).accept("alice-1", 2).send("bob/pc", "bob-1", 3)
    chat.show("bob-1", 3).show("alice-1", 2).resolve("alice/phone", "alice-1", 2)

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_one_write_may_tell_first_that_it_was_sent_and_then_show_it(chat):
    chat.send("alice/phone", "alice-1", 2).send("bob/pc", "bob-1", 3)
    chat.t -= 4  # the moment of the first answer, before anything of the second message is there
    chat.say("alice/phone", Event.SHOWN, conversation="chat", message="alice-1", seq=2)
    chat.t += 4

    assert judge(chat.show("alice-1", 2, "bob/phone", "bob/pc").show("bob-1", 3).end()).outcome is Outcome.HOLDS


def test_a_new_install_does_not_know_what_an_older_one_sent(chat):
    chat.send("alice/phone", "alice-1", 2).send("bob/pc", "bob-1", 3)
    chat.say("alice/phone", Event.INSTALLED, detail="alice/phone#1").show("bob-1", 3).show("alice-1", 2)

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_an_edit_of_ones_own_must_be_there_too(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    chat.operate(Event.EDITED, "alice-1+edit", "alice-1", 3, "bob/phone", "bob/pc").send("bob/pc", "bob-1", 4)
    chat.show("bob-1", 4)
    chat.say("alice/phone", Event.EDITED, conversation="chat", message="alice-1+edit", seq=3, detail="alice-1")

    assert judge(chat.end()).counts == BROKEN


def _answered_late(chat, device, *, seq=2):
    """Bob writes on `device` after his pc showed what alice wrote, and the log has it at `seq`, before that."""
    chat.send("alice/phone", "alice-1", 3).show("alice-1", 3)
    return chat.send(device, "bob-1", seq).show("bob-1", seq)


def test_what_a_device_writes_comes_after_what_it_showed(chat):
    verdict = judge(_answered_late(chat, "bob/pc").end())

    assert verdict.counts == BROKEN
    assert verdict.violations[0].sentence == (
        "bob/pc submitted bob-1 after it showed alice-1, and the log has it before that, as chat[2]"
    )
    assert [row.event for row in verdict.violations[0].rows] == [Event.SHOWN, Event.SUBMITTED, Event.COMMITTED]


@pytest.mark.parametrize("seq", [4, 5])
def test_after_is_anywhere_after(chat, seq):
    assert judge(_answered_late(chat, "bob/pc", seq=seq).end()).outcome is Outcome.HOLDS


def test_what_was_written_before_it_was_seen_may_stand_before_it(chat):
    chat.submit("bob/pc", "bob-1").send("alice/phone", "alice-1", 3).show("alice-1", 3)
    chat.commit("bob-1", 2).resolve("bob/pc", "bob-1", 2).show("bob-1", 2)

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_another_conversation_is_another_order(chat):
    for member in ("alice", "bob"):
        chat.say("server-1", Event.JOINED, conversation="other", seq=1, detail=member)
    chat.send("alice/phone", "alice-1", 3).show("alice-1", 3).submit("bob/pc", "bob-1", conversation="other")
    chat.commit("bob-1", 2, conversation="other").resolve("bob/pc", "bob-1", 2)

    assert judge(chat.show("bob-1", 2, conversation="other").end()).outcome is Outcome.HOLDS


def test_devices_of_one_user_have_sessions_of_their_own_until_one_hears_from_the_other(chat):
    chat.send("alice/phone", "alice-1", 3).show("alice-1", 3, "alice/phone", "bob/pc")
    chat.send("bob/phone", "bob-1", 2).show("bob-1", 2).show("alice-1", 3, "bob/phone")

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_from_then_on_it_writes_after_what_the_other_wrote(chat):
    chat.send("bob/phone", "bob-1", 3).show("bob-1", 3).send("bob/pc", "bob-2", 2).show("bob-2", 2)

    verdict = judge(chat.end())

    assert verdict.counts == BROKEN
    assert verdict.violations[0].sentence.startswith("bob/pc submitted bob-2 after it showed bob-1,")


def test_what_a_failover_took_away_was_not_seen_there(chat):
    chat.send("alice/phone", "alice-1", 2, epoch=1).show("alice-1", 2, epoch=1)
    chat.send("bob/pc", "bob-1", 2, epoch=2).commit("alice-1", 3, epoch=2).show("bob-1", 2, epoch=2)

    assert judge(chat.show("alice-1", 3, epoch=2).end()).outcome is Outcome.HOLDS
