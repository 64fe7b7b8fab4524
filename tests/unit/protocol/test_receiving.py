"""What a frame does to a device: rows are durable before they are acknowledged, and no other epoch is applied."""

from __future__ import annotations

import pytest

from imsim.protocol.connector import Phase
from imsim.protocol.effects import GapNoticed, HistoryMissing, PresenceSeen, Suppressed, TailWasLost, Transmit, Write
from imsim.protocol.frames import (
    NOT_RESUMED,
    Ack,
    Answer,
    Ask,
    Cancel,
    Check,
    Closed,
    Entry,
    EpochChanged,
    Hello,
    Hint,
    Join,
    Joined,
    NoOp,
    Pong,
    Presence,
    Recall,
    Refused,
    Send,
    TailLost,
    Welcome,
)
from imsim.protocol.records import Known, Missing
from tests.device_alone import Alone, entry, lasting, message


@pytest.fixture
def phone() -> Alone:
    return Alone().connect().clear()


@pytest.mark.parametrize("seq", [1, 2], ids=["in order", "past a gap"])
def test_a_row_is_durable_before_it_is_acknowledged(phone, seq):
    phone.push(message(seq))
    kinds = [type(effect) for effect in phone.effects if isinstance(effect, Write | Transmit)]
    assert kinds == [Write, Transmit]
    assert phone.written(Entry) == [message(seq)]


def test_an_acknowledgement_tells_all_that_is_known(phone):
    phone.push(message(1)).push(message(4)).push(message(6))
    assert phone.acked() == Ack("room", 1, 1, ((4, 4), (6, 6)))


def test_a_row_that_is_here_is_not_written_again_but_acknowledged(phone):
    phone.push(message(1)).clear().push(message(1))
    assert phone.written() == []
    assert phone.notices() == [Suppressed("room", "bob-1001")]
    assert phone.acked().upto == 1


def test_a_frame_of_an_older_connection_is_dropped(phone):
    old = phone.wire
    phone.cut().connect().clear()
    phone.do("handle_frame", old, Closed("over"))
    phone.do("handle_frame", old, EpochChanged("room", 2, 0))
    assert phone.effects == []
    assert phone.device.online


def test_a_slot_that_is_twice_in_one_frame_is_taken_once(phone):
    phone.push(message(1), message(2), message(1), message(2))
    assert phone.written() == [message(1), message(2)]
    assert phone.notices(Suppressed) == [Suppressed("room", "bob-1001"), Suppressed("room", "bob-1002")]
    assert phone.device.unread("room") == 2 == phone.device.recount("room")


def test_of_two_entries_in_one_slot_the_first_is_taken(phone):
    phone.page(1, 2, message(2), message(2, "other", client_id="bob-7"), message(1))
    assert phone.texts() == ["text 1", "text 2"]
    assert phone.device.unread("room") == 2 == phone.device.recount("room")


def test_entries_that_nobody_shows_are_known_all_the_same(phone):
    phone.push(entry(1, NoOp(), author="")).push(entry(2, Join("carol"))).push(message(3))
    assert phone.texts() == ["text 3"]
    assert phone.device.position("room") == (1, 3)
    assert phone.device.unread("room") == 1


def test_a_row_and_its_recall_in_one_frame_are_never_unread(phone):
    phone.push(message(1), entry(2, Recall("bob-1001")))
    assert phone.device.unread("room") == 0 == phone.device.recount("room")
    assert phone.texts() == [None]


# ---------------------------------------------------------------------------------------------- pages


def test_slots_that_a_page_leaves_out_are_none_of_this_readers_business(phone):
    phone.heads(4).page(1, 4, message(3), message(4))
    assert phone.device.position("room") == (1, 4)
    assert phone.written(Known) == [Known("room", 1, ((3, 4), (1, 4)))]
    assert phone.device.missing("room") == ()
    before = lasting(phone.device)
    assert lasting(phone.restart().device) == before


