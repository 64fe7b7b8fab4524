"""Leases on SQLite: who holds a name until when, with a token that rises with each new holder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.ports import Lease

if TYPE_CHECKING:
    from collections.abc import Callable

    from imsim.adapters.sqlite.database import Database

__all__ = ["SqliteLocks"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS leases (name TEXT PRIMARY KEY, holder TEXT, token INTEGER, until REAL) WITHOUT ROWID;
"""


class SqliteLocks:
    """The `Locks` port; `now` tells the holder's monotonic time, `wall` the time that outlives a process."""

    def __init__(self, database: Database, now: Callable[[], float], wall: Callable[[], float]) -> None:
        self._database = database
        self._now = now
        self._wall = wall

    async def acquire(self, name: str, holder: str, seconds: float, *, timeout: float) -> Lease:
        """The lease: the holder's own, or another's that is still running."""
        since, wall = self._now(), self._wall()
        with self._database.transaction() as connection:
            row = connection.execute("SELECT holder, token, until FROM leases WHERE name = ?", (name,)).fetchone()
            present, token, until = row or ("", 0, 0.0)
            running = until > wall
            if running and present != holder:
                return Lease(name, present, token, since + until - wall)
            if not running:
                token += 1
            connection.execute(
                "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?)", (name, holder, token, wall + seconds)
            )
        return Lease(name, holder, token, since + seconds)

    async def release(self, lease: Lease, *, timeout: float) -> None:
        """Give the lease back early."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE leases SET until = 0 WHERE name = ? AND holder = ? AND token = ?",
                (lease.name, lease.holder, lease.token),
            )
