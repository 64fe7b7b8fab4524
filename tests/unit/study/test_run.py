"""A run: what it says of itself, and how the world is asked for it."""

from __future__ import annotations

import gc
import json
import sys
import warnings
from types import ModuleType, SimpleNamespace

import pytest

from imsim.errors import ConfigError
from imsim.history import Event, Level
from imsim.history.counters import Counters, DeviceCounters
from imsim.protocol.server.gateway import Gateway
from imsim.scenario import Scenario, Sync, load
from imsim.sim.algorithms import REAL
from imsim.sim.deviations import parse
from imsim.study.run import judged, simulate
from imsim.verify.verdict import Outcome

COUNTERS = Counters(events=42, seconds=60.0, devices={"bob/pc": DeviceCounters(bytes_up=10)})


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
    assert "<strong>holds: 13 facts, 15 properties</strong>" in shown


@pytest.fixture
def lacking(new_chat):
    """What is said of a run that ends so many seconds after a message that nobody shows was submitted and committed."""

    def outcome(seconds, *, converged=False, settle=None, **sync):
        chat = new_chat().send("alice/phone", "alice-1", 2)
        chat.t += seconds
        scenario, more = Scenario(sync=Sync(**sync), settle=settle), {"seed": 1, "counters": Counters(), "wall_s": 0.0}
        return judged(scenario, history=chat.end(), converged=converged, **more).verdict.outcome

    return outcome


@pytest.mark.parametrize(
    "sync", [{"strategy": "push"}, {"strategy": "hybrid"}, {"strategy": "poll", "interval": 3600.0}]
)
def test_an_absence_counts_after_what_the_settings_can_need(lacking, sync):
    needed = Scenario(sync=Sync(**sync)).needed_seconds()

    assert lacking(needed - 10.0, **sync) is Outcome.UNKNOWN
    assert lacking(needed, **sync) is Outcome.VIOLATED


def test_less_time_than_the_settings_can_need_proves_no_absence(lacking):
    assert lacking(60.0, settle=60.0) is Outcome.UNKNOWN


def test_nothing_more_would_have_come_where_every_device_was_content(lacking):
    assert lacking(0.0, converged=True) is Outcome.VIOLATED


def test_what_a_strategy_without_a_bound_leaves_behind_is_found_when_devices_connect_anew(new_chat):
    def outcome(after_the_commit):
        chat = new_chat().submit("alice/phone", "alice-1").resolve("alice/phone", "alice-1")
        chat.t += 1_000.0
        chat.commit("alice-1", 2)
        chat.t += after_the_commit
        more = {"seed": 1, "history": chat.end(), "counters": Counters(), "wall_s": 0.0}
        return judged(Scenario(sync=Sync(strategy="push")), **more).verdict.outcome

    half = Scenario(sync=Sync(strategy="push")).settle_seconds() / 2
    assert outcome(half - 10.0) is Outcome.UNKNOWN
    assert outcome(half) is Outcome.VIOLATED


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
            return SimpleNamespace(history=history, counters=COUNTERS, converged=True, interrupted=False, grace=0.0)

    self_destruct = []
    module = ModuleType("imsim.sim.world")
    module.World = World
    monkeypatch.setitem(sys.modules, "imsim.sim.world", module)
    return SimpleNamespace(asked=asked, self_destruct=self_destruct)


def test_simulating_hands_everything_to_the_world_with_the_collector_off(world):
    scenario = Scenario(name="tiny")

    run = simulate(scenario, seed=3, level=Level.FRAMES)

    asked = {"seed": 3, "deviations": (), "level": Level.FRAMES, "algorithms": REAL}
    assert world.asked == [(scenario, asked), False]
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


def test_a_seed_is_no_negative_number(world):
    with pytest.raises(ConfigError, match="seed: expected an integer >= 0, got -1"):
        simulate(Scenario(), seed=-1)
    assert not world.asked


def test_the_seed_is_the_command_lines_unless_one_is_given(world):
    assert simulate(Scenario()).seed == 1


@pytest.mark.parametrize("raised", [RuntimeError, KeyboardInterrupt])
def test_a_run_that_raises_leaves_no_coroutine_that_nobody_awaited(monkeypatch, raised):
    def broken(gateway, channel, frame):
        handle(gateway, channel, frame)  # a task that has not begun yet
        raise raised

    handle = Gateway.handle_frame
    monkeypatch.setattr(Gateway, "handle_frame", broken)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with pytest.raises(raised):
            simulate(load("tiny"))
        gc.collect()
    assert not warned


def test_its_diagram_is_about_what_the_case_does_and_names_the_run():
    case = [parse("drop the 1st push of alice-1 to bob/phone")]
    run = simulate(load("tiny", ["network.kind=datagram"]), seed=1, deviations=case, level=Level.FRAMES)

    drawn = run.diagram()

    assert run.deviations == tuple(case)
    assert drawn.title.startswith("tiny, seed 1: ")
    assert drawn.layout.deviations == ("drop the 1st push of alice-1 to bob/phone",)
    assert [arrow.words for arrow in drawn.layout.arrows if arrow.action] == ["push alice-1"]
    assert {arrow.message for arrow in run.diagram(message="bob-3").layout.arrows} >= {"bob-3"}
    assert {moment.t < 4 for moment in run.diagram(everything=True, until=3.9).layout.moments} == {True}


def test_its_diagram_tells_what_was_violated(chat):
    history = chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).show("alice-1", 2, "bob/pc").end()
    run = judged(Scenario(), seed=7, history=history, counters=COUNTERS, wall_s=0.5)

    drawn = run.diagram()

    assert drawn.title.startswith("a scenario, seed 7: ")
    assert drawn.layout.violations == ("no duplicate shown: bob/pc shows alice-1 twice in one install",)