def test_what_is_trimmed_is_missing_and_said_so_once(phone):
    phone.push(message(3)).heads(7).page(4, 7, message(6), message(7), trimmed_below=6)
    assert phone.written(Missing) == [Missing("room", 1, 1, 2), Missing("room", 1, 4, 5)]
    assert phone.notices(HistoryMissing) == [HistoryMissing("room", 1, 2), HistoryMissing("room", 4, 5)]
    assert phone.device.position("room") == (1, 7)
    phone.page(4, 7, message(6), message(7), trimmed_below=6)
    assert len(phone.notices(HistoryMissing)) == 2
    before = lasting(phone.device)
    assert lasting(phone.restart().device) == before


def test_an_empty_page_says_where_a_conversation_ends_for_this_reader(phone):
    phone.push(message(1)).heads(9)
    assert phone.device.inbox("room").behind
    phone.page(2, 1, head=1)
    assert not phone.device.inbox("room").behind


# ---------------------------------------------------------------------------------------------- heads and hints


def test_a_head_is_acknowledged_and_asked_about(phone):
    phone.heads(5)
    assert phone.frames(Ask) == [Ask("room", 1, 1, 5, 100, newest=True)]
    assert phone.acked() == Ack("room", 1, 0)
    phone.heads(5)
    assert len(phone.frames(Ask)) == 1


def test_a_hint_is_followed(phone):
    phone.take(Hint("room", 1, 3))
    assert [type(frame) for frame in phone.frames()] == [Ask, Ack, Check]
    assert phone.acked().upto == 0


def test_a_head_of_a_newer_epoch_makes_the_device_ask_for_the_cut(phone):
    phone.push(message(1)).clear().heads(5, epoch=2)
    assert phone.frames() == [Ack("room", 1, 1)]
    assert phone.device.inbox("room").head == 1


def test_a_join_names_a_conversation_to_ask_about(phone):
    phone.push(entry(1, Joined("hall", 3), author="", where="~alice"))
    phone.wait(1.0)
    assert phone.frames(Ask) == [Ask("hall", 1, 1, 3, 100, newest=True)]


# ---------------------------------------------------------------------------------------------- epochs


@pytest.mark.parametrize("kind", ["push", "page"])
def test_nothing_of_another_epoch_is_applied(phone, kind):
    phone.push(message(1)).clear()
    if kind == "push":
        phone.push(message(2, epoch=2))
    else:
        phone.page(2, 2, message(2, epoch=2), epoch=2)
    assert phone.written() == []
    assert phone.frames() == [Ack("room", 1, 1)]


@pytest.mark.parametrize("kind", ["push", "page", "heads"])
def test_a_frame_of_an_older_epoch_is_answered_with_what_the_device_knows(phone, kind):
    """Else a session that does not know the epoch would repeat it until it gives the device up."""
    phone.push(message(1)).epoch(2, 1).clear()
    if kind == "push":
        phone.push(message(2))
    elif kind == "page":
        phone.page(2, 2, message(2))
    else:
        phone.heads(5)
    assert phone.written() == []
    assert phone.frames() == [Ack("room", 2, 1)]
    assert phone.device.inbox("room").head == 1


def test_an_epoch_forgets_what_was_above_its_cut_and_is_acknowledged(phone):
    phone.push(message(1)).push(message(2)).push(message(5)).clear().epoch(2, 1)
    assert phone.frames() == [Ack("room", 2, 1)]
    phone.push(message(2, "new", epoch=2))
    assert phone.device.position("room") == (2, 2)
    assert phone.device.unread("room") == 2 == phone.device.recount("room")


def test_an_epoch_that_comes_twice_changes_nothing(phone):
    phone.push(message(1)).epoch(2, 0).push(message(1, epoch=2)).clear().epoch(2, 0)
    assert phone.effects == []
    assert phone.device.position("room") == (2, 1)


def test_no_epoch_is_skipped(phone):
    phone.push(message(1)).clear().epoch(3, 0)
    assert phone.frames() == [Ack("room", 1, 1)]
    assert phone.device.position("room") == (1, 1)


def test_a_question_that_an_epoch_left_unanswered_is_asked_again_at_once(phone):
    phone.heads(5).clear().epoch(2, 2)
    assert phone.frames() == [Ack("room", 2, 0), Ask("room", 2, 1, 2, 100, newest=True)]


