"""When devices are online."""

from __future__ import annotations

import itertools

import pytest

from imsim.scenario import Presence
from imsim.sim.decisions import Decisions
from imsim.sim.sessions import sessions

DAY = 86400.0


def made(presence: Presence, until: float, *, hour: float = 0.0, active: tuple[float, ...] = (), name: str = "a/b"):
    return list(sessions(presence, Decisions(5), name, hour=hour, until=until, active=active))


@pytest.mark.parametrize(
    "presence",
    [
        Presence(),
        Presence(online=60.0, offline=600.0),
        Presence(online=600.0, offline=0.0, night=(23.0, 7.0)),
        Presence(online=0.0, offline=3600.0, wake_ups=20.0),
        Presence(night=(22.0, 6.0), wake_ups=5.0),
    ],
)
def test_sessions_rise_and_lie_apart_within_the_run(presence: Presence) -> None:
    found = made(presence, 5 * DAY, hour=9.5, active=tuple(range(100, 400_000, 9_000)))
    assert found
    assert all(0.0 <= begin < end <= 5 * DAY for begin, end in found)
    assert all(one[1] < other[0] for one, other in itertools.pairwise(found))


def test_by_default_a_device_is_always_online() -> None:
    assert made(Presence(), 100.0) == [(0.0, 100.0)]


def test_the_share_of_time_online_is_what_the_means_say() -> None:
    total = sum(
        end - begin
        for number in range(40)
        for begin, end in made(Presence(online=300.0, offline=900.0), DAY, name=f"u{number}/phone")
    )
    assert total / (40 * DAY) == pytest.approx(0.25, rel=0.1)


def test_nights_have_no_session_but_a_user_who_does_something() -> None:
    quiet = Presence(night=(23.0, 7.0), linger=10.0)
    assert made(quiet, 2 * DAY, hour=12.0) == [(0.0, 39600.0), (68400.0, 126000.0), (154800.0, 172800.0)]
    at_two = 14 * 3600.0
    assert (at_two, at_two + 10.0) in made(quiet, 2 * DAY, hour=12.0, active=(at_two,))


def test_a_user_who_does_something_is_online_for_it() -> None:
    moments = tuple(float(t) for t in range(50, 80_000, 1_777))
    found = made(Presence(online=20.0, offline=7200.0, linger=30.0), DAY, active=moments)
    for moment in moments:
        assert any(begin <= moment and moment + 30.0 <= end for begin, end in found)


def test_wake_ups_come_as_often_as_the_model_says() -> None:
    rare = Presence(online=1.0, offline=1e8, wake_ups=24.0, linger=5.0)
    assert len(made(rare, 30 * DAY)) == pytest.approx(24 * 30, rel=0.1)


def test_every_device_has_its_own_sessions() -> None:
    presence = Presence(online=60.0, offline=600.0)
    assert made(presence, DAY, name="alice/phone") == made(presence, DAY, name="alice/phone")
    assert made(presence, DAY, name="alice/phone") != made(presence, DAY, name="bob/phone")
