"""An interval that follows what is found, the hour, and how the network behaves."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest

from imsim.protocol.connector import Phase
from imsim.protocol.frames import Check
from imsim.protocol.sync import Adaptive, CheckNow, Delivery, Rest, Timing, View, Wake
from tests.device_alone import PLAIN, Alone, message

_HOUR = 3600.0
ALWAYS = Adaptive(least=4.0, most=64.0, busy=(0, 24), rest_above=100.0)


def view(*, behind: bool = False, troubles: int = 0, hour: float = 12.0) -> View:
    return View(hour * _HOUR, behind, troubles)


def woken(actions) -> float:
    return next(action.at for action in actions if isinstance(action, Wake))


def interval(strategy: Adaptive, **at) -> float:
    """Seconds from one round to the next, where the last one found nothing to change."""
    _, actions = strategy.on_timer(Timing(8.0), view(**at), 100.0)
    assert actions[0] == CheckNow()
    return woken(actions) - 100.0


# ---------------------------------------------------------------------------------------------- what is found


def test_a_round_that_found_something_halves_the_interval_and_others_stretch_it():
    state = ALWAYS.initial()
    seen = []
    for behind in (False, False, False, True, True, False):
        state, actions = ALWAYS.on_heads(state, view(behind=behind), 0.0)
        assert woken(actions) == state.interval
        seen.append(state.interval)
    assert seen == [6.0, 9.0, 13.5, 6.75, 4.0, 6.0]


@pytest.mark.parametrize(("behind", "end"), [(True, 4.0), (False, 64.0)])
def test_the_interval_stays_within_its_bounds(behind, end):
    state = Timing(30.0)
    for _ in range(50):
        state, _ = ALWAYS.on_heads(state, view(behind=behind), 0.0)
    assert state.interval == end


# ---------------------------------------------------------------------------------------------- the hour


@pytest.mark.parametrize(
    ("busy", "utc_offset", "hour", "is_busy"),
    [
        ((7, 23), 0.0, 6.99, False),
        ((7, 23), 0.0, 7.0, True),
        ((7, 23), 0.0, 22.99, True),
        ((7, 23), 0.0, 23.0, False),
        ((7, 23), 2.0, 5.0, True),
        ((7, 23), -8.0, 12.0, False),
        ((7, 23), 0.0, 24 * 400 + 8.0, True),
        ((22, 6), 0.0, 23.0, True),
        ((22, 6), 0.0, 5.99, True),
        ((22, 6), 0.0, 6.0, False),
        ((22, 6), 0.0, 12.0, False),
        ((0, 24), 0.0, 0.0, True),
    ],
)
def test_outside_of_the_busy_hours_the_interval_is_the_longest(busy, utc_offset, hour, is_busy):
    strategy = Adaptive(least=4.0, most=64.0, busy=busy, utc_offset=utc_offset)
    assert interval(strategy, hour=hour) == (8.0 if is_busy else 64.0)


# ---------------------------------------------------------------------------------------------- the network


@pytest.mark.parametrize(("troubles", "seconds"), [(0, 8.0), (1, 16.0), (2, 32.0), (3, 64.0), (10_000, 64.0)])
def test_a_bad_network_is_asked_less_often(troubles, seconds):
    assert interval(ALWAYS, troubles=troubles) == seconds


def test_a_good_connection_ends_the_caution():
    phone = Alone(msgspec.structs.replace(PLAIN, sync=ALWAYS)).connect()
    for _ in range(3):
        phone.cut().connect()
    phone.heads(0, number=phone.last(Check).number).clear().wait(5.9)
    assert phone.frames(Check) == []
    assert len(phone.wait(0.2).frames(Check)) == 1


# ---------------------------------------------------------------------------------------------- resting


def test_a_long_interval_is_spent_without_a_connection():
    strategy = Adaptive(least=50.0, most=300.0, busy=(0, 24), rest_above=60.0)
    assert strategy.on_quiet(Timing(60.0), view(), 5.0)[1] == ()
    assert strategy.on_quiet(Timing(61.0), view(), 5.0)[1] == (Rest(66.0),)


@pytest.mark.parametrize("strategy", [ALWAYS, msgspec.structs.replace(ALWAYS, rest_above=1.0)], ids=["stays", "rests"])
def test_a_commit_is_noticed_within_the_stated_time(strategy):
    """Whenever it comes: no two questions are further apart than the bound, however long nothing is found."""
    phone = Alone(msgspec.structs.replace(PLAIN, sync=strategy)).connect()
    asked = [phone.now]
    while phone.now < 1000.0:
        phone.heads(0, number=phone.last(Check).number).clear()
        while not phone.frames(Check):
            phone.wait(1.0)
            if phone.device.phase is Phase.CONNECTING:
                phone.connect()
        asked.append(phone.now)
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert max(gaps) <= strategy.worst_staleness() + 1.0
    assert gaps[0] < gaps[-1]


def test_what_a_round_found_is_pulled_at_once():
    phone = Alone(msgspec.structs.replace(PLAIN, sync=ALWAYS)).connect()
    phone.heads(1, number=1).page(1, 1, message(1))
    assert phone.texts() == ["text 1"]


def test_the_server_tells_nothing_and_the_longest_interval_is_the_bound():
    assert ALWAYS.on_commit() is Delivery.NOTHING
    assert ALWAYS.on_check(10.0) == 0.0
    assert ALWAYS.worst_staleness() == 64.0
