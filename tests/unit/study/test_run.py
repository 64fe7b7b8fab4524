"""A run: what it says of itself, and how the world is asked for it."""

from __future__ import annotations

import gc
import json
import sys
from types import ModuleType, SimpleNamespace

import pytest

from imsim.errors import ConfigError
from imsim.history import Event, Level
from imsim.history.counters import Counters, DeviceCounters
from imsim.scenario import Scenario, Sync
from imsim.study.run import judged, simulate
from imsim.verify.verdict import Outcome

COUNTERS = Counters(events=42, seconds=60.0, devices={"bob/pc": DeviceCounters(requests=3, bytes_up=10)})


@pytest.fixture
def run(chat):
    history = chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).end()
    return judged(Scenario(name="tiny"), seed=7, history=history, counters=COUNTERS, wall_s=0.5)


def test_a_run_holds_what_was_asked_and_what_came_of_it(run):
    assert (run.scenario.name, run.seed, run.counters, run.wall_s) == ("tiny", 7, COUNTERS, 0.5)
    assert run.verdict.outcome is Outcome.HOLDS
    assert run.metrics.deliveries == 3
    assert run.verdict_s >= 0
    assert 1 < run.peak_rss_mb < 1_000_000
    assert repr(run) == "Run('tiny', seed=7, holds, 13 facts)"


def test_its_json_is_one_line_with_the_promised_keys(run):
    line = run.to_json()
    found = json.loads(line)

    assert "\n" not in line
    assert {key: found[key] for key in ("delivered", "expected", "lost", "retries", "events", "wall_s", "verdict")} == {
        "delivered": 3,
        "expected": 3,
        "lost": 0,
        "retries": 0,
        "events": 42,
        "wall_s": 0.5,
        "verdict": "holds",
    }
    assert found["latency_ms"] == {"p50": 5500.0, "p95": 5950.0, "p99": 5990.0}
    assert found["history_sha256"] == run.history.sha256
    assert {"duplicates_shown", "duplicates_suppressed", "verdict_s", "peak_rss_mb", "seed"} <= found.keys()


def test_its_tables_are_made_once(run):
    assert run.messages is run.messages
    assert run.deliveries is run.deliveries
    assert list(run.messages.index) == ["alice-1"]
    assert len(run.deliveries) == 3


def test_its_timeline_is_asked_by_names_that_exist(run):
    assert set(run.timeline(node="bob/pc")["node"]) == {"bob/pc"}
    with pytest.raises(ConfigError, match=r"this run has no message 'alice-2' \(did you mean 'alice-1'\?\)"):
        run.timeline(message="alice-2")


def test_a_notebook_shows_figures_and_verdict(run):
    shown = run._repr_html_()

    assert "<td>3 of 3</td>" in shown
    assert "<strong>holds: 13 facts, 6 properties</strong>" in shown


def test_the_longest_stated_staleness_decides_when_an_absence_counts(chat):
    history = chat.send("alice/phone", "alice-1", 2).end()  # three deliveries are missing 4 s after the submission

    def outcome(**sync):
        scenario = Scenario(sync=Sync(**sync))
        return judged(scenario, seed=0, history=history, counters=Counters(), wall_s=0.0).verdict.outcome

    assert outcome(strategy="push") is Outcome.VIOLATED
    assert outcome(strategy="poll", interval=3600.0) is Outcome.UNKNOWN


@pytest.fixture
def world(monkeypatch, chat):
    """A world that notes how it was asked, and whether the collector was on."""
    asked = []

    class World:
        def __init__(self, scenario, **asked_for):
            asked.append((scenario, asked_for))

        def run(self, on_progress=None):
            asked.append(gc.isenabled())
            if self_destruct:
                raise ConfigError("no such trace")
            history = chat.say("bob/pc", Event.CONNECTED).end()
            return SimpleNamespace(history=history, counters=COUNTERS, converged=True)

    self_destruct = []
    module = ModuleType("imsim.sim.world")
    module.World = World
    monkeypatch.setitem(sys.modules, "imsim.sim.world", module)
    return SimpleNamespace(asked=asked, self_destruct=self_destruct)


def test_simulating_hands_everything_to_the_world_with_the_collector_off(world):
    scenario = Scenario(name="tiny")

    run = simulate(scenario, seed=3, level=Level.FRAMES)

    assert world.asked == [(scenario, {"seed": 3, "deviations": (), "level": Level.FRAMES}), False]
    assert gc.isenabled()
    assert (run.seed, len(run.history)) == (3, 7)
    assert run.counters == COUNTERS


def test_the_collector_comes_back_after_an_error_too(world):
    world.self_destruct.append(True)

    with pytest.raises(ConfigError, match="no such trace"):
        simulate(Scenario())
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off(world):
    gc.disable()
    try:
        simulate(Scenario())
        assert not gc.isenabled()
    finally:
        gc.enable()
