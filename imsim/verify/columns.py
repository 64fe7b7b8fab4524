"""The packed rows of a history as columns, with as little of it in memory as judging takes.

Some events are so many in a large run that they are only counted; of the others, the *plain* ones, the rows are sorted
by event once, so that a column of an event is a slice. The rows of the one event that makes up most of a large run, a
message shown on a device, are handed out in blocks.

A history in memory is mapped. One that spilled into a file is read from end to end instead, since mapping it would
bring all of it back into memory: kept are the event of every row (a byte), and the plain rows.

What does not belong here: what the columns mean for a promise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from imsim.errors import InternalError
from imsim.history.schema import LEVEL_OF, Event, Level, dtype

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imsim.history import History

__all__ = ["SEQ_BITS", "Block", "Columns", "Flags", "Numbers", "among"]

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SEQ_BITS: Final = 32
"""A position is one number, `(conversation * epochs + epoch) << SEQ_BITS | seq`: it sorts and is found as one."""

_BLOCK_ROWS: Final = 1 << 17

_COUNTED: Final = (
    Event.SHOWN, Event.PUSHED, Event.ACKNOWLEDGED, Event.SUPPRESSED, Event.WOKEN, Event.SLEPT, Event.GAP,
)  # fmt: skip
_PLAIN: Final = tuple(int(event) for event in Event if event not in _COUNTED and LEVEL_OF[event] is Level.MESSAGES)
_EVENTS: Final = max(Event) + 1


def among(*events: int) -> Flags:
    """By the number of an event: whether it is among these."""
    flags = np.zeros(256, np.bool_)
    flags[list(events)] = True
    return flags


_IS_PLAIN: Final = among(*_PLAIN)


class Block(NamedTuple):
    """Some rows of a table with their places, both in order."""

    place: Numbers
    table: npt.NDArray[np.void]
    chosen: Numbers

    def column(self, name: str) -> Numbers:
        """One column, as signed integers."""
        return self.table[name][self.chosen].astype(np.int64)

    @property
    def times(self) -> npt.NDArray[np.float64]:
        """Seconds from the start of the run."""
        times: npt.NDArray[np.float64] = self.table["t"][self.chosen]
        return times


class _Sorted(dict[str, Numbers]):
    """Columns of the plain rows, sorted by event, made when they are first asked for."""

    def __init__(self, table: npt.NDArray[np.void], index: Numbers) -> None:
        super().__init__()
        self._table = table
        self._index = index

    def __missing__(self, name: str) -> Numbers:
        self[name] = column = self._table[name][self._index].astype(np.int64)
        return column


class Columns:
    """The columns of one history; places are row numbers, counted from 0.

    Attributes:
        events: the event of every row.
        epochs: one more than the highest epoch.
        counts: how many rows each event has, by its number.
    """

    def __init__(self, history: History) -> None:
        array = history.array()
        self._history: History | None = None
        self._kept: Numbers | None = None
        if isinstance(array, np.memmap):
            self._history = history
            self._keep(history)
        else:
            self._table = array
            self.events: npt.NDArray[np.uint8] = array["event"].copy()
            self.epochs = int(np.maximum.reduce(array["epoch"], initial=0)) + 1
        self.counts: list[int] = np.bincount(self.events, minlength=_EVENTS).tolist()
        self._sort()

    def _keep(self, history: History) -> None:
        self.events = np.empty(len(history), np.uint8)
        kept, places, epochs, start = [], [], 0, 0
        for chunk in history.raw_chunks():
            rows = np.frombuffer(chunk, dtype())
            events = self.events[start : start + len(rows)] = rows["event"]
            chosen = _IS_PLAIN[events].nonzero()[0]
            kept.append(rows.take(chosen))
            places.append(chosen + start)
            epochs = max(epochs, int(rows["epoch"].max()))
            start += len(rows)
        self._table = np.concatenate(kept)
        self._kept = np.concatenate(places)
        self.epochs = epochs + 1

    def _sort(self) -> None:
        """Find the plain rows of every event together: in a tiny history that costs as much as looking for one."""
        places = _IS_PLAIN[self.events].nonzero()[0] if self._kept is None else self._kept
        order = self.events[places].argsort(kind="stable")
        self._places: Numbers = places[order]
        self._index: Numbers = self._places if self._kept is None else order
        self._sorted = _Sorted(self._table, self._index)
        self._slices: dict[int, slice] = {}
        begin = 0
        for event in _PLAIN:
            if count := self.counts[event]:
                self._slices[event] = slice(begin, begin + count)
                begin += count

    def places(self, event: Event) -> Numbers:
        """The rows of `event`, in order."""
        if not self.counts[event] or event in self._slices:
            return self._places[self._slice(event)]
        places: Numbers = (self.events == int(event)).nonzero()[0]
        return places

    def of(self, event: Event, name: str) -> Numbers:
        """One column of all rows of an event, as signed integers; not for events that are only counted."""
        return self._sorted[name][self._slice(event)]

    def rows(self, event: Event, names: tuple[str, ...]) -> list[tuple[int, ...]]:
        """All rows of an event, each as its place and the columns that are named."""
        chosen, whole = self._slice(event), self._sorted
        columns = [whole[name][chosen].tolist() for name in names]
        return list(zip(self._places[chosen].tolist(), *columns, strict=True))

    def _slice(self, event: Event) -> slice:
        try:
            return self._slices[event]
        except KeyError:
            if self.counts[event]:
                raise _only_counted() from None
            return slice(0)

    def column(self, name: str, places: Numbers) -> Numbers:
        """One column of some rows, as signed integers; not for rows that are only counted."""
        return self._table[name][self._found(places)].astype(np.int64)

    def times(self, places: Numbers) -> npt.NDArray[np.float64]:
        """Seconds from the start of the run; not for rows that are only counted."""
        times: npt.NDArray[np.float64] = self._table["t"][self._found(places)]
        return times

    def _found(self, places: Numbers) -> Numbers:
        """Where these rows are in the table."""
        if self._kept is None:
            return places
        index = self._kept.searchsorted(places)
        if len(index) and (index[-1] >= len(self._kept) or (self._kept[index] != places).any()):
            raise _only_counted()
        return index

    def block(self, event: Event) -> Block:
        """All rows of an event; not for events that are only counted."""
        rows = self._slice(event)
        return Block(self._places[rows], self._table, self._index[rows])

    def rows_of(self, events: Flags) -> Block | None:
        """The rows of some events (`among`) in one block, in order; None where one block does not hold the history."""
        if self._history is not None or len(self.events) > _BLOCK_ROWS:
            return None
        places = events[self.events].nonzero()[0]
        return Block(places, self._table, places)

    def shown(self) -> Iterator[Block]:
        """The rows of `shown`, in order."""
        if self._history is None:
            places = self.places(Event.SHOWN)
            for begin in range(0, len(places), _BLOCK_ROWS):
                some = places[begin : begin + _BLOCK_ROWS]
                yield Block(some, self._table, some)
            return
        blocks: list[Block] = []
        held = start = 0
        for chunk in self._history.raw_chunks():
            rows = np.frombuffer(chunk, dtype())
            chosen = (rows["event"] == int(Event.SHOWN)).nonzero()[0]
            blocks.append(Block(chosen + start, rows.take(chosen), chosen))
            start += len(rows)
            held += len(chosen)
            if held >= _BLOCK_ROWS:
                yield _joined(blocks)
                blocks, held = [], 0
        if held:
            yield _joined(blocks)


def _joined(blocks: list[Block]) -> Block:
    table = np.concatenate([block.table for block in blocks])
    return Block(np.concatenate([block.place for block in blocks]), table, np.arange(len(table)))


def _only_counted() -> InternalError:
    return InternalError("a judge asked for columns of rows that are only counted")
