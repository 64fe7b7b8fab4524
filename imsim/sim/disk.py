"""The disk of one simulated device: its records in the order of writing, and nothing else until somebody asks.

There are as many disks as devices, most of them idle, so a disk is a list. A row of the durable view *is* an `Entry`
and lies in the list as it came, shared with everybody else who holds it. An index of the rows is built when a device
first asks for one, and kept up from then on.

A record with the key of an earlier one replaces it. Two things keep what is replaced from piling up: a write looks
at the last few records for its own predecessor, which finds the cursor that moves with each message; and when what
may be superseded could outnumber what lives, the list is folded, at a constant cost a write in the long run.

A write is atomic by nature here: the list is extended or it is not. A `FaultyDisk` refuses one while it is full,
and its device may die before or after one. A *volatile* disk (a browser's private window) is empty after a crash.

What does not belong here: what a record means (protocol/records.py), and when a device dies (node.py).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from imsim.errors import WorldError
from imsim.protocol.frames import Entry
from imsim.protocol.records import Known, key_of
from imsim.sim.decisions import Kind
from imsim.sim.deviations import CrashAfter, CrashBefore, Delay, Pause

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imsim.protocol.records import Record
    from imsim.sim.backends.line import Host
    from imsim.sim.decisions import Decisions

__all__ = ["Disk", "FaultyDisk"]

_LOOK_BACK = 4
"""How many records a write searches for a predecessor: those that the write before it left."""
_SMALL = 32
"""Up to so many records, searching is as quick as an index and needs no room; the first fold comes after as many."""

_BY_PLACE = attrgetter("seq", "epoch")
_BY_SEQ = attrgetter("seq")


class _Index:
    """The rows by conversation, rising, and by client id."""

    __slots__ = ("by_conversation", "by_id")

    def __init__(self) -> None:
        self.by_id: dict[str, Entry] = {}
        self.by_conversation: dict[str, list[Entry]] = {}

    def add(self, row: Entry) -> None:
        older = self.by_id.get(row.client_id)
        if older is not None:
            self.by_conversation[older.conversation].remove(older)
        self.by_id[row.client_id] = row
        rows = self.by_conversation.setdefault(row.conversation, [])
        if not rows or _BY_PLACE(rows[-1]) <= _BY_PLACE(row):
            rows.append(row)
        else:
            insort(rows, row, key=_BY_PLACE)


class Disk:
    """The local store of one device (`LocalStore`).

    Args:
        durable: whether it outlives a crash of the process.
    """

    __slots__ = ("_durable", "_fold_at", "_index", "_others", "_records")

    late: float = 0.0
    """Seconds by which the last write was late; its device waits for them."""

    def __init__(self, *, durable: bool = True) -> None:
        self._durable = durable
        self._records: list[Any] = []
        self._index: _Index | None = None
        self._fold_at = _SMALL
        self._others = 0

    # -- the LocalStore port

    def records(self) -> Sequence[Any]:
        """Everything that was written and not replaced, in the order of writing."""
        self._fold()
        return tuple(self._records)

    def rows(self, conversation: str, low: int, high: int) -> Sequence[Entry]:
        """The rows with `low <= seq <= high`, rising by seq and then by epoch."""
        rows = self._indexed().by_conversation.get(conversation, [])
        return rows[bisect_left(rows, low, key=_BY_SEQ) : bisect_right(rows, high, key=_BY_SEQ)]

    def row(self, client_id: str) -> Entry | None:
        """The row of one message."""
        if self._index is None and len(self._records) <= _SMALL:
            for record in reversed(self._records):
                if type(record) is Entry and record.client_id == client_id:
                    return record
            return None
        return self._indexed().by_id.get(client_id)

    def write(self, records: Sequence[Any]) -> None:
        """Add all of `records`, durable at once."""
        mine = self._records
        for record in records:
            if type(record) is Entry:
                if self._index is not None:
                    self._index.add(record)
            else:
                self._others += 1
                if mine:
                    self._forget_recent(record)
            mine.append(record)
        if self._others >= self._fold_at:
            self._fold()

    # -- what the world does to it

    def crash(self) -> None:
        """The process dies: a volatile disk is empty afterwards."""
        if not self._durable:
            self.wipe()

    def wipe(self) -> None:
        """The app is deleted, and everything with it."""
        self._records = []
        self._index = None
        self._fold_at = _SMALL
        self._others = 0

    def backup(self) -> tuple[Any, ...]:
        """A copy of what is there now, for a later `restore`."""
        return tuple(self.records())

    def restore(self, backup: tuple[Any, ...]) -> None:
        """Replace everything by an earlier backup, of this device or of another."""
        self.wipe()
        self.write(backup)

    # -- inside

    def _forget_recent(self, record: Record) -> None:
        """Drop the record that `record` replaces, if it is one of the last few."""
        mine = self._records
        kind = type(record)
        for index in range(-1, -1 - min(len(mine), _LOOK_BACK), -1):
            older = mine[index]
            if type(older) is kind:
                if isinstance(record, Known) and isinstance(
                    older, Known
                ):  # moves with each message: worth knowing its key without building it
                    replaced = older.conversation == record.conversation
                else:
                    key = key_of(record)
                    replaced = key is not None and key == key_of(older)
                if replaced:
                    del mine[index]
                return

    def _fold(self) -> None:
        """Keep the latest of each key, where it was written."""
        live: dict[Any, Any] = {}
        for number, record in enumerate(self._records):
            key: Any = record.client_id if type(record) is Entry else key_of(record)
            if key is None:
                key = number  # replaces nothing
            live.pop(key, None)
            live[key] = record
        if len(live) < len(self._records):
            self._records = list(live.values())
        # rows are seldom replaced, so only the others count
        self._others = 0
        self._fold_at = max(len(self._records) // 2, _SMALL)

    def _indexed(self) -> _Index:
        if self._index is None:
            self._index = _Index()
            for record in self._records:
                if type(record) is Entry:
                    self._index.add(record)
        return self._index


class FaultyDisk(Disk):
    """A disk that can be full, and at whose writes a case may deviate.

    Args:
        decisions: who answers the keys, of kind `write` at the host.
        host: whose disk it is; a deviation crashes it.
        node: the host's name.
        subject_of: the workload's name for what is written.
        durable: whether it outlives a crash of the process.

    Attributes:
        full: while true, every write is refused.
    """

    __slots__ = ("_asked", "_decisions", "_node", "_salt", "_subject_of", "full", "host", "late")

    def __init__(
        self,
        decisions: Decisions,
        host: Host,
        *,
        node: str,
        subject_of: Callable[[Sequence[Any]], str],
        durable: bool = True,
    ) -> None:
        super().__init__(durable=durable)
        self.full = False
        self._decisions = decisions
        self.host = host
        self._node = node
        self._subject_of = subject_of
        self._salt = decisions.salt(Kind.WRITE, f"at {node}")
        self._asked: dict[str, int] = {}

    def write(self, records: Sequence[Any]) -> None:
        """Add all of `records` or none.

        Raises:
            WorldError: the disk is full, or the device died before it; either way it must stop. A device that dies just
                after it finds itself dead.
        """
        if self.full:
            raise WorldError(f"the disk of {self._node} is full")
        deviation = None
        self.late = 0.0
        if self._decisions.deviating:
            subject = self._subject_of(records)
            asked = self._asked[subject] = self._asked.get(subject, 0) + 1
            deviation = self._decisions.deviation(self._salt, self._decisions.name(subject), asked)
        if isinstance(deviation, CrashBefore):
            self.host.crash()
            raise WorldError(f"{self._node} died before its write")
        super().write(records)
        if isinstance(deviation, Delay | Pause):
            self.late = deviation.seconds
        if isinstance(deviation, CrashAfter):
            self.host.crash()
