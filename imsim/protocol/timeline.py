"""What the user sees of the rows: edits, recalls and what a failover lost, as versioned operations that commute.

An edit or recall is a log entry of its own and may arrive before its target. It counts only if it is by the
target's author. The highest version wins (wall of the author's device, counter, client id), and a recall beats
every edit. Nothing here is written to disk: it is a fold of the rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.protocol.frames import Edit, Entry, Message, Recall

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Timeline", "version"]


def version(entry: Entry) -> tuple[float, int, str]:
    """What decides between two edits of one message: the author's wall clock, then the counter, then the client id."""
    counter = entry.client_id.rpartition("-")[2]
    return entry.wall, int(counter) if counter.isdecimal() else 0, entry.client_id


class Timeline:
    """The operations on messages that one device knows of."""

    __slots__ = ("_lost", "_operations")

    def __init__(self) -> None:
        """No operations."""
        self._operations: dict[str, list[Entry]] = {}
        self._lost: set[str] = set()

    def operate(self, entry: Entry) -> bool:
        """Take an edit or recall into account; False if this very operation was known."""
        body = entry.body
        if not isinstance(body, Edit | Recall):
            message = f"not an operation: {body!r}"
            raise TypeError(message)
        known = self._operations.setdefault(body.target, [])
        for index, old in enumerate(known):
            if old.client_id == entry.client_id:
                known[index] = entry
                return False
        known.append(entry)
        return True

    @property
    def targets(self) -> Iterable[str]:
        """The messages that some operation is about, whether they are here or not."""
        return self._operations

    def forget(self, client_ids: Iterable[str]) -> None:
        """A failover lost these messages and operations for good."""
        self._lost.update(client_ids)

    def is_lost(self, client_id: str) -> bool:
        """Whether a `tail_lost` entry named this message."""
        return client_id in self._lost

    def is_recalled(self, row: Entry) -> bool:
        """Whether the author took `row` back."""
        return any(type(op.body) is Recall for op in self._operations_on(row))

    def content(self, row: Entry) -> str | None:
        """What the user reads: the latest edit, the original, or None once it is recalled (or no message)."""
        if not isinstance(row.body, Message) or self.is_recalled(row) or row.client_id in self._lost:
            return None
        edits = [op for op in self._operations_on(row) if type(op.body) is Edit]
        if not edits:
            return row.body.content
        body = max(edits, key=version).body
        return body.content if isinstance(body, Edit) else row.body.content

    def _operations_on(self, row: Entry) -> list[Entry]:
        """The operations on a row that count."""
        known = self._operations.get(row.client_id, ())
        return [op for op in known if op.author == row.author and op.client_id not in self._lost]
