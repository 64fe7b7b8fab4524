"""What a fact is called in a diagram, and the shape that stands for it.

Two tables: the facts that become marks on a lane, and the facts that a frame of the same moment says already. What
does not belong here: which facts are drawn (choice.py), and what a shape looks like (text.py, picture.py).
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from imsim.history import Event
from imsim.verify.verdict import END

if TYPE_CHECKING:
    from imsim.history import Row

__all__ = ["SAID_BY_FRAMES", "Shape", "frame_words", "ordinal", "shape_of", "span_words", "words_of"]


class Shape(enum.Enum):
    """What a mark is about; the value is how a legend says it."""

    DEED = "what a user does"
    ROW = "a durable row"
    ENTRY = "an entry of the log"
    FATE = "what the sender is told"
    FAULT = "a fault"
    NOTE = "any other fact"


SAID_BY_FRAMES: Final = frozenset({
    Event.PUSHED, Event.RETRIED, Event.ACKNOWLEDGED, Event.SENT, Event.RECEIVED, Event.DROPPED, Event.DUPLICATED,
})  # fmt: skip
"""Where a history has frames, an arrow says these."""

_MARKS: Final[dict[Event, tuple[Shape, str]]] = {
    Event.SUBMITTED: (Shape.DEED, "submits{about}"),
    Event.ACCEPTED: (Shape.ENTRY, "accepted{about}"),
    Event.COMMITTED: (Shape.ENTRY, "{about} becomes {slot}"),
    Event.PUSHED: (Shape.NOTE, "pushes{about}{again}"),
    Event.SHOWN: (Shape.ROW, "shown{about}"),
    Event.ACKNOWLEDGED: (Shape.NOTE, "acknowledged up to {slot}"),
    Event.READ: (Shape.ROW, "read up to {slot}"),
    Event.EDITED: (Shape.ROW, "{detail} edited"),
    Event.RECALLED: (Shape.ROW, "{detail} recalled"),
    Event.RETRIED: (Shape.NOTE, "tries{about} again{again}"),
    Event.CANCELLED: (Shape.FATE, "told that {it} is cancelled"),
    Event.FAILED: (Shape.FATE, "told that {it} failed"),
    Event.MISSING: (Shape.ROW, "history missing from {slot}"),
    Event.TRIMMED: (Shape.ENTRY, "trimmed below {slot}"),
    Event.TAIL_LOST: (Shape.ENTRY, "tail lost{about}"),
    Event.JOINED: (Shape.ENTRY, "{detail} joins {conversation}"),
    Event.LEFT: (Shape.ENTRY, "{detail} leaves {conversation}"),
    Event.INSTALLED: (Shape.NOTE, "installed"),
    Event.WIPED: (Shape.FAULT, "wiped{more}"),
    Event.CONNECTED: (Shape.NOTE, "connected{more}"),
    Event.DISCONNECTED: (Shape.FAULT, "disconnected{more}"),
    Event.CRASHED: (Shape.FAULT, "crashes"),
    Event.RESTARTED: (Shape.NOTE, "restarts"),
    Event.PAUSED: (Shape.FAULT, "stands still"),
    Event.RESUMED: (Shape.NOTE, "goes on"),
    Event.PARTITIONED: (Shape.FAULT, "partition{more}"),
    Event.HEALED: (Shape.NOTE, "healed{more}"),
    Event.INVOKE: (Shape.NOTE, "{detail} begins"),
    Event.OK: (Shape.NOTE, "{detail} ok"),
    Event.FAIL: (Shape.FAULT, "{detail} failed"),
    Event.INFO: (Shape.FAULT, "{detail} timed out"),
    Event.SUPPRESSED: (Shape.NOTE, "not shown again{about}"),
    Event.UNKNOWN: (Shape.FATE, "told that the fate of {it} is unknown"),
    Event.RESOLVED: (Shape.FATE, "told that {it} is sent"),
    Event.ASKED: (Shape.NOTE, "asks for what it lacks"),
    Event.ANSWERED: (Shape.NOTE, "answered"),
    Event.WOKEN: (Shape.NOTE, "wakes"),
    Event.SLEPT: (Shape.NOTE, "sleeps"),
    Event.GAP: (Shape.NOTE, "gap before {slot}"),
    Event.CAUGHT_UP: (Shape.NOTE, "caught up"),
    Event.VIEWED: (Shape.NOTE, "what is read of {it} in the end"),
    Event.REPLIED: (Shape.NOTE, "answers {detail}"),
    Event.COUNTED: (Shape.NOTE, "says: all known up to {op}, read up to {seq}, {size} unread"),
    Event.SPENT: (Shape.NOTE, "sent {op} frames in all"),
}
"""`about` is the message, left out where the frame that brought it says so; `it` then is "it"; `slot` is `team[3]`."""


def shape_of(event: Event) -> Shape:
    """The shape of a fact on its lane."""
    return _MARKS.get(event, _PLAIN)[0]


def words_of(row: Row, *, brought: str = "") -> str:
    """A fact in a few words; `brought` is the message of the frame that arrived in the same moment."""
    template = _MARKS.get(row.event, _PLAIN)[1]
    slot = f"{row.conversation}[{row.seq}]"
    if row.epoch > 1:
        slot += f" of epoch {row.epoch}"
    known = not row.message or row.message == brought
    if row.event is Event.HEALED:
        template = _HEALED.get(row.detail, template)
    if row.event is Event.PARTITIONED and row.detail and not any(sign in row.detail for sign in _BETWEEN):
        template = "{detail}"  # the outage of a backend
    words = template.format(
        about="" if known else f" {row.message}",
        it="it" if known else row.message,
        again=f", the {ordinal(row.attempt)} time" if row.attempt > 1 else "",
        slot=slot,
        detail=row.detail,
        more=f": {row.detail}" if row.detail else "",
        conversation=row.conversation,
        event=row.event.word.replace("_", " "),
        op=row.op,
        seq=row.seq,
        size=row.size,
    )
    return words.strip()


_LONG: Final = 100.0
_PLAIN: Final = (Shape.NOTE, "{event}{about}")
_BETWEEN: Final = ("|", "->")
_HEALED: Final = {"everything": "all is healed", END: "the run ends"}


def frame_words(kind: str, subject: str, attempt: int) -> str:
    """A frame as people call it: `2nd push alice-3`."""
    which = f"{ordinal(attempt)} " if attempt > 1 else ""
    return f"{which}{kind or 'frame'} {subject}".strip()


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th."""
    if number % 100 in {11, 12, 13}:
        return f"{number}th"
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def span_words(seconds: float) -> str:
    """How long a frame was under way."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.3g} s" if seconds < _LONG else f"{seconds:,.0f} s"
