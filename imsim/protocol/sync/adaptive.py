"""Adaptive: a poll whose interval follows the hours of activity and the behaviour of the network.

The interval halves when a round found something and grows by half when it did not, within bounds that depend on the
hour; failures in a row double it, so that a bad network is not asked more often than it can answer. Long intervals are
spent without a connection.
"""

from __future__ import annotations

from typing import ClassVar

from imsim.protocol.sync.strategy import CheckNow, Passive, Rest, Step, Timing, View, Wake

__all__ = ["Adaptive"]

_HOUR = 3600.0
_DAY_HOURS = 24
_MAX_DOUBLINGS = 16


class Adaptive(Passive, frozen=True, gc=False, kw_only=True, tag="adaptive", tag_field="strategy"):
    """Poll between `least` and `most` seconds; outside of `busy` hours (local, half-open) at `most`.

    Attributes:
        least, most: bounds of the interval, seconds.
        busy: `(first, last)` hour of activity; `(0, 24)` is always. May wrap around midnight.
        utc_offset: hours that local time is ahead of the wall clock.
        rest_above: an interval longer than this many seconds is spent without a connection.
    """

    name: ClassVar[str] = "adaptive"
    least: float = 5.0
    most: float = 300.0
    busy: tuple[int, int] = (7, 23)
    utc_offset: float = 0.0
    rest_above: float = 60.0

    def initial(self) -> Timing:
        """Start at the short end."""
        return Timing(self.least)

    def on_start(self, state: Timing, view: View, now: float) -> Step:
        """The first round; its answer adapts the interval."""
        return state, (CheckNow(), Wake(now + self._bounded(state.interval, view)))

    def on_heads(self, state: Timing, view: View, now: float) -> Step:
        """A round is over: adapt, and plan the next one."""
        return self._next(state, view, now)

    def on_quiet(self, state: Timing, view: View, now: float) -> Step:
        """Leave the connection if the next round is far."""
        wait = self._bounded(state.interval, view)
        return state, ((Rest(now + wait),) if wait > self.rest_above else ())

    def on_timer(self, state: Timing, view: View, now: float) -> Step:
        """The next round; should it fail, another follows."""
        return state, (CheckNow(), Wake(now + self._bounded(state.interval, view)))

    def worst_staleness(self) -> float | None:
        """The longest interval."""
        return self.most

    def _next(self, state: Timing, view: View, now: float) -> Step:
        interval = state.interval * (0.5 if view.behind else 1.5)
        interval = min(max(interval, self.least), self.most)
        return Timing(interval), (Wake(now + self._bounded(interval, view)),)

    def _bounded(self, interval: float, view: View) -> float:
        if not self._is_busy(view.wall):
            return self.most
        return min(interval * 2.0 ** min(view.troubles, _MAX_DOUBLINGS), self.most)

    def _is_busy(self, wall: float) -> bool:
        hour = (wall / _HOUR + self.utc_offset) % _DAY_HOURS
        first, last = self.busy
        return first <= hour < last if first <= last else hour >= first or hour < last
