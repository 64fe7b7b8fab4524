"""One operation on an object: who called what when, and what came back.

What does not belong here: what an operation may do (model.py).
"""

from __future__ import annotations

import enum
from typing import Any, Final

import msgspec

__all__ = ["UNKNOWN", "Operation", "Status", "Unknown"]


class Status(enum.Enum):
    """How an operation ended, as far as its caller knows."""

    OK = "ok"
    FAIL = "fail"
    INFO = "info"


class Unknown(enum.Enum):
    """The one value of a result that nobody recorded."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN
"""A result that nobody recorded: every result fits."""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """What one process asked of one object.

    Attributes:
        process: who called; a process waits for an answer before it calls again, or never calls again.
        function: what was called, a word of the model: `write`.
        value: its argument, hashable.
        result: what came back, hashable; `UNKNOWN` if that was not recorded.
        key: the object, where a history is about several.
        call: when it was called, in any unit.
        returned: when its answer came; None if none came. Of two operations one was certainly first only if it
            returned before the other was called: at equal times they are concurrent.
        status: `OK`; `FAIL` for what certainly did not happen; `INFO` for what may happen at any time after its call,
            or never.
        index: the number of the event that tells how it ended (or was called, if nothing tells), from 0.
        line: where that event is in its file, from 1; 0 if there is none.
    """

    process: Any
    function: str
    call: float
    returned: float | None
    value: Any = None
    result: Any = UNKNOWN
    key: Any = None
    status: Status = Status.OK
    index: int = 0
    line: int = 0

    @property
    def told(self) -> Any:  # noqa: ANN401 (whatever a user's values are)
        """The one value by which Jepsen's histories tell an operation: what came back, or else what was given."""
        return self.value if self.value is not None or self.result is UNKNOWN else self.result

    def __str__(self) -> str:
        key = "" if self.key is None else f" {self.key}"
        value = "" if self.value is None else f" {self.value!r}"
        result = "" if self.result is UNKNOWN or self.result is None else f" -> {self.result!r}"
        end = ", never answered" if self.status is Status.INFO else ""
        where = f" (line {self.line})" if self.line else ""
        return f"process {self.process}: {self.function}{key}{value}{result}{end}{where}"
