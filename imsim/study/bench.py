"""How fast and how small, measured beside what a user would write by hand: `imsim bench`.

The plain SimPy program and imsim run the same workload in turn, each in a fresh process, and what is told is the
median of the ratios of neighbours: these stay when the machine's speed drifts. Nothing here judges anybody's
machine: a figure that misses its target is told as such, and only a run that fails or breaks a promise is an error.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

import imsim
from imsim.errors import ConfigError, InternalError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Figure", "median_ratio", "run_bench"]

_MESSAGES = 10
_TIMERS = 1_000
_TICKS = 300_000


class Figure(msgspec.Struct, frozen=True):
    """One measured figure and what was aimed at: at least `target`, or at most if `least` is false."""

    name: str
    value: float
    target: float
    unit: str = "x"
    least: bool = True
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the figure reaches its target."""
        return self.value >= self.target if self.least else self.value <= self.target

    def __str__(self) -> str:
        sign = ">=" if self.least else "<="
        value = f"{self.value:.3g} {self.unit}"
        note = f"  ({self.note})" if self.note else ""
        return f"{self.name:<52} {value:>12}   {sign} {self.target:g}  {'met' if self.met else 'NOT MET'}{note}"


def median_ratio(pairs: Sequence[tuple[float, float]]) -> float:
    """The median of first / second over pairs that were measured as neighbours.

    Raises:
        ValueError: there are no pairs.
    """
    if not pairs:
        message = "no pairs were measured"
        raise ValueError(message)
    return statistics.median(first / second for first, second in pairs)


def run_bench(*, full: bool, say: Callable[[str], None] = print, devices: int = 2_000) -> int:
    """Measure, and say each figure as it is known; returns the exit code.

    Args:
        full: larger sizes too, which take many minutes.
        say: what to do with a line.
        devices: the size of the first comparison.

    Raises:
        ConfigError: the plain program is not here; it comes with a checkout.
    """
    plain = _plain_program()
    figures: list[Figure] = []

    def told(found: list[Figure]) -> None:
        for figure in found:
            say(str(figure))
        figures.extend(found)

    told([_kernel()])
    told(_compared(plain, devices, "messages", target=4.0))
    told(_compared(plain, devices, "frames", target=3.0))
    if full:
        told(_compared(plain, 20_000, "messages", target=5.0, memory=True))
        told(_compared(plain, 20_000, "frames", target=4.0))
        told([_growth()])
    told([_idle(100_000 if full else 20_000)])
    say(f"{sum(figure.met for figure in figures)} of {len(figures)} targets met")
    return 0


# --------------------------------------------------------------------------- beside the plain program


def _compared(plain: Path, devices: int, level: str, *, target: float, memory: bool = False) -> list[Figure]:
    pairs: list[tuple[float, float]] = []
    ours: dict[str, Any] = {}
    theirs: dict[str, Any] = {}
    for _ in range(2 if devices > 2_000 else 3):  # noqa: PLR2004 (large ones take minutes)
        theirs = _json([sys.executable, str(plain), str(devices), str(_MESSAGES)])
        ours = _imsim(devices, level)
        pairs.append((ours["delivered"] / ours["wall_s"], theirs["delivered"] / theirs["wall_s"]))
    note = (
        f"{pairs[-1][0]:,.0f}/s beside {pairs[-1][1]:,.0f}/s, peak {ours['peak_rss_mb']:.0f} and {theirs['rss_mb']} MB"
    )
    size = f"{devices:,} devices, {level}"
    found = [Figure(f"deliveries a second, {size}", median_ratio(pairs), target, note=note)]
    if level == "messages":
        found.append(
            Figure(f"verdict's share of the run, {size}", ours["verdict_s"] / ours["wall_s"], 0.25, "", least=False)
        )
        share = ours["record_s"] / ours["wall_s"]
        found.append(Figure(f"history's share of the run, {size}", share, 0.2, "", least=False))
    if memory:
        found.append(Figure(f"peak memory, {size}", ours["peak_rss_mb"] / theirs["rss_mb"], 0.5, least=False))
    return found


