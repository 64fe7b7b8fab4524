"""The checker agrees with trying every order, and shows what it says."""

from __future__ import annotations

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsim.verify.linear import levels, obstacle
from imsim.verify.linear.check import check_linearizable
from imsim.verify.linear.depth_first import DepthFirst
from imsim.verify.linear.frontier import Frontier
from imsim.verify.linear.models import MODELS
from imsim.verify.linear.operation import UNKNOWN, Operation, Status
from imsim.verify.linear.part import Part
from imsim.verify.linear.recheck import is_linearization
from imsim.verify.linear.shrink import shrunk
from imsim.verify.linear.steps import Steps
from imsim.verify.verdict import Outcome
from tests.small_histories import by_trying, small_history


def _told(seed):
    model, operations = small_history(Random(seed))
    return model, operations, check_linearizable(operations, model)


@pytest.mark.parametrize("block", range(3))
def test_three_thousand_small_histories_are_judged_as_by_trying_every_order(block):
    verdicts = set()
    for seed in range(block * 1000, (block + 1) * 1000):
        model, operations, found = _told(seed)
        assert (found.outcome is Outcome.HOLDS) is by_trying(model, operations), f"seed {seed}"
        verdicts.add((model.name, found.outcome))
    assert len(verdicts) == 2 * len(MODELS), "each model both ways"


@given(st.integers(0, 10**9))
def test_what_holds_has_an_order_that_an_independent_check_accepts(seed):
    model, operations, found = _told(seed)
    for key, order in found.orders.items():
        part = [each for each in operations if each.key == key]
        assert is_linearization(model, part, order)


@given(st.integers(0, 10**9))
def test_each_search_alone_says_the_same(seed):
    model, operations = small_history(Random(seed))
    part = Part(None, [each for each in operations if each.status is not Status.FAIL and each.key is None], model)
    answers = [search(part.levels, part.steps, part.steps.first()).run(100_000) for search in (DepthFirst, Frontier)]
    assert answers[0] is answers[1] is not None


@given(st.integers(0, 10**9))
def test_the_obstacle_is_the_first_answer_up_to_which_no_order_is_possible(seed):
    model, operations, found = _told(seed)
    if found.obstacle is None:
        return
    part = [each for each in operations if each.key == found.obstacle.key and each.status is not Status.FAIL]
    culprit, last = found.obstacle.unplaceable, found.obstacle.last
    assert not by_trying(model, _until(part, culprit.returned))
    sooner = [each.returned for each in part if each.status is Status.OK and each.returned < culprit.returned]
    if sooner:
        assert last is not None
        assert last.returned in (max(sooner), culprit.returned)  # at equal times, whichever was called first
        assert by_trying(model, _until(part, max(sooner)))


@given(st.integers(0, 10**9))
def test_what_is_left_of_a_violation_is_one_by_itself(seed):
    model, operations, found = _told(seed)
    left = shrunk(operations, model, found)
    assert bool(left) is (found.obstacle is not None)
    if left:
        part = [each for each in operations if each.key == found.obstacle.key and each.status is not Status.FAIL]
        kept = [
            each if each in left else _freed(each) for each in part if each.call <= found.obstacle.unplaceable.returned
        ]
        assert not by_trying(model, kept)


def _freed(operation):
    return msgspec.structs.replace(operation, returned=None, result=UNKNOWN, status=Status.INFO)


def _until(part, end):
    """The history up to a moment, in which what was open may have happened or not."""
    return [
        each if each.returned is not None and each.returned <= end else obstacle.unanswered(each)
        for each in part
        if each.call <= end
    ]


def test_a_search_that_loses_operations_is_noticed(monkeypatch):
    """The agreement above can fail: a checker that never places what did not return disagrees."""

    def forgetful(operations, model, steps):
        return [level._replace(maybes=()) for level in levels.levels_of(operations, model, steps)]

    monkeypatch.setattr("imsim.verify.linear.part.levels_of", forgetful)
    assert any((found.outcome is Outcome.HOLDS) is not by_trying(*told) for *told, found in map(_told, range(400)))


def test_steps_of_equal_kinds_are_asked_once():
    asked = []
    counter = MODELS["counter"]

    def step(state, operation):
        asked.append(operation)
        return counter.step(state, operation)

    steps = Steps(counter.starting(0).__class__(name="c", init=0, step=step, anonymous=True))
    kinds = {steps.kind(Operation(process=n, function="inc", call=n, returned=n)) for n in range(5)}
    (kind,) = kinds
    assert steps.fill(kind, steps.first()) == steps.table[kind][steps.first()]
    assert len(asked) == 1
