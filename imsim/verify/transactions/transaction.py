"""One transaction: appends to lists and reads of them, as one process saw it.

What does not belong here: how a file spells it (verify/formats/list_append.py).
"""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["Append", "Key", "Read", "Status", "Transaction", "Value"]

Key = str | int
Value = str | int
Status = Literal["ok", "fail", "info"]
Append = Literal["append"]
Read = Literal["r"]


class Transaction(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """Appends to lists and reads of them, together.

    Attributes:
        process: who asked: a session, a device.
        status: `ok`; `fail` for what certainly did not happen; `info` for what may have happened, or may yet.
        call: when it was asked, in any unit.
        return_: when the answer came; None if none came.
        ops: in order: ("append", key, value), or ("r", key, all values of the list, or None if that is unknown).
    """

    process: int | str
    status: Status
    call: float
    return_: float | None = msgspec.field(name="return", default=None)
    ops: list[tuple[Literal["append", "r"], Key, list[Value] | Value | None]]
