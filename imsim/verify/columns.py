"""The packed rows of a history as columns, with as little of it in memory as judging takes.

A history in memory is mapped, and its columns are views. One that spilled into a file is read from end to end instead,
since mapping it would bring all of it back into memory: kept are the event of every row (a byte), and the rows of all
events but those that nobody asks more of than their number. The rows of the one event that makes up most of a large
run, a message shown on a device, are handed out in blocks.

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

__all__ = ["Block", "Columns", "Flags", "Numbers"]

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_BLOCK_ROWS: Final = 1 << 17

_COUNTED: Final = (
    Event.SHOWN, Event.PUSHED, Event.ACKNOWLEDGED, Event.SUPPRESSED, Event.WOKEN, Event.SLEPT, Event.GAP,
)  # fmt: skip


class Block(NamedTuple):
    """Some rows with their places, both in order."""

    place: Numbers
    rows: npt.NDArray[np.void]

    def column(self, name: str) -> Numbers:
        """One column, as signed integers."""
        return self.rows[name].astype(np.int64)


class Columns:
    """The columns of one history; places are row numbers, counted from 0.

    Attributes:
        events: the event of every row.
        epochs: one more than the highest epoch.
    """

    def __init__(self, history: History) -> None:
        array = history.array()
        self._history: History | None = None
        self._kept: Numbers | None = None
        if isinstance(array, np.memmap):
            self._history = history
            self._keep(history)
        else:
            self._rows = array
            self.events: npt.NDArray[np.uint8] = np.ascontiguousarray(array["event"])
            self.epochs = int(array["epoch"].max()) + 1 if len(array) else 1
        self._fields: dict[str, npt.NDArray[np.generic]] = {}

    def _keep(self, history: History) -> None:
        wanted = np.zeros(256, np.bool_)
        wanted[[event for event in Event if event not in _COUNTED and LEVEL_OF[event] is Level.MESSAGES]] = True
        self.events = np.empty(len(history), np.uint8)
        kept, places, epochs, start = [], [], 0, 0
        for chunk in history.raw_chunks():
            rows = np.frombuffer(chunk, dtype())
            events = self.events[start : start + len(rows)] = rows["event"]
            chosen = np.flatnonzero(wanted[events])
            kept.append(rows[chosen])
            places.append(chosen + start)
            epochs = max(epochs, int(rows["epoch"].max()))
            start += len(rows)
        self._rows = np.concatenate(kept)
        self._kept = np.concatenate(places)
        self.epochs = epochs + 1

    def column(self, name: str, places: Numbers) -> Numbers:
        """One column of some rows, as signed integers; not for `shown` rows and others that are only counted."""
        return self._take(name, places).astype(np.int64)

    def times(self, places: Numbers) -> npt.NDArray[np.float64]:
        """Seconds from the start of the run; not for rows that are only counted."""
        return self._take("t", places).astype(np.float64)

    def _take(self, name: str, places: Numbers) -> npt.NDArray[np.generic]:
        field = self._fields.get(name)
        if field is None:
            field = self._fields[name] = self._rows[name]
        if self._kept is None:
            return field[places]
        index = np.searchsorted(self._kept, places)
        if len(index) and (index[-1] >= len(self._kept) or (self._kept[index] != places).any()):
            raise InternalError("a judge asked for columns of rows that are only counted")
        return field[index]

    def block(self, places: Numbers) -> Block:
        """Some rows; not for rows that are only counted."""
        return Block(places, self._rows[places if self._kept is None else np.searchsorted(self._kept, places)])

    def rows_of(self, events: tuple[Event, ...]) -> Block | None:
        """The rows of several events in one block, in order; None where the history is none that one block holds."""
        if self._history is not None or len(self.events) > _BLOCK_ROWS:
            return None
        chosen = self.events == events[0]
        for event in events[1:]:
            chosen |= self.events == event
        places = np.flatnonzero(chosen)
        return Block(places, self._rows[places])

    def shown(self) -> Iterator[Block]:
        """The rows of `shown`, in order."""
        if self._history is None:
            places = np.flatnonzero(self.events == Event.SHOWN)
            for begin in range(0, len(places), _BLOCK_ROWS):
                some = places[begin : begin + _BLOCK_ROWS]
                yield Block(some, self._rows[some])
            return
        blocks: list[Block] = []
        held = start = 0
        for chunk in self._history.raw_chunks():
            rows = np.frombuffer(chunk, dtype())
            chosen = np.flatnonzero(rows["event"] == Event.SHOWN)
            blocks.append(Block(chosen + start, rows[chosen]))
            start += len(rows)
            held += len(chosen)
            if held >= _BLOCK_ROWS:
                yield _joined(blocks)
                blocks, held = [], 0
        if held:
            yield _joined(blocks)


def _joined(blocks: list[Block]) -> Block:
    return Block(np.concatenate([block.place for block in blocks]), np.concatenate([block.rows for block in blocks]))
