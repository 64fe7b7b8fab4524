"""Recording facts: by packed numbers for the hot path, by checked names for everyone else.

What does not belong here: deciding which facts a run records (the worlds do), and reading them (rows.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.errors import InternalError
from imsim.history.rows import History
from imsim.history.schema import (
    LEVEL_OF,
    Event,
    Level,
    Names,
    checked_event,
    checked_number,
    checked_text,
    checked_time,
)
from imsim.history.store import Store, recorder

if TYPE_CHECKING:
    from pathlib import Path

    from imsim.history.store import RowCall

__all__ = ["Writer"]


class Writer:
    """Records facts and becomes a `History`.

    Args:
        level: how much the run records; a caller asks `writer.frames` before it builds a fact of that level.
        spill_bytes: packed bytes that are kept in memory before all rows move into an anonymous file.
        directory: where that file is, the system's temporary folder by default.

    Attributes:
        nodes, conversations, messages, details: the name tables whose numbers `row` takes.
        row: the hot call, see `RowCall`; keep it in a local. It belongs to this writer until `finish()`.
    """

    __slots__ = ("_settle", "_store", "conversations", "details", "frames", "level", "messages", "nodes", "row")

    def __init__(
        self,
        level: Level = Level.MESSAGES,
        *,
        spill_bytes: int = 64_000_000,
        directory: Path | str | None = None,
    ) -> None:
        self.level = level
        self.frames: bool = level >= Level.FRAMES
        self.nodes = Names()
        self.conversations = Names()
        self.messages = Names()
        self.details = Names()
        self._store = Store(spill_bytes, directory)
        self.row: RowCall
        self.row, self._settle = recorder(self._store.append)

    def fact(  # noqa: PLR0913 - the columns of a row
        self,
        t: float,
        node: str,
        event: Event,
        *,
        incarnation: int = 0,
        conversation: str = "",
        message: str = "",
        epoch: int = 0,
        seq: int = 0,
        op: int = 0,
        attempt: int = 0,
        size: int = 0,
        detail: str = "",
    ) -> None:
        """Record one fact by names, checked: slower than `row`, for callers whose time does not matter.

        A fact of a finer level than the writer's is not recorded. `t` is in seconds, `size` in bytes.

        Raises:
            ConfigError: a value is of the wrong type, negative, not finite, or too large for its column.
        """
        if LEVEL_OF[checked_event(event)] > self.level:
            return
        self.row(
            checked_time(t),
            self.nodes.index(checked_text("node", node)),
            checked_number("incarnation", incarnation),
            event,
            self.conversations.index(checked_text("conversation", conversation)),
            self.messages.index(checked_text("message", message)),
            checked_number("epoch", epoch),
            checked_number("seq", seq),
            checked_number("op", op),
            checked_number("attempt", attempt),
            checked_number("size", size),
            self.details.index(checked_text("detail", detail)),
        )

    def extend(self, packed: bytes) -> None:
        """Record whole packed rows whose names are already this writer's: what a file reader has at hand."""
        self._settle()
        self._store.append(packed)

    def finish(self) -> History:
        """The history of all facts so far; the writer is done with, and `row` and `fact` now raise.

        Raises:
            InternalError: it was finished before.
        """
        self._settle()
        self._store.seal()
        self.row = _finished
        return History(
            self._store,
            level=self.level,
            nodes=self.nodes,
            conversations=self.conversations,
            messages=self.messages,
            details=self.details,
        )


def _finished(*_: object, **__: object) -> None:
    raise InternalError("a fact was recorded after the history was finished")
