"""One node in virtual time, without a world around it: its runtime, and a clock that is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.sim.decisions import Decisions
from imsim.sim.runtime import Incarnation, SimRuntime

if TYPE_CHECKING:
    from imsim.sim.kernel import Kernel


class TrueClock:
    """The kernel's own time, and a wall clock that began at a billion seconds."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel

    def now(self) -> float:
        return self.kernel.now

    def wall(self) -> float:
        return 1e9 + self.kernel.now


def node_runtime(kernel: Kernel, number: int = 1) -> SimRuntime:
    """The runtime of that incarnation of server-1."""
    return SimRuntime(
        kernel,
        Incarnation(number),
        clock=TrueClock(kernel),
        random=Decisions(1).randomness("at server-1"),
        node="server-1",
    )
