"""A timer wheel: thousands of sessions wait for time-outs of which nearly all are superseded.

A timer is put into the slot of its tick and never moved: whoever is found there looks at what it really waits for.
So a push that is acknowledged in time costs no timer of its own, and one sleep a tick serves all. Timers are late
by up to one tick.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from imsim.ports import Runtime

__all__ = ["Armed", "Wheel"]


class Armed(Protocol):
    """What waits on a wheel.

    Attributes:
        wake_at: what it really waits for; infinity: nothing.
        armed: the earliest moment for which it is in a slot; the wheel's to write.
    """

    wake_at: float
    armed: float


class Wheel:
    """One node's coarse timers."""

    __slots__ = ("_call", "_runtime", "_slots", "_tick")

    def __init__(self, runtime: Runtime, tick: float, call: Callable[[Any, float], None]) -> None:
        """Call `call(timer, now)` for what is due, within `tick` seconds of its time."""
        self._runtime = runtime
        self._tick = tick
        self._call = call
        self._slots: dict[int, list[Armed]] = {}

    def arm(self, timer: Armed, at: float) -> None:
        """Look at `timer` at `at` (monotonic seconds), unless it is looked at earlier anyway."""
        if timer.armed <= at:
            return
        timer.armed = at
        slot = int(at / self._tick) + 1
        if slot * self._tick < at:  # the last digit of a division
            slot += 1
        waiting = self._slots.get(slot)
        if waiting is None:
            self._slots[slot] = [timer]
            self._runtime.spawn(self._turn(slot))
        else:
            waiting.append(timer)

    async def _turn(self, slot: int) -> None:
        runtime = self._runtime
        await runtime.sleep(max(0.0, slot * self._tick - runtime.now()))
        now = max(runtime.now(), slot * self._tick)  # a clock of microseconds may be a hair early, for ever
        for timer in self._slots.pop(slot):
            if timer.armed <= now:
                timer.armed = math.inf
                if timer.wake_at <= now:
                    self._call(timer, now)
                elif timer.wake_at < math.inf:
                    self.arm(timer, timer.wake_at)
