"""Retries ended: no submission stays open."""

from __future__ import annotations

import pytest

from imsim.history import Event
from imsim.verify.finding import Property
from imsim.verify.verdict import Outcome, judge

OPEN = {Property.RETRIES_ENDED: 1}


@pytest.mark.parametrize(("event", "word"), [(None, "pending"), (Event.UNKNOWN, "unknown")])
def test_a_submission_that_stays_open_is_told(chat, event, word):
    chat.submit("alice/phone", "alice-1")
    if event:
        chat.say("alice/phone", event, message="alice-1")

    verdict = judge(chat.end())

    assert verdict.counts == OPEN
    assert verdict.violations[0].sentence == f"alice/phone never told what became of alice-1: it is still {word}"


@pytest.mark.parametrize("event", [Event.FAILED, Event.CANCELLED])
def test_a_submission_may_end_without_being_sent(chat, event):
    chat.submit("alice/phone", "alice-1").say("alice/phone", Event.UNKNOWN, message="alice-1")

    assert judge(chat.say("alice/phone", event, message="alice-1").end()).outcome is Outcome.HOLDS


def test_unknown_may_follow_no_final_state(chat):
    chat.submit("alice/phone", "alice-1").say("alice/phone", Event.FAILED, message="alice-1")

    assert judge(chat.say("alice/phone", Event.UNKNOWN, message="alice-1").end()).counts == OPEN


def test_another_device_cannot_end_it(chat):
    chat.submit("alice/phone", "alice-1")

    assert judge(chat.say("bob/phone", Event.FAILED, message="alice-1").end()).counts == OPEN


def _trimmed(chat, low, high):
    chat.say("log", Event.TRIMMED, conversation="chat", seq=high + 1)
    return chat.say("alice/phone", Event.MISSING, conversation="chat", seq=low, op=high)


def test_what_may_be_in_trimmed_slots_stays_unknown(chat):
    chat.submit("alice/phone", "alice-1")
    _trimmed(chat, 2, 5).say("alice/phone", Event.UNKNOWN, message="alice-1")

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_what_was_unknown_before_anything_was_missing_has_no_excuse(chat):
    """Whoever learns that slots are gone says again that nobody can say any more."""
    chat.submit("alice/phone", "alice-1").say("alice/phone", Event.UNKNOWN, message="alice-1")

    assert judge(_trimmed(chat, 2, 5).end()).counts == OPEN


def test_what_is_in_a_slot_that_is_not_missing_has_no_excuse(chat):
    chat.submit("alice/phone", "alice-1").commit("alice-1", 6).show("alice-1", 6)
    _trimmed(chat, 2, 5).say("alice/phone", Event.UNKNOWN, message="alice-1")

    assert judge(chat.end()).counts == OPEN


@pytest.mark.parametrize("end", [(Event.INSTALLED, "alice/phone#1"), (Event.DISCONNECTED, "retired")])
def test_an_install_that_is_gone_takes_its_open_submissions_along(chat, end):
    chat.submit("alice/phone", "alice-1").say("alice/phone", end[0], detail=end[1])

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_a_failed_message_that_is_sent_again_by_hand_may_appear(chat):
    chat.submit("alice/phone", "alice-1").say("alice/phone", Event.FAILED, message="alice-1")

    assert judge(chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).end()).outcome is Outcome.HOLDS
