"""What the benchmark runs in processes of their own, so that each begins with the same memory and nothing cached.

    python -m imsim.study.bench_worker run DEVICES LEVEL | idle DEVICES | kernel

Each prints one JSON object on its last line. What does not belong here: ratios and targets (bench.py).
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imsim.history import Level, Writer
from imsim.scenario import load

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import simpy

    from imsim.history import History
    from imsim.sim.kernel import Kernel

__all__ = ["answer", "light_timers", "rate", "simpy_timers"]

_TIMERS = 1_000
_KERNEL_SECONDS = 300.0
_KERNEL_PAIRS = 9
_BLOCK = 10_000
_IDLE = ("traffic.messages_per_device=1", "traffic.mean_gap=1000d", "network.loss=0", "duration=30s")
"""Nobody writes in time, nothing is lost, and half a minute lets everybody connect and come to rest."""


def answer(arguments: list[str]) -> dict[str, Any]:
    """Measure what the arguments name."""
    what, *rest = arguments
    if what == "kernel":
        return {"events_per_s": kernel_rates(_KERNEL_SECONDS)}
    if what == "idle":
        return idle_weight(int(rest[0]))
    return timed_run(int(rest[0]), Level[rest[1].upper()])


def timed_run(devices: int, level: Level) -> dict[str, Any]:
    """The benchmark's run: what `--json` tells, and the seconds that recording its history takes."""
    from imsim.study.run import simulate

    run = simulate(load("bench", [f"devices.count={devices}"]), seed=1, level=level)
    return {**json.loads(run.to_json()), "record_s": recording_seconds(run.history, level)}


def recording_seconds(history: History, level: Level) -> float:
    """Seconds that it takes to record the same rows again; reading them is not counted."""
    writer = Writer(level)
    row: Any = writer.row
    rows = history.rows()
    spent = 0.0
    while block := list(itertools.islice(rows, _BLOCK)):
        begin = time.perf_counter()
        for t, node, life, event, _, talk, message, epoch, seq, op, attempt, size, detail in block:
            row(t, node, life, event, talk, message, epoch, seq, op, attempt, size, detail)
        spent += time.perf_counter() - begin
    begin = time.perf_counter()
    writer.finish()
    return spent + time.perf_counter() - begin


# ---------------------------------------------------------------------------------------------- the kernel alone


def kernel_rates(seconds: float) -> list[dict[str, float]]:
    """Timers a second, with light calls and with SimPy's own loop, in turn."""
    import simpy

    from imsim.sim.kernel import Kernel

    return [
        {
            "light": rate(lambda: light_timers(Kernel(), seconds)),
            "simpy": rate(lambda: simpy_timers(simpy.Environment(), seconds)),
        }
        for _ in range(_KERNEL_PAIRS)
    ]


def _gap(number: int) -> float:
    return 0.5 + number / _TIMERS


def light_timers(kernel: Kernel, seconds: float) -> int:
    """The kernel's way: a call that makes the next call. Returns how many timers fired."""
    fired = 0
    call_in = kernel.call_in

    def timer(gap: float) -> None:
        nonlocal fired
        fired += 1
        call_in(gap, timer, gap)

    for number in range(_TIMERS):
        call_in(_gap(number), timer, _gap(number))
    kernel.run(until=seconds)
    return fired


def simpy_timers(environment: simpy.Environment, seconds: float) -> int:
    """SimPy's way: a process a timer. Returns how many timers fired."""
    fired = 0

    def timer(gap: float) -> Generator[simpy.Event, None, None]:
        nonlocal fired
        while True:
            yield environment.timeout(gap)
            fired += 1

    for number in range(_TIMERS):
        environment.process(timer(_gap(number)))
    environment.run(until=seconds)
    return fired


def rate(body: Callable[[], int]) -> float:
    """Events a second, without the cycle collector, which neither needs."""
    gc.collect()
    gc.disable()
    begin = time.perf_counter()
    fired = body()
    spent = time.perf_counter() - begin
    gc.enable()
    return fired / spent


# ---------------------------------------------------------------------------------------------- an idle device


def idle_weight(devices: int) -> dict[str, Any]:
    """Resident bytes for each of so many connected, idle devices: session, disk, log and names included."""
    from imsim.sim.world import World

    World(load("bench", [*_IDLE, "devices.count=20"]), seed=1).run()  # whatever is loaded or made once
    gc.collect()
    before = _resident()
    world = World(load("bench", [*_IDLE, f"devices.count={devices}"]), seed=1)
    after = before

    def weigh(now: float, duration: float) -> None:
        nonlocal after
        if now >= duration:  # before the world is healed and closed
            gc.collect()
            after = _resident()

    world.run(weigh)
    online = sum(node.device is not None and node.device.online for node in world.devices.values())
    return {"devices": len(world.devices), "online": online, "bytes": (after - before) / len(world.devices)}


def _resident() -> int:
    """Bytes of this process that are in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(answer(sys.argv[1:])) + "\n")
