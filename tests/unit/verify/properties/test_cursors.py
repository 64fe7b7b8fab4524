"""Cursors and read marks: never back within an epoch and install, and no gap below them."""

from __future__ import annotations

import pytest

from imsim.history import Event
from imsim.verify.finding import Property
from imsim.verify.verdict import Outcome, judge

BACK = {Property.NEVER_BACK: 1}
HIDDEN = {Property.NO_HIDDEN_GAP: 1}


def _one_message(chat):
    return chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)


def test_a_cursor_that_goes_back_is_told(chat):
    _one_message(chat).count("bob/pc", 2, unread=1).say("bob/pc", Event.CRASHED).say("bob/pc", Event.RESTARTED)

    verdict = judge(chat.count("bob/pc", 1, unread=1).end())

    assert verdict.counts == BACK
    assert verdict.violations[0].sentence == "bob/pc knew all of chat up to 2, and then only up to 1"
    assert [row.event for row in verdict.violations[0].rows] == [Event.COUNTED, Event.COUNTED]


def test_a_read_mark_that_goes_back_is_told(chat):
    _one_message(chat).count("bob/pc", 2, mark=2)

    verdict = judge(chat.count("bob/pc", 2, mark=1, unread=1).end())

    assert verdict.counts == BACK
    assert verdict.violations[0].sentence == "bob/pc had read all of chat up to 2, and then only up to 1"


def test_forward_is_right_and_another_device_is_another_cursor(chat):
    _one_message(chat).count("bob/pc", 2, unread=1).count("bob/phone", 1, unread=1)

    assert judge(chat.count("bob/pc", 2, mark=2).count("bob/phone", 2, unread=1).end()).outcome is Outcome.HOLDS


def test_a_new_install_begins_from_nothing(chat):
    _one_message(chat).count("bob/pc", 2, mark=2).say("bob/pc", Event.WIPED)
    chat.say("bob/pc", Event.INSTALLED, detail="bob/pc#1").count("bob/pc", 0)

    assert judge(chat.show("alice-1", 2, "bob/pc").end()).outcome is Outcome.HOLDS


def test_a_new_epoch_may_take_what_was_known(chat):
    chat.send("alice/phone", "alice-1", 2, epoch=1).show("alice-1", 2, epoch=1)
    chat.count("bob/pc", 2, mark=2, epoch=1).say("world", Event.TAIL_LOST, conversation="chat", epoch=2, seq=1)
    chat.count("bob/pc", 1, mark=1, epoch=2).commit("alice-1", 2, epoch=2)

    assert judge(chat.show("alice-1", 2, epoch=2).end()).outcome is Outcome.HOLDS


@pytest.mark.parametrize(("kind", "counts"), [("read", {}), ("", BACK)])
def test_a_mark_that_could_not_be_saved_may_be_taken_back(chat, kind, counts):
    _one_message(chat).submit("bob/pc", "read-1", kind=kind, conversation="~bob").count("bob/pc", 2, mark=2)
    chat.say("bob/pc", Event.FAILED, message="read-1").count("bob/pc", 2, mark=0, unread=1)

    assert judge(chat.end()).counts == counts


@pytest.mark.parametrize(("conversation", "counts"), [("~bob", {}), ("~alice", BACK)])
def test_a_mark_whose_log_was_cut_may_be_taken_back(chat, conversation, counts):
    _one_message(chat).commit("", 1, epoch=0, kind="noop", conversation=conversation).count("bob/pc", 2, mark=2)
    chat.commit("", 1, epoch=1, kind="noop", conversation=conversation).count("bob/pc", 2, mark=0, unread=1)

    assert judge(chat.end()).counts == counts


def _heard(chat, seq, device="bob/pc", epoch=0):
    return chat.say(device, Event.READ, conversation="chat", epoch=epoch, seq=seq)


def test_a_device_that_heard_of_a_higher_mark_of_its_user_says_no_lower_one(chat):
    _heard(_heard(_one_message(chat), 2), 1)

    chat.count("bob/pc", 2, mark=1, unread=1).count("bob/pc", 2, mark=2)

    verdict = judge(_heard(chat, 2, "bob/phone").end())

    assert verdict.counts == BACK
    assert verdict.violations[0].sentence == "bob/pc says that chat is read up to 1, and had heard that it was up to 2"
    assert [(row.event, row.seq) for row in verdict.violations[0].rows] == [(Event.READ, 2), (Event.COUNTED, 1)]


