"""Hybrid: push, with a position check every `check` seconds that finds a lost last message."""

from __future__ import annotations

from typing import ClassVar

from imsim.protocol.sync.strategy import CheckNow, Delivery, Passive, Step, Timing, View, Wake

__all__ = ["Hybrid"]


class Hybrid(Passive, frozen=True, gc=False, kw_only=True, tag="hybrid", tag_field="strategy"):
    """Push, and check the position every `check` seconds."""

    name: ClassVar[str] = "hybrid"
    check: float = 40.0

    def on_start(self, state: Timing, view: View, now: float) -> Step:  # noqa: ARG002
        """The first check comes one period after Hello."""
        return state, (Wake(now + self.check),)

    def on_timer(self, state: Timing, view: View, now: float) -> Step:  # noqa: ARG002
        """Check, and again in one period."""
        return state, (CheckNow(), Wake(now + self.check))

    def on_commit(self) -> Delivery:
        """Every commit is pushed."""
        return Delivery.PUSH

    def worst_staleness(self) -> float | None:
        """One period."""
        return self.check
