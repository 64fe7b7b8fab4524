"""What devices said of their conversations (`counted`), beside what they held at that moment.

A device that says "all up to 7 is known here, of which the user has read up to 4, and 2 are unread" can be taken at its
word: which rows it had shown by then is in the history. So every cell (views.py) gets the row that first filled it, and
a running maximum of these answers at once whether some prefix of a log was complete at some row.

Judged are the words of the present install of each device; those of earlier ones concern rows that are gone.

What does not belong here: any opinion about it (properties/).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from imsim.history.schema import Event
from imsim.verify.evidence import SEQ_BITS

if TYPE_CHECKING:
    from imsim.verify.columns import Flags, Numbers
    from imsim.verify.evidence import Evidence

__all__ = ["Runs", "Standing"]

Places = npt.NDArray[np.uint32]

_SOME_CELLS: Final = 1 << 20
"""Cells that are looked at together."""


class Runs(NamedTuple):
    """Words of devices beside their memberships, one element a pair.

    `word` numbers the word. The cells of the membership go from `begin` to `end`; those past the read mark begin at
    `low`, those past the cursor at `high`. The slot of the first cell has the rank `rank`.
    """

    word: Numbers
    begin: Numbers
    low: Numbers
    high: Numbers
    end: Numbers
    rank: Numbers


class Standing:
    """One element a word (a `counted` row), in order.

    Attributes:
        place, node, conversation, epoch, mark, cursor, unread: as its row says.
        install: how many installs the device had begun, counted so that it tells installs of one device apart.
        judged: whether its device's present install said it.

    By cell there are the rows of the present install that filled it, `never` where none did.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        places = self.place = evidence.places(Event.COUNTED)
        columns = ("node", "conversation", "epoch", "seq", "op", "size")
        self.node, self.conversation, self.epoch, self.mark, self.cursor, self.unread = (
            evidence.column(name, places) for name in columns
        )
        self.install: Numbers = self.installs(self.node, places)
        self.judged: Flags = places > evidence.readers.installed[self.node]

    def installs(self, node: Numbers, place: Numbers) -> Numbers:
        """Numbers that tell the installs of a device apart, by a row of each."""
        evidence = self._evidence
        stride = len(evidence.events)
        begins = evidence.places(Event.INSTALLED)
        keys = np.sort(evidence.column("node", begins) * stride + begins)
        return np.searchsorted(keys, node * stride + place)

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
    def all_shown(self) -> Places:
        """By cell: the row by which its entry and all before it in its membership were shown."""
        return self._running(self.first)

    @functools.cached_property
    def all_settled(self) -> Places:
        """By cell: the row by which its entry and all before it in its membership were settled."""
        return self.all_shown if self.settled is self.first else self._running(self.settled)

    def _running(self, places: Places) -> Places:
        running = np.empty(len(places), np.uint32)
        for begin, end, group in self._evidence.views.memberships(_SOME_CELLS):
            base = group * (self.never + 1)
            running[begin:end] = np.maximum.accumulate(base + places[begin:end]) - base
        return running

    @property
    def never(self) -> int:
        """Later than every row."""
        return len(self._evidence.events)

    @functools.cached_property
    def runs(self) -> Runs:
        """The words of present installs about memberships that have cells."""
        evidence = self._evidence
        log = evidence.log
        words = np.flatnonzero(self.judged)
        conversation, epoch = self.conversation[words], self.epoch[words]
        ends = log.ends(evidence.keys(conversation, epoch, self.cursor[words]))
        base = conversation << SEQ_BITS
        low = np.searchsorted(log.order, base | self.mark[words], side="right")
        high = np.searchsorted(log.order, base | np.minimum(self.cursor[words], ends - 1), side="right")
        number, span = evidence.views.spans_of(self.node[words], conversation)
        begin, end, rank = evidence.views.bounds(span)
        return Runs(
            word=words[number],
            begin=begin,
            low=begin + np.clip(low[number] - rank, 0, end - begin),
            high=begin + np.clip(high[number] - rank, 0, end - begin),
            end=end,
            rank=rank,
        )

    def current(self, words: Numbers) -> Flags:
        """Whether the devices knew the log's last epoch."""
        keys = self._evidence.keys(self.conversation[words], self.epoch[words], self.cursor[words])
        current: Flags = self._evidence.log.ends(keys) == 1 << SEQ_BITS
        return current
