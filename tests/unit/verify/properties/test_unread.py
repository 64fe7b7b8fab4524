"""Unread counts: what devices say is what the judge counts."""

from __future__ import annotations

import pytest

from imsim.history import Event
from imsim.verify.finding import Property
from imsim.verify.verdict import Outcome, judge

WRONG = {Property.UNREAD: 1}


def _talk(chat):
    """Alice writes in slots 2 and 4, Bob in 3; everybody shows all of it."""
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).send("bob/pc", "bob-1", 3).show("bob-1", 3)
    return chat.send("alice/phone", "alice-2", 4).show("alice-2", 4)


def test_a_wrong_count_is_told(chat):
    verdict = judge(_talk(chat).count("bob/pc", 4, mark=2, unread=2).end())

    assert verdict.counts == WRONG
    assert verdict.violations[0].sentence == (
        "bob/pc says that 2 messages of chat are unread, and shows 1 of others above 2, up to which its user has read"
    )
    assert [row.event for row in verdict.violations[0].rows] == [Event.COUNTED]


@pytest.mark.parametrize(("mark", "unread"), [(0, 2), (2, 1), (3, 1), (4, 0)])
def test_unread_are_the_messages_of_others_above_the_mark(chat, mark, unread):
    assert judge(_talk(chat).count("bob/pc", 4, mark=mark, unread=unread).end()).outcome is Outcome.HOLDS


def test_devices_of_the_same_user_wrote_nothing_that_is_unread(chat):
    assert judge(_talk(chat).count("bob/phone", 4, unread=2).end()).outcome is Outcome.HOLDS


@pytest.mark.parametrize(("unread", "counts"), [(1, {}), (2, WRONG)])
def test_what_came_later_does_not_count_yet(chat, unread, counts):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).count("bob/pc", 2, unread=unread)

    assert judge(chat.send("alice/phone", "alice-2", 3).show("alice-2", 3).end()).counts == counts


@pytest.mark.parametrize(("unread", "counts"), [(1, {}), (0, WRONG)])
def test_what_lies_above_a_hole_counts(chat, unread, counts):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2, "alice/phone", "bob/phone")
    chat.send("alice/phone", "alice-2", 3).show("alice-2", 3).count("bob/pc", 1, unread=unread)

    assert judge(chat.show("alice-1", 2, "bob/pc").end()).counts == counts


@pytest.mark.parametrize(("heard", "unread", "counts"), [(True, 1, {}), (True, 2, WRONG), (False, 2, {})])
def test_what_was_recalled_counts_until_the_device_hears_of_it(chat, heard, unread, counts):
    _talk(chat).operate(Event.RECALLED, "alice-1+recall", "alice-1", 5, "alice/phone", "bob/phone")
    if not heard:
        chat.count("bob/pc", 4, unread=unread)
    chat.say("bob/pc", Event.RECALLED, conversation="chat", message="alice-1+recall", seq=5, detail="alice-1")
    if heard:
        chat.count("bob/pc", 5, unread=unread)

    assert judge(chat.end()).counts == counts


def test_only_its_author_recalls_a_message(chat):
    _talk(chat).operate(Event.RECALLED, "alice-9", "bob-1", 5).count("alice/phone", 5, unread=1)

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_a_message_that_is_missing_is_not_unread(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2, "alice/phone", "bob/phone")
    chat.say("log", Event.TRIMMED, conversation="chat", seq=3)
    chat.say("bob/pc", Event.MISSING, conversation="chat", seq=1, op=2).count("bob/pc", 2)

    assert judge(chat.end()).outcome is Outcome.HOLDS


@pytest.mark.parametrize(("unread", "counts"), [(0, {}), (1, WRONG)])
def test_where_nothing_may_be_read_nothing_is_unread(new_chat, unread, counts):
    assert judge(new_chat(members=("alice",)).count("bob/pc", 1, unread=unread).end()).counts == counts


def test_words_of_an_older_epoch_or_install_are_not_judged(chat):
    chat.send("alice/phone", "alice-1", 2, epoch=1).show("alice-1", 2, epoch=1).count("bob/pc", 2, unread=7, epoch=1)
    chat.commit("filler", 2, epoch=2, kind="noop").commit("alice-1", 3, epoch=2).show("alice-1", 3, epoch=2)
    chat.count("bob/phone", 3, unread=9, epoch=2).say("bob/phone", Event.INSTALLED, detail="bob/phone#1")

    assert judge(chat.show("alice-1", 3, "bob/phone", epoch=2).end()).outcome is Outcome.HOLDS


def test_words_of_the_present_epoch_are(chat):
    chat.send("alice/phone", "alice-1", 2, epoch=1).show("alice-1", 2, epoch=1)
    chat.commit("filler", 2, epoch=2, kind="noop").commit("alice-1", 3, epoch=2).show("alice-1", 3, epoch=2)

    assert judge(chat.count("bob/pc", 3, unread=2, epoch=2).end()).counts == WRONG


def test_when_a_device_heard_what_a_failover_lost_only_the_device_knows(chat):
    _talk(chat).say("server-1", Event.TAIL_LOST, conversation="chat", message="alice-2")

    assert judge(chat.count("bob/pc", 4, unread=2).count("bob/phone", 4, unread=1).end()).outcome is Outcome.HOLDS
