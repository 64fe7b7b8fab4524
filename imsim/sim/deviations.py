"""What may be done instead: the faults of a case, each in words that a person can read and a program can parse.

A case is `scenario + seed + deviations`. Most deviations happen at a key (decisions.py):

    drop the 2nd push of alice-3 to bob/phone
    time out before the 1st port call kv.get of alice-3 at server-1

A partition and a jump of a clock belong to no decision; they happen at a time:

    partition berlin from paris from 10 s until 20.5 s

One table of sentences serves both directions, so `parse(str(deviation)) == deviation` for all of them. A second table
says which action makes sense for which kind of decision: one that could never happen would only look like a test.

What does not belong here: how the network, a node or a backend carries an action out.
"""

from __future__ import annotations

import enum
import math
import re
from typing import Any, Final

import msgspec

from imsim.errors import ConfigError, nearest
from imsim.sim.decisions import FRAMES, Key, Kind

__all__ = [
    "Action",
    "ClockJump",
    "CrashAfter",
    "CrashBefore",
    "Cut",
    "Delay",
    "Deviation",
    "Drop",
    "Duplicate",
    "Hold",
    "LosePush",
    "Partition",
    "Pause",
    "Release",
    "TimedAction",
    "TimeoutAfter",
    "TimeoutBefore",
    "Yield",
    "parse",
    "possible",
]

# ---------------------------------------------------------------------------------------------- at a key


class Drop(msgspec.Struct, frozen=True, tag="drop"):
    """The frame is lost (on a stream: stalled until it is sent again)."""


class Duplicate(msgspec.Struct, frozen=True, tag="duplicate"):
    """The frame arrives twice."""


class Delay(msgspec.Struct, frozen=True, tag="delay"):
    """It takes `seconds` longer."""

    seconds: float

    def __post_init__(self) -> None:
        _duration(self)


class Cut(msgspec.Struct, frozen=True, tag="cut"):
    """The connection breaks at this frame, which is lost."""


class CrashBefore(msgspec.Struct, frozen=True, tag="crash_before"):
    """The node that does it dies just before."""


class CrashAfter(msgspec.Struct, frozen=True, tag="crash_after"):
    """The node that does it dies just after."""


class Pause(msgspec.Struct, frozen=True, tag="pause"):
    """The node that does it stands still for `seconds` just before."""

    seconds: float

    def __post_init__(self) -> None:
        _duration(self)


class TimeoutBefore(msgspec.Struct, frozen=True, tag="timeout_before"):
    """The caller is told `Timeout`, and nothing was done."""


class TimeoutAfter(msgspec.Struct, frozen=True, tag="timeout_after"):
    """The caller is told `Timeout`, and it was done."""


class LosePush(msgspec.Struct, frozen=True, tag="lose_push"):
    """The server forgets the push after the commit and before the socket."""


class Release(enum.Enum):
    """Until when a frame is held at its receiver."""

    EVENT = "its receiver has met something else"
    TIMER = "a timer of its receiver has gone off"
    HEAL = "everything is healed"


class Hold(msgspec.Struct, frozen=True, tag="hold"):
    """The frame arrives, and waits at its receiver's door."""

    until: Release


class Yield(msgspec.Struct, frozen=True, tag="yield"):
    """The others that are due there at the same instant go first."""


# ---------------------------------------------------------------------------------------------- at a time


class Partition(msgspec.Struct, frozen=True, kw_only=True, tag="partition"):
    """From second `at` until second `until` nothing passes between two sites; `one_way`: nothing from a to b."""

    at: float
    until: float
    a: str
    b: str
    one_way: bool = False

    def __post_init__(self) -> None:
        _named("partition", self.a, self.b)
        if not 0 <= self.at < self.until < math.inf:
            raise ConfigError(f"partition: expected 0 <= at < until, got at {self.at} s, until {self.until} s")


class ClockJump(msgspec.Struct, frozen=True, kw_only=True, tag="clock_jump"):
    """At second `at` the wall clock of `node` moves by `seconds`, back if they are negative."""

    at: float
    node: str
    seconds: float

    def __post_init__(self) -> None:
        _named("clock jump", self.node)
        if not (0 <= self.at < math.inf and math.isfinite(self.seconds)):
            raise ConfigError(
                f"clock jump: expected finite seconds at a time >= 0, got {self.seconds} s at {self.at} s"
            )


Action = (
    Drop
    | Duplicate
    | Delay
    | Cut
    | CrashBefore
    | CrashAfter
    | Pause
    | TimeoutBefore
    | TimeoutAfter
    | LosePush
    | Hold
    | Yield
)
TimedAction = Partition | ClockJump

_EVERYWHERE = frozenset(Kind) - {Kind.CRASH, Kind.PAUSE, Kind.CHOICE, Kind.WORKLOAD, Kind.TIE}
_TRAVELLING = frozenset(FRAMES.values())
_PORT = frozenset({Kind.PORT})

_KINDS: Final[dict[type[Action], frozenset[Kind]]] = {
    Drop: _TRAVELLING | {Kind.WAKE_UP},
    Duplicate: _TRAVELLING,
    Delay: _EVERYWHERE,
    Cut: _TRAVELLING,
    CrashBefore: _EVERYWHERE,
    CrashAfter: _EVERYWHERE,
    Pause: _EVERYWHERE,
    TimeoutBefore: _PORT,
    TimeoutAfter: _PORT,
    LosePush: frozenset({Kind.PUSH}),
    Hold: _TRAVELLING,
    Yield: frozenset({Kind.TIE}),
}


