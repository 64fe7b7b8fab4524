"""What a device wants done, in order: the driver carries out one effect after the other.

A `Write` is durable, all or nothing, before the next effect starts, so every place where a crash could matter lies
between two effects. The write of a row is its own notice to the user; `Notify` tells what no row tells, and may be
repeated.
"""

from __future__ import annotations

from typing import Union

import msgspec

from imsim.protocol.frames import Frame
from imsim.protocol.records import Record, SendState

__all__ = [
    "CaughtUp",
    "Connect",
    "Disconnect",
    "Effect",
    "GapNoticed",
    "HistoryMissing",
    "Notice",
    "Notify",
    "PresenceSeen",
    "SendChanged",
    "Suppressed",
    "TailWasLost",
    "Transmit",
    "Write",
]


class _Effect(msgspec.Struct, frozen=True, gc=False):
    """A frozen effect."""


class SendChanged(_Effect, frozen=True, tag="send_changed"):
    """The user's own message has a new state."""

    client_id: str
    state: SendState
    reason: str = ""


class GapNoticed(_Effect, frozen=True, tag="gap"):
    """Something between what is known and `seq` is not here."""

    conversation: str
    seq: int


class CaughtUp(_Effect, frozen=True, tag="caught_up"):
    """Everything that the server told of is here."""


class HistoryMissing(_Effect, frozen=True, tag="missing"):
    """The server no longer has `low..high`."""

    conversation: str
    low: int
    high: int


class TailWasLost(_Effect, frozen=True, tag="tail_lost"):
    """A failover lost this message, and nobody offered it again."""

    conversation: str
    client_id: str


class Suppressed(_Effect, frozen=True, tag="suppressed"):
    """An entry arrived that is here already."""

    conversation: str
    client_id: str


class PresenceSeen(_Effect, frozen=True, tag="presence"):
    """`user` is there or not; forget it after `expires_in` seconds."""

    user: str
    online: bool
    expires_in: float


Notice = Union[  # noqa: UP007
    SendChanged, GapNoticed, CaughtUp, HistoryMissing, TailWasLost, Suppressed, PresenceSeen
]


class Write(_Effect, frozen=True, tag="write"):
    """Make `records` durable together."""

    records: tuple[Record, ...]


class Transmit(_Effect, frozen=True, tag="transmit"):
    """Hand `frame` to the present connection; it may be lost."""

    frame: Frame


class Notify(_Effect, frozen=True, tag="notify"):
    """Tell the user."""

    notice: Notice


class Connect(_Effect, frozen=True, tag="connect"):
    """Open a connection; the driver answers with `handle_connected` or `handle_disconnected`."""


class Disconnect(_Effect, frozen=True, tag="disconnect"):
    """Close the present connection; no answer is awaited."""

    reason: str = ""


Effect = Union[Write, Transmit, Notify, Connect, Disconnect]  # noqa: UP007
