"""Which format a file is in, and reading it.

A file is known by its first words; where these fit no format, or more than one, it is not read, for another format
might read it as something else. What does not belong here: how a format is spelled, and which model fits.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from imsim.errors import ConfigError, nearest
from imsim.history.lines import read_lines
from imsim.verify.formats import jepsen_edn, jepsen_log, porcupine_kv
from imsim.verify.formats.list_append import read_transactions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from imsim.history import History
    from imsim.verify.formats.events import Event
    from imsim.verify.transactions.transaction import Transaction

__all__ = ["Calls", "Format", "format_named", "read"]


class Format(enum.Enum):
    """What a file may be."""

    IMSIM_JSONL = "imsim-jsonl"
    IMSIM_PARQUET = "imsim-parquet"
    LIST_APPEND = "list-append"
    JEPSEN_LOG = "jepsen-log"
    JEPSEN_EDN = "jepsen-edn"
    PORCUPINE_KV = "porcupine-kv"


class Calls(NamedTuple):
    """Calls and answers, which a model judges.

    `model` is the one that the format means, and `initial` the state that it begins with; empty and None where it does
    not say. `unrecorded` names the models by which a read of nil was not recorded.
    """

    events: list[Event]
    model: str = ""
    initial: str | None = None
    unrecorded: tuple[str, ...] = ()


_HEAD: Final = 65_536
"""Characters from which a format is told."""
_ENOUGH: Final = "name it with --format, one of "
_COMMENTS: Final = re.compile(r"(?:\s+|;[^\n]*\n?)*")
_JSON: Final = re.compile(r'\[?\s*\{\s*"')
_EDN: Final = re.compile(r"[\[(]?(?:[\s,]|;[^\n]*\n)*\{\s*:")
_KV: Final = re.compile(r"\{[^{}]*:f\s+:(?:put|append|get)\b[^{}]*\}")
_JSON_KEYS: Final = {
    Format.IMSIM_JSONL: re.compile(r'^\s*\{[^\n]*"(?:event|format)"\s*:'),
    Format.LIST_APPEND: re.compile(r'^\[?\s*\{[^{}]*"ops"\s*:'),
}


def format_named(name: str) -> Format | None:
    """The format of that name; None for `auto`.

    Raises:
        ConfigError: there is none.
    """
    names = [each.value for each in Format]
    if name == "auto":
        return None
    if name not in names:
        raise ConfigError(f"--format {name}: no such format{nearest(name, names)}; there are auto, {', '.join(names)}")
    return Format(name)


def read(path: Path, format_: Format | None = None) -> tuple[Format, History | Calls | list[Transaction]]:
    """Read a file.

    Args:
        path: the file.
        format_: what it is; None to look at it.

    Raises:
        ConfigError: it cannot be read, is nothing that is known, or breaks the rules of its format.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(4)
            data = b"" if begin == b"PAR1" or format_ is Format.IMSIM_PARQUET else begin + file.read()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    if begin == b"PAR1" and format_ is None:
        format_ = Format.IMSIM_PARQUET
    if format_ in (Format.IMSIM_JSONL, Format.IMSIM_PARQUET):
        return format_, _history(path, format_)
    text = "" if format_ is Format.LIST_APPEND else _text(data, path)
    known = format_ or _told(text, path)
    if known is Format.IMSIM_JSONL:
        return known, _history(path, known)
    if not data.strip():
        raise ConfigError(f"{path}: expected {known.value}, got an empty file")
    if known is Format.LIST_APPEND:
        return known, read_transactions(data, path)
    return known, _READERS[known](text, path)


def _text(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(
            f"{path}: line {line}: expected text in UTF-8, got the byte {data[error.start]:#04x}"
        ) from None


def _told(text: str, path: Path) -> Format:
    """The one format that a text can be in."""
    head = text[:_HEAD]
    begin = head[_COMMENTS.match(head).end() :]  # type: ignore[union-attr]
    if _JSON.match(begin):
        fits = [known for known, key in _JSON_KEYS.items() if key.search(begin)]
    elif _EDN.match(begin):
        kv = _KV.search(begin)
        fits = [Format.PORCUPINE_KV if kv and ":key" in kv[0] else Format.JEPSEN_EDN]
    else:
        fits = [Format.JEPSEN_LOG] if "jepsen.util" in head else []
    if len(fits) != 1:
        got = f"begins with {begin[:40].splitlines()[0]!r}" if begin else "is empty"
        names = ", ".join(each.value for each in Format)
        raise ConfigError(f"{path}: its format cannot be told: it {got}; {_ENOUGH}{names}")
    return fits[0]


def _history(path: Path, format_: Format) -> History:
    from imsim.history.parquet import read_parquet  # NumPy

    load = read_lines if format_ is Format.IMSIM_JSONL else read_parquet
    with path.open("rb") as file:
        return load(file, path)


def _jepsen_log(text: str, path: Path) -> Calls:
    return Calls(jepsen_log.read_events(text, path), model="cas-register")


def _jepsen_edn(text: str, path: Path) -> Calls:
    return Calls(jepsen_edn.read_events(text, path), unrecorded=("cas-register",))


def _porcupine_kv(text: str, path: Path) -> Calls:
    return Calls(porcupine_kv.read_events(text, path), model="kv", initial="")


_READERS: Final[dict[Format, Callable[[str, Path], Calls]]] = {
    Format.JEPSEN_LOG: _jepsen_log,
    Format.JEPSEN_EDN: _jepsen_edn,
    Format.PORCUPINE_KV: _porcupine_kv,
}