def test_it_may_say_the_same_or_more_and_what_it_hears_later_is_later(chat):
    _heard(_one_message(chat).count("bob/pc", 2, unread=1), 1).count("bob/pc", 2, mark=1, unread=1)
    _heard(chat.count("bob/pc", 2, mark=2), 2).count("bob/pc", 2, mark=2)

    assert judge(_heard(chat, 2, "bob/phone").end()).outcome is Outcome.HOLDS


def test_what_another_device_or_an_older_install_heard_binds_nobody(chat):
    _heard(_heard(_one_message(chat), 2, "bob/phone"), 2)
    chat.say("bob/pc", Event.INSTALLED, detail="bob/pc#1").show("alice-1", 2, "bob/pc").count("bob/pc", 2, unread=1)

    assert judge(_heard(chat, 2).count("bob/pc", 2, mark=2).end()).outcome is Outcome.HOLDS


def test_what_was_heard_of_another_epoch_binds_nobody(chat):
    chat.send("alice/phone", "alice-1", 2, epoch=1).show("alice-1", 2, epoch=1)
    _heard(_heard(chat, 2, epoch=1), 2, "bob/phone", epoch=1)
    chat.say("world", Event.TAIL_LOST, conversation="chat", epoch=2, seq=1).count("bob/pc", 1, mark=1, epoch=2)

    assert judge(chat.commit("alice-1", 2, epoch=2).show("alice-1", 2, epoch=2).end()).counts == {}


def test_a_cursor_past_what_the_device_lacks_hides_a_gap(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2, "alice/phone", "bob/phone")
    chat.send("alice/phone", "alice-2", 3).show("alice-2", 3).count("bob/pc", 3, unread=1)

    verdict = judge(chat.show("alice-1", 2, "bob/pc").end())

    assert verdict.counts == HIDDEN
    assert verdict.violations[0].sentence == (
        "bob/pc says that it knows all of chat up to 3, and does not show alice-1, which is chat[2]"
    )
    assert [row.event for row in verdict.violations[0].rows] == [Event.COMMITTED, Event.COUNTED]


def test_so_does_one_past_an_edit(chat):
    _one_message(chat).operate(Event.EDITED, "alice-1+edit", "alice-1", 3, "alice/phone", "bob/phone")
    chat.count("bob/pc", 3, unread=1)
    chat.say("bob/pc", Event.EDITED, conversation="chat", message="alice-1+edit", seq=3, detail="alice-1")

    assert judge(chat.end()).counts == HIDDEN


def test_a_hole_above_the_cursor_is_no_secret(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2, "alice/phone", "bob/phone")
    chat.send("alice/phone", "alice-2", 3).show("alice-2", 3).count("bob/pc", 1, unread=1)

    assert judge(chat.show("alice-1", 2, "bob/pc").end()).outcome is Outcome.HOLDS


def test_what_is_shown_as_missing_is_no_secret(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2, "alice/phone", "bob/phone")
    chat.say("log", Event.TRIMMED, conversation="chat", seq=3)
    chat.say("bob/pc", Event.MISSING, conversation="chat", seq=1, op=2).count("bob/pc", 2)

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_what_its_reader_may_not_read_is_no_gap(new_chat):
    chat = new_chat(members=("alice",)).send("alice/phone", "alice-1", 2).show("alice-1", 2, "alice/phone")
    chat.say("server-1", Event.JOINED, conversation="chat", seq=3, detail="bob")

    assert judge(chat.count("bob/pc", 3).end()).outcome is Outcome.HOLDS


def test_a_member_who_came_back_is_judged_for_both_times(chat):
    chat.say("server-1", Event.LEFT, conversation="chat", seq=3, detail="bob")
    chat.say("server-1", Event.JOINED, conversation="chat", seq=5, detail="bob")
    _one_message(chat).send("alice/phone", "alice-2", 4).show("alice-2", 4, "alice/phone")
    chat.send("alice/phone", "alice-3", 6).show("alice-3", 6, "alice/phone", "bob/phone")

    assert judge(chat.count("bob/pc", 6, unread=1).show("alice-3", 6, "bob/pc").end()).counts == HIDDEN
