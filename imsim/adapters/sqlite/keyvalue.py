"""The key-value port on SQLite: values that are compared and set inside a transaction.

What has expired is not seen, and is deleted by the next write that expires: presence comes and goes for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.adapters.sqlite.database import Database, decode, encode
from imsim.errors import AlgorithmError
from imsim.ports import Swap

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from imsim.ports import Value

__all__ = ["SqliteKeyValue"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS pairs (key TEXT PRIMARY KEY, value BLOB, until REAL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS pairs_by_expiry ON pairs (until) WHERE until < 9e999;
"""


class SqliteKeyValue:
    """The `KeyValue` port; `wall` tells the time that expiry counts in, which goes on across restarts."""

    def __init__(self, database: Database, wall: Callable[[], float]) -> None:
        self._database = database
        self._wall = wall

    async def get(self, key: str, *, fresh: bool = True, timeout: float) -> Value | None:
        """The value, or None."""
        rows = self._database.read("SELECT value FROM pairs WHERE key = ? AND until > ?", key, self._wall())
        return decode(rows[0][0]) if rows else None

    async def compare_and_set(
        self, key: str, expected: Value | None, new: Value | None, *, expires_in: float | None = None, timeout: float
    ) -> Swap:
        """Put `new` if `expected` is there."""
        with self._database.transaction() as connection:
            present = self._present(connection, key)
            if present != expected:
                return Swap(done=False, present=present)
            if new is None:
                connection.execute("DELETE FROM pairs WHERE key = ?", (key,))
            else:
                self._put(connection, key, new, expires_in)
        return Swap(done=True, present=new)

    async def increment(self, key: str, by: int = 1, *, timeout: float) -> int:
        """Add to a counter that starts at 0."""
        with self._database.transaction() as connection:
            value = self._counter(connection, key) + by
            self._put(connection, key, value, None)
        return value

    async def raise_to(self, key: str, least: int, *, timeout: float) -> int:
        """Raise a counter to at least `least`."""
        with self._database.transaction() as connection:
            value = max(self._counter(connection, key), least)
            self._put(connection, key, value, None)
        return value

    def _present(self, connection: sqlite3.Connection, key: str) -> Value | None:
        row = connection.execute("SELECT value FROM pairs WHERE key = ? AND until > ?", (key, self._wall())).fetchone()
        return None if row is None else decode(row[0])

    def _counter(self, connection: sqlite3.Connection, key: str) -> int:
        value = self._present(connection, key)
        if value is None:
            return 0
        if type(value) is not int:
            raise AlgorithmError(f"{key} holds {value!r}, which is no counter")
        return value

    def _put(self, connection: sqlite3.Connection, key: str, value: Value, expires_in: float | None) -> None:
        if expires_in is not None and not expires_in > 0.0:
            raise ValueError(f"{key}: an expiry in {expires_in} s is not in the future")
        until = float("inf")
        if expires_in is not None:
            wall = self._wall()
            until = wall + expires_in
            connection.execute("DELETE FROM pairs WHERE until <= ? AND until < 9e999", (wall,))
        connection.execute("INSERT OR REPLACE INTO pairs VALUES (?, ?, ?)", (key, encode(value), until))
