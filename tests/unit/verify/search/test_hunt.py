"""The search: the lowest failure on any number of cores, what was tried, and no verdict that it has no right to."""

from __future__ import annotations

import pytest

from imsim.errors import AlgorithmError, ConfigError
from imsim.protocol.device import Device
from imsim.scenario import load
from imsim.verify.goals import Goal
from imsim.verify.search import check
from imsim.verify.verdict import Outcome
from tests.flawed_devices import Hasty, Raises


@pytest.fixture(scope="module")
def tiny():
    return load("tiny")


def test_the_algorithms_hold_and_the_search_says_what_it_tried(tiny):
    found = check(tiny, runs=60, jobs=1)
    assert found.outcome is Outcome.HOLDS
    assert found.cases == 60
    assert found.failures == ()
    assert found.coverage.decisions > 10_000
    assert sum(found.coverage.actions.values()) == found.coverage.deviations > 100
    assert 50 < found.coverage.distinct <= found.coverage.deviations
    assert found.coverage.events["shown"] == 60
    assert 0 < found.coverage.events["restarted"] == found.coverage.goals["a crash"]
    assert {"hello", "kv.compare_and_set"} <= found.coverage.events.keys()
    assert 0 < found.coverage.marks["a send is repeated"] < 60
    assert found.coverage.marks["a device learns that what it lacks is trimmed"] == 0, "tiny trims nothing"
    assert "of 86 marks in the code, " in str(found)
    assert found.coverage.strategies == {"random": 60}
    assert found.coverage.goals["a crash"] > 0
    assert "at 95 % at most 5.00% of such cases do" in str(found)
    found.assert_ok()


def test_a_mistake_is_found_shrunk_and_told(tiny):
    at_once = []
    found = check(tiny, runs=40, seed=4, jobs=1, device=Hasty, on_failure=at_once.append)
    assert found.outcome is Outcome.VIOLATED
    (failure,) = found.failures
    assert [one.case for one in at_once] == [failure.case]
    assert at_once[0].shrunk is None
    assert len(failure.smallest.deviations) < len(failure.case.deviations)
    assert "crash" in str(failure.smallest)
    assert failure.shrunk.finished
    assert f"seed {failure.smallest.seed}" in str(found)
    with pytest.raises(AlgorithmError, match=failure.case.breaks):
        found.assert_ok()


def test_the_lowest_failure_is_reported_on_any_number_of_cores(tiny):
    alone = check(tiny, runs=60, seed=4, jobs=1, device=Hasty, shrink_seconds=0)
    together = check(tiny, runs=60, seed=4, jobs=2, device=Hasty, shrink_seconds=0)
    assert alone.failures[0].order == together.failures[0].order
    assert alone.failures[0].case == together.failures[0].case


def test_what_raises_breaks_its_contract(tiny):
    found = check(tiny, runs=5, jobs=1, device=Raises, shrink_seconds=5)
    (failure,) = found.failures
    assert failure.order == (0,)
    assert failure.case.breaks == "contract"
    assert failure.smallest.deviations == ()
    assert "ValueError" in failure.story


def test_what_failed_earlier_is_tried_first(tiny):
    known = check(tiny, runs=40, seed=4, jobs=1, device=Hasty, shrink_seconds=0).failures[0].case
    found = check(tiny, runs=40, seed=4, jobs=1, device=Hasty, first=[known], shrink_seconds=0)
    assert found.cases == 1
    assert found.failures[0].order == ()
    assert found.failures[0].case == known
    assert check(tiny, runs=20, jobs=1, first=[known]).cases == 21


def test_only_promises_that_were_asked_for_count(tiny):
    assert check(tiny, runs=5, jobs=1, device=Raises, properties=["no loss"]).failures == ()


def test_a_budget_ends_a_search(tiny):
    found = check(tiny, budget="1ms", jobs=1)
    assert 0 < found.cases <= 20


def test_a_goal_that_was_in_reach_and_never_met_leaves_it_unknown(tiny):
    found = check(tiny, runs=1, jobs=1)
    assert found.outcome is Outcome.UNKNOWN
    assert found.unmet
    assert found.unmet[0] in str(found)


