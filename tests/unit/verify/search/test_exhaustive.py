"""Exhaustive search: every set of deviations once, as many as were counted, and a word for what was tried."""

from __future__ import annotations

from itertools import islice

import msgspec
import pytest

from imsim.scenario import load
from imsim.scenario.values import Shape
from imsim.sim.algorithms import REAL
from imsim.sim.decisions import Kind
from imsim.verify.search import Case, check, try_case
from imsim.verify.search.exhaustive import Exhaustive, children
from imsim.verify.search.simpler import with_a_dull_network
from imsim.verify.verdict import Outcome
from tests.flawed_devices import Raises

TINY_CASES = 2433
"""Cases of models/tiny.toml with at most one deviation, the run without any included; with two it has 3,248,389."""
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
    assert source.count == TINY_CASES
    roots = [source.root(index) for index in range(TINY_CASES)]
    assert len({deviations for _, deviations in roots}) == TINY_CASES
    assert roots[0] == (-1, ())
    trial = try_case(Case(scenario=tiny, seed=1), recording=True, steered=True)
    assert set(roots[1:]) == {(place, (one,)) for place, one in children(trial, -1)}
    first = [place for place, _ in roots[1:21]]
    assert max(first) - min(first) > len(trial.keys) / 2, "whoever stops early has tried something of all"


def test_the_cases_with_two_deviations_are_counted(alone):
    one, two = ALONE_CASES
    source = Exhaustive.of(alone, seed=1, algorithms=REAL, depth=2, largest=20)
    assert source.count == one
    follow = 0
    for place, deviations in map(source.root, range(1, one)):
        trial = try_case(Case(scenario=alone, seed=1, deviations=deviations), recording=True, steered=True)
        assert trial.outcome is Outcome.HOLDS, str(deviations[0])
        follow += sum(1 for _ in children(trial, place))
    assert one + follow == two


def test_what_follows_from_a_case_is_told_after_it(alone):
    source = Exhaustive.of(alone, seed=1, algorithms=REAL, depth=2, largest=20)
    place, deviations = source.root(source.count - 1)
    trial = try_case(Case(scenario=alone, seed=1, deviations=deviations), recording=True, steered=True)
    told = list(source.tell(source.count - 1, (7,)))
    assert [one.order for one in told] == [
        (7,),
        *((7, number + 1) for number in range(len(list(children(trial, place))))),
    ]


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


def test_a_search_through_everything_says_what_that_was(smallest):
    small = check(smallest, strategy="exhaustive", jobs=1)
    assert small.outcome is Outcome.HOLDS, str(small)
    assert small.cases == Exhaustive.of(smallest, seed=1, algorithms=REAL, depth=1, largest=20).count
    assert f"all {small.cases:,} cases hold: up to 1 deviation, on links of constant latency" in str(small)


def test_a_search_that_was_cut_short_does_not_say_that_it_was_everything(tiny):
    assert check(tiny, strategy="exhaustive", budget=0.01, jobs=1).everything == ""


def test_nothing_follows_from_a_case_that_fails():
    found = check(load("tiny"), strategy="exhaustive", depth=2, jobs=1, device=Raises, shrink_seconds=0)
    assert found.cases == 1
    assert found.failures[0].order == (0,)
