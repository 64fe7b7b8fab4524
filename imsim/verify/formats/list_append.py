"""`list-append`: transactions on lists as JSON, one list of all, or one object a line.

    {"process": 1, "status": "ok", "call": 0, "return": 3, "ops": [["append", "x", 1], ["r", "x", [1]]]}

`status` is ok, fail or info. A read of null is unknown, and a return of null never came. Keys and values are integers
or strings, and whatever is appended to one list is different each time.
"""

from __future__ import annotations

import gc
import math
from typing import TYPE_CHECKING, Final

import msgspec

from imsim.errors import ConfigError
from imsim.verify.transactions.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["read_transactions"]

_ONE: Final = msgspec.json.Decoder(Transaction)
_ALL: Final = msgspec.json.Decoder(list[Transaction])
_RAW: Final = msgspec.json.Decoder(list[msgspec.Raw])


def read_transactions(data: bytes, path: Path) -> list[Transaction]:
    """The transactions of a file.

    Raises:
        ConfigError: what is no list of transactions, named by its line.
    """
    listed = data.lstrip()[:1] == b"["
    was = gc.isenabled()
    gc.disable()  # a reader makes millions of small lists and no garbage
    try:
        transactions = _ALL.decode(data) if listed else _ONE.decode_lines(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        _complain(data, path, listed=listed)
        raise
    finally:
        if was:
            gc.enable()
    for number, transaction in enumerate(transactions):
        wrong = _wrong(transaction)
        if wrong:
            line = next(line for at, (line, _) in enumerate(_pieces(data, listed=listed)) if at == number)
            raise ConfigError(f"{path}: line {line}: transaction {number}: {wrong}")
    return transactions


def _wrong(transaction: Transaction) -> str:
    """What the types do not say."""
    call, end = transaction.call, transaction.return_
    if not math.isfinite(call) or (end is not None and not end >= call):
        return f"return: expected a time from its call at {call} on, got {end}"
    if end is None and transaction.status == "ok":
        return "return: expected a time, since its status is ok, got null"
    for function, _, value in transaction.ops:
        if (function == "append") is (value is None or isinstance(value, list)):
            wanted = "one value" if function == "append" else "a list of all values, or null"
            return f"ops: {function}: expected {wanted}, got {value!r}"
    return ""


def _complain(data: bytes, path: Path, *, listed: bool) -> None:
    """Name the first transaction that cannot be read.

    Raises:
        ConfigError: always, unless every transaction can be read by itself.
    """
    try:
        for number, (line, piece) in enumerate(_pieces(data, listed=listed)):
            try:
                _ONE.decode(piece)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise ConfigError(f"{path}: line {line}: transaction {number}: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        line = data.rstrip().count(b"\n") + 1
        raise ConfigError(f"{path}: line {line}: expected one JSON list of transactions: {error}") from None


def _pieces(data: bytes, *, listed: bool) -> Iterator[tuple[int, bytes]]:
    """The text of each transaction, and the line in which it begins."""
    if not listed:
        yield from ((number, line) for number, line in enumerate(data.splitlines(), 1) if line.strip())
        return
    at, line = 0, 1
    for raw in _RAW.decode(data):
        piece = bytes(raw)
        found = data.index(piece, at)
        line += data.count(b"\n", at, found)
        yield line, piece
        line += piece.count(b"\n")
        at = found + len(piece)
