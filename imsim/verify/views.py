"""What every device holds in the end, beside what it should hold.

Every pair of a device that is entitled and a visible slot is a *cell*. Cells are numbered without gaps: a device's
membership covers a run of visible slots, and its cells are that run, moved to where the runs before it end. So a row
that shows a message finds its cell by two binary searches, and counting rows a cell answers at once what is absent (0)
and what was shown twice (2 or more), for any number of devices and messages, in time that grows with the rows only.

What does not belong here: whether an absence is a loss (properties/loss.py).
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from imsim.history.schema import Event
from imsim.verify.columns import SEQ_BITS, among

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    from imsim.verify.columns import Block, Flags, Numbers
    from imsim.verify.evidence import Evidence

__all__ = ["Gap", "Membership", "Sightings", "Views", "identities"]

_NONE: Final = np.zeros(0, np.int64)
_SHOWING: Final = among(Event.SHOWN, Event.EDITED, Event.RECALLED)


class Gap(NamedTuple):
    """A `missing` row: a device shows that it lacks `low..high`; `covered` by a `trimmed` row before it."""

    place: int
    device: int
    conversation: int
    low: int
    high: int
    covered: bool


class Membership(NamedTuple):
    """The cells of a device in a conversation, from `begin` to `end`; the rank of a cell's slot is `cell + shift`."""

    begin: int
    end: int
    shift: int


class Sightings(NamedTuple):
    """Rows in which devices showed entries (`shown`, `edited`, `recalled`), one element each.

    `key` is the position that a row names and `slot` that of the log, -1 if nothing was committed there; `rank` is the
    number of the slot among the visible ones, -1 if it is none. `cell` is the cell that the row fills, -1 if it names
    no visible slot or its device may not read it. `present` says that it belongs to the present install.
    """

    block: Block
    node: Numbers
    message: Numbers
    key: Numbers
    slot: Numbers
    rank: Numbers
    cell: Numbers
    present: Flags

    @property
    def place(self) -> Numbers:
        """The rows themselves."""
        return self.block.place


