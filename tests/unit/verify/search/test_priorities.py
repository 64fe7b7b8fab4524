"""Priorities: one order of places for a whole run, few changes of it, and cases like any other."""

from __future__ import annotations

from collections import defaultdict

import msgspec
import pytest

from imsim.scenario import load
from imsim.sim.algorithms import REAL
from imsim.sim.decisions import Kind
from imsim.sim.deviations import Delay
from imsim.verify.search import try_case
from imsim.verify.search.priorities import prioritized
from imsim.verify.search.sampling import queue_of, survey
from imsim.verify.verdict import Outcome


@pytest.fixture(scope="module")
def tiny():
    return load("tiny")


@pytest.fixture(scope="module")
def ground(tiny):
    return survey(tiny, seed=1, algorithms=REAL)


def run(tiny, ground, index, seed=1):
    draft = prioritized(tiny, ground, seed=seed, index=index)
    return try_case(draft.case, improviser=draft.improviser)


def delays(trial):
    """The delays at each place, in the order in which they were asked."""
    found = defaultdict(list)
    for deviation in trial.case.deviations:
        if isinstance(deviation.action, Delay):
            found[queue_of(deviation.key.kind, deviation.key.place)].append(deviation.action.seconds)
    return found


def test_a_place_is_held_back_by_its_rank_all_the_time_unless_that_changes(tiny, ground):
    changed = set()
    for index in range(0, 24, 2):
        for seconds in delays(run(tiny, ground, index)).values():
            steps = [one for one, before in zip(seconds, [None, *seconds], strict=False) if one != before]
            assert steps == sorted(steps), "a place that is taken back stays behind"
            changed.add(len(steps))
    assert 1 in changed
    assert max(changed) > 1


def test_ranks_are_an_order_of_the_places_in_which_one_is_first(tiny, ground):
    orders = set()
    for index in range(0, 16, 2):
        first = {place: seconds[0] for place, seconds in delays(run(tiny, ground, index)).items()}
        places = set(ground.places) - first.keys()
        assert len(places) <= 1
        orders.add(tuple(sorted(first, key=first.__getitem__)))
    assert len(orders) > 4


def test_of_many_places_some_share_a_priority(tiny, ground):
    """Or the last would never get a connection, and nothing would happen there at all."""
    many = msgspec.structs.replace(ground, places=tuple(f"to user-{n}/phone" for n in range(200)), asked={Kind.PUSH: 1})
    improvise = prioritized(tiny, many, seed=1, index=0).improviser
    waits = [improvise(Kind.PUSH, place, 0) for place in many.places[1:]]
    seconds = {0.0 if wait is None else wait.seconds for wait in waits}
    assert 10 < len(seconds) <= 14
    assert max(seconds) <= 10.0


def test_every_second_case_has_other_faults_beside(tiny, ground):
    for index in range(6):
        trial = run(tiny, ground, index)
        others = [one for one in trial.case.deviations if not isinstance(one.action, Delay)]
        assert bool(others) <= bool(index % 2)
    assert any(len(run(tiny, ground, index).case.deviations) > 50 for index in (1, 3, 5))


def test_a_case_hangs_on_its_number_alone(tiny, ground):
    for index in (3, 4):
        assert run(tiny, ground, index).case == run(tiny, ground, index).case
        assert run(tiny, ground, index).case != run(tiny, ground, index, seed=2).case


def test_what_was_held_back_is_a_case_that_gives_the_same_history(tiny, ground):
    for index in (2, 3):
        trial = run(tiny, ground, index)
        assert try_case(trial.case).history.sha256 == trial.history.sha256


def test_the_algorithms_hold_in_any_order(tiny, ground):
    outcomes = [run(tiny, ground, index).outcome for index in range(20)]
    assert Outcome.VIOLATED not in outcomes
