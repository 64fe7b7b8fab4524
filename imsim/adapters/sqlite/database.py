"""One SQLite file behind every port of a small server: transactions, and the values in them.

A call is one transaction, so it is done or not; SQLite decides that, and a process that is killed in the middle
leaves nothing half done. Calls run in line: a local transaction is shorter than a thread's hand-over, and one
server is the only writer. What is locked for too long, or finds the disk full, is `Unavailable`: it was not done.
Only a commit that fails while it is being written is a `Timeout`: what reached the disk is known after the next
start (https://www.sqlite.org/lang_transaction.html, "Response To Errors Within A Transaction").

Values are msgpack of tagged structs in a fixed order of fields, so equal values have equal bytes. Only the types
that the server itself stores are ever encoded or decoded: what could not be read back must not be written.
"""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Union

import msgspec

from imsim.errors import AlgorithmError, ConfigError, Timeout, Unavailable
from imsim.protocol.frames import Entry
from imsim.protocol.server.delivery import Committed
from imsim.protocol.server.floor import Heard
from imsim.protocol.server.log import Roster
from imsim.protocol.server.offline import Backlog
from imsim.protocol.server.presence import Changed
from imsim.protocol.server.register import HeardIn
from imsim.protocol.server.retention import Ages
from imsim.protocol.server.tail import Tail
from imsim.protocol.services.claims import Claim
from imsim.protocol.services.idempotency import Register

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imsim.ports import Value

__all__ = ["STORED", "Database", "decode", "decode_entry", "encode", "encode_entry"]

_BUSY_SECONDS = 2.0
STORED = (str, int, Ages, Backlog, Changed, Claim, Committed, Heard, HeardIn, Register, Roster, Tail)
"""The types of every value that the server hands to its key-value port and its queue."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Union[STORED])  # noqa: UP007 (msgspec builds a decoder from it)
_entry_decoder = msgspec.msgpack.Decoder(Entry)


def encode(value: Value) -> bytes:
    """The bytes of a value; equal values have equal bytes.

    Raises:
        AlgorithmError: its type is none of `STORED`, so it could not be read back.
    """
    if type(value) not in STORED:
        raise AlgorithmError(f"a {type(value).__name__} cannot be stored: it is no type that this file knows")
    return _encoder.encode(value)


def decode(data: bytes) -> Any:  # noqa: ANN401 (any of the stored types)
    """The value of these bytes."""
    return _decoder.decode(data)


def encode_entry(entry: Entry) -> bytes:
    """The bytes of an entry."""
    return _encoder.encode(entry)


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
            with ExitStack() as undo:
                connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
                undo.callback(connection.close)
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                connection.executescript(schema)
                undo.pop_all()
            self._connection = connection
        except sqlite3.Error as error:
            message = f"{self.path}: cannot be used as a database: {error}"
            raise ConfigError(message) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside is done together, durable at the end, or not at all.

        Raises:
            Unavailable: the file was locked, the disk is full, or the like; nothing was done.
            Timeout: the commit itself failed half-way; it may be found to be done after the next start.
        """
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise Unavailable(f"{self.path}: {error}") from error
        try:
            yield connection
        except sqlite3.Error as error:
            _roll_back(connection)
            raise Unavailable(f"{self.path}: {error}") from error
        except BaseException:
            _roll_back(connection)
            raise
        self._commit()

    def _commit(self) -> None:
        connection = self._connection
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            undone = connection.in_transaction  # it still waits to be committed, so nothing of it is durable
            _roll_back(connection)
            kind = Unavailable if undone else Timeout
            raise kind(f"{self.path}: {error}") from error

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


def _roll_back(connection: sqlite3.Connection) -> None:
    """Undo what was begun, where SQLite has not done so by itself (a full disk, an I/O error)."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")
