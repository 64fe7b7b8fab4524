"""No loss: each way to lose something, and each excuse that is one."""

from __future__ import annotations

import pytest

from imsim.history import Event
from imsim.verify.finding import Property
from imsim.verify.verdict import Outcome, judge

LOST = {Property.NO_LOSS: 1}


def test_what_everybody_has_is_not_lost(chat):
    verdict = judge(chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).end())

    assert verdict.outcome is Outcome.HOLDS
    assert not verdict.counts


def test_a_device_that_lacks_an_accepted_message_has_lost_it_and_the_rows_say_so(chat):
    verdict = judge(chat.send("alice/phone", "alice-1", 2).show("alice-1", 2, "alice/phone", "bob/pc").end())

    (violation,) = verdict.violations
    assert verdict.counts == LOST
    assert "alice-1 was acknowledged as chat[2], and bob/phone" in violation.sentence
    assert [(row.event, row.node) for row in violation.rows] == [
        (Event.INSTALLED, "bob/phone"),
        (Event.COMMITTED, "server-1"),
        (Event.ACCEPTED, "server-1"),
    ]


def test_a_lost_edit_is_a_loss_too(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    chat.operate(Event.EDITED, "alice-2", "alice-1", 3, "alice/phone", "bob/phone")

    assert judge(chat.end()).counts == LOST


def test_what_was_shown_before_a_wipe_is_lost_if_it_does_not_come_back(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    chat.say("bob/pc", Event.WIPED).say("bob/pc", Event.INSTALLED, detail="bob/pc#1")

    assert judge(chat.end()).counts == LOST


def test_what_comes_back_after_a_wipe_is_neither_lost_nor_a_duplicate(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    chat.say("bob/pc", Event.WIPED).say("bob/pc", Event.INSTALLED, detail="bob/pc#1").show("alice-1", 2, "bob/pc")

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_a_promise_that_no_slot_keeps_is_a_loss(chat):
    chat.submit("alice/phone", "alice-1").accept("alice-1", 2).resolve("alice/phone", "alice-1")

    assert judge(chat.end()).counts == {Property.NO_LOSS: 1, Property.TRUTH: 1}


def test_a_missing_range_that_a_trim_covers_is_no_loss(chat):
    chat.send("alice/phone", "alice-1", 2).send("alice/phone", "alice-2", 3)
    chat.show("alice-1", 2, "alice/phone", "bob/phone").show("alice-2", 3)
    chat.say("log", Event.TRIMMED, conversation="chat", seq=3)
    chat.say("bob/pc", Event.MISSING, conversation="chat", seq=1, op=2)

    assert judge(chat.end()).outcome is Outcome.HOLDS


@pytest.mark.parametrize("trim", [None, ("chat", 2), ("other", 9)])
def test_a_missing_range_without_a_trim_is_a_violation_and_no_excuse(chat, trim):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2, "alice/phone", "bob/phone")
    if trim:
        chat.say("log", Event.TRIMMED, conversation=trim[0], seq=trim[1])
    chat.say("bob/pc", Event.MISSING, conversation="chat", seq=1, op=2)

    verdict = judge(chat.end())

    assert verdict.counts == {Property.NO_LOSS: 2}
    assert [row.event for row in verdict.violations[1].rows] == [Event.MISSING]


def test_a_trim_after_the_marker_does_not_cover_it(chat):
    chat.say("bob/pc", Event.MISSING, conversation="chat", seq=1, op=2)
    chat.say("log", Event.TRIMMED, conversation="chat", seq=3)

    assert judge(chat.end()).counts == LOST


def test_a_marker_of_an_older_install_is_no_excuse(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2, "alice/phone", "bob/phone")
    chat.say("log", Event.TRIMMED, conversation="chat", seq=3)
    chat.say("bob/pc", Event.MISSING, conversation="chat", seq=1, op=2)
    chat.say("bob/pc", Event.WIPED).say("bob/pc", Event.INSTALLED, detail="bob/pc#1")

    assert judge(chat.end()).counts == LOST


def test_what_a_failover_lost_is_excused_by_name_only(new_chat):
    def history(*, named):
        chat = new_chat().send("alice/phone", "alice-1", 2).show("alice-1", 2).commit("filler", 2, epoch=1, kind="noop")
        return (chat.say("server-1", Event.TAIL_LOST, conversation="chat", message="alice-1") if named else chat).end()

    assert judge(history(named=True)).outcome is Outcome.HOLDS
    assert judge(history(named=False)).counts == {Property.NO_LOSS: 1, Property.TRUTH: 1}


def test_a_message_whose_epoch_was_cut_may_be_cancelled_after_all(chat):
    chat.submit("alice/phone", "alice-1").commit("alice-1", 2).accept("alice-1", 2)
    chat.commit("filler", 2, epoch=1, kind="noop").say("alice/phone", Event.CANCELLED, message="alice-1")

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_a_promise_in_an_epoch_that_lives_cannot_be_cancelled_away(chat):
    chat.submit("alice/phone", "alice-1").accept("alice-1", 3)
    chat.commit("filler", 9, epoch=1, kind="noop").say("alice/phone", Event.CANCELLED, message="alice-1")

    assert judge(chat.end()).counts == LOST


def test_nobody_has_a_right_to_what_was_written_before_they_joined_or_after_they_left(new_chat):
    chat = new_chat(members=("alice",))
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2, "alice/phone")
    chat.say("server-1", Event.JOINED, conversation="chat", seq=3, detail="bob")
    chat.send("alice/phone", "alice-2", 4).show("alice-2", 4)
    chat.say("server-1", Event.LEFT, conversation="chat", seq=5, detail="bob")
    chat.send("alice/phone", "alice-3", 6).show("alice-3", 6, "alice/phone")

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_who_comes_back_has_a_right_to_both_times(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    chat.say("server-1", Event.LEFT, conversation="chat", seq=3, detail="bob")
    chat.send("alice/phone", "alice-2", 4).show("alice-2", 4, "alice/phone")
    chat.say("server-1", Event.JOINED, conversation="chat", seq=5, detail="bob")
    chat.say("server-2", Event.JOINED, conversation="chat", seq=5, detail="bob")
    chat.send("alice/phone", "alice-3", 6).show("alice-3", 6, "alice/phone", "bob/pc")

    verdict = judge(chat.end())

    assert verdict.counts == LOST
    assert "alice-3" in verdict.violations[0].sentence


def test_a_retired_device_lacks_nothing(chat):
    chat.say("bob/pc", Event.DISCONNECTED, detail="retired")
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2, "alice/phone", "bob/phone")

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_a_connection_that_ends_retires_nobody(chat):
    chat.say("bob/pc", Event.DISCONNECTED, detail="cut")
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2, "alice/phone", "bob/phone")
    chat.say("bob/phone", Event.DISCONNECTED, detail="retired").say("bob/phone", Event.INSTALLED, detail="x")

    assert judge(chat.end()).counts == {Property.NO_LOSS: 2}
