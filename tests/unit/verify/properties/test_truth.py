"""Told the truth: what failed or was cancelled never appears, and what was sent stays sent."""

from __future__ import annotations

import pytest

from imsim.history import Event
from imsim.verify.finding import Property
from imsim.verify.verdict import Outcome, judge

UNTRUE = {Property.TRUTH: 1}


@pytest.mark.parametrize("event", [Event.FAILED, Event.CANCELLED])
def test_what_was_told_not_to_be_sent_may_not_be_in_the_log(chat, event):
    chat.submit("alice/phone", "alice-1").say("alice/phone", event, message="alice-1")
    chat.commit("alice-1", 2).show("alice-1", 2)

    verdict = judge(chat.end())

    assert verdict.counts == UNTRUE
    assert verdict.violations[0].sentence == (
        f"alice/phone was told that alice-1 is {event.word}, and it is in the log"
    )
    assert [row.event for row in verdict.violations[0].rows] == [Event.SUBMITTED, event, Event.COMMITTED]


def test_what_was_told_to_be_sent_must_be_in_the_log(chat):
    chat.submit("alice/phone", "alice-1").resolve("alice/phone", "alice-1")

    assert "alice/phone was told that alice-1 is resolved, and it is not in the log" in str(judge(chat.end()))


@pytest.mark.parametrize("event", [Event.FAILED, Event.CANCELLED])
def test_what_was_told_not_to_be_sent_may_not_be_shown_anywhere(chat, event):
    chat.submit("alice/phone", "alice-1").say("alice/phone", event, message="alice-1").show("alice-1", 2, "bob/pc")

    verdict = judge(chat.end())

    assert verdict.counts == UNTRUE | {Property.PROVENANCE: 1}
    assert verdict.violations[0].sentence == (
        f"alice/phone was told that alice-1 is {event.word}, and then bob/pc shows it"
    )
    assert [row.event for row in verdict.violations[0].rows] == [event, Event.SHOWN]


def test_what_was_shown_before_it_was_given_up_is_no_lie_of_its_sender(chat):
    chat.submit("alice/phone", "alice-1").show("alice-1", 2, "bob/pc")
    chat.say("alice/phone", Event.CANCELLED, message="alice-1")

    assert judge(chat.end()).counts == {Property.PROVENANCE: 1}


@pytest.mark.parametrize("event", [Event.FAILED, Event.CANCELLED])
def test_what_is_shown_as_sent_is_never_failed(chat, event):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    chat.say("alice/phone", event, message="alice-1").resolve("alice/phone", "alice-1", 2)

    verdict = judge(chat.end())

    assert verdict.counts == {Property.TRUTH: 2}
    assert [violation.sentence for violation in verdict.violations] == [
        f"alice/phone told that alice-1 is resolved, and then that it is {event.word}",
        f"alice/phone told that alice-1 is {event.word}, and then that it is resolved",
    ]


def test_another_device_may_say_what_it_likes(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).say("bob/pc", Event.RESOLVED, message="alice-1")
    chat.submit("alice/phone", "alice-2").say("alice/phone", Event.FAILED, message="alice-2")

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_a_failed_message_that_is_sent_again_by_hand_may_appear(chat):
    chat.submit("alice/phone", "alice-1").say("alice/phone", Event.FAILED, message="alice-1")

    assert judge(chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).end()).outcome is Outcome.HOLDS


def test_what_a_failover_took_away_may_be_cancelled_after_it_was_sent(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2, "alice/phone")
    chat.commit("filler", 2, epoch=1, kind="noop").say("alice/phone", Event.CANCELLED, message="alice-1")

    assert judge(chat.end()).outcome is Outcome.HOLDS