class Views:
    """The cells, and what fills them.

    Attributes:
        cells: how many there are.
        memberships: by device and conversation, those that have cells, in order.
        gaps: the `missing` rows, in order.
        rows_in_cell: how many rows of the present install fill each cell.
        first: the first of these rows, by its place; as many as there are rows in all where there is none.
        uncommitted: places of rows that show something where nothing was committed, and the positions that they name.
        mistaken: places of rows that name a slot which holds another entry.
        strangers: places of rows that show a visible slot to a device that may not read it.
        odd: place, node, message and epoch of the rows that fill no cell of the present install.
        absent: cells of devices in use that are neither filled nor inside a `missing` range that a trim covers.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._number_cells()
        self.gaps: list[Gap] = self._gaps()
        few = evidence.rows_of(_SHOWING)
        self._few: tuple[Sightings, ...] | None = None if few is None else (self._seen(few),)
        self.rows_in_cell: npt.NDArray[np.int32] = np.zeros(self.cells, np.int32)
        self.first: npt.NDArray[np.uint32] = np.full(self.cells, len(evidence.events), np.uint32)
        uncommitted, mistaken, strangers, odd = [_NONE.reshape(0, 2)], [_NONE], [_NONE], [_NONE.reshape(0, 4)]
        message = evidence.log.message
        for seen in self.sightings():
            fills = (seen.cell >= 0) & seen.present
            filled = seen.cell[fills]
            np.add.at(self.rows_in_cell, filled, 1)
            np.minimum.at(self.first, filled, seen.place[fills].astype(np.uint32))
            if len(message):
                mistaken.append(seen.place[(message[seen.slot] != seen.message) & (seen.slot >= 0)])
            if len(filled) < len(fills):
                uncommitted.append(np.stack([seen.place, seen.key], axis=1)[seen.slot < 0])
                strangers.append(seen.place[(seen.cell < 0) & (seen.rank >= 0)])
                odd.append(identities(seen, ~fills))
        self.uncommitted: Numbers = _joined(uncommitted)
        self.mistaken: Numbers = _joined(mistaken)
        self.strangers: Numbers = _joined(strangers)
        self.odd: Numbers = _joined(odd)
        self.absent: Numbers = self._absent()

    def sightings(self) -> Iterable[Sightings]:
        """All rows that show something, in blocks, the rows of each in order; a small history is one block."""
        return map(self._seen, self._raw()) if self._few is None else self._few

    def blocks(self) -> Iterable[Block]:
        """The same rows as they are, for whom that is enough."""
        return self._raw() if self._few is None else (seen.block for seen in self._few)

    def _raw(self) -> Iterator[Block]:
        yield from self._evidence.shown()
        for event in (Event.EDITED, Event.RECALLED):
            if self._evidence.counts[event]:
                yield self._evidence.block(event)

    def _seen(self, block: Block) -> Sightings:
        evidence = self._evidence
        node = block.column("node")
        key = evidence.keys(block.column("conversation"), block.column("epoch"), block.column("seq"))
        slot = evidence.log.find(key)
        rank = evidence.log.rank_of(slot)
        return Sightings(
            block=block,
            node=node,
            message=block.column("message"),
            key=key,
            slot=slot,
            rank=rank,
            cell=self._cells(node, rank),
            present=block.place > evidence.readers.installed[node],
        )

    def _number_cells(self) -> None:
        slots = self._evidence.log.order.tolist()
        # A span without slots has no cells; sorted by device, then slot, the span of a row is found by one search.
        spans = sorted(
            (device, begin, end, conversation)
            for conversation, members in self._evidence.readers.spans.items()
            for device, low, high in members
            for base in (conversation << SEQ_BITS,)
            if (end := bisect_right(slots, base | high)) > (begin := bisect_left(slots, base | low))
        )
        self.cells = 0
        self.memberships: dict[tuple[int, int], list[Membership]] = {}
        rows: list[tuple[int, ...]] = []
        for device, begin, end, conversation in spans:
            rows.append((device, begin, end, self.cells, device * (len(slots) + 1) + begin))
            last = self.cells + end - begin
            self.memberships.setdefault((device, conversation), []).append(
                Membership(self.cells, last, begin - self.cells)
            )
            self.cells = last
        columns: Numbers = np.array(rows, np.int64).reshape(-1, 5).T.copy()
        self._device, self._begin, self._end, self._offset, self._search = columns
        self._stride = len(slots) + 1

    def _cells(self, device: Numbers, rank: Numbers) -> Numbers:
        if not self.cells:
            return np.full(len(rank), -1, np.int64)
        span = self._search.searchsorted(device * self._stride + rank, side="right") - 1
        cell: Numbers = self._offset[span] + rank - self._begin[span]
        # span -1 reads the last span, which is of another device or begins later: refused like any other.
        cell[(self._device[span] != device) | (rank < self._begin[span]) | (rank >= self._end[span])] = -1
        return cell

    def owners(self, cells: Numbers) -> tuple[Numbers, Numbers]:
        """The devices of these cells, and their slots."""
        span = self._offset.searchsorted(cells, side="right") - 1
        return self._device[span], self._evidence.log.shown[self._begin[span] + cells - self._offset[span]]

    def _absent(self) -> Numbers:
        absent = self.rows_in_cell == 0
        for gap in self.gaps:
            if gap.covered and gap.place > self._evidence.readers.installed[gap.device]:
                for some in self.cells_of(gap):
                    absent[some] = False
        cells: Numbers = absent.nonzero()[0]
        if not len(cells):
            return cells
        alive: Numbers = cells[self._evidence.readers.alive[self.owners(cells)[0]]]
        return alive

    def lacking(self, *, promised: bool) -> tuple[Numbers, Numbers]:
        """The devices and slots of the absent cells whose message was acknowledged, or of those where it was not."""
        devices, slots = self.owners(self.absent)
        acknowledged = self._evidence.fates.acknowledged[self._evidence.log.message[slots]] >= 0
        chosen = (acknowledged == promised).nonzero()[0]
        return devices[chosen], slots[chosen]

    def cells_of(self, gap: Gap) -> Iterator[slice]:
        """The cells of a device that its `missing` row is about."""
        base = gap.conversation << SEQ_BITS
        low, high = self._evidence.log.order.searchsorted((base + gap.low, base + gap.high + 1)).tolist()
        for span in ((self._device == gap.device) & (self._begin < high) & (self._end > low)).nonzero()[0].tolist():
            begin, offset = int(self._begin[span]), int(self._offset[span])
            yield slice(offset + max(low - begin, 0), offset + min(high, int(self._end[span])) - begin)

    def portions(self, most: int) -> Iterator[tuple[int, int, Numbers]]:
        """Cells in portions of whole memberships, about `most` at once: begin, end, and which membership each is of."""
        sizes = self._end - self._begin
        portion = self._offset // most
        begins = ((portion[1:] != portion[:-1]).nonzero()[0] + 1).tolist()
        for begin, end in itertools.pairwise([0, *begins, len(sizes)] if len(sizes) else ()):
            last = int(self._offset[end - 1] + sizes[end - 1])
            yield int(self._offset[begin]), last, np.arange(end - begin).repeat(sizes[begin:end])

    def _gaps(self) -> list[Gap]:
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


def identities(seen: Sightings, chosen: Flags) -> Numbers:
    """Place, node, message and epoch of some rows: what says whether two of them are the same."""
    columns = (seen.place, seen.node, seen.message, seen.block.column("epoch"))
    return np.stack([column[chosen] for column in columns], axis=1)


def _joined(parts: list[Numbers]) -> Numbers:
    """All parts in one; the first of them is empty."""
    return np.concatenate(parts) if len(parts) > 1 else parts[0]
