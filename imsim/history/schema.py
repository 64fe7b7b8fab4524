"""The schema `imsim-history/1`: events, levels, columns, names, and what a value may be.

The event numbers, the columns and their widths are fixed for ever: a history of today must mean the same
in ten years, so new ones are only added at the end (docs/history.md is the same in prose). What does not
belong here: how rows are kept (store.py), and how they look in a file (files.py).
"""

from __future__ import annotations

import enum
import functools
import operator
import reprlib
import struct
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from imsim.errors import ConfigError, nearest
from imsim.protocol.services.claims import digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

__all__ = [
    "COLUMNS",
    "EVENTS_BY_WORD",
    "FORMAT",
    "LEVEL_OF",
    "ROW",
    "WIDEST",
    "Event",
    "Level",
    "Names",
    "brief",
    "checked_event",
    "checked_number",
    "checked_text",
    "checked_time",
    "dtype",
    "event_of",
    "text_detail",
]

FORMAT: Final = "imsim-history/1"

COLUMNS: Final = (
    "t", "node", "incarnation", "event", "flags", "conversation", "message",
    "epoch", "seq", "op", "attempt", "size", "detail",
)  # fmt: skip
"""The thirteen columns, in the order of a packed row and of the tuples of `History.rows()`."""

ROW: Final = struct.Struct("<dIHBBIIHIIHII")
"""One packed row: little-endian, no padding, 44 bytes."""

WIDEST: Final[Mapping[str, int]] = MappingProxyType({
    "incarnation": 0xFFFF, "epoch": 0xFFFF, "seq": 0xFFFFFFFF,
    "op": 0xFFFFFFFF, "attempt": 0xFFFF, "size": 0xFFFFFFFF,
})  # fmt: skip
"""The largest value of each column that holds a plain number."""


class Event(enum.IntEnum):
    """The facts. The numbers are the schema, fixed for ever; docs/history.md says what each one means."""

    # a message's life
    SUBMITTED = 1
    ACCEPTED = 2
    COMMITTED = 3
    PUSHED = 4
    SHOWN = 5
    ACKNOWLEDGED = 6
    READ = 7
    EDITED = 8
    RECALLED = 9
    RETRIED = 10
    CANCELLED = 11
    FAILED = 12
    MISSING = 13
    TRIMMED = 14
    TAIL_LOST = 15
    # membership
    JOINED = 16
    LEFT = 17
    # devices
    INSTALLED = 18
    WIPED = 19
    CONNECTED = 20
    DISCONNECTED = 21
    # frames on the network
    SENT = 22
    DROPPED = 23
    DUPLICATED = 24
    RECEIVED = 25
    # the world
    PARTITIONED = 26
    HEALED = 27
    CRASHED = 28
    RESTARTED = 29
    PAUSED = 30
    RESUMED = 31
    # operations on ports
    INVOKE = 32
    OK = 33
    FAIL = 34
    INFO = 35
    # what a device made of it
    SUPPRESSED = 36
    UNKNOWN = 37
    RESOLVED = 38
    # synchronising
    ASKED = 39
    ANSWERED = 40
    WOKEN = 41
    SLEPT = 42
    TIMER = 43
    GAP = 44
    CAUGHT_UP = 45
    # what its user reads in the end
    VIEWED = 46
    # what a message answers
    REPLIED = 47
    # what a device says of a conversation
    COUNTED = 48
    # what a device cost
    SPENT = 49

    @property
    def word(self) -> str:
        """The event as files and tables spell it: lower case."""
        return self.name.lower()


class Level(enum.IntEnum):
    """How much a run records; each level includes the ones before it."""

    MESSAGES = 1
    FRAMES = 2


_ONLY_FRAMES: Final = (
    Event.SENT, Event.DROPPED, Event.DUPLICATED, Event.RECEIVED, Event.TIMER,
    Event.INVOKE, Event.OK, Event.FAIL, Event.INFO,
)  # fmt: skip

