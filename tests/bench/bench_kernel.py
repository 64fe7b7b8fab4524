"""How many events a second: SimPy's own loop, SimPy's program on the kernel, and the kernel's light calls.

One thousand timers, each of which starts itself again, in one process and alternating, so that a busy machine slows
all of them alike; the best of several rounds counts. And what a server pays for a frame: a task with six awaits on
ports that need not wait, and one keyed draw. Run it: `python tests/bench/bench_kernel.py`.
"""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

import simpy

from imsim.sim.decisions import Decisions, Kind, draw
from imsim.sim.kernel import Kernel
from imsim.sim.runtime import Incarnation, SimRuntime

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

TIMERS = 1_000
UNTIL = 300.0
ROUNDS = 5
TASKS = 20_000


def _gap(number: int) -> float:
    return 0.5 + number / TIMERS


def processes(environment: simpy.Environment) -> int:
    """SimPy's way: a process a timer."""
    fired = 0

    def timer(gap: float) -> Generator[simpy.Event, None, None]:
        nonlocal fired
        while True:
            yield environment.timeout(gap)
            fired += 1

    for number in range(TIMERS):
        environment.process(timer(_gap(number)))
    environment.run(until=UNTIL)
    return fired


def light_calls(kernel: Kernel) -> int:
    """The kernel's way: a call that makes the next call."""
    fired = 0
    call_in = kernel.call_in

    def timer(gap: float) -> None:
        nonlocal fired
        fired += 1
        call_in(gap, timer, gap)

    for number in range(TIMERS):
        call_in(_gap(number), timer, _gap(number))
    kernel.run(until=UNTIL)
    return fired


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


def rate(body: Callable[[], int]) -> float:
    """Calls a second."""
    gc.collect()
    gc.disable()
    start = time.perf_counter()
    fired = body()
    wall = time.perf_counter() - start
    gc.enable()
    return fired / wall


def measure() -> dict[str, float]:
    """The best rate of each contender, in timers, tasks or draws a second."""
    contenders: dict[str, Callable[[], int]] = {
        "simpy": lambda: processes(simpy.Environment()),
        "simpy program on the kernel": lambda: processes(Kernel()),
        "light calls": lambda: light_calls(Kernel()),
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
