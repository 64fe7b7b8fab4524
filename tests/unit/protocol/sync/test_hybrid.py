"""Push, and a question every so often that finds a last message which was lost."""

from __future__ import annotations

import msgspec

from imsim.protocol.frames import Ask, Check
from imsim.protocol.sync import Delivery, Hybrid
from tests.device_alone import PLAIN, Alone, message

HYBRID = Hybrid(check=40.0)


def hybrid() -> Alone:
    return Alone(msgspec.structs.replace(PLAIN, sync=HYBRID)).connect().clear()


def test_the_position_is_checked_once_a_period():
    phone = hybrid()
    for number in range(1, 4):
        phone.wait(39.9)
        assert len(phone.frames(Check)) == number - 1
        phone.wait(0.1).heads(0, number=number)
    assert len(phone.frames(Check)) == 3


def test_a_lost_last_message_is_found_within_the_stated_time():
    phone = hybrid().push(message(1))
    phone.wait(HYBRID.worst_staleness()).heads(2, number=1)
    assert [(ask.low, ask.high) for ask in phone.frames(Ask)] == [(2, 2)]


def test_a_busy_connection_is_checked_too():
    phone = hybrid()
    for seq in range(1, 9):
        phone.push(message(seq)).wait(5.0)
    assert len(phone.frames(Check)) == 1


def test_a_check_that_nobody_answers_is_repeated_and_then_the_connection_given_up():
    phone = hybrid().wait(40.0 + 4 * 4.0 - 0.1)
    assert [check.number for check in phone.frames(Check)] == [1] * 4
    assert phone.device.online
    assert not phone.wait(0.2).device.online


def test_every_commit_is_pushed_and_a_period_is_the_bound():
    assert HYBRID.on_commit() is Delivery.PUSH
    assert HYBRID.on_check(10.0) == 0.0
    assert HYBRID.worst_staleness() == 40.0
    assert HYBRID.checks
