"""Saving and loading a history: which format, all or nothing, and nothing that could not be read back.

A reader accepts less than a parser would: an unknown key or event, a wrong type, a number that does not fit
is one ConfigError that says where, what was given and what is allowed; a log that was silently misread
would be a verdict about something else. What does not belong here: the formats (lines.py, parquet.py).
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final

from imsim.errors import ConfigError, InternalError, nearest
from imsim.history.header import TABLES
from imsim.history.lines import read_lines, write_lines
from imsim.history.parquet import read_parquet, write_parquet
from imsim.history.schema import Event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imsim.history.rows import History

__all__ = ["read", "replacing", "write"]

_FORMATS: Final = {".jsonl": (read_lines, write_lines), ".parquet": (read_parquet, write_parquet)}


def write(history: History, path: Path) -> None:
    """Save `history` at `path` by its suffix; see `History.write`."""
    save = _FORMATS[_suffix(path)][1]
    _refuse_unreadable(history)
    try:
        with replacing(path) as file:
            save(history, file)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror or error}") from error


def read(path: Path) -> History:
    """Load the history at `path` by its suffix; see `History.read`."""
    load = _FORMATS[_suffix(path)][0]
    try:
        with path.open("rb") as file:
            return load(file, path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error


def _suffix(path: Path) -> str:
    if path.suffix in _FORMATS:
        return path.suffix
    near = nearest(path.suffix, _FORMATS)
    raise ConfigError(f"{path}: expected a file name that ends in {' or '.join(_FORMATS)}, got {path.suffix!r}{near}")


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of `path` when all went well, and leaves no trace otherwise.

    Raises:
        OSError: it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            yield file
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _refuse_unreadable(history: History) -> None:
    """What `row` did not check, for speed, is checked before it reaches a file that no reader would accept."""
    rows = history.array()
    if not len(rows):
        return
    limits = {column: len(getattr(history, table)) - 1 for column, table in TABLES.items()}
    for column, largest in {**limits, "event": max(Event), "flags": 0}.items():
        if rows[column].max() > largest:
            raise InternalError(f"history: {column}: a row holds {rows[column].max()}, and the largest is {largest}")
    if rows["event"].min() < min(Event):
        raise InternalError("history: event: a row holds 0, and the smallest is 1")
    times = rows["t"]
    if not (times.min() >= 0 and times.max() < float("inf")):  # a NaN makes both comparisons false
        raise InternalError("history: t: a row holds a time that is negative or not finite")
