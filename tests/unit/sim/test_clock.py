from __future__ import annotations

import sys

import pytest

from imsim.sim.clock import NodeClock, RightClock
from imsim.sim.kernel import Kernel


@pytest.fixture
def kernel():
    kernel = Kernel()
    kernel.run(until=100)
    return kernel


def test_a_right_clock_tells_the_truth(kernel):
    clock = RightClock(kernel, epoch=1e9)
    assert (clock.now(), clock.wall()) == (100.0, 1e9 + 100.0)


def test_an_own_clock_begins_with_its_process_and_is_ahead_by_its_skew(kernel):
    clock = RightClock(kernel, epoch=1e9).own(skew=-3.0)
    kernel.run(until=107)
    assert (clock.now(), clock.wall()) == (7.0, 1e9 + 104.0)


def test_a_clock_drifts_from_its_beginning_on(kernel):
    clock = RightClock(kernel, epoch=0.0).own(skew=1.0, drift=0.01)
    assert clock.wall() == pytest.approx(101.0)
    kernel.run(until=200)
    assert clock.wall() == pytest.approx(202.0)
    assert clock.now() == 100.0


def test_a_jump_moves_the_wall_clock_and_not_the_monotonic_one(kernel):
    clock = NodeClock(kernel, epoch=0.0)
    clock.jump(-50.0)
    assert (clock.now(), clock.wall()) == (0.0, 50.0)


def test_a_restart_moves_the_monotonic_clock_and_not_the_wall_clock(kernel):
    clock = NodeClock(kernel, epoch=0.0, skew=2.0)
    kernel.run(until=130)
    clock.restart()
    kernel.run(until=131)
    assert (clock.now(), clock.wall()) == (1.0, 133.0)


@pytest.mark.parametrize("wrong", [{"skew": float("inf")}, {"drift": -1.0}, {"drift": float("nan")}])
def test_a_clock_that_stands_still_is_refused(kernel, wrong):
    with pytest.raises(ValueError, match="a clock cannot"):
        RightClock(kernel, epoch=0.0).own(**wrong)


def test_a_jump_to_nowhere_is_refused(kernel):
    with pytest.raises(ValueError, match="cannot jump"):
        NodeClock(kernel, epoch=0.0).jump(float("nan"))


def test_a_clock_is_small(kernel):
    assert sys.getsizeof(NodeClock(kernel, epoch=0.0)) <= 80
