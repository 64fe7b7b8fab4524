"""Asking for what is missing: once at a time, the newest first, with progress or an end."""

from __future__ import annotations

import pytest

from imsim.protocol.connector import Phase
from imsim.protocol.effects import CaughtUp, Disconnect, GapNoticed, HistoryMissing
from imsim.protocol.frames import Ask, Head, Heads, Joined, Welcome
from tests.device_alone import PLAIN, Alone, entry, message


@pytest.fixture
def phone() -> Alone:
    return Alone().connect().clear()


def asked(phone: Alone) -> list[tuple[str, int, int]]:
    return [(ask.conversation, ask.low, ask.high) for ask in phone.frames(Ask)]


def messages(low: int, high: int) -> list:
    return [message(seq) for seq in range(low, high + 1)]


# ---------------------------------------------------------------------------------------------- the newest first


def test_pages_come_from_the_newest_end_until_nothing_is_missing(phone):
    phone.push(message(1)).clear().heads(250)
    assert phone.frames(Ask) == [Ask("room", 1, 2, 250, 100, newest=True)]
    phone.page(151, 250, *messages(151, 250))
    phone.page(51, 150, *messages(51, 150), head=250)
    phone.page(2, 50, *messages(2, 50), head=250)
    assert asked(phone) == [("room", 2, 250), ("room", 2, 150), ("room", 2, 50)]
    assert phone.notices(CaughtUp) == [CaughtUp()]
    assert phone.device.position("room") == (1, 250)


def test_what_comes_meanwhile_is_merged_and_not_asked_for(phone):
    phone.heads(5).push(message(6)).push(message(7))
    phone.page(1, 5, *messages(1, 5), head=5)
    assert asked(phone) == [("room", 1, 5)]
    assert phone.device.position("room") == (1, 7)


def test_a_page_that_tells_of_more_is_followed(phone):
    phone.heads(2).page(1, 2, *messages(1, 2), head=4)
    assert asked(phone) == [("room", 1, 2), ("room", 3, 4)]


def test_the_inner_holes_come_after_the_newest(phone):
    phone.push(message(2)).push(message(5)).wait(1.0)
    phone.clear().heads(9).wait(4.0)
    assert ("room", 6, 9) in asked(phone)
    phone.clear().page(6, 9, *messages(6, 9))
    phone.page(3, 4, *messages(3, 4), head=9)
    phone.page(1, 1, message(1), head=9)
    assert asked(phone) == [("room", 3, 4), ("room", 1, 1)]
    assert phone.device.is_quiet()


# ---------------------------------------------------------------------------------------------- single flight


def test_one_question_a_conversation(phone):
    phone.heads(5).heads(6).push(message(9)).wait(1.0)
    assert asked(phone) == [("room", 1, 5)]


def test_a_few_conversations_at_once(phone):
    phone.take(Heads(tuple(Head(f"room {number}", 1, 3) for number in range(6))))
    assert [where for where, _, _ in asked(phone)] == [f"room {number}" for number in range(4)]
    phone.page(1, 3, *[message(seq, where="room 2") for seq in (1, 2, 3)], where="room 2")
    assert asked(phone)[4:] == [("room 4", 1, 3)]


def test_the_users_own_log_comes_before_all_others(phone):
    phone.take(Heads((Head("~alice", 1, 1), Head("room", 1, 3), Head("hall", 1, 2))))
    assert asked(phone) == [("~alice", 1, 1)]
    phone.page(1, 1, entry(1, Joined("yard", 4), author="", where="~alice"), where="~alice").wait(0.5)
    assert asked(phone)[1:] == [("room", 1, 3), ("hall", 1, 2), ("yard", 1, 4)]


# ---------------------------------------------------------------------------------------------- gaps


def test_a_gap_may_fill_by_itself_before_it_is_asked_for(phone):
    phone.push(message(1)).push(message(3)).wait(0.19)
    assert phone.notices(GapNoticed) == [GapNoticed("room", 3)]
    phone.push(message(2)).wait(60.0)
    assert asked(phone) == []
    assert phone.notices(CaughtUp) == [CaughtUp()]


def test_a_gap_that_does_not_fill_is_asked_for(phone):
    phone.push(message(1)).push(message(3)).wait(0.2)
    assert asked(phone) == [("room", 2, 2)]


def test_a_further_push_does_not_make_a_gap_wait_longer(phone):
    phone.push(message(2)).wait(0.15).push(message(3)).wait(0.05)
    assert asked(phone) == [("room", 1, 1)]


# ---------------------------------------------------------------------------------------------- progress


def test_a_page_that_brings_nothing_new_is_no_answer(phone):
    phone.heads(5)
    for _ in range(20):
        phone.page(5, 5, head=5, trimmed_below=1).page(1, 0, head=5)
    assert len(asked(phone)) == 2  # the first page said that slot 5 is none of this reader's
    phone.page(5, 5, head=5).wait(3.9)
    assert len(asked(phone)) == 2
    phone.wait(0.1)
    assert len(asked(phone)) == 3


def test_a_question_that_nobody_answers_is_repeated_and_then_the_connection_given_up(phone):
    phone.heads(5).wait(15.9)
    assert asked(phone) == [("room", 1, 5)] * 4
    assert phone.device.online
    phone.wait(0.1)
    assert not phone.device.online
    assert [effect.reason for effect in phone.effects if isinstance(effect, Disconnect)] == [
        "questions are not answered"
    ]


def test_progress_renews_the_patience(phone):
    phone.heads(30)
    for seq in range(30, 20, -1):
        phone.wait(11.0).page(seq, seq, message(seq), head=30)
    assert phone.device.online


def test_the_next_connection_asks_again_at_once(phone):
    phone.heads(5).cut().clear()
    phone.dial()
    assert asked(phone) == []
    phone.take(Welcome("session", 1, phone.limits))
    assert asked(phone) == [("room", 1, 5)]


def test_nothing_is_asked_without_a_connection(phone):
    phone.push(message(3)).cut().clear()
    assert phone.device.phase is Phase.WAITING
    phone.do("close")
    phone.wait(60.0)
    assert asked(phone) == []


# ---------------------------------------------------------------------------------------------- what is trimmed


def test_what_is_trimmed_is_told_once_and_ends_the_search(phone):
    phone.heads(8).page(7, 8, *messages(7, 8), trimmed_below=7)
    assert phone.notices(HistoryMissing) == [HistoryMissing("room", 1, 6)]
    assert phone.device.is_quiet()
    assert phone.wait(60.0).frames(Ask) == [Ask("room", 1, 1, 8, PLAIN.page, newest=True)]


def test_a_conversation_that_ends_earlier_for_this_reader_is_caught_up(phone):
    phone.push(message(1)).heads(9).page(2, 1, head=1)
    assert phone.device.is_quiet()
    assert phone.notices(HistoryMissing) == []
