"""What devices said of their conversations (`counted`), beside what they held at that moment.

A device that says "all up to 7 is known here, of which the user has read up to 4, and 2 are unread" can be taken at its
word: which rows it had shown by then is in the history. So every cell (views.py) gets the row that first filled it, and
a running maximum of these answers at once whether some prefix of a log was complete at some row.

Judged are the words of the present install of each device; those of earlier ones concern rows that are gone.

What does not belong here: any opinion about it (properties/).
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from imsim.history.schema import Event
from imsim.verify.columns import SEQ_BITS

if TYPE_CHECKING:
    from imsim.verify.evidence import Evidence

__all__ = ["Run", "Standing", "Word"]

Places = npt.NDArray[np.uint32]

_SOME_CELLS: Final = 1 << 20
"""Cells that are looked at together."""


class Word(NamedTuple):
    """A `counted` row: up to which slot all is known, up to which it is read, and how much is unread."""

    place: int
    node: int
    conversation: int
    epoch: int
    mark: int
    cursor: int
    unread: int


class Run(NamedTuple):
    """A word beside a membership of its device.

    The cells of the membership go from `begin` to `end`; those past the read mark begin at `low`, those past the cursor
    at `high`. The slot of a cell has the rank `cell + shift`.
    """

    word: int
    begin: int
    low: int
    high: int
    end: int
    shift: int


class Standing:
    """What was said, in order.

    Attributes:
        words: all of it.
        judged: the numbers of the words that their device's present install said.

    By cell there are the rows of the present install that filled it, `never` where none did.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        rows = evidence.few(Event.COUNTED, "node", "conversation", "epoch", "seq", "op", "size")
        self.words: list[Word] = list(map(Word._make, rows))
        installed = evidence.readers.installed.tolist()
        self.judged: list[int] = [number for number, word in enumerate(self.words) if word.place > installed[word.node]]

    @property
    def first(self) -> Places:
        """By cell: the row that showed its entry first."""
        return self._evidence.views.first

    @functools.cached_property
    def settled(self) -> Places:
        """By cell: the row that showed its entry first, or that it is missing for good."""
        evidence = self._evidence
        gaps = [gap for gap in evidence.views.gaps if gap.covered]
        settled = self.first.copy() if gaps else self.first
        for gap in gaps:
            if gap.place > evidence.readers.installed[gap.device]:
                for cells in evidence.views.cells_of(gap):
                    np.minimum(settled[cells], gap.place, out=settled[cells])
        return settled

    @functools.cached_property
    def all_shown(self) -> memoryview:
        """By cell: the row by which its entry and all before it in its membership were shown."""
        return self._running(self.first)

    @functools.cached_property
    def all_settled(self) -> memoryview:
        """By cell: the row by which its entry and all before it in its membership were settled."""
        return self.all_shown if self.settled is self.first else self._running(self.settled)

    def _running(self, places: Places) -> memoryview:
        running = np.empty(len(places), np.uint32)
        for begin, end, group in self._evidence.views.portions(_SOME_CELLS):
            base = group * (len(self._evidence.events) + 1)
            running[begin:end] = np.maximum.accumulate(base + places[begin:end]) - base
        return running.data  # whose items are plain numbers

    @functools.cached_property
    def runs(self) -> list[Run]:
        """The words of present installs about memberships that have cells."""
        log, memberships = self._evidence.log, self._evidence.views.memberships
        order, ends = log.order.tolist(), dict[tuple[int, int], int]()
        runs = []
        for number in self.judged:
            _, node, conversation, epoch, mark, cursor, _ = self.words[number]
            last = ends.get((conversation, epoch), -1)
            if last < 0:
                last = ends[conversation, epoch] = log.end(conversation, epoch) - 1
            base = conversation << SEQ_BITS
            for begin, end, shift in memberships.get((node, conversation), ()):
                low = bisect_right(order, base | mark, begin + shift, end + shift) - shift
                high = bisect_right(order, base | min(cursor, last), begin + shift, end + shift) - shift
                runs.append(Run(number, begin, low, high, end, shift))
        return runs