@pytest.mark.parametrize(("strategy", "reached"), [("push", True), ("poll", False)])
def test_a_gap_is_in_reach_where_servers_push(monkeypatch, strategy, reached):
    monkeypatch.setattr("imsim.verify.goals.count_goals", lambda _: dict.fromkeys([goal.value for goal in Goal], 0))
    found = check(load("tiny", [f"sync.strategy={strategy}"]), runs=12, jobs=1)
    assert found.coverage.faults["drop"]
    assert found.outcome is Outcome.UNKNOWN
    assert (Goal.GAP.value in found.unmet, Goal.UNANSWERED.value in found.unmet) == (reached, True)


def test_all_strategies_take_turns_and_which_one_found_it_is_said(tiny):
    alone = check(tiny, strategy="all", runs=130, seed=4, jobs=1, device=Hasty, shrink_seconds=0)
    together = check(tiny, strategy="all", runs=130, seed=4, jobs=2, device=Hasty, shrink_seconds=0)
    (one,), (other,) = alone.failures, together.failures
    assert (one.order, one.case, one.strategy) == (other.order, other.case, other.strategy)
    assert f"case {one.order[0]} ({one.strategy}), seed" in str(alone)


def test_a_turn_of_every_strategy(tiny):
    found = check(tiny, strategy="all", runs=60, jobs=1)
    assert found.failures == ()
    assert found.coverage.strategies == {"random": 20, "exhaustive": 20, "pct": 10, "hypothesis": 10}
    assert "cases: 20 × random, 20 × exhaustive, 10 × pct, 10 × hypothesis" in str(found)
    assert found.everything == ""


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"depth": 0}, "depth: expected an integer >= 1, got 0"),
        ({"strategy": "randum"}, r"expected random, exhaustive, pct, .*, got 'randum' \(did you mean 'random'\?\)"),
        ({"seed": -1}, "seed: expected"),
        ({"runs": 0}, "runs: expected"),
        ({"jobs": 0}, "jobs: expected"),
        ({"properties": ["no lose"]}, r"properties no lose: no such promise \(did you mean 'no loss'\?\)"),
        ({"budget": 0.0}, "budget 0.0: expected a duration"),
    ],
)
def test_numbers_out_of_range_are_refused(tiny, asked, says):
    with pytest.raises(ConfigError, match=says):
        check(tiny, **asked)


def test_progress_is_told(tiny):
    told = []
    check(tiny, runs=40, jobs=1, on_progress=lambda cases, seconds: told.append((cases, seconds)))
    assert told == sorted(told)
    assert told[-1][0] == 40


@pytest.mark.parametrize("jobs", [1, 2])
def test_whoever_is_told_of_progress_may_end_the_search(tiny, jobs):
    found = check(tiny, budget=600.0, jobs=jobs, on_progress=lambda cases, _: cases >= 20)
    assert found.interrupted
    assert found.outcome is Outcome.UNKNOWN
    assert 20 <= found.cases <= 100
    assert "the search was interrupted" in str(found)


def test_a_run_that_scenario_and_seed_do_not_determine_is_told_so_and_is_not_shrunk(tiny):
    lives = []

    class Moody(Device):
        __slots__ = ()

        def open(self, *, now, wall):
            lives.append(now)
            if len(lives) == 8:  # in the first case, after the six of the survey
                raise ValueError("not today")
            super().open(now=now, wall=wall)

    found = check(tiny, runs=2, jobs=1, device=Moody)
    (failure,) = found.failures
    assert failure.shrunk is None
    assert "scenario and seed do not determine it" in failure.story


def test_where_two_runs_of_a_case_part_is_named(tiny):
    lives = []

    class Forgetful(Device):
        __slots__ = ()

        def open(self, *, now, wall):
            lives.append(now)
            if len(lives) == 8:
                raise ValueError("not today")
            if len(lives) < 16:
                super().open(now=now, wall=wall)

    (failure,) = check(tiny, runs=2, jobs=1, device=Forgetful).failures
    assert "and two more part at row" in failure.story
