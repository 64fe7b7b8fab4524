"""One SQLite file behind every port of a small server: transactions, and the values in them.

A call is one transaction, so it is done or not; SQLite decides that, and a process that is killed in the middle
leaves nothing half done. Calls run in line: a local transaction is shorter than a thread's hand-over, and one
server is the only writer. What is locked for too long is `Unavailable`; nothing here can time out after its effect.

Values are msgpack of tagged structs in a fixed order of fields, so equal values have equal bytes. Only the types
that the server itself stores are ever decoded.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Union

import msgspec

from imsim.errors import ConfigError, Unavailable
from imsim.protocol.frames import Entry
from imsim.protocol.server.delivery import Committed
from imsim.protocol.server.floor import Heard
from imsim.protocol.server.log import Roster
from imsim.protocol.server.offline import Backlog
from imsim.protocol.server.presence import Changed
from imsim.protocol.services.claims import Claim
from imsim.protocol.services.idempotency import Register

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imsim.ports import Value

__all__ = ["Database", "decode", "decode_entry", "encode"]

_BUSY_SECONDS = 2.0
_Stored = Union[str, int, Claim, Roster, Heard, Backlog, Register, Committed, Changed]  # noqa: UP007 (msgspec)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Stored)
_entry_decoder = msgspec.msgpack.Decoder(Entry)


def encode(value: Value) -> bytes:
    """The bytes of a value; equal values have equal bytes."""
    return _encoder.encode(value)


def decode(data: bytes) -> Any:  # noqa: ANN401 (any of the stored types)
    """The value of these bytes."""
    return _decoder.decode(data)


def decode_entry(data: bytes) -> Entry:
    """The entry of these bytes."""
    return _entry_decoder.decode(data)


class Database:
    """One open file.

    Args:
        path: the file, made if it is not there; `:memory:` for none.
        schema: statements that make the tables.

    Raises:
        ConfigError: it cannot be opened, or is no database.
    """

    def __init__(self, path: str | Path, schema: str) -> None:
        self.path = str(path)
        try:
            self._connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.executescript(schema)
        except sqlite3.Error as error:
            message = f"{self.path}: cannot be used as a database: {error}"
            raise ConfigError(message) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside is done together, durable at the end, or not at all.

        Raises:
            Unavailable: the file was locked, the disk is full, or the like; nothing was done.
        """
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise Unavailable(f"{self.path}: {error}") from error
        try:
            yield connection
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            connection.execute("ROLLBACK")
            raise Unavailable(f"{self.path}: {error}") from error
        except BaseException:
            connection.execute("ROLLBACK")
            raise

    def read(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 (SQL values)
        """The rows of one question.

        Raises:
            Unavailable: it could not be answered.
        """
        try:
            return self._connection.execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise Unavailable(f"{self.path}: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
