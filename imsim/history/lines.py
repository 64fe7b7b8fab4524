"""JSON lines: for people, for a diff, and for a user's own logs.

A header object, then one object a fact that holds only what is not zero or empty, names spelled out. A log
without the header is read too. What does not belong here: the meaning of a fact (docs/history.md).
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import msgspec

from imsim.errors import ConfigError
from imsim.history.header import KEYS, REQUIRED, TABLES, header_of, missing_key, started, unknown_key
from imsim.history.schema import (
    COLUMNS,
    FORMAT,
    LEVEL_OF,
    Event,
    brief,
    checked_number,
    checked_text,
    checked_time,
    event_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from imsim.history.rows import History
    from imsim.history.writer import Writer

__all__ = ["read_lines", "write_lines"]


def write_lines(history: History, file: IO[bytes]) -> None:
    """Save the header and the rows."""
    encode = msgspec.json.Encoder().encode
    file.write(encode(header_of(history)) + b"\n")
    names = {column: getattr(history, table).names for column, table in TABLES.items()}
    words = ["", *(event.word for event in Event)]
    places = [(COLUMNS.index(key), key, names.get(key)) for key in KEYS if key not in REQUIRED]
    for row in history.rows():
        fact: dict[str, object] = {"t": row[0], "node": names["node"][int(row[1])], "event": words[int(row[3])]}
        for place, key, table in places:
            if value := row[place]:
                fact[key] = value if table is None else table[int(value)]
        file.write(encode(fact) + b"\n")


def read_lines(file: IO[bytes], path: Path) -> History:
    """Load a history, or a user's own log without the header.

    Raises:
        ConfigError: a line that the schema does not allow, or a file without any.
    """
    writer: Writer | None = None
    for number, line in enumerate(file, 1):
        if line.isspace():
            continue
        try:
            fact = _decoded(line)
            if writer is None:
                writer = started(fact if "format" in fact else {"format": FORMAT})
                if "format" in fact:
                    continue
            _record(writer, fact)
        except ConfigError as error:
            raise ConfigError(f"{path}: line {number}: {error}") from None
    if writer is None:
        raise ConfigError(f"{path}: expected a header or at least one fact, got an empty file")
    return writer.finish()


def _decoded(line: bytes) -> dict[str, object]:
    try:
        fact = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        expected = "expected one JSON object a line, got something else"
        if not line.endswith(b"\n"):
            expected = f"the last line is cut off after {len(line)} bytes, or no JSON object"
        raise ConfigError(f"{expected} ({error})") from None
    if not isinstance(fact, dict):
        raise ConfigError(f"expected one JSON object a line, got {brief(fact)}")
    return fact


def _record(writer: Writer, fact: Mapping[str, object]) -> None:
    for key in fact:
        if key not in KEYS:
            unknown_key(key, KEYS)
    for key in REQUIRED:
        if key not in fact:
            missing_key(key)
    event = event_of(fact["event"])
    writer.level = max(writer.level, LEVEL_OF[event])
    writer.row(
        checked_time(fact["t"]),
        writer.nodes.index(checked_text("node", fact["node"])),
        checked_number("incarnation", fact.get("incarnation", 0)),
        event,
        writer.conversations.index(checked_text("conversation", fact.get("conversation", ""))),
        writer.messages.index(checked_text("message", fact.get("message", ""))),
        checked_number("epoch", fact.get("epoch", 0)),
        checked_number("seq", fact.get("seq", 0)),
        checked_number("op", fact.get("op", 0)),
        checked_number("attempt", fact.get("attempt", 0)),
        checked_number("size", fact.get("size", 0)),
        writer.details.index(checked_text("detail", fact.get("detail", ""))),
    )
