"""Trimmed logs and lost tails, end to end: what the log says excuses a device, and nothing else does."""

from __future__ import annotations

import pytest

from imsim.history import Event
from imsim.scenario import loads
from imsim.sim.world import World
from imsim.verify.evidence import Evidence
from imsim.verify.verdict import Outcome, judge
from tests.random_scenarios import scenario_of

_OFFICE = """
duration = "10m"
[devices]
users = 2
kinds = ["phone", { name = "pc", users = ["bob"] }]
[[conversations.groups]]
name = "pair"
members = ["alice", "bob"]
[traffic]
kind = "poisson"
rate = 600
reads = 0.0
[retry]
send = { policy = "fixed", base = 1.0 }
[sync]
strategy = "hybrid"
check = "10s"
"""


def world_of(model=_OFFICE, seed=3, **overrides):
    return World(loads(model, {key.replace("__", "."): value for key, value in overrides.items()}), seed=seed)


def rows(history, event):
    return [row for row in (history.row(place) for place in range(len(history))) if row.event is event]


def test_a_device_that_was_away_too_long_shows_what_is_missing_and_the_log_says_why():
    world = world_of(
        servers__retention={"entries": 5},
        faults__events=[{"kind": "kill", "at": "60s", "devices": ["bob/pc"], "for": "4m"}],
    )
    history = world.run().history
    missing, trimmed = rows(history, Event.MISSING), rows(history, Event.TRIMMED)
    assert {row.node for row in missing} == {"bob/pc"}
    assert {row.node for row in trimmed} == {"log"}
    assert any(trim.seq > row.op and trim.place < row.place for row in missing for trim in trimmed)
    judge(history).assert_ok()


def test_a_device_that_signs_in_late_is_told_what_is_trimmed_and_has_all_the_rest():
    world = world_of(
        servers__retention={"age": "60s"},
        faults__events=[{"kind": "sign_in", "at": "5m", "user": "alice", "device": "pc"}],
    )
    history = world.run().history
    assert "alice/pc" in {row.node for row in rows(history, Event.MISSING)}
    judge(history).assert_ok()


def test_a_marker_that_no_trimming_covers_is_a_violation():
    world = world_of(
        servers__retention={"entries": 5},
        faults__events=[{"kind": "kill", "at": "60s", "devices": ["bob/pc"], "for": "4m"}],
    )
    world.backends.log.on_trimmed = None
    history = world.run().history
    gaps = Evidence(history).views.gaps
    assert gaps
    assert not any(gap.covered for gap in gaps)
    assert judge(history).outcome is Outcome.VIOLATED


def test_a_full_offline_store_is_no_trimming():
    world = world_of(
        servers__offline_cap=2,
        faults__events=[{"kind": "kill", "at": "60s", "devices": ["bob/*"], "for": "4m"}],
    )
    history = world.run().history
    assert not rows(history, Event.MISSING)
    assert not rows(history, Event.TRIMMED)
    judge(history).assert_ok()


def test_what_only_a_wiped_device_had_is_named_and_excused():
    lag = {"distribution": "exponential", "mean": "60s"}
    world = world_of(
        backends__log={"durability": "async", "replica_lag": lag},
        servers__reoffer_window="20s",
        faults__events=[
            {"kind": "kill", "at": "2m", "devices": ["bob/*"], "for": "20s"},
            {"kind": "wipe", "at": "150s", "device": "bob/pc"},
            {"kind": "wipe", "at": "150s", "device": "bob/phone"},
            {"kind": "wipe", "at": "150s", "device": "alice/phone"},
            {"kind": "failover", "at": "150s"},
        ],
    )
    outcome = world.run()
    named = [row for row in rows(outcome.history, Event.TAIL_LOST) if row.node == "world" and not row.epoch]
    assert len(named) > 5
    assert outcome.converged
    judge(outcome.history).assert_ok()


def test_what_nobody_names_is_a_loss():
    lag = {"distribution": "exponential", "mean": "60s"}
    world = world_of(
        backends__log={"durability": "async", "replica_lag": lag},
        servers__reoffer_window="1h",
        settle="2m",
        faults__events=[
            {"kind": "wipe", "at": "150s", "device": name} for name in ("bob/pc", "bob/phone", "alice/phone")
        ]
        + [{"kind": "failover", "at": "150s"}],
    )
    verdict = judge(world.run().history)
    assert verdict.outcome is Outcome.VIOLATED
    assert "is not in the log in the end" in str(verdict)


@pytest.mark.parametrize("number", [534, 800, 265, 1047, 1215])
def test_lost_tails_of_small_random_worlds(number):
    """Cases that once broke a promise."""
    scenario = scenario_of(
        number,
        backends__log__durability="async",
        backends__log__replica_lag={"distribution": "exponential", "mean": "2s"},
        faults__random__failover=80,
        faults__random__wipe=40,
        servers__reoffer_window="10s",
        servers__mailbox=256,
        servers__retention={"entries": 5},
    )
    judge(World(scenario, seed=number).run().history).assert_ok()
