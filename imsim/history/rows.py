"""Reading a history: packed rows for the many, spelled-out rows for the few, tables for people.

What does not belong here: writing rows (writer.py), and judging them (verify/).
"""

from __future__ import annotations

import html
import itertools
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from imsim.history.schema import COLUMNS, ROW, Event

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from imsim.history.schema import Level, Names
    from imsim.history.store import Store

__all__ = ["History", "Row"]

_EVENT_AT: Final = 14  # the byte of a row that holds its event
_SHOWN_ROWS: Final = 5  # at either end of the table in a notebook


class Row(NamedTuple):
    """One fact with its names spelled out: what a violation cites. `place` counts from 0."""

    t: float
    node: str
    incarnation: int
    event: Event
    conversation: str
    message: str
    epoch: int
    seq: int
    op: int
    attempt: int
    size: int
    detail: str
    place: int

    def __str__(self) -> str:
        """One line for a person; what is zero or empty is left out."""
        rest = (
            f"{column}={value}"
            for column, value in zip(self._fields, self, strict=True)
            if value and column not in ("t", "node", "event", "place")
        )
        return " ".join((f"row {self.place}: {self.t:.6f}s", self.node or "-", self.event.word, *rest))


class History:
    """What a run leaves behind: immutable rows in the order in which they happened, and their names.

    Made by `Writer.finish()` or `History.read()`. Rows past the spill limit live in an anonymous file that
    disappears with this object, or with `close()`.

    Attributes:
        level: how much was recorded.
        nodes, conversations, messages, details: the name tables.
    """

    __slots__ = ("_digest", "_store", "conversations", "details", "level", "messages", "nodes")

    def __init__(
        self,
        store: Store,
        *,
        level: Level,
        nodes: Names,
        conversations: Names,
        messages: Names,
        details: Names,
    ) -> None:
        self.level = level
        self.nodes = nodes
        self.conversations = conversations
        self.messages = messages
        self.details = details
        self._store = store
        self._digest: str | None = None

    def __len__(self) -> int:
        return self._store.rows

    def raw_chunks(self) -> Iterator[bytes]:
        """The packed rows, whole rows a chunk, in order; a spilled history is never all in memory."""
        return self._store.chunks()

    def rows(self) -> Iterator[tuple[float | int, ...]]:
        """The rows as plain tuples in the order of `COLUMNS`, names as numbers: what properties read."""
        return itertools.chain.from_iterable(map(ROW.iter_unpack, self.raw_chunks()))

    def row(self, index: int) -> Row:
        """The row at `index`, negative from the end, with its names spelled out.

        Raises:
            IndexError: there is no such row.
        """
        place = range(len(self))[index]
        return self._spelled(place, ROW.unpack(self._store.read(place, place + 1)))

    def filter(self, *, event: Event | None = None, node: str | None = None, message: str | None = None) -> list[Row]:
        """The rows that agree with everything given, spelled out; for a handful of rows, not for statistics."""
        node_number = None if node is None else self._number(self.nodes, node)
        message_number = None if message is None else self._number(self.messages, message)
        return [
            self._spelled(place, packed)
            for place, packed in enumerate(self.rows())
            if (event is None or packed[3] == event)
            and (node_number is None or packed[1] == node_number)
            and (message_number is None or packed[6] == message_number)
        ]

    @property
    def sha256(self) -> str:
        """The digest of all packed rows, in hexadecimal; it does not cover the names."""
        if self._digest is None:
            self._digest = self._store.digest()
        return self._digest

    def array(self) -> npt.NDArray[np.void]:
        """The rows as a read-only NumPy array of `dtype()`; a spilled history is mapped, not loaded."""
        return self._store.array()

    def frame(self) -> pd.DataFrame:
        """The rows as a pandas DataFrame: names and events as categoricals, `t` in seconds, `size` in bytes."""
        import numpy as np
        import pandas as pd

        rows = self.array()
        tables = {
            "node": self.nodes.names,
            "event": ["", *(event.word for event in Event)],
            "conversation": self.conversations.names,
            "message": self.messages.names,
            "detail": self.details.names,
        }
        columns: dict[str, object] = {}
        for column in COLUMNS:
            if column in tables:
                codes = rows[column].astype(np.int32)
                columns[column] = pd.Categorical.from_codes(codes, categories=pd.Index(tables[column]))
            elif column != "flags":
                columns[column] = np.array(rows[column])
        return pd.DataFrame(columns)

    def write(self, path: Path | str) -> None:
        """Save as JSON lines (`.jsonl`) or Parquet (`.parquet`); all or nothing, an older file is replaced.

        Raises:
            ConfigError: another suffix, or the file cannot be written.
            InternalError: a row that no reader could accept.
        """
        from imsim.history import files  # it imports this module

        files.write(self, Path(path))

    @classmethod
    def read(cls, path: Path | str) -> History:
        """Load a saved history, or a user's own log in the same form (docs/history.md).

        Raises:
            ConfigError: another suffix, an unreadable file, or a fact that the schema does not allow; the
                message names the file, the line and the key.
        """
        from imsim.history import files  # it imports this module

        return files.read(Path(path))

    def close(self) -> None:
        """Remove the spill file, if any, and forget the rows."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _number(self, names: Names, name: str) -> int:
        number = names.find(name)
        return -1 if number is None else number  # no row holds -1

    def _spelled(self, place: int, packed: tuple[float | int, ...]) -> Row:
        t, node, incarnation, event, _, conversation, message, epoch, seq, op, attempt, size, detail = packed
        return Row(
            t=t,
            node=self.nodes.name(int(node)),
            incarnation=int(incarnation),
            event=Event(int(event)),
            conversation=self.conversations.name(int(conversation)),
            message=self.messages.name(int(message)),
            epoch=int(epoch),
            seq=int(seq),
            op=int(op),
            attempt=int(attempt),
            size=int(size),
            detail=self.details.name(int(detail)),
            place=place,
        )

    def _repr_html_(self) -> str:
        counts: Counter[int] = Counter()
        for chunk in self.raw_chunks():
            counts.update(chunk[_EVENT_AT :: ROW.size])
        summary = ", ".join(f"{Event(event).word} {counts[event]:,}" for event in sorted(counts))
        places = [
            *range(min(_SHOWN_ROWS, len(self))),
            *range(max(_SHOWN_ROWS, len(self) - _SHOWN_ROWS), len(self)),
        ]
        head = "".join(f"<th>{field}</th>" for field in Row._fields)
        body = "".join(_html_row(self.row(place)) for place in places)
        return (
            f"<p>{len(self):,} facts at level {self.level.name.lower()}: {summary or 'none'}</p>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


def _html_row(row: Row) -> str:
    cells = "".join(f"<td>{html.escape(value.word if isinstance(value, Event) else str(value))}</td>" for value in row)
    return f"<tr>{cells}</tr>"
