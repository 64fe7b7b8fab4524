"""Being connected: greeting, giving up, coming back ever later, and leaving when nothing is to be done."""

from __future__ import annotations

import msgspec
import pytest

from imsim.protocol.connector import Phase
from imsim.protocol.effects import Connect, Disconnect
from imsim.protocol.frames import Check, Hello, Limits, Ping, Pong, Refused, Welcome
from imsim.protocol.retry import Breaker, Exponential, Fixed
from imsim.protocol.sync import Poll
from tests.device_alone import PLAIN, Alone, message

GROWING = msgspec.structs.replace(PLAIN, connect=Exponential(base=1.0, cap=64.0))


def tries(phone: Alone) -> int:
    return sum(isinstance(effect, Connect) for effect in phone.effects)


def reasons(phone: Alone) -> list[str]:
    return [effect.reason for effect in phone.effects if isinstance(effect, Disconnect)]


def pause(phone: Alone) -> float:
    """Seconds until the next try."""
    assert phone.device.phase is Phase.WAITING
    return round((phone.device.wake_at or 0.0) - phone.now, 6)


# ---------------------------------------------------------------------------------------------- greeting


def test_a_device_connects_greets_and_is_online():
    phone = Alone()
    assert phone.device.phase is Phase.ASLEEP
    phone.do("open")
    assert phone.device.phase is Phase.CONNECTING
    phone.dial()
    assert phone.device.phase is Phase.GREETING
    assert phone.frames() == [Hello("alice", "phone", phone.last(Hello).install, "push")]
    phone.take(Welcome("session", 1))
    assert phone.device.phase is Phase.ONLINE


def test_a_connection_that_is_not_made_in_time_is_given_up():
    phone = Alone()
    phone.do("open")
    phone.wait(9.9)
    assert phone.device.phase is Phase.CONNECTING
    phone.wait(0.1)
    assert reasons(phone) == ["connecting took too long"]
    assert pause(phone) == 1.0


def test_a_greeting_that_nobody_answers_is_repeated_and_given_up():
    phone = Alone()
    phone.do("open")
    phone.dial().wait(10.0)
    assert len(phone.frames(Hello)) == 5
    assert reasons(phone) == ["no welcome"]


def test_a_second_connection_is_not_taken():
    phone = Alone().connect()
    wire = phone.wire
    phone.do("handle_connected", object())
    assert phone.device.connection is wire


# ---------------------------------------------------------------------------------------------- refused


def test_who_is_refused_waits_as_long_as_the_server_says_and_not_with_everybody_else():
    phone = Alone()
    phone.do("open")
    phone.dial().take(Refused("full", 45.0))
    assert pause(phone) == 46.0  # its own delay is what spreads those who were refused together
    assert reasons(phone) == ["refused"]


def test_who_is_refused_for_good_stays_away():
    phone = Alone()
    phone.do("open")
    phone.dial().take(Refused("too old")).wait(1e6)
    assert phone.device.phase is Phase.ASLEEP
    assert tries(phone) == 1


# ---------------------------------------------------------------------------------------------- coming back


def lose(phone: Alone, after: float) -> float:
    """A session that lasts `after` seconds; what is waited for then."""
    phone.dial().take(Welcome("session", 1, phone.limits)).wait(after)
    phone.cut()
    return pause(phone)


def test_attempts_are_reset_by_stability_and_not_by_connecting():
    phone = Alone(GROWING)
    phone.do("open")
    assert [lose(phone, 1.0) for _ in range(4)] == [1.0, 2.0, 4.0, 8.0]
    assert lose(phone, 29.9) == 16.0
    assert lose(phone, 30.0) == 1.0


