"""Ranges of seq: rising, inclusive, never touching each other. Pure functions over tuples of pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imsim.protocol.frames import Range

__all__ = ["add", "below", "contains", "covers", "holes"]

Ranges = tuple[tuple[int, int], ...]


def add(ranges: Ranges, low: int, high: int) -> Ranges:
    """`ranges` with `low..high` in it; an empty range (`low > high`) adds nothing."""
    if low > high:
        return ranges
    before: list[Range] = []
    after: list[Range] = []
    for a, b in ranges:
        if b < low - 1:
            before.append((a, b))
        elif a > high + 1:
            after.append((a, b))
        else:
            low, high = min(a, low), max(b, high)
    return (*before, (low, high), *after)


def below(ranges: Ranges, cut: int) -> Ranges:
    """The part of `ranges` that lies at or below `cut`."""
    return tuple((a, min(b, cut)) for a, b in ranges if a <= cut)


def contains(ranges: Ranges, seq: int) -> bool:
    """Whether `seq` is in one of the ranges."""
    return any(a <= seq <= b for a, b in ranges)


def covers(ranges: Ranges, low: int, high: int) -> bool:
    """Whether all of `low..high` is known."""
    return low > high or any(a <= low and high <= b for a, b in ranges)


def holes(ranges: Iterable[Range], upto: int) -> Ranges:
    """What `ranges` leave out of `1..upto`, rising."""
    found: list[Range] = []
    expected = 1
    for a, b in ranges:
        if a > upto:
            break
        if a > expected:
            found.append((expected, a - 1))
        expected = b + 1
    if expected <= upto:
        found.append((expected, upto))
    return tuple(found)
