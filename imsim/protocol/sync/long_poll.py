"""Long poll: a question is always open at the server, which answers it as soon as there is something.

The next question is asked only once the device holds all that the last answer told of, so that no round repeats itself.
"""

from __future__ import annotations

from typing import ClassVar

from imsim.protocol.sync.strategy import CheckNow, Passive, Step, Timing, View

__all__ = ["LongPoll"]


class LongPoll(Passive, frozen=True, gc=False, kw_only=True, tag="long_poll", tag_field="strategy"):
    """Keep a question open for `hold` seconds."""

    name: ClassVar[str] = "long_poll"
    hold: float = 30.0

    def on_heads(self, state: Timing, view: View, now: float) -> Step:  # noqa: ARG002
        """Nothing came: ask again. Something came: pull it first, `on_quiet` asks again."""
        return state, (() if view.behind else (CheckNow(self.hold),))

    def on_quiet(self, state: Timing, view: View, now: float) -> Step:  # noqa: ARG002
        """Ask (the device keeps a single check in flight)."""
        return state, (CheckNow(self.hold),)

    def on_hint(self, state: Timing, view: View, now: float) -> Step:  # noqa: ARG002
        """The open question will be answered."""
        return state, ()

    def on_check(self, hold: float) -> float:
        """As long as the device asks, within this strategy's own hold."""
        return min(hold, self.hold)

    def worst_staleness(self) -> float | None:
        """A commit that never reached the session is found when the question's hold ends."""
        return self.hold