def test_a_policy_that_gives_up_ends_in_sleep_until_somebody_wants_something():
    phone = Alone(msgspec.structs.replace(PLAIN, connect=Fixed(base=1.0, attempts=3)))
    phone.do("open")
    for _ in range(3):
        phone.cut().wait(5.0)
    assert phone.device.phase is Phase.ASLEEP
    assert phone.wait(1e4).device.phase is Phase.ASLEEP
    phone.send()
    assert phone.device.phase is Phase.CONNECTING


def test_a_lost_connection_is_noticed_once():
    phone = Alone(GROWING).connect()
    phone.cut().cut().cut()
    assert pause(phone) == 1.0


# ---------------------------------------------------------------------------------------------- the breaker


def broken() -> Alone:
    """A device whose last three connections failed."""
    phone = Alone(msgspec.structs.replace(PLAIN, breaker=Breaker(failures=3, cool_down=100.0)))
    phone.do("open")
    for _ in range(3):
        phone.cut().wait(1.0)
    return phone


def test_a_server_that_fails_is_left_alone_for_a_while():
    phone = broken()
    assert tries(phone) == 3
    phone.send("now!")
    phone.do("open")
    assert tries(phone.wait(98.9)) == 3
    assert tries(phone.wait(0.2)) == 4


@pytest.mark.parametrize(("lasts", "comes_back"), [(30.0, 1.0), (1.0, 100.0)], ids=["stable", "fails again"])
def test_one_try_decides_whether_it_is_over(lasts, comes_back):
    phone = broken().wait(100.0)
    phone.dial().take(Welcome("session", 1, phone.limits)).wait(lasts)
    phone.cut().clear().wait(comes_back - 0.1)
    assert tries(phone) == 0
    assert tries(phone.wait(0.2)) == 1


# ---------------------------------------------------------------------------------------------- a silent peer


def test_a_quiet_connection_is_looked_after_and_a_silent_one_given_up():
    phone = Alone(limits=Limits(ping=25.0)).connect().clear()
    phone.wait(25.0)
    assert phone.frames(Ping) == [Ping(25)]
    phone.take(Pong(25)).wait(49.9)
    assert phone.device.online
    phone.wait(0.2)
    assert not phone.device.online
    assert reasons(phone) == ["silent"]


def test_whatever_is_heard_is_a_sign_of_life():
    phone = Alone(limits=Limits(ping=25.0)).connect().clear()
    for seq in range(1, 20):
        phone.wait(20.0).push(message(seq))
    assert phone.frames(Ping) == []
    assert phone.device.online


# ---------------------------------------------------------------------------------------------- visits and rests


def test_a_visit_ends_after_some_quiet_seconds():
    phone = Alone()
    phone.do("handle_hint")
    phone.dial().take(Welcome("session", 1, phone.limits)).wait(1.0)
    phone.push(message(1)).wait(1.9)
    assert phone.device.online
    phone.wait(2.0)  # it looks around every two seconds
    assert phone.device.phase is Phase.ASLEEP
    assert reasons(phone) == ["visit over"]


def test_a_visit_does_not_end_while_something_is_under_way():
    phone = Alone()
    phone.send()
    phone.dial().take(Welcome("session", 1, phone.limits)).wait(5.0)
    assert phone.device.online


def test_an_open_app_stays():
    assert Alone().connect().wait(1e4).device.online


def test_a_closed_app_leaves_and_does_not_come_back():
    phone = Alone().connect().clear()
    phone.do("close")
    assert reasons(phone) == ["closed"]
    assert tries(phone.wait(1e4)) == 0


@pytest.mark.parametrize("what", ["send", "hint"])
def test_whoever_rests_comes_back_early_if_there_is_a_reason(what):
    phone = Alone(msgspec.structs.replace(PLAIN, sync=Poll(interval=60.0, rest=True))).connect()
    phone.take().heads(0, number=phone.last(Check).number)
    assert phone.device.phase is Phase.RESTING
    phone.clear().wait(10.0)
    assert tries(phone) == 0
    if what == "send":
        phone.send()
    else:
        phone.do("handle_hint")
    assert tries(phone) == 1
