"""The timer wheel."""

from __future__ import annotations

import math

import pytest

from imsim.protocol.server.wheel import Wheel
from tests.ports_memory import MemoryRuntime


class Timer:
    def __init__(self, wake_at=math.inf):
        self.armed = math.inf
        self.wake_at = wake_at


class Coarse(MemoryRuntime):
    """Sleeps whole microseconds, as the simulator does, beside a clock that began between two of them."""

    def __init__(self):
        super().__init__()
        self.time = 6e-7

    async def sleep(self, seconds):
        assert self.count < 10, "it sleeps for ever"
        await super().sleep(round(seconds, 6))


@pytest.fixture
def called():
    return []


def armed(runtime, called, timer):
    Wheel(runtime, 0.1, lambda found, now: called.append((found, now))).arm(timer, timer.wake_at)
    runtime.settle()


def test_a_timer_is_called_within_a_tick_of_its_time(called):
    runtime, timer = MemoryRuntime(), Timer(1.23)
    armed(runtime, called, timer)
    runtime.advance(1.2)
    assert called == []
    runtime.advance(0.2)
    assert [(found, 1.23 <= now <= 1.34) for found, now in called] == [(timer, True)]


def test_a_timer_that_was_put_off_is_looked_at_again_when_it_is_due(called):
    runtime, timer = MemoryRuntime(), Timer(0.5)
    armed(runtime, called, timer)
    timer.wake_at = 2.0
    runtime.advance(1.0)
    assert called == []
    runtime.advance(1.2)
    assert [found for found, _ in called] == [timer]


def test_a_timer_that_waits_for_nothing_any_more_is_dropped(called):
    runtime, timer = MemoryRuntime(), Timer(0.5)
    armed(runtime, called, timer)
    timer.wake_at = math.inf
    runtime.advance(1.0)
    assert called == []
    assert timer.armed == math.inf


@pytest.mark.parametrize("slot", range(1, 400, 7))
@pytest.mark.parametrize("off", [-3e-7, -2e-7, -1e-17, 0.0, 1e-17, 1e-7])
def test_a_time_on_the_edge_of_a_slot_costs_no_endless_loop(called, slot, off):
    runtime, timer = Coarse(), Timer(slot * 0.1 - 4e-7)
    armed(runtime, called, timer)
    timer.wake_at = slot * 0.1 + off
    runtime.advance(slot * 0.1 + 0.2)
    assert called.pop()[1] >= timer.wake_at