def _growth() -> Figure:
    small, large = _imsim(2_000, "messages"), _imsim(50_000, "messages")
    each = [run["wall_s"] / run["delivered"] for run in (small, large)]
    return Figure("time a delivery, 50,000 over 2,000 devices", each[1] / each[0], 1.6, least=False)


def _imsim(devices: int, level: str) -> dict[str, Any]:
    found = _json([sys.executable, "-m", "imsim.study.bench", "run", str(devices), level])
    if found["verdict"] != "holds" or found["delivered"] != found["expected"]:
        message = f"the benchmark's own run did not hold: {found}"
        raise InternalError(message)
    return found


def _json(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (our own programs)
    if done.returncode:
        message = f"{' '.join(command[1:])} failed: {done.stderr.strip().splitlines()[-1:]}"
        raise InternalError(message)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _plain_program() -> Path:
    root = Path(imsim.__file__).resolve().parents[1]
    for path in (root.parent / "shared/baseline/plain_simpy.py", root / "tests/bench/plain_simpy.py"):
        if path.exists():
            return path
    message = f"bench: the plain program tests/bench/plain_simpy.py is not in {root}: run this in a checkout"
    raise ConfigError(message)


# ---------------------------------------------------------------------------------------------- the kernel alone


def _kernel() -> Figure:
    pairs = [(_light_rate(), _simpy_rate()) for _ in range(3)]
    return Figure("events a second, 1,000 timers, light over SimPy", median_ratio(pairs), 1.5)


def _light_rate() -> float:
    from imsim.sim.kernel import Kernel

    kernel = Kernel()

    def tick(number: int) -> None:
        kernel.call_in(0.001 * (1 + number % 7), tick, number)

    for number in range(_TIMERS):
        tick(number)
    return _rate(kernel)


def _simpy_rate() -> float:
    import simpy

    env = simpy.Environment()

    def timer(number: int) -> Any:  # noqa: ANN401 (a SimPy process)
        while True:
            yield env.timeout(0.001 * (1 + number % 7))

    for number in range(_TIMERS):
        env.process(timer(number))
    return _rate(env)


def _rate(env: Any) -> float:  # noqa: ANN401 (either kernel)
    begin = time.perf_counter()
    for _ in range(_TICKS):
        env.step()
    return _TICKS / (time.perf_counter() - begin)


# ---------------------------------------------------------------------------------------------- an idle device


def _idle(devices: int) -> Figure:
    found = _json([sys.executable, "-m", "imsim.study.bench", "idle", str(devices)])
    return Figure(f"memory of an idle device, of {devices:,}", found["kb_a_device"], 1.2, "KB", least=False)


def _worker(arguments: list[str]) -> dict[str, Any]:
    if arguments[0] == "idle":
        return _weigh_idle(int(arguments[1]))
    from imsim.history import Level, Writer
    from imsim.scenario import load
    from imsim.study.run import simulate

    devices, level = arguments[1:]
    run = simulate(load("bench", [f"devices.count={devices}", f"history.level={level}"]), seed=1)
    found: dict[str, Any] = json.loads(run.to_json())
    if level == "messages":
        writer = Writer(Level.MESSAGES)
        begin = time.perf_counter()
        row: Any = writer.row
        for t, node, life, event, _, talk, message, epoch, seq, op, attempt, size, detail in run.history.rows():
            row(t, node, life, event, talk, message, epoch, seq, op, attempt, size, detail)
        found["record_s"] = time.perf_counter() - begin  # reading them back included
    return found


def _weigh_idle(devices: int) -> dict[str, Any]:
    """Resident memory that each of so many connected, idle devices takes, its session and disk included."""
    import gc

    from imsim.scenario import load
    from imsim.sim.world import World

    overrides = ["traffic.messages_per_device=1", "traffic.mean_gap=100d", "network.loss=0", "duration=30s"]
    World(load("bench", [*overrides, "devices.count=20"]), seed=1).run()  # whatever is loaded or cached once
    gc.collect()
    before = _resident()
    world = World(load("bench", [*overrides, f"devices.count={devices}"]), seed=1)
    world.run()
    gc.collect()
    return {"devices": devices, "kb_a_device": (_resident() - before) / 1024 / len(world.devices)}


def _resident() -> int:
    """Bytes of this process that are in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_worker(sys.argv[1:])) + "\n")