def test_a_question_that_an_epoch_answered_is_over(phone):
    phone.push(message(1)).heads(5).epoch(2, 1)
    assert phone.device.is_quiet()


def test_a_row_above_the_cut_is_shown_until_somebody_says_that_it_is_lost(phone):
    phone.push(message(1)).push(message(2)).epoch(2, 1)
    assert phone.texts() == ["text 1", "text 2"]
    phone.push(entry(2, TailLost(("bob-1002",)), author="", epoch=2))
    assert phone.texts() == ["text 1"]
    assert phone.notices(TailWasLost) == [TailWasLost("room", "bob-1002")]


def test_a_row_that_is_offered_again_takes_its_new_place(phone):
    phone.push(message(1)).push(message(2)).epoch(2, 1)
    phone.push(message(2, "other", epoch=2)).push(message(3, "text 2", epoch=2, client_id="bob-1002"))
    assert phone.texts() == ["text 1", "other", "text 2"]
    assert phone.device.unread("room") == 3 == phone.device.recount("room")
    before = lasting(phone.device)
    assert lasting(phone.restart().device) == before


def test_another_devices_row_is_offered_again_only_where_all_before_it_is_known(phone):
    phone.push(message(1)).push(entry(3, message(3).body, author="alice", client_id="pc-7")).clear().epoch(2, 0)
    assert phone.frames(Send) == []
    phone.epoch(3, 0)
    assert phone.frames(Send) == []


# ---------------------------------------------------------------------------------------------- the session


def test_a_welcome_that_comes_twice_changes_nothing(phone):
    phone.send()
    phone.clear().take(Welcome("session", 1, phone.limits))
    assert phone.effects == []


def test_a_session_that_cannot_be_resumed_is_opened_in_full_on_the_same_connection(phone):
    phone.push(message(1)).cut().clear()
    phone.dial()
    assert phone.last(Hello).resume is not None
    assert phone.last(Hello).positions == ()
    phone.take(Refused(NOT_RESUMED, 0.0))
    assert phone.last(Hello).resume is None
    assert [(p.conversation, p.known) for p in phone.last(Hello).positions] == [("room", ((1, 1),))]
    phone.take(Refused(NOT_RESUMED, 0.0))  # the same answer, come twice
    assert phone.device.phase is Phase.GREETING
    phone.take(Welcome("other", 2, phone.limits))
    assert phone.device.online


def test_a_late_refusal_does_not_trouble_an_open_session(phone):
    phone.take(Refused(NOT_RESUMED, 0.0), Refused("full", 3.0))
    assert phone.device.online
    assert phone.frames(Hello) == []
    phone.cut().dial()
    assert phone.last(Hello).resume is not None


def test_a_session_is_resumed_only_while_the_server_remembers_it(phone):
    phone.cut().wait(0.5)
    phone.dial()
    assert phone.last(Hello).resume is not None
    phone.take(Welcome("session", 1, phone.limits, resumed=True)).cut()
    phone.now += phone.limits.resume + 1.0
    phone.dial()
    assert phone.last(Hello).resume is None


def test_a_closed_session_is_left_and_another_one_opened(phone):
    phone.take(Closed("gave up"))
    assert phone.device.phase is Phase.WAITING
    phone.dial()
    assert phone.device.phase is Phase.GREETING


def test_presence_is_told_and_nothing_else(phone):
    phone.do("watch", ("bob",))
    phone.take(Presence("bob", online=True, expires_in=30.0), Pong(1))
    assert phone.notices() == [PresenceSeen("bob", online=True, expires_in=30.0)]
    assert phone.written() == []


def test_a_gap_is_noticed(phone):
    phone.push(message(3))
    assert phone.notices(GapNoticed) == [GapNoticed("room", 3)]


def test_an_own_entry_in_an_answer_is_a_row_at_once(phone):
    mine = phone.send("mine")
    phone.clear().answer((mine, Answer.OK, 1))
    assert [type(effect) for effect in phone.effects if isinstance(effect, Write | Transmit)] == [Write, Transmit]
    assert phone.texts() == ["mine"]
    assert phone.frames(Cancel) == []
