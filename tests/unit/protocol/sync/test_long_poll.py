"""A question is always open, and no round repeats itself."""

from __future__ import annotations

import msgspec
import pytest

from imsim.protocol.frames import Check
from imsim.protocol.sync import Delivery, LongPoll
from tests.device_alone import PLAIN, Alone, message

LONG = LongPoll(hold=30.0)


def asking() -> Alone:
    return Alone(msgspec.structs.replace(PLAIN, sync=LONG)).connect()


def test_a_question_is_open_as_soon_as_the_device_is_there():
    assert asking().frames(Check) == [Check(1, 30.0)]


def test_the_next_question_follows_an_empty_answer():
    phone = asking().wait(30.0).heads(0, number=1)
    assert phone.frames(Check) == [Check(1, 30.0), Check(2, 30.0)]


def test_the_next_question_follows_once_all_that_was_told_is_here():
    phone = asking().wait(3.0).heads(2, number=1)
    assert len(phone.frames(Check)) == 1
    phone.page(1, 2, message(1), message(2))
    assert phone.frames(Check) == [Check(1, 30.0), Check(2, 30.0)]


def test_a_question_that_is_open_is_not_doubled():
    phone = asking()
    phone.do("handle_hint")
    phone.send()
    assert len(phone.wait(20.0).frames(Check)) == 1


def test_the_device_waits_longer_than_the_server_holds():
    phone = asking().wait(33.9)
    assert len(phone.frames(Check)) == 1
    assert phone.wait(0.2).frames(Check) == [Check(1, 30.0)] * 2


def test_a_new_connection_asks_anew():
    phone = asking().cut().connect()
    assert phone.frames(Check)[-1].hold == 30.0
    assert len(phone.frames(Check)) == 2


@pytest.mark.parametrize(("asked", "held"), [(5.0, 5.0), (30.0, 30.0), (900.0, 30.0)])
def test_the_server_holds_no_longer_than_it_is_asked_and_than_it_will(asked, held):
    assert LONG.on_check(asked) == held


def test_nothing_is_told_but_in_answers_and_a_hold_is_the_bound():
    assert LONG.on_commit() is Delivery.NOTHING
    assert LONG.worst_staleness() == 30.0
    assert LONG.checks
