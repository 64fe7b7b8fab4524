"""Cellular capacity as somebody measured it: traces in the format of mahimahi.

A trace says *when a byte may cross*, and nothing about latency or loss. Each line is a millisecond at which one packet
of 1,500 bytes may cross; the same millisecond may stand on several lines; the last line is also the length of the
trace, after which it begins again (Netravali et al., "Mahimahi", USENIX ATC 2015). An opportunity that finds nothing
waiting is gone. One that finds a small frame carries as much of the next as fits.

So a queue before such a link needs no events: the opportunities are numbered through all repetitions, and a queue is
the number of the last one that is spoken for, and the bytes left in it. Finding the next is one bisection. The numbers
of a trace are shared by everybody who uses it; a device only has its own phase in it.

What does not belong here: what waits and why (network.py), and which user has which trace (the scenario).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from itertools import pairwise
from pathlib import Path
from typing import Final

from imsim.errors import ConfigError

__all__ = ["PACKET", "Trace", "TraceLine", "TracePair"]

PACKET: Final = 1500
"""The bytes that one opportunity carries."""

_LONGEST: Final = 10 * 366 * 86_400_000
"""No trace is longer than ten years, in milliseconds."""


class Trace:
    """One direction of a link, endlessly repeated; immutable and shared.

    Args:
        times: the milliseconds of the opportunities, not decreasing; the last one is the length of the trace, above 0.

    Attributes:
        length: milliseconds after which the trace repeats.

    Raises:
        ConfigError: `times` is empty, decreases, or has no length.

    Example:
        >>> trace = Trace([5, 10, 10])
        >>> [trace.time(number) for number in range(4)], trace.rate
        ([5, 10, 10, 15], 450000.0)
    """

    __slots__ = ("_count", "_times", "length")

    def __init__(self, times: list[int]) -> None:
        if not times or times[-1] <= 0:
            raise ConfigError("expected at least one millisecond, and the last one above 0")
        for number, (before, after) in enumerate(pairwise(times), start=2):
            if after < before:
                raise ConfigError(f"line {number}: expected a millisecond >= {before}, the one before, got {after}")
        self._times = array("Q", times)
        self._count = len(times)
        self.length = times[-1]

    @staticmethod
    def read(path: str | Path) -> Trace:
        """Read a file such as `Verizon-LTE-short.down`.

        Raises:
            ConfigError: it is missing or malformed; the message names file and line.
        """
        try:
            lines = Path(path).read_bytes().splitlines()
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
        times: list[int] = []
        for number, line in enumerate(lines, start=1):
            word = line.strip()
            if not word.isdigit() or len(word) > 15 or int(word) > _LONGEST:  # noqa: PLR2004 - int() is slow on more
                shown = line[:40].decode(errors="replace")
                raise ConfigError(f"{path}: line {number}: expected a whole number of milliseconds, got {shown!r}")
            times.append(int(word))
        try:
            return Trace(times)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from None

    @property
    def rate(self) -> float:
        """The mean capacity in bytes a second."""
        return self._count * PACKET * 1000.0 / self.length

    def opportunity(self, time: float) -> int:
        """The number, from 0, of the first opportunity at or after `time` milliseconds (>= 0)."""
        # A whole length belongs to the repetition that ends then: its last opportunity is still ahead.
        repetition = -int(-time // self.length) - 1
        if repetition < 0:
            return bisect_left(self._times, time)
        return repetition * self._count + bisect_left(self._times, time - repetition * self.length)

    def time(self, number: int) -> int:
        """The millisecond of an opportunity."""
        repetition, place = divmod(number, self._count)
        return repetition * self.length + self._times[place]


class TracePair:
    """Both directions of one cellular link."""

    __slots__ = ("down", "up")

    def __init__(self, up: Trace, down: Trace) -> None:
        self.up = up
        self.down = down

    @staticmethod
    def read(stem: str | Path) -> TracePair:
        """Read `STEM.up` and `STEM.down`.

        Raises:
            ConfigError: one of them is missing or malformed; the message names file and line.
        """
        return TracePair(Trace.read(f"{stem}.up"), Trace.read(f"{stem}.down"))


class TraceLine:
    """The queue of one device before one direction of its link.

    Args:
        trace: when bytes may cross.
        phase: seconds by which this device is ahead in the trace, >= 0.
        limit: bytes that may wait, None for any number; what does not fit is refused.
    """

    __slots__ = ("_left", "_limit", "_number", "_phase", "_trace")

    def __init__(self, trace: Trace, phase: float, limit: int | None) -> None:
        self._trace = trace
        self._phase = phase * 1000.0
        self._limit = limit
        self._number = -1
        self._left = 0

    def leave(self, at: float, size: int) -> float | None:
        """The second at which the last of `size` bytes that come at second `at` has crossed; None: no room."""
        trace = self._trace
        time = at * 1000.0 + self._phase
        number = trace.opportunity(time)
        left = PACKET
        if number <= self._number:
            waiting = (self._number - number + 1) * PACKET - self._left
            if self._limit is not None and waiting + size > self._limit:
                return None
            number, left = self._number, self._left
        elif self._limit is not None and size > self._limit:
            return None
        more = -((left - size) // PACKET) if size > left else 0
        self._number = number + more
        self._left = left + more * PACKET - size
        leaves = (trace.time(self._number) - self._phase) / 1000.0
        return max(leaves, at)  # never before it came, whatever the last digit says
