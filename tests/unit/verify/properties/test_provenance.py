"""Nothing out of nowhere: submitted, committed, and the reader's to read."""

from __future__ import annotations

from imsim.history import Event
from imsim.verify.finding import Property
from imsim.verify.verdict import Outcome, judge

STRANGE = {Property.PROVENANCE: 1}


def test_a_row_where_nothing_was_committed_is_told(chat):
    chat.submit("alice/phone", "alice-1").show("alice-1", 2, "bob/pc")

    verdict = judge(chat.say("alice/phone", Event.CANCELLED, message="alice-1").end())

    assert verdict.counts == STRANGE
    assert verdict.violations[0].sentence == ("bob/pc shows alice-1 at a position of chat where nothing was committed")


def test_a_row_of_a_conversation_that_the_reader_is_not_in_is_told(new_chat):
    chat = new_chat(members=("alice",)).send("alice/phone", "alice-1", 2).show("alice-1", 2, "alice/phone", "bob/pc")

    verdict = judge(chat.end())

    assert verdict.counts == STRANGE
    assert verdict.violations[0].sentence == "bob/pc shows alice-1, which it may not read: no member of chat then"


def test_a_row_after_its_reader_left_is_told(chat):
    chat.say("server-1", Event.LEFT, conversation="chat", seq=2, detail="bob")
    chat.send("alice/phone", "alice-1", 3).show("alice-1", 3, "alice/phone", "bob/phone")

    assert judge(chat.end()).counts == STRANGE


def test_a_row_on_a_device_that_nobody_installed_is_told(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).show("alice-1", 2, "alice/watch")

    assert judge(chat.end()).counts == STRANGE


def test_a_row_of_a_retired_device_was_its_to_read(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).say("bob/pc", Event.DISCONNECTED, detail="retired")

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_an_entry_that_nobody_submitted_is_told(chat):
    verdict = judge(chat.commit("ghost", 2).show("ghost", 2).end())

    assert verdict.counts == STRANGE
    assert verdict.violations[0].sentence == "ghost is in the log as chat[2], and nobody submitted it"


def test_an_entry_in_another_log_than_it_was_submitted_to_is_told(chat):
    chat.submit("alice/phone", "alice-1", conversation="other").commit("alice-1", 2).resolve("alice/phone", "alice-1")

    verdict = judge(chat.show("alice-1", 2).end())

    assert verdict.counts == STRANGE
    assert "was submitted to another conversation" in verdict.violations[0].sentence


def test_the_servers_own_entries_need_no_author(chat):
    assert judge(chat.commit("filler", 2, kind="noop").end()).outcome is Outcome.HOLDS


def _overtaken(chat, *, promised):
    """A failover takes a slot away that was filled and shown, and never committed."""
    chat.submit("alice/phone", "alice-1")
    if promised:
        chat.accept("alice-1", 2, epoch=1)
    chat.show("alice-1", 2, "alice/phone", epoch=1)
    chat.say("world", Event.TAIL_LOST, conversation="chat", epoch=2, seq=1)
    chat.commit("alice-1", 2, epoch=2).accept("alice-1", 2, epoch=2).resolve("alice/phone", "alice-1", 2, epoch=2)
    return chat.show("alice-1", 2, epoch=2).end()


def test_what_a_server_promised_before_a_failover_took_it_away_was_no_invention(chat):
    assert judge(_overtaken(chat, promised=True)).outcome is Outcome.HOLDS


def test_what_nobody_promised_is_one_all_the_same(chat):
    assert judge(_overtaken(chat, promised=False)).counts == STRANGE
