"""Recorded traffic: who wrote to whom, and when.

Two forms of one table. *Edges* are text, `src dst unix-time` a line, as archives of social networks distribute them:
blanks or commas between, comments (`#`, `%`) and one header line skipped. *Parquet* is what `import_edges` makes of
it: columns `src`, `dst` (text) and `t` (seconds), rising in t. Names that are plain numbers become `u1`, `u2`, …, so
that they can be told from counts.

A message to oneself is no message between people; such lines are left out and counted.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from imsim.errors import ConfigError
from imsim.scenario.files import read_bytes, read_text

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

__all__ = ["Edges", "Imported", "import_edges", "read_edges"]

_COLUMNS: Final = 3
_LATEST: Final = 1e11
"""Unix seconds; what is larger was counted in milliseconds."""
_NAME: Final = re.compile(r"(?!~)[^/]{1,100}")
"""A device is called USER/KIND, and a user's own log ~USER."""
_SHOWN: Final = 60


class Edges(msgspec.Struct, frozen=True, kw_only=True):
    """A trace in columns, rising in time: sender, receiver, Unix seconds; `skipped` lines were no messages."""

    src: list[str]
    dst: list[str]
    t: list[float]
    skipped: int = 0


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What `import_edges` wrote."""

    messages: int
    users: int
    seconds: float
    skipped: int


def read_edges(file: str | os.PathLike[str]) -> Edges:
    """Read a trace, text or Parquet (by the ending `.parquet`).

    Raises:
        ConfigError: it cannot be read or is no trace; the message names the line.
    """
    path = Path(file)
    edges = (_read_parquet if path.suffix == ".parquet" else _read_text)(path)
    if not edges.t:
        raise ConfigError(f"{path}: no messages in it")
    return edges


def import_edges(file: str | os.PathLike[str], out: str | os.PathLike[str]) -> Imported:
    """Turn a trace into Parquet; `out` appears complete or not at all.

    Raises:
        ConfigError: `file` is no trace, or `out` cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    edges, target = read_edges(file), Path(out)
    table = pa.table({"src": edges.src, "dst": edges.dst, "t": edges.t})
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as draft:
            pass
        try:
            pq.write_table(table, draft.name, compression="zstd")
            Path(draft.name).chmod(0o644)
            Path(draft.name).replace(target)
        finally:
            Path(draft.name).unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"{target}: cannot be written: {error.strerror or error}") from error
    return Imported(
        messages=len(edges.t),
        users=len({*edges.src, *edges.dst}),
        seconds=edges.t[-1] - edges.t[0],
        skipped=edges.skipped,
    )


def _read_text(path: Path) -> Edges:
    rows: list[tuple[str, str, float]] = []
    first = True
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        parts = line.replace(",", " ").split()
        if not parts or parts[0][0] in "#%":
            continue
        t = _seconds(parts[2]) if len(parts) == _COLUMNS else None
        if t is not None:
            rows.append((_name(parts[0], f"{path}:{number}"), _name(parts[1], f"{path}:{number}"), t))
        elif not (first and len(parts) == _COLUMNS and not parts[0].isdecimal()):  # else a header
            raise ConfigError(f"{path}:{number}: expected 'src dst unix-time', got {line.strip()[:_SHOWN]!r}")
        first = False
    return _sorted(rows)


def _seconds(given: object) -> float | None:
    """A time in seconds, if it is one."""
    try:
        t = float(str(given))
    except ValueError:
        return None
    return t if 0 <= t <= _LATEST else None


def _name(label: str, where: str) -> str:
    """The user of this label."""
    if label.isdecimal():
        return f"u{label}"
    if not _NAME.fullmatch(label) or not label.isprintable():
        raise ConfigError(f"{where}: expected a user's name without '/', and without '~' at its begin, got {label!r}")
    return label


def _sorted(rows: Iterable[tuple[str, str, float]]) -> Edges:
    every = list(rows)
    kept = sorted((row for row in every if row[0] != row[1]), key=lambda row: row[2])
    return Edges(
        src=[row[0] for row in kept],
        dst=[row[1] for row in kept],
        t=[row[2] for row in kept],
        skipped=len(every) - len(kept),
    )


def _read_parquet(path: Path) -> Edges:
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = pa.BufferReader(read_bytes(path))
    try:
        table = pq.read_table(content)
    except (OSError, pa.ArrowException) as error:
        raise ConfigError(f"{path}: cannot be read as Parquet: {error}") from error
    missing = [name for name in ("src", "dst", "t") if name not in table.column_names]
    if missing:
        raise ConfigError(f"{path}: expected columns src, dst and t; there is no {missing[0]}")
    columns = [table.column(name).to_pylist() for name in ("src", "dst", "t")]
    rows: list[tuple[str, str, float]] = []
    for number, (src, dst, t) in enumerate(zip(*columns, strict=True), start=1):
        at, where = _seconds(t), f"{path}: row {number}"
        if src is None or dst is None or at is None:
            raise ConfigError(f"{where}: expected src, dst and seconds, got {src!r}, {dst!r}, {t!r}")
        rows.append((_name(str(src), where), _name(str(dst), where), at))
    return _sorted(rows)
