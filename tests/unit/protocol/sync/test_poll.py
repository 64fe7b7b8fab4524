"""Asking every so often: every round begins after one interval, and rests leave the connection in between."""

from __future__ import annotations

import msgspec

from imsim.protocol.connector import Phase
from imsim.protocol.frames import Check
from imsim.protocol.sync import Delivery, Poll
from tests.device_alone import PLAIN, Alone, message


def polling(**options) -> Alone:
    return Alone(msgspec.structs.replace(PLAIN, sync=Poll(interval=60.0, **options))).connect()


def answer(phone: Alone, head: int = 0) -> Alone:
    return phone.heads(head, number=phone.last(Check).number)


def test_a_round_begins_every_interval():
    phone = polling().clear()
    for number in range(1, 4):
        phone.wait(59.9)
        assert len(phone.frames(Check)) == number - 1
        answer(phone.wait(0.1))
    assert [check.hold for check in phone.frames(Check)] == [0.0] * 3


def test_what_was_committed_is_here_one_interval_later():
    phone = polling().wait(10.0).clear()
    phone.wait(Poll(interval=60.0).worst_staleness())
    answer(phone, head=1).page(1, 1, message(1))
    assert phone.texts() == ["text 1"]


def test_a_round_that_failed_is_followed_by_the_next():
    phone = polling().wait(60.0).cut().connect().clear()
    phone.wait(60.0)
    assert len(phone.frames(Check)) == 1


def test_between_two_rounds_there_is_no_connection():
    phone = polling(rest=True)
    assert len(phone.frames(Check)) == 1
    answer(phone.wait(1.0), head=1)
    assert phone.device.online
    phone.page(1, 1, message(1))
    assert phone.device.phase is Phase.RESTING
    phone.wait(59.9)
    assert phone.device.phase is Phase.RESTING
    phone.wait(0.1)
    assert phone.device.phase is Phase.CONNECTING


def test_nobody_leaves_before_an_own_message_is_answered():
    phone = polling(rest=True)
    phone.send()
    answer(phone)
    assert phone.device.online


def test_a_hint_begins_a_round_at_once():
    phone = polling().clear()
    phone.do("handle_hint")
    assert len(phone.frames(Check)) == 1


def test_the_server_tells_nothing_and_holds_nothing():
    poll = Poll(interval=60.0)
    assert poll.on_commit() is Delivery.NOTHING
    assert poll.on_check(10.0) == 0.0
    assert poll.worst_staleness() == 60.0
    assert poll.checks
