"""How fast and how small, measured beside what a user would write by hand: `imsim bench`.

The plain SimPy program and imsim run the same workload in turn (A B A B), each in a fresh process, and what is told
is the median of the ratios of neighbours, with the smallest and the largest: ratios stay when the machine's speed
drifts. Nothing here judges anybody's machine: a figure that misses its target is told as such, and only a run that
fails or breaks a promise is an error.

What does not belong here: what runs in the processes (bench_worker.py).
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

import imsim
from imsim.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Figure", "Spread", "ratios", "run_bench"]

_MESSAGES = 10
_SMALL, _LARGE, _HUGE = 2_000, 20_000, 50_000
_IDLE, _IDLE_FULL = 20_000, 100_000
_TARGETS = {("messages", False): 4.0, ("frames", False): 3.0, ("messages", True): 5.0, ("frames", True): 4.0}
"""How many times the plain program, by level of the history and whether it is the large size."""
_ROW = "{:<54}  {:>18}  {:>8}  {:<7}  {}"


class Spread(msgspec.Struct, frozen=True):
    """The middle, the least and the most of several measurements of one thing."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of these values.

        Raises:
            ValueError: there are none.
        """
        if not values:
            raise ValueError("nothing was measured")
        return cls(statistics.median(values), min(values), max(values))


def ratios(pairs: Sequence[tuple[float, float]]) -> Spread:
    """The spread of first / second over pairs that were measured as neighbours.

    Raises:
        ValueError: there are no pairs.
    """
    return Spread.of([first / second for first, second in pairs])


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured figure and what was aimed at.

    Attributes:
        name: what was measured.
        value: how it came out; its median is what counts.
        target: the least that is aimed at, or the most if `least` is false.
        unit: of value and target.
        note: what it was made from.
    """

    name: str
    value: Spread
    target: float
    unit: str = "x"
    least: bool = True
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the figure reaches its target."""
        return self.value.median >= self.target if self.least else self.value.median <= self.target

    def __str__(self) -> str:
        value = f"{self.value.median:.3g} {self.unit}"
        if self.value.least != self.value.most:
            value += f" ({self.value.least:.3g}-{self.value.most:.3g})"
        target = f"{'>=' if self.least else '<='} {self.target:g}"
        return _ROW.format(self.name, value, target, "met" if self.met else "not met", self.note).rstrip()


class _Failed(Exception):  # noqa: N818 (a finding)
    """A run of the benchmark did not end well."""


def run_bench(*, full: bool, say: Callable[[str], None] = print, devices: int = _SMALL, idle: int = _IDLE) -> int:
    """Measure, and say each figure as it is known.

    Args:
        full: larger sizes too, which take the better part of an hour.
        say: what to do with a line.
        devices: the size of the first comparison.
        idle: how many devices to weigh, where `full` does not ask for more.

    Returns:
        0, or 1 if a run failed or broke a promise.

    Raises:
        ConfigError: the plain program is not here; it comes with a checkout.
    """
    plain = _plain_program()
    figures: list[Figure] = []
    say(_ROW.format("measured", "median (least-most)", "target", "", "from").rstrip())
    try:
        for figure in _figures(plain, devices, _IDLE_FULL if full else idle, full=full):
            say(str(figure))
            figures.append(figure)
    except _Failed as failure:
        say(f"failed: {failure}")
        return 1
    say(f"{sum(figure.met for figure in figures)} of {len(figures)} targets met")
    return 0


def _figures(plain: Path, devices: int, idle: int, *, full: bool) -> Iterator[Figure]:
    yield _kernel()
    for level in ("messages", "frames"):
        yield from _compared(plain, devices, level, _TARGETS[level, False], pairs=3)
    if full:
        for level in ("messages", "frames"):
            yield from _compared(plain, _LARGE, level, _TARGETS[level, True], pairs=2)
        yield _growth(devices, _HUGE)
    yield _idle(idle)


# ---------------------------------------------------------------------------------------------- what is measured


def _kernel() -> Figure:
    pairs = [(pair["light"], pair["simpy"]) for pair in _worker("kernel")["events_per_s"]]
    note = f"events: {pairs[-1][0]:,.0f}/s beside {pairs[-1][1]:,.0f}/s"
    return Figure(name="light calls over SimPy, 1,000 timers", value=ratios(pairs), target=1.5, note=note)


def _compared(plain: Path, devices: int, level: str, target: float, *, pairs: int) -> Iterator[Figure]:
    """Both programs in turn; then what this level and size tell besides."""
    ours: list[dict[str, Any]] = []
    theirs: list[dict[str, Any]] = []
    for _ in range(pairs):
        ours.append(_imsim(devices, level))
        theirs.append(_json([sys.executable, str(plain), str(devices), str(_MESSAGES)]))
    size = f"{devices:,} devices, {level}"
    yield _speed(f"speed over plain SimPy, {size}", ours, theirs, target)
    if level == "messages":
        yield _share(f"history's share of the run, {size}", [(run["record_s"], run["wall_s"]) for run in ours], 0.2)
        yield _share(f"verdict's share of the run, {size}", [(run["verdict_s"], run["wall_s"]) for run in ours], 0.25)
    if level == "messages" and devices >= _LARGE:
        peaks = [(run["peak_rss_mb"], plain_run["rss_mb"]) for run, plain_run in zip(ours, theirs, strict=True)]
        yield Figure(name=f"peak memory over plain SimPy, {size}", value=ratios(peaks), target=0.5, least=False)


def _speed(name: str, ours: list[dict[str, Any]], theirs: list[dict[str, Any]], target: float) -> Figure:
    pairs = [(_rate(run), _rate(plain_run)) for run, plain_run in zip(ours, theirs, strict=True)]
    ours_per_s, theirs_per_s = (statistics.median(rates) for rates in zip(*pairs, strict=True))
    note = (
        f"deliveries: {ours_per_s:,.0f}/s beside {theirs_per_s:,.0f}/s; peak {ours[-1]['peak_rss_mb']:,.0f} beside "
        f"{theirs[-1]['rss_mb']:,.0f} MB; {ours[-1]['events']:,} events"
    )
    return Figure(name=name, value=ratios(pairs), target=target, note=note)


def _share(name: str, pairs: list[tuple[float, float]], target: float) -> Figure:
    return Figure(name=name, value=ratios(pairs), target=target, unit="", least=False)


def _rate(run: dict[str, Any]) -> float:
    return float(run["delivered"] / run["wall_s"])


def _growth(few: int, many: int) -> Figure:
    """The large run between two small ones, so that a drift of the machine shows in the spread."""
    before, large, after = (_imsim(devices, "messages") for devices in (few, many, few))
    pairs = [(_rate(small), _rate(large)) for small in (before, after)]
    note = f"peak {large['peak_rss_mb']:,.0f} MB; {large['events']:,} events"
    name = f"time a delivery, {many:,} over {few:,} devices"
    return Figure(name=name, value=ratios(pairs), target=1.6, least=False, note=note)


def _idle(devices: int) -> Figure:
    found = _worker("idle", devices)
    if found["online"] != found["devices"]:
        raise _Failed(f"only {found['online']} of {found['devices']} idle devices are connected")
    name = f"memory of an idle, connected device of {devices:,}"
    weight = Spread.of([found["bytes"] / 1024])
    return Figure(name=name, value=weight, target=1.2, unit="KB", least=False)


# ---------------------------------------------------------------------------------------------- processes


def _imsim(devices: int, level: str) -> dict[str, Any]:
    found = _worker("run", devices, level)
    if found["verdict"] != "holds" or found["delivered"] != found["expected"]:
        raise _Failed(
            f"imsim with {devices} devices at level {level}: verdict {found['verdict']}, {found['lost']} lost"
        )
    return found


def _worker(*arguments: object) -> dict[str, Any]:
    return _json([sys.executable, "-m", "imsim.study.bench_worker", *map(str, arguments)])


def _json(command: list[str]) -> dict[str, Any]:
    """What a process of its own prints as its last line."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (our own programs)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["nothing was said"]
        raise _Failed(f"{' '.join(command[1:])}: exit {done.returncode}: {said[-1]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _plain_program() -> Path:
    root = Path(imsim.__file__).resolve().parents[1]
    for path in (root.parent / "shared/baseline/plain_simpy.py", root / "tests/bench/plain_simpy.py"):
        if path.exists():
            return path
    raise ConfigError(f"bench: the plain program tests/bench/plain_simpy.py is not in {root}: run this in a checkout")