def possible(kind: Kind) -> tuple[type[Action], ...]:
    """The actions that make sense for decisions of this kind, in a fixed order."""
    return tuple(action for action, kinds in _KINDS.items() if kind in kinds)


class Deviation(msgspec.Struct, frozen=True):
    """At `key`, do `action` instead; the key is None for an action that happens at a time.

    Example:
        >>> deviation = parse("drop the 2nd push of alice-3 to bob/phone")
        >>> deviation.action
        Drop()
        >>> str(deviation)
        'drop the 2nd push of alice-3 to bob/phone'

    Raises:
        ConfigError: the action makes no sense there.
    """

    key: Key | None
    action: Action | TimedAction

    def __post_init__(self) -> None:
        timed = isinstance(self.action, TimedAction)
        if timed is not (self.key is None):
            raise ConfigError(f"{_word(self.action)}: expected {'no key' if timed else 'a key'}, got {self.key}")
        self.keyed()

    @property
    def steers(self) -> bool:
        """Whether it is about the order of events, which only a steered world can change (steering.py)."""
        return isinstance(self.action, Hold | Yield)

    def keyed(self) -> tuple[Key, Action] | TimedAction:
        """The key and its action, or the timed action."""
        action = self.action
        if isinstance(action, TimedAction):
            return action
        if self.key is None or self.key.kind not in _KINDS[type(action)]:
            raise ConfigError(f"{_word(action)}: makes no sense for {self.key}")
        return self.key, action

    def __str__(self) -> str:
        fields = msgspec.structs.asdict(self.action)
        said = {name: _number(value) if isinstance(value, (int, float)) else value for name, value in fields.items()}
        return _sentence(self.action).format(key=self.key, **said)


def parse(text: str) -> Deviation:
    """Read what `str(deviation)` wrote, whatever blanks are between the words.

    Raises:
        ConfigError: it is no deviation; the message says what is missing.
    """
    plain = " ".join(text.split())
    for pattern, kind, fixed in _PATTERNS:
        found = pattern.fullmatch(plain)
        if found is not None:
            fields: dict[str, Any] = found.groupdict()
            key = fields.pop("key", None)
            for name in _NUMBERS & fields.keys():
                fields[name] = _parsed(plain, fields[name])
            return Deviation(Key.parse(key) if key else None, kind(**fields, **fixed))
    start = plain.split(" the ")[0]
    hint = nearest(start, [template.split(" {")[0] for template in _SENTENCES])
    raise ConfigError(f"expected a deviation such as 'drop the 2nd push of SUBJECT to NAME', got {text!r}{hint}")


# ---------------------------------------------------------------------------------------------- words

_SENTENCES: Final[dict[str, tuple[type[Action | TimedAction], dict[str, Any]]]] = {
    "drop {key}": (Drop, {}),
    "duplicate {key}": (Duplicate, {}),
    "delay {key} by {seconds} s": (Delay, {}),
    "cut the connection at {key}": (Cut, {}),
    "crash before {key}": (CrashBefore, {}),
    "crash after {key}": (CrashAfter, {}),
    "pause for {seconds} s before {key}": (Pause, {}),
    "time out before {key}": (TimeoutBefore, {}),
    "time out after {key}": (TimeoutAfter, {}),
    "lose {key} between commit and socket": (LosePush, {}),
    **{f"hold {{key}} until {until.value}": (Hold, {"until": until}) for until in Release},
    "let the others go first at {key}": (Yield, {}),
    "partition {a} from {b} from {at} s until {until} s": (Partition, {"one_way": False}),
    "partition {a} towards {b} from {at} s until {until} s": (Partition, {"one_way": True}),
    "jump the clock of {node} by {seconds} s at {at} s": (ClockJump, {}),
}
_NUMBERS: Final = {"seconds", "at", "until"}


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(template.replace("{key}", "(?P<key>the .+)").replace("{", "(?P<").replace("}", r">\S+)"))


_PATTERNS: Final = tuple((_pattern(template), kind, fixed) for template, (kind, fixed) in _SENTENCES.items())


def _sentence(action: Action | TimedAction) -> str:
    return next(
        template
        for template, (kind, fixed) in _SENTENCES.items()
        if type(action) is kind and all(getattr(action, name) is value for name, value in fixed.items())
    )


def _word(action: Action | TimedAction) -> str:
    return str(action.__struct_config__.tag).replace("_", " ")


def _number(value: float) -> str:
    """The shortest text that `float` reads back as the same number."""
    return repr(float(value)).removesuffix(".0")


def _parsed(sentence: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{sentence!r}: expected a number of seconds, got {text!r}") from None


def _duration(action: Delay | Pause) -> None:
    if not 0 <= action.seconds < math.inf:
        raise ConfigError(f"{_word(action)}: expected seconds >= 0, got {action.seconds}")


def _named(what: str, *names: str) -> None:
    for name in names:
        if not re.fullmatch(r"\S+", name):
            raise ConfigError(f"{what}: expected a name without blanks, got {name!r}")
