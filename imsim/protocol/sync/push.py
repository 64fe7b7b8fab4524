"""Push over a long connection: the server pushes every commit and retries until it is acknowledged.

Cheapest in latency. What it cannot find: a commit that never reached the session and that nothing follows ("lost last
push"); only the next commit or the next connection reveals it, so it states no bound.
"""

from __future__ import annotations

from typing import ClassVar

from imsim.protocol.sync.strategy import Delivery, Passive

__all__ = ["Push"]


class Push(Passive, frozen=True, gc=False, tag="push", tag_field="strategy"):
    """Push, and nothing else."""

    name: ClassVar[str] = "push"
    checks: ClassVar[bool] = False

    def on_commit(self) -> Delivery:
        """Every commit is pushed."""
        return Delivery.PUSH

    def worst_staleness(self) -> float | None:
        """No bound."""
        return None
