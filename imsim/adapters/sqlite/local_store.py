"""A device's disk on SQLite: records by key, rows of the view by client id, one transaction a write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from imsim.adapters.sqlite.database import Database
from imsim.adapters.sqlite.sole import Sole
from imsim.errors import ConfigError
from imsim.protocol.frames import Entry
from imsim.protocol.records import Record, key_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["SqliteStore"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS records (place INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT UNIQUE, kind TEXT, record BLOB,
    conversation TEXT, seq INTEGER, epoch INTEGER);
CREATE INDEX IF NOT EXISTS records_by_seq ON records (conversation, seq, epoch);
"""
_ROW = "row"
_encoder = msgspec.msgpack.Encoder()
_entries = msgspec.msgpack.Decoder(Entry)


class SqliteStore:
    """The `LocalStore` port, and the only one on its file.

    Raises:
        ConfigError: the file cannot be used.
        WorldError: another device uses it: both would draw the same client ids.
    """

    def __init__(self, path: str | Path) -> None:
        self._sole = Sole(path)
        try:
            self._database = Database(path, SCHEMA)
        except ConfigError:
            self._sole.release()
            raise

    def records(self) -> Iterator[Any]:
        """Everything that was written and not replaced, in the order of writing."""
        for kind, data in self._database.read("SELECT kind, record FROM records ORDER BY place"):
            yield _DECODERS[kind].decode(data)

    def rows(self, conversation: str, low: int, high: int) -> Sequence[Entry]:
        """The rows with `low <= seq <= high`, rising."""
        found = self._database.read(
            "SELECT record FROM records WHERE conversation = ? AND seq BETWEEN ? AND ? ORDER BY seq, epoch",
            conversation, low, high,
        )  # fmt: skip
        return [_entries.decode(data) for (data,) in found]

    def row(self, client_id: str) -> Entry | None:
        """The row of one message."""
        found = self._database.read("SELECT record FROM records WHERE key = ?", f"{_ROW} {client_id}")
        return _entries.decode(found[0][0]) if found else None

    def write(self, records: Sequence[Any]) -> None:
        """All of `records` or none, durable when it returns.

        Raises:
            WorldError: it failed; the device must stop, and the next one finds all or nothing of it.
        """
        with self._database.transaction() as connection:
            for record in records:
                key = key_of(record)
                text = None if key is None else " ".join(key)
                entry = record if type(record) is Entry else None
                if text is not None:
                    connection.execute("DELETE FROM records WHERE key = ?", (text,))
                connection.execute(
                    "INSERT INTO records (key, kind, record, conversation, seq, epoch) VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        text,
                        type(record).__name__,
                        _encoder.encode(record),
                        entry.conversation if entry else None,
                        entry.seq if entry else None,
                        entry.epoch if entry else None,
                    ),
                )

    def close(self) -> None:
        """Close the file, and leave it to others."""
        self._database.close()
        self._sole.release()


_DECODERS = {kind.__name__: msgspec.msgpack.Decoder(kind) for kind in Record.__args__}  # type: ignore[attr-defined]
