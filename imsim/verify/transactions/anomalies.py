"""The names of what can be wrong, which consistency models each rules out, and what it means to people who chat.

Names are Adya's and Elle's. `-process` says that a cycle needs the order of a session, `-realtime` that it needs the
order in which transactions ended and began. The models are a ladder, each allowing less than the one before:

    read-uncommitted < read-committed < read-atomic < snapshot-isolation < serializable
                     < strong-session-serializable < strict-serializable

("Repeatable read" is left out: what is sold under that name differs too much to be ruled out.)

What does not belong here: how they are found.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MESSAGING", "Anomaly", "Cycle", "Level", "Model", "cycle_name", "ruled_out", "severity"]


class Model(enum.IntEnum):
    """Consistency models, the weakest first."""

    READ_UNCOMMITTED = 0
    READ_COMMITTED = 1
    READ_ATOMIC = 2
    SNAPSHOT_ISOLATION = 3
    SERIALIZABLE = 4
    STRONG_SESSION_SERIALIZABLE = 5
    STRICT_SERIALIZABLE = 6

    @property
    def word(self) -> str:
        """As people write it."""
        return self.name.lower().replace("_", "-")


class Anomaly(enum.Enum):
    """What is seen without a graph."""

    DUPLICATE_ELEMENTS = "duplicate-elements"
    GARBAGE_READ = "garbage-read"
    G1A = "G1a"
    G1B = "G1b"
    DIRTY_UPDATE = "dirty-update"
    INCOMPATIBLE_ORDER = "incompatible-order"
    FUTURE_READ = "future-read"
    INTERNAL = "internal"
    LOST_UPDATE = "lost-update"


class Cycle(enum.IntEnum):
    """Kinds of cycles, the gravest first."""

    G0 = 0
    G1C = 1
    G_SINGLE = 2
    G_NONADJACENT = 3
    G2 = 4


class Level(enum.IntEnum):
    """Which order between transactions a cycle needs besides their dependencies."""

    PLAIN = 0
    PROCESS = 1
    REALTIME = 2


_WORDS: Final = {
    Cycle.G0: "G0",
    Cycle.G1C: "G1c",
    Cycle.G_SINGLE: "G-single",
    Cycle.G_NONADJACENT: "G-nonadjacent",
    Cycle.G2: "G2",
}
_SUFFIXES: Final = {Level.PLAIN: "", Level.PROCESS: "-process", Level.REALTIME: "-realtime"}


def cycle_name(kind: Cycle, level: Level) -> str:
    """The name of a cycle, such as `G-single-realtime`."""
    return _WORDS[kind] + _SUFFIXES[level]


_SEEN: Final = {
    Anomaly.DUPLICATE_ELEMENTS: Model.READ_UNCOMMITTED,
    Anomaly.GARBAGE_READ: Model.READ_UNCOMMITTED,
    Anomaly.G1A: Model.READ_COMMITTED,
    Anomaly.G1B: Model.READ_COMMITTED,
    Anomaly.DIRTY_UPDATE: Model.READ_COMMITTED,
    Anomaly.INCOMPATIBLE_ORDER: Model.READ_COMMITTED,
    Anomaly.FUTURE_READ: Model.READ_COMMITTED,
    Anomaly.INTERNAL: Model.READ_ATOMIC,
    Anomaly.LOST_UPDATE: Model.SNAPSHOT_ISOLATION,
}
_PLAIN: Final = {
    Cycle.G0: Model.READ_UNCOMMITTED,
    Cycle.G1C: Model.READ_COMMITTED,
    Cycle.G_SINGLE: Model.SNAPSHOT_ISOLATION,
    Cycle.G_NONADJACENT: Model.SNAPSHOT_ISOLATION,
    Cycle.G2: Model.SERIALIZABLE,
}
_ORDERED: Final = {Level.PROCESS: Model.STRONG_SESSION_SERIALIZABLE, Level.REALTIME: Model.STRICT_SERIALIZABLE}

_RULES_OUT: Final = {
    **{anomaly.value: model for anomaly, model in _SEEN.items()},
    **{cycle_name(kind, Level.PLAIN): model for kind, model in _PLAIN.items()},
    **{cycle_name(kind, level): model for level, model in _ORDERED.items() for kind in Cycle},
}
"""By name, the weakest model that allows no such thing."""


def ruled_out(names: Iterable[str]) -> list[str]:
    """The weakest models that what was found rules out; with them all that are stronger. Empty if nothing was found."""
    models = {_RULES_OUT[name] for name in names}
    return [min(models).word] if models else []


def severity(name: str) -> tuple[int, int]:
    """Sorts names, the worst first."""
    return _RULES_OUT[name], list(_RULES_OUT).index(name)


MESSAGING: Final = {
    "duplicate-elements": "A reader was shown the same message twice.",
    "garbage-read": "A reader was shown a message that nobody sent.",
    "G1a": "A message whose sending had failed was shown all the same.",
    "G1b": "A reader was shown one part of what was sent together, without the rest.",
    "dirty-update": "A message was put after one whose sending had failed, so it rests on what is not there.",
    "incompatible-order": "Two readers were shown the same conversation in orders that no conversation can have had.",
    "future-read": "A device showed its own message before it had sent it.",
    "internal": "A device did not show what it had itself just read or sent.",
    "lost-update": "Two senders answered the same state of a conversation, neither having seen the other's message.",
    "G0": "Messages that were sent together stand in opposite orders in two conversations.",
    "G1c": "Each of these saw a message of the next one, so each would have to come after the other.",
    "G-single": "A device saw what was sent later, and missed what was sent before it.",
    "G-nonadjacent": "Readers saw messages from different moments, and no common past explains what they missed.",
    "G2": "Each of these missed what another one sent: all of them acted on an older state than there was.",
}
"""What an anomaly means to people who chat; of a cycle, without its suffix."""
