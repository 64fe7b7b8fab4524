"""What a search goes through: numbered cases of one or several strategies, in one fixed order, in portions.

A *source* is one strategy at work on one scenario. Its case `index` hangs on nothing but the source's own fields, so a
portion, `source[low..high - 1]`, is all that another process must be told. Several sources are interleaved in turns of
fixed lengths; which case has which number then hangs on the number alone, however fast each of them is.

What does not belong here: how a strategy makes a case (sampling.py, priorities.py, exhaustive.py), and which sources
there are (portfolio.py).
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imsim.verify.search.trial import Told

__all__ = ["Portion", "Source", "Strategy", "interleaved"]


class Strategy(enum.StrEnum):
    """How cases are made."""

    RANDOM = "random"
    """Any faults, anywhere, each with a small chance (sampling.py)."""
    EXHAUSTIVE = "exhaustive"
    """Every case with few deviations (exhaustive.py)."""
    PCT = "pct"
    """Priorities between nodes, with few changes of them (priorities.py)."""
    HYPOTHESIS = "hypothesis"
    """What Hypothesis draws (drawn.py)."""
    ALL = "all"
    """All of them in turns (portfolio.py)."""


class Source(Protocol):
    """One strategy at work: cases 0, 1, 2 …, each a function of its number."""

    @property
    def strategy(self) -> Strategy:
        """Which one."""
        ...

    @property
    def count(self) -> int | None:
        """How many cases there are; None: without end."""
        ...

    def at_once(self, index: int) -> int:
        """So many, from this one on, a process may be handed at once."""
        ...

    def tell(self, index: int, order: tuple[int, ...]) -> Iterator[Told]:
        """Try case `index`, or the cases of which this is the number; `order` is its place in the search."""
        ...


class Portion(msgspec.Struct, frozen=True, eq=False):
    """Some cases of one source, for one process to try.

    Attributes:
        source: whose cases they are, by its place among the sources.
        low, high: cases `low..high - 1`.
        number: the place in the search of the first of them; the others follow it.
    """

    source: int
    low: int
    high: int
    number: int

    @property
    def order(self) -> tuple[int, ...]:
        """Its place among the portions."""
        return (self.number,)

    def tell(self, sources: Sequence[Source]) -> Iterator[Told]:
        """Try them in order."""
        source = sources[self.source]
        for index in range(self.low, self.high):
            yield from source.tell(index, (self.number + index - self.low,))


def interleaved(sources: Sequence[tuple[Source, int]], *, runs: int | None) -> Iterator[Portion]:
    """The cases of all sources in turns, until no source has more.

    Args:
        sources: each with how many of its numbers make up one turn.
        runs: how many numbers in all; None: all that there are.
    """
    begins = [0] * len(sources)
    number = 0
    while True:
        before = number
        for place, (source, turn) in enumerate(sources):
            low = begins[place]
            high = low + turn if source.count is None else min(low + turn, source.count)
            high = high if runs is None else min(high, low + runs - number)
            while low < high:
                end = min(low + source.at_once(low), high)
                yield Portion(place, low, end, number)
                number += end - low
                low = end
            begins[place] = low
        if number == before:
            return
