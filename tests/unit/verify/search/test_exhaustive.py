"""Exhaustive search: every set of deviations once, as many as were counted, and a word for what was tried."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import msgspec
import pytest

from imsim.scenario import load
from imsim.scenario.values import Shape
from imsim.sim.algorithms import REAL
from imsim.sim.decisions import Kind
from imsim.verify.search import Case, check, exhaustive, try_case
from imsim.verify.search.exhaustive import Exhaustive, children
from imsim.verify.search.found import Depth
from imsim.verify.search.simpler import with_a_dull_network
from imsim.verify.verdict import Outcome
from tests.conformance.test_every_case import TINY_CASES
from tests.flawed_devices import Raises

ALONE_CASES = 371, 36_457
"""Cases of one user who writes one message, with at most one and at most two deviations."""


@pytest.fixture(scope="module")
def tiny():
    return with_a_dull_network(load("tiny"))


@pytest.fixture(scope="module")
def smallest():
    """Two users and one message: small enough for two deviations."""
    steps = [{"at": 1.0, "from": "alice", "to": "team", "device": "phone"}]
    changes = {"traffic.steps": steps, "faults.events": [], "duration": "3s", "devices.kinds": ["phone"]}
    return with_a_dull_network(load("tiny", {**changes, "sync.strategy": "push"}))


@pytest.fixture(scope="module")
def alone(smallest):
    """The same, and nobody reads it."""
    return msgspec.structs.replace(smallest, without=("bob",), duration=2.0)


def test_a_link_of_constant_latency_loses_nothing(tiny):
    for profile in tiny.network.profiles.values():
        assert profile.loss == profile.outages.every == profile.outages.length == 0.0
        assert profile.latency.distribution is Shape.CONSTANT


def test_the_cases_of_a_small_model_are_counted(tiny):
    source = Exhaustive.of(tiny, seed=1, algorithms=REAL, depth=1, largest=20)
    assert source.count == 1 + source.roots == TINY_CASES[0]
    roots = [source.root(index) for index in range(1, source.count)]
    trial = try_case(Case(scenario=tiny, seed=1), recording=True, steered=True)
    assert sorted(roots, key=str) == sorted(children(trial, -1), key=str)
    first = [place for place, _ in roots[:20]]
    assert max(first) - min(first) > len(trial.keys) / 2, "whoever stops early has tried something of all"


def test_the_cases_with_two_deviations_are_counted(alone):
    one, two = ALONE_CASES
    found = check(alone, strategy="exhaustive", runs=one + 5)
    assert found.outcome is Outcome.HOLDS, str(found)
    assert found.coverage.depths == (Depth(0, 1, 1), Depth(1, one - 1, one - 1), Depth(2, 5, two - one))
    assert "5 of the 36,086 cases with 2 deviations were tried" in str(found)


@pytest.mark.parametrize("largest", [7, 20])
def test_every_set_of_two_comes_up_once(alone, largest, monkeypatch):
    """Whatever a process is handed at once; the runs themselves are not needed for that, only what each was asked."""
    tried = Counter()
    runs = {}

    def instead(case, *, recording, **_how):
        tried[frozenset(case.deviations)] += not recording
        if recording and case.deviations not in runs:
            runs[case.deviations] = try_case(case, recording=True, steered=True)
        return runs[case.deviations if recording else ()]

    monkeypatch.setattr(exhaustive, "try_case", instead)
    source = Exhaustive.of(alone, seed=1, algorithms=REAL, depth=2, largest=largest)
    one, two = ALONE_CASES
    shares = range(one, source.count)
    assert max(sum(1 for _ in source.tell(index, (index,))) for index in shares) <= 2 * largest
    pairs = {deviations: times for deviations, times in tried.items() if len(deviations) == 2}
    assert len(pairs) == two - one
    assert set(pairs.values()) == {1}
    assert {source.at_once(index) for index in shares} == {1}


def test_a_third_deviation_follows_from_the_second(alone):
    source = Exhaustive.of(alone, seed=1, algorithms=REAL, depth=3, largest=20)
    _, two = ALONE_CASES
    shares = (source.count - ALONE_CASES[0]) // 2
    told = list(islice(source.tell(ALONE_CASES[0] + shares, (7,)), 30))
    assert {len(one.actions) for one in told} == {3}
    assert [len(one.order) for one in told] == [3] * 30
    assert sorted(one.order for one in told) == [one.order for one in told]
    assert all(one.follow == 0 for one in told)
    assert two > 30


def test_late_frames_are_held_and_streams_do_not_deliver_twice(tiny):
    trial = try_case(Case(scenario=tiny, seed=1), recording=True, steered=True)
    actions = {(child.key.kind, type(child.action).__name__) for _, child in children(trial, -1)}
    assert {action for kind, action in actions if kind is Kind.PUSH} == {
        "Drop", "Cut", "CrashBefore", "CrashAfter", "Pause", "LosePush", "Hold",
    }  # fmt: skip
    assert {action for kind, action in actions if kind is Kind.TIE} == {"Yield"}
    assert (Kind.PORT, "Delay") in actions


def test_every_deviation_can_happen(tiny):
    trial = try_case(Case(scenario=tiny, seed=1), recording=True, steered=True)
    keys = list(trial.keys)
    for place, child in islice(children(trial, -1), 0, None, 97):
        assert keys[place] == child.key
        changed = try_case(Case(scenario=tiny, seed=1, deviations=(child,)), recording=True, steered=True)
        assert list(changed.keys[: place + 1]) == keys[: place + 1], "everything before it is the same run"


def test_children_deviate_only_after_their_parent(tiny):
    trial = try_case(Case(scenario=tiny, seed=1), recording=True)
    last = len(trial.keys) - 1
    assert {place for place, _ in children(trial, last - 2)} == {last - 1, last}
    assert not list(children(trial, last))


def test_a_search_that_was_cut_short_does_not_say_that_it_was_everything(tiny):
    found = check(tiny, strategy="exhaustive", budget=0.01, jobs=1)
    assert found.everything == ""
    assert f"{found.cases - 1} of the 2,432 cases with 1 deviation were tried" in str(found)


def test_a_case_that_breaks_a_promise_which_does_not_count_is_gone_below():
    model = load("tiny")
    found = check(model, strategy="exhaustive", runs=3, device=Raises, properties=["no loss"], jobs=1)
    assert found.cases == 3
    assert found.coverage.depths[1].there > 1000
    failing = check(model, strategy="exhaustive", runs=3, device=Raises, jobs=1, shrink_seconds=0)
    assert (failing.cases, failing.failures[0].order) == (1, (0,))
