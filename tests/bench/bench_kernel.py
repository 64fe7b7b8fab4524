"""How many events a second: SimPy's own loop, SimPy's program on the kernel, and the kernel's light calls.

One thousand timers, each of which starts itself again, in one process and alternating, so that a busy machine slows
all of them alike; the best of several rounds counts. And what a server pays for a frame: a task with six awaits on
ports that need not wait, and one keyed draw. Run it: `python tests/bench/bench_kernel.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import simpy

from imsim.sim.decisions import Decisions, Kind, draw
from imsim.sim.kernel import Kernel
from imsim.sim.runtime import Incarnation, SimRuntime
from imsim.study.bench_worker import light_timers, rate, simpy_timers

if TYPE_CHECKING:
    from collections.abc import Callable

UNTIL = 300.0
ROUNDS = 5
TASKS = 20_000


class _Clock:
    """A clock that nobody asks."""

    def now(self) -> float:
        return 0.0

    wall = now


def tasks() -> int:
    """Spawn a task that makes six port calls, none of which waits."""
    kernel = Kernel()
    randomness = Decisions(1).randomness("at server-1")
    runtime = SimRuntime(kernel, Incarnation(1), clock=_Clock(), random=randomness, node="server-1")

    async def port_call(key: int) -> int:
        runtime.begin_call()
        return key

    async def accept(key: int) -> None:
        await port_call(key)
        await port_call(key)
        await port_call(key)
        await port_call(key)
        await port_call(key)
        await port_call(key)

    for number in range(TASKS):
        runtime.spawn(accept(number))
        kernel.run()
    return TASKS


def draws() -> int:
    """Answer one key after the other."""
    decisions = Decisions(1)
    salt, subject = decisions.salt(Kind.PUSH, "to bob/phone"), decisions.name("alice-3")
    for occurrence in range(TASKS):
        draw(salt, subject, occurrence)
    return TASKS


def measure() -> dict[str, float]:
    """The best rate of each contender, in timers, tasks or draws a second."""
    contenders: dict[str, Callable[[], int]] = {
        "simpy": lambda: simpy_timers(simpy.Environment(), UNTIL),
        "simpy program on the kernel": lambda: simpy_timers(Kernel(), UNTIL),
        "light calls": lambda: light_timers(Kernel(), UNTIL),
        "task with six awaits": tasks,
        "keyed draw": draws,
    }
    best = dict.fromkeys(contenders, 0.0)
    for _ in range(ROUNDS):
        for name, body in contenders.items():
            best[name] = max(best[name], rate(body))
    return best


if __name__ == "__main__":
    rates = measure()
    for name, value in rates.items():
        print(f"{name:>28}: {value:>12,.0f} /s  {1e6 / value:.2f} us   x{value / rates['simpy']:.2f}")
