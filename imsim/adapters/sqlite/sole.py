"""One process a file: a device or a server that is opened twice would give one name to two things.

Two devices on one store draw the same client ids, and two servers on one file share a node's name and its leases.
So whoever uses a file holds a lock beside it (`FILE.lock`), an exclusive transaction of SQLite: the same on every
system, and gone with the process however it ends. The lock is not on the file itself, which others may still read.

What does not belong here: what is in the file (database.py).
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from imsim.errors import ConfigError, WorldError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Sole"]


class Sole:
    """The right to use a file, until `release`.

    Args:
        path: the file that nobody else may use meanwhile; it need not exist.

    Raises:
        WorldError: another process, or another part of this one, uses it.
        ConfigError: there can be no file there.
    """

    __slots__ = ("_connection",)

    def __init__(self, path: str | Path) -> None:
        try:
            connection = sqlite3.connect(f"{path}.lock", timeout=0.0, isolation_level=None)
        except sqlite3.Error as error:
            raise ConfigError(f"{path}: cannot be used as a database: {error}") from error
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            connection.close()
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise WorldError(f"{path}: is in use; only one may use it at a time") from error
            raise ConfigError(f"{path}: cannot be used as a database: {error}") from error
        self._connection: sqlite3.Connection | None = connection

    def release(self) -> None:
        """Let others use the file; nothing happens the second time."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
