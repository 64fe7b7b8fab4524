"""Push over a long connection: no question of its own, and no bound that it could not keep."""

from __future__ import annotations

from imsim.protocol.frames import Check
from imsim.protocol.sync import Delivery, Push
from tests.device_alone import Alone


def test_it_asks_nothing_by_itself():
    assert Alone().connect().wait(1e5).frames(Check) == []


def test_a_hint_is_followed():
    phone = Alone().connect()
    phone.do("handle_hint")
    assert len(phone.frames(Check)) == 1


def test_every_commit_is_pushed_and_no_bound_is_stated():
    push = Push()
    assert push.on_commit() is Delivery.PUSH
    assert push.worst_staleness() is None
    assert not push.checks
