"""The moments at which users write: fixed gaps, a rate, a day's rhythm, and bursts.

A Poisson process whose rate changes with the hour is made by *time change*: a process of rate 1 is stretched by the
inverse of the accumulated rate, so that each arrival costs one draw and none is thrown away. Draws are under the name
of the user (or device) and the number of the arrival.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from imsim.sim.decisions import draw, unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imsim.scenario.traffic import Burst

__all__ = ["Rhythm", "burst_times", "gap_times"]

_GAP, _ARRIVAL, _TAKES_PART, _MOMENT = 21, 22, 23, 24
_HOUR = 3600.0


class Rhythm:
    """A rate that repeats day by day.

    Args:
        rate: arrivals an hour, averaged over the day.
        hours: the weight of each hour from midnight; None: the same rate always.
        hour: hour of the day at time 0.
    """

    __slots__ = ("_begin", "_rates")

    def __init__(self, rate: float, hours: Sequence[float] | None, hour: float) -> None:
        weights = hours or (1.0,)
        mean = math.fsum(weights) / len(weights)
        self._rates = [rate / _HOUR * weight / mean for weight in weights]
        self._begin = hour * _HOUR

    def times(self, salt: int, until: float, *, factor: float = 1.0) -> Iterator[float]:
        """The arrivals of one user up to `until`, at `factor` times the rate."""
        if factor == 0.0 or not any(self._rates):
            return
        now, turn = 0.0, 0
        while True:
            turn += 1
            now = self._after(now, -math.log1p(-unit(draw(salt, _ARRIVAL, turn))) / factor, until)
            if now >= until:
                return
            yield now

    def _after(self, now: float, amount: float, until: float) -> float:
        """When the accumulated rate has grown by `amount` since `now`; `until` if not before."""
        if len(self._rates) == 1:
            return now + amount / self._rates[0]
        hour, rest = divmod(self._begin + now, _HOUR)
        number, left = int(hour), _HOUR - rest
        while now < until:
            rate = self._rates[number % len(self._rates)]
            if amount < rate * left:
                return now + amount / rate
            amount -= rate * left
            now, number, left = now + left, number + 1, _HOUR
        return until


def gap_times(salt: int, count: int, mean: float) -> Iterator[float]:
    """`count` moments with exponential gaps, the first gap beginning at 0."""
    now = 0.0
    for turn in range(1, count + 1):
        now -= mean * math.log1p(-unit(draw(salt, _GAP, turn)))
        yield now


def burst_times(salt: int, number: int, burst: Burst) -> Iterator[float]:
    """The moments at which one user writes in the burst of this number (from 0), if the user takes part at all."""
    if unit(draw(salt, _TAKES_PART, number + 1)) >= burst.share:
        return
    for turn in range(burst.messages):
        yield burst.at + burst.length * unit(draw(salt, _MOMENT, number << 32 | turn))
