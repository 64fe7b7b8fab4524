"""What a node believes about time: monotonic seconds that begin with its process, and a wall clock that may lie.

The kernel's time is the truth, and nobody in the world can read it. A node's *monotonic* clock is that time since
its process began: it never runs backwards, never jumps, and means nothing after a restart. Its *wall* clock is the
true wall time plus a skew, plus a drift for every second, and it may jump when somebody corrects it.

Most devices have a right clock, and a hundred thousand equal objects would be waste: they share one `RightClock`, whose
monotonic time began with the world. A node whose clock is to restart, skew or jump gets a `NodeClock` of its own.

What does not belong here: who reads a clock, and when it is to jump (faults.py).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imsim.sim.kernel import Kernel

__all__ = ["NodeClock", "RightClock"]


class RightClock:
    """A clock without fault, for any number of nodes.

    Args:
        kernel: the truth.
        epoch: the Unix time of the kernel's second 0.
    """

    __slots__ = ("_epoch", "_kernel")

    def __init__(self, kernel: Kernel, *, epoch: float) -> None:
        self._kernel = kernel
        self._epoch = epoch

    def now(self) -> float:
        """Seconds since the world began."""
        return self._kernel._now  # noqa: SLF001 - the property costs as much again

    def wall(self) -> float:
        """Seconds since the Unix epoch."""
        return self._kernel._now + self._epoch  # noqa: SLF001

    def own(self, *, skew: float = 0.0, drift: float = 0.0) -> NodeClock:
        """A clock for one node, whose monotonic time begins now.

        Args:
            skew: seconds by which its wall clock is ahead now.
            drift: seconds that it gains in every true second.

        Raises:
            ValueError: `skew` is not finite, or a `drift` of -1 or less would stand still.
        """
        return NodeClock(self._kernel, epoch=self._epoch, skew=skew, drift=drift)


class NodeClock:
    """One node's own clock: restarts, skew, drift and jumps.

    Args:
        kernel: the truth.
        epoch: the Unix time of the kernel's second 0.
        skew: seconds by which its wall clock is ahead now.
        drift: seconds that it gains in every true second (20e-6 is an ordinary quartz).
        since: the kernel's second at which its monotonic time began; None: now.

    Raises:
        ValueError: `skew` is not finite, or a `drift` of -1 or less would stand still.
    """

    __slots__ = ("_base", "_kernel", "_rate", "_started")

    def __init__(
        self, kernel: Kernel, *, epoch: float, skew: float = 0.0, drift: float = 0.0, since: float | None = None
    ) -> None:
        if not math.isfinite(skew) or not -1.0 < drift < math.inf:
            msg = f"a clock cannot have a skew of {skew} s and a drift of {drift} s a second"
            raise ValueError(msg)
        self._kernel = kernel
        self._started = kernel._now if since is None else since  # noqa: SLF001
        self._rate = 1.0 + drift
        self._base = epoch + skew - kernel._now * drift  # noqa: SLF001 - drift counts from now on

    def now(self) -> float:
        """Seconds since the process began; a quartz's drift is too small to matter for time-outs."""
        return self._kernel._now - self._started  # noqa: SLF001

    def wall(self) -> float:
        """Seconds since the Unix epoch, as this node believes."""
        return self._base + self._kernel._now * self._rate  # noqa: SLF001

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward, or back if negative; the monotonic clock does not notice.

        Raises:
            ValueError: `seconds` is not finite.
        """
        if not math.isfinite(seconds):
            msg = f"a clock cannot jump by {seconds} s"
            raise ValueError(msg)
        self._base += seconds

    def restart(self) -> None:
        """The process begins anew, and so does its monotonic time; the wall clock goes on."""
        self._started = self._kernel._now  # noqa: SLF001
