"""What bounds a device's retries: the budget, the breaker and the deadline; alone, and in a world that refuses."""

from __future__ import annotations

import msgspec

from imsim.protocol.connector import Phase
from imsim.protocol.effects import Connect
from imsim.protocol.frames import Answer, Cancel, Outcome, Refused, Send, Sent
from imsim.protocol.retry import Breaker, Fixed, RetryBudget
from tests.device_alone import PLAIN, Alone
from tests.small_world import Small, steps

ENDLESS = msgspec.structs.replace(PLAIN, send=Fixed(base=2.0))
THRIFTY = msgspec.structs.replace(ENDLESS, budget=RetryBudget(ratio=0.5, burst=3))
CAREFUL = msgspec.structs.replace(PLAIN, breaker=Breaker(failures=3, cool_down=30.0), stable_after=5.0)


def connects(alone):
    return sum(isinstance(effect, Connect) for effect in alone.effects)


# ---------------------------------------------------------------------------------------------- the budget


def test_without_a_budget_every_delay_ends_in_a_repetition():
    alone = Alone(ENDLESS).connect()
    alone.send()
    alone.wait(59.0)
    assert len(alone.frames(Send)) == 30


def test_a_budget_pays_for_what_was_saved_up_and_then_for_one_a_minute():
    alone = Alone(THRIFTY).connect()
    alone.send()
    alone.wait(59.0)
    assert len(alone.frames(Send)) == 4
    alone.wait(300.0)
    assert len(alone.frames(Send)) == 4 + 5


def test_first_sends_pay_for_repetitions():
    alone = Alone(THRIFTY).connect()
    alone.send()
    alone.wait(10.0)
    sent = len(alone.frames(Send))
    for counter in range(4):
        alone.send(where=f"room{counter}")
    alone.clear().wait(3.0)
    assert sent == 4
    assert len(alone.frames(Send)) == 2


def test_a_new_connection_is_no_new_budget():
    alone = Alone(THRIFTY).connect()
    alone.send()
    alone.wait(10.0)
    alone.clear()
    for _ in range(5):
        alone.cut().connect()
    assert alone.frames(Send) == []
    alone.wait(60.0)
    assert len(alone.frames(Send)) == 1


def test_coming_later_is_a_repetition():
    alone = Alone(THRIFTY).connect()
    client_id = alone.send()
    for _ in range(20):
        later = Outcome(client_id, Answer.LATER, retry_after=1.0)
        alone.take(Sent("room", 1, (later,))).wait(1.0)
    assert len(alone.frames(Send)) == 4


def test_what_waits_for_the_budget_is_still_given_up_by_its_deadline():
    alone = Alone(msgspec.structs.replace(THRIFTY, send_deadline=20.0)).connect()
    client_id = alone.send()
    alone.wait(20.0)
    assert alone.told(client_id) == ["unknown"]


# ---------------------------------------------------------------------------------------------- the deadline


def test_a_policys_deadline_ends_its_repetitions():
    alone = Alone(msgspec.structs.replace(PLAIN, send=Fixed(base=2.0, deadline=7.0))).connect()
    client_id = alone.send()
    alone.wait(6.9)
    assert len(alone.frames(Send)) == 4
    alone.wait(5.0)
    assert len(alone.frames(Send)) == 4
    assert alone.frames(Cancel)
    assert alone.told(client_id) == ["unknown"]


def test_a_policys_deadline_ends_reconnecting():
    alone = Alone(msgspec.structs.replace(PLAIN, connect=Fixed(base=1.0, deadline=3.0)))
    alone.do("open")
    for _ in range(10):
        alone.cut().wait(1.0)
    assert alone.device.phase is Phase.ASLEEP
    assert connects(alone) == 4


# ---------------------------------------------------------------------------------------------- the breaker


def test_failures_in_a_row_open_the_circuit_and_a_probe_finds_out():
    alone = Alone(CAREFUL)
    alone.do("open")
    for _ in range(3):
        alone.cut().wait(1.0)
    assert (alone.device.phase, connects(alone)) == (Phase.WAITING, 3)
    alone.wait(28.0)
    assert connects(alone) == 3
    alone.wait(1.0)
    assert (alone.device.phase, connects(alone)) == (Phase.CONNECTING, 4)
    alone.cut().wait(29.0)
    assert connects(alone) == 4  # the probe failed: open again
    alone.wait(1.0)
    assert connects(alone) == 5


def test_a_stable_session_closes_the_circuit():
    alone = Alone(CAREFUL)
    alone.do("open")
    for _ in range(3):
        alone.cut().wait(1.0)
    alone.wait(29.0).connect().wait(5.0)
    before = connects(alone)
    alone.cut().wait(1.0)
    assert connects(alone) == before + 1


def test_a_server_that_welcomes_and_drops_at_once_is_a_failure():
    alone = Alone(CAREFUL).connect()
    for _ in range(2):
        alone.cut().connect()
    before = connects(alone)
    alone.cut().wait(20.0)
    assert connects(alone) == before


def test_being_refused_is_a_failure():
    alone = Alone(CAREFUL)
    alone.do("open")
    for _ in range(3):
        alone.dial().take(Refused("unavailable", 1.0))
    assert alone.device.phase is Phase.WAITING
    alone.wait(20.0)
    assert connects(alone) == 3


def test_while_the_circuit_is_open_nothing_is_asked_whatever_the_user_wants():
    alone = Alone(CAREFUL)
    alone.do("open")
    for _ in range(3):
        alone.cut().wait(1.0)
    alone.do("close")
    alone.do("open")
    alone.send()
    alone.do("handle_hint")
    assert connects(alone) == 3
    alone.wait(30.0)
    assert connects(alone) == 4


def test_a_probe_that_the_user_ends_is_made_again():
    alone = Alone(CAREFUL)
    alone.do("open")
    for _ in range(3):
        alone.cut().wait(1.0)
    alone.wait(30.0)
    assert alone.device.phase is Phase.CONNECTING
    alone.do("close")
    alone.do("open")
    assert (alone.device.phase, connects(alone)) == (Phase.CONNECTING, 5)


def test_without_a_breaker_every_delay_ends_in_a_connection():
    alone = Alone()
    alone.do("open")
    for _ in range(30):
        alone.cut().wait(1.0)
    assert connects(alone) == 31


# ---------------------------------------------------------------------------------------------- in a world

_OUTAGE = {
    "duration": "4m",
    "traffic__steps": steps("5 alice/phone send"),
    "faults__events": [{"kind": "unavailable", "at": "2s", "port": "log", "for": "3m"}],
    "retry__send": {"policy": "fixed", "base": 1.0},
    "retry__connect": {"policy": "fixed", "base": 1.0},
}


def test_while_a_server_cannot_accept_attempts_stay_within_the_budget():
    without = Small(**_OUTAGE).run().assert_holds()
    bounded = Small(**_OUTAGE, retry__budget={"ratio": 0.1, "burst": 5}).run().assert_holds()
    tries, few = (len(run.facts("retried", node="alice/phone")) for run in (without, bounded))
    assert tries > 100
    assert 5 <= few <= 5 + 4


def test_while_a_server_refuses_connections_stay_within_the_breaker():
    quick = {**_OUTAGE, "faults__events": [{"kind": "crash", "at": "2s", "for": "3m"}]}
    without = Small(**quick).run().assert_holds()
    bounded = Small(**quick, retry__breaker={"failures": 3, "cool_down": "40s"}).run().assert_holds()
    tries, few = (run.world.devices["alice/phone"].turn for run in (without, bounded))
    assert tries > 100
    assert 3 < few < 10
