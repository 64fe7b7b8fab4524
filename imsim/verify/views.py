"""What every device holds in the end, beside what it should hold.

Every pair of a device that is entitled and a visible slot is a *cell*. Cells are numbered without gaps: a device's
membership covers a run of visible slots, and its cells are that run, moved to where the runs before it end. So a row
that shows a message finds its cell by two binary searches, and counting rows a cell answers at once what is absent (0)
and what was shown twice (2 or more), for any number of devices and messages, in time that grows with the rows only.

What does not belong here: whether an absence is a loss (properties/loss.py).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imsim.history.schema import Event
from imsim.verify.evidence import SEQ_BITS

if TYPE_CHECKING:
    from imsim.verify.evidence import Evidence, Flags, Numbers

__all__ = ["Gap", "Views"]


class Gap(NamedTuple):
    """A `missing` row: a device shows that it lacks `low..high`; `covered` by a `trimmed` row before it."""

    place: int
    device: int
    conversation: int
    low: int
    high: int
    covered: bool


class Views:
    """Rows in which devices showed entries, and the cells that they fill.

    Attributes:
        place, node, message, key: of the rows that show something (`shown`, `edited`, `recalled`).
        slot: the slot that such a row names, -1 if nothing was committed there.
        cell: the cell that it fills, -1 if it names no visible slot, or its device may not read it.
        present: whether it belongs to the present install.
        rows_in_cell: how many rows of the present install fill each cell.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        kinds = [evidence.places(event) for event in (Event.SHOWN, Event.EDITED, Event.RECALLED)]
        self.place: Numbers = kinds[0] if not (len(kinds[1]) or len(kinds[2])) else np.concatenate(kinds)
        self.node: Numbers = evidence.column("node", self.place)
        self.message: Numbers = evidence.column("message", self.place)
        at = (evidence.column(name, self.place) for name in ("conversation", "epoch", "seq"))
        self.key: Numbers = evidence.keys(*at)
        self.slot: Numbers = evidence.log.find(self.key)
        self.present: Flags = self.place > evidence.readers.installed[self.node]
        self._number_cells()
        self._fill()

    def _number_cells(self) -> None:
        readers, order = self._evidence.readers, self._evidence.log.order
        base = readers.span_conversation << SEQ_BITS
        begin = np.searchsorted(order, base | readers.span_low)
        end = np.searchsorted(order, base | readers.span_high, side="right")
        # A span without slots has no cells; sorted by device, then slot, the span of a row is found by one search.
        spans = np.flatnonzero(end > begin)
        stride = len(order) + 1
        search = readers.span_device[spans] * stride + begin[spans]
        sorting = np.argsort(search, kind="stable")
        spans = spans[sorting]
        self._stride = stride
        self._search: Numbers = search[sorting]
        self._device: Numbers = readers.span_device[spans]
        self._begin: Numbers = begin[spans]
        self._end: Numbers = end[spans]
        ends = np.cumsum(self._end - self._begin)
        self._offset: Numbers = ends - (self._end - self._begin)
        self.cells = int(ends[-1]) if len(ends) else 0

    def _fill(self) -> None:
        rank = self._evidence.log.rank[self.slot] if len(self._evidence.log.rank) else np.full(len(self.slot), -1)
        rank[self.slot < 0] = -1
        self.rank: Numbers = rank
        self.cell: Numbers = self._cells(self.node, rank)
        filled = self.cell[self.present & (self.cell >= 0)]
        self.rows_in_cell: Numbers = np.bincount(filled, minlength=self.cells)

    def _cells(self, device: Numbers, rank: Numbers) -> Numbers:
        if not self.cells:
            return np.full(len(rank), -1, np.int64)
        span = np.searchsorted(self._search, device * self._stride + rank, side="right") - 1
        cell = self._offset[span] + rank - self._begin[span]
        # span -1 reads the last span, which is of another device or begins later: refused like any other.
        cell[(self._device[span] != device) | (rank < self._begin[span]) | (rank >= self._end[span])] = -1
        return cell

    def owners(self, cells: Numbers) -> tuple[Numbers, Numbers]:
        """The devices of these cells, and their slots."""
        span = np.searchsorted(self._offset, cells, side="right") - 1
        return self._device[span], self._evidence.log.shown[self._begin[span] + cells - self._offset[span]]

    @functools.cached_property
    def all_cells(self) -> tuple[Numbers, Numbers]:
        """The devices of all cells, and their slots."""
        length = self._end - self._begin
        rank = np.arange(self.cells) + np.repeat(self._begin - self._offset, length)
        return np.repeat(self._device, length), self._evidence.log.shown[rank]

    @functools.cached_property
    def absent(self) -> Numbers:
        """Cells of devices in use that are neither filled nor inside a `missing` range that a trim covers."""
        absent = self.rows_in_cell == 0
        for gap in self.gaps:
            if gap.covered and gap.place > self._evidence.readers.installed[gap.device]:
                self._excuse(absent, gap)
        cells = np.flatnonzero(absent)
        if not len(cells):
            return cells
        return cells[self._evidence.readers.alive[self.owners(cells)[0]]]

    def _excuse(self, absent: Flags, gap: Gap) -> None:
        base = gap.conversation << SEQ_BITS
        low, high = np.searchsorted(self._evidence.log.order, (base + gap.low, base + gap.high + 1)).tolist()
        for span in np.flatnonzero((self._device == gap.device) & (self._begin < high) & (self._end > low)).tolist():
            begin, offset = int(self._begin[span]), int(self._offset[span])
            absent[offset + max(low - begin, 0) : offset + min(high, int(self._end[span])) - begin] = False

    @functools.cached_property
    def gaps(self) -> list[Gap]:
        """The `missing` rows, in order."""
        evidence = self._evidence
        trims = iter([*evidence.few(Event.TRIMMED, "conversation", "seq"), (len(evidence.events), 0, 0)])
        begins: dict[int, int] = {}  # by conversation: the lowest slot still there, as the rows so far say
        at, trimmed, lowest = next(trims)
        gaps = []
        for place, device, conversation, low, high in evidence.few(Event.MISSING, "node", "conversation", "seq", "op"):
            while at < place:
                begins[trimmed] = max(lowest, begins.get(trimmed, 0))
                at, trimmed, lowest = next(trims)
            gaps.append(Gap(place, device, conversation, low, high, covered=high < begins.get(conversation, 0)))
        return gaps
