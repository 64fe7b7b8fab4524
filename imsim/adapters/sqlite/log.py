"""The message log on SQLite: a table of slots, and one row a conversation for where its log ends and begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.adapters.sqlite.database import Database, decode_entry, encode_entry
from imsim.ports import FENCED, FIRST_EPOCH, OK, Durability, LogState, Taken

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from imsim.ports import Written
    from imsim.protocol.frames import Entry

__all__ = ["SqliteLog"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS slots (conversation TEXT, seq INTEGER, entry BLOB, PRIMARY KEY (conversation, seq))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS logs (conversation TEXT PRIMARY KEY, committed INTEGER, trimmed_below INTEGER, token INTEGER)
    WITHOUT ROWID;
"""


class SqliteLog:
    """The `MessageLog` port; a file on one disk has one epoch, and what it acknowledged it keeps."""

    durability = Durability.QUORUM

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(
        self, conversation: str, epoch: int, seq: int, entry: Entry, token: int, *, timeout: float
    ) -> Written | Taken:
        """Fill the slot if it is empty."""
        with self._database.transaction() as connection:
            committed, trimmed_below, last = _state(connection, conversation)
            if epoch != FIRST_EPOCH or token < last or seq < trimmed_below:
                return FENCED
            connection.execute(
                "INSERT INTO logs VALUES (?, ?, ?, ?) ON CONFLICT (conversation) DO UPDATE SET token = excluded.token",
                (conversation, committed, trimmed_below, token),
            )
            found = connection.execute(
                "SELECT entry FROM slots WHERE conversation = ? AND seq = ?", (conversation, seq)
            ).fetchone()
            if found is not None:
                return Taken(decode_entry(found[0]))
            connection.execute("INSERT INTO slots VALUES (?, ?, ?)", (conversation, seq, encode_entry(entry)))
        return OK

    async def read(self, conversation: str, low: int, high: int, *, timeout: float) -> Sequence[Entry]:
        """The entries of committed slots in `low..high`."""
        rows = self._database.read(
            "SELECT entry FROM slots JOIN logs USING (conversation) "
            "WHERE conversation = ? AND seq BETWEEN ? AND min(?, committed) ORDER BY seq",
            conversation, low, high,
        )  # fmt: skip
        return [decode_entry(row[0]) for row in rows]

    async def peek(self, conversation: str, seq: int, *, timeout: float) -> Entry | None:
        """What is in the slot, committed or not."""
        rows = self._database.read("SELECT entry FROM slots WHERE conversation = ? AND seq = ?", conversation, seq)
        return decode_entry(rows[0][0]) if rows else None

    async def commit(self, conversation: str, epoch: int, upto: int, *, timeout: float) -> int:
        """Raise the committed prefix as far as the slots are filled."""
        with self._database.transaction() as connection:
            committed, _, _ = _state(connection, conversation)
            if epoch != FIRST_EPOCH:
                return committed
            before = committed
            filled = connection.execute(
                "SELECT seq FROM slots WHERE conversation = ? AND seq BETWEEN ? AND ? ORDER BY seq",
                (conversation, committed + 1, upto),
            )
            for (seq,) in filled:
                if seq != committed + 1:
                    break
                committed = seq
            if committed > before:
                connection.execute("UPDATE logs SET committed = ? WHERE conversation = ?", (committed, conversation))
        return committed

    async def state(self, conversation: str, *, timeout: float) -> LogState:
        """Where the log ends and begins."""
        rows = self._database.read("SELECT committed, trimmed_below FROM logs WHERE conversation = ?", conversation)
        committed, trimmed_below = rows[0] if rows else (0, 1)
        return LogState(FIRST_EPOCH, 0, committed, trimmed_below)

    async def trim(self, conversation: str, below: int, *, timeout: float) -> int:
        """Drop committed slots below `below`."""
        with self._database.transaction() as connection:
            committed, trimmed_below, _ = _state(connection, conversation)
            lowest = max(trimmed_below, min(below, committed + 1))
            connection.execute("DELETE FROM slots WHERE conversation = ? AND seq < ?", (conversation, lowest))
            connection.execute("UPDATE logs SET trimmed_below = ? WHERE conversation = ?", (lowest, conversation))
        return lowest


def _state(connection: sqlite3.Connection, conversation: str) -> tuple[int, int, int]:
    row = connection.execute(
        "SELECT committed, trimmed_below, token FROM logs WHERE conversation = ?", (conversation,)
    ).fetchone()
    return (0, 1, 0) if row is None else row
