"""What a history's file says about itself, and the names of its keys; the same in every format.

The name tables are part of it, because the numbers of names are part of the packed rows and so of their
digest. What does not belong here: the rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from imsim.errors import ConfigError, nearest
from imsim.history.schema import COLUMNS, FORMAT, Level, brief, checked_text
from imsim.history.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imsim.history.rows import History
    from imsim.history.schema import Names

__all__ = ["KEYS", "REQUIRED", "TABLES", "header_of", "missing_key", "started", "unknown_key"]

REQUIRED: Final = ("t", "node", "event")
"""The keys that every fact has."""

KEYS: Final = (*REQUIRED, *(column for column in COLUMNS if column not in (*REQUIRED, "flags")))
"""The keys that a fact may have."""

TABLES: Final = {"node": "nodes", "conversation": "conversations", "message": "messages", "detail": "details"}
"""The keys that hold names, and the attribute of a History or Writer with their table."""

_HEADER_KEYS: Final = ("format", "level", *TABLES.values())
_LEVELS: Final = {level.name.lower(): level for level in Level}


def header_of(history: History) -> dict[str, object]:
    """What a file says about `history`."""
    tables = {table: getattr(history, table).names[1:] for table in TABLES.values()}
    return {"format": FORMAT, "level": history.level.name.lower(), **tables}


def started(header: Mapping[str, object]) -> Writer:
    """A writer with the level and the name tables of `header`; `format` is needed, the rest is optional.

    Raises:
        ConfigError: an unknown key or format, or a value that the schema does not allow.
    """
    for key in header:
        if key not in _HEADER_KEYS:
            unknown_key(key, _HEADER_KEYS)
    if header.get("format") != FORMAT:
        raise ConfigError(f"format: expected {FORMAT!r}, got {brief(header.get('format'))}")
    level = header.get("level", "messages")
    if not isinstance(level, str) or level not in _LEVELS:
        near = nearest(level, _LEVELS) if isinstance(level, str) else ""
        raise ConfigError(f"level: expected {' or '.join(_LEVELS)}, got {brief(level)}{near}")
    writer = Writer(_LEVELS[level])
    for table in TABLES.values():
        _fill(getattr(writer, table), table, header.get(table, []))
    return writer


def _fill(names: Names, table: str, given: object) -> None:
    if not isinstance(given, list):
        raise ConfigError(f"{table}: expected a list of names, got {brief(given)}")
    for name in given:
        if names.find(checked_text(table, name)) is not None:
            raise ConfigError(f"{table}: expected different names, none of them empty, got {brief(name)} again")
        names.index(name)


def unknown_key(key: str, allowed: tuple[str, ...]) -> NoReturn:
    """Refuse a key that the schema does not have."""
    raise ConfigError(f"{brief(key)}: unknown key{nearest(key, allowed)}; allowed are {', '.join(allowed)}")


def missing_key(key: str) -> NoReturn:
    """Refuse a fact without one of `REQUIRED`."""
    raise ConfigError(f"{key}: missing; a fact needs t, node and event")
