"""Periodic poll: ask every `interval` seconds, and leave the connection in between if `rest`.

The radio sleeps between two rounds, so it costs least energy a day and most latency: half the interval in the mean.
"""

from __future__ import annotations

from typing import ClassVar

from imsim.protocol.sync.strategy import CheckNow, Passive, Rest, Step, Timing, View, Wake

__all__ = ["Poll"]


class Poll(Passive, frozen=True, gc=False, kw_only=True, tag="poll", tag_field="strategy"):
    """Ask every `interval` seconds."""

    name: ClassVar[str] = "poll"
    interval: float = 60.0
    rest: bool = False

    def on_start(self, state: Timing, view: View, now: float) -> Step:  # noqa: ARG002
        """The first round: who will leave again must ask, for what follows Welcome may still be under way."""
        round_ = (CheckNow(), Wake(now + self.interval)) if self.rest else (Wake(now + self.interval),)
        return state, round_

    def on_quiet(self, state: Timing, view: View, now: float) -> Step:  # noqa: ARG002
        """The round is over."""
        return state, ((Rest(now + self.interval),) if self.rest else ())

    def on_timer(self, state: Timing, view: View, now: float) -> Step:  # noqa: ARG002
        """The next round."""
        return state, (CheckNow(), Wake(now + self.interval))

    def worst_staleness(self) -> float | None:
        """One interval."""
        return self.interval