LEVEL_OF: Final[Mapping[Event, Level]] = MappingProxyType(
    {event: Level.FRAMES if event in _ONLY_FRAMES else Level.MESSAGES for event in Event}
)
"""The coarsest level at which an event is recorded."""

_NUMBERS: Final = frozenset(Event)

EVENTS_BY_WORD: Final[Mapping[str, Event]] = MappingProxyType({event.word: event for event in Event})


class Names:
    """An interning table, names to dense numbers and back. Number 0 is the empty name, meaning *none*.

    Attributes:
        names: the names by their number.
    """

    __slots__ = ("_numbers", "names")

    def __init__(self) -> None:
        self.names: list[str] = [""]
        self._numbers: dict[str, int] = {"": 0}

    def index(self, name: str) -> int:
        """The number of `name`, given to it now if it had none.

        Raises:
            ConfigError: the name holds a lone surrogate, which no file can store.
        """
        number = self._numbers.get(name)
        if number is None:
            try:
                name.encode()
            except UnicodeEncodeError:
                raise ConfigError(f"expected a name that UTF-8 can spell, got {brief(name)}") from None
            number = self._numbers[name] = len(self.names)
            self.names.append(name)
        return number

    def find(self, name: str) -> int | None:
        """The number of `name`, or None if it has none; nothing is added."""
        return self._numbers.get(name)

    def name(self, index: int) -> str:
        """The name with the number `index`."""
        return self.names[index]

    def __len__(self) -> int:
        return len(self.names)


@functools.cache
def dtype() -> np.dtype[np.void]:
    """The NumPy structured dtype with exactly the layout of `ROW`."""
    import numpy as np

    widths = {"d": "<f8", "I": "<u4", "H": "<u2", "B": "u1"}
    return np.dtype([(column, widths[code]) for column, code in zip(COLUMNS, ROW.format[1:], strict=True)])


def checked_time(value: object) -> float:
    """`value` as a time in seconds: finite and not negative.

    Raises:
        ConfigError: it is not.
    """
    # The comparison is exact for integers of any size, and false for NaN.
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= sys.float_info.max:
        return float(value)
    raise ConfigError(f"t: expected a finite number of seconds >= 0, got {brief(value)}")


def checked_number(column: str, value: object) -> int:
    """`value` as an integer that fits `column`, one of `WIDEST`.

    Raises:
        ConfigError: it is no integer, negative or too large.
    """
    try:
        number = -1 if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = -1
    if 0 <= number <= WIDEST[column]:
        return number
    raise ConfigError(f"{column}: expected an integer from 0 to {WIDEST[column]}, got {brief(value)}")


def checked_text(column: str, value: object) -> str:
    """`value` as a name.

    Raises:
        ConfigError: it is no text.
    """
    if isinstance(value, str):
        return value
    raise ConfigError(f"{column}: expected a text, got {brief(value)}")


def checked_event(value: object) -> Event:
    """`value` as an event.

    Raises:
        ConfigError: it is none.
    """
    if isinstance(value, int) and value in _NUMBERS:
        return Event(value)
    raise ConfigError(f"event: expected an imsim.history.Event, got {brief(value)}")


def text_detail(text: str | None) -> str:
    """What a `viewed` row says of a text that a user reads; of none, nothing."""
    return "" if text is None else digest(text).hex()


def event_of(word: object) -> Event:
    """The event that files spell `word`.

    Raises:
        ConfigError: there is none; the message holds the nearest one and all of them.
    """
    if isinstance(word, str) and word in EVENTS_BY_WORD:
        return EVENTS_BY_WORD[word]
    near = nearest(word, EVENTS_BY_WORD) if isinstance(word, str) else ""
    raise ConfigError(f"event: expected one of {', '.join(EVENTS_BY_WORD)}, got {brief(word)}{near}")


def brief(value: object) -> str:
    """`value` as a message shows it: short, whatever a file held."""
    try:
        return reprlib.repr(value)
    except ValueError:  # Python refuses to print an integer of more than 4,300 digits
        return "an absurdly large number"
