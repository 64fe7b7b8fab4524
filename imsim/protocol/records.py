"""What a device writes to its disk: its state is the fold of these, in order, and nothing else.

Live and restart go through the same `apply`. A record with the `key` of an earlier one replaces it; a record whose
key is None is only ever added. A row of the durable view is the `Entry` itself, keyed by its client id ("upserted
by message id").

Durations are *remaining seconds*, never moments: clocks restart. No behaviour belongs here.
"""

from __future__ import annotations

import enum
from typing import Any, Union

import msgspec

from imsim.protocol.frames import Body, Entry, Range

__all__ = [
    "Epoch",
    "Installed",
    "Kept",
    "Key",
    "Known",
    "Missing",
    "Queued",
    "Record",
    "Resolved",
    "SendState",
    "key_of",
]

Key = tuple[str, ...] | None


class SendState(enum.StrEnum):
    """What the user is told of a message of their own."""

    PENDING = "pending"
    """Waiting, or on its way for the first time."""
    UNKNOWN = "unknown"
    """Given up or being cancelled: neither sent nor failed until the server says which; for good where the history that
    would say it is trimmed."""
    SENT = "sent"
    FAILED = "failed"
    """Will never appear."""
    CANCELLED = "cancelled"
    """Taken back by its author before it was accepted; will never appear."""

    @property
    def final(self) -> bool:
        """Whether no answer is awaited any more."""
        return self in {SendState.SENT, SendState.FAILED, SendState.CANCELLED}


class _Record(msgspec.Struct, frozen=True, gc=False):
    """A frozen record."""


class Installed(_Record, frozen=True, tag="installed"):
    """Whose records these are: the driver's install value, and the nonce that this install's client ids begin with.

    The next counter is not recorded: it follows from the ids that were used, which stay in `Queued` or `Resolved`.
    """

    install: str
    nonce: str


class Queued(_Record, frozen=True, tag="queued"):
    """An entry that the user wants in `conversation`, accepted within `deadline` seconds (None: no limit)."""

    client_id: str
    conversation: str
    wall: float
    body: Body
    deadline: float | None = None
    cancelling: bool = False
    """Whether a Cancel may have been transmitted: then the state is *unknown*."""
    wanted: SendState = SendState.FAILED
    """What a successful Cancel means: `CANCELLED` if the user asked for it, `FAILED` if the device gave up."""
    offered: int = 0
    """The slot that a failover took from it: it is offered again, in this order, before anything new."""


class Resolved(_Record, frozen=True, tag="resolved"):
    """What became of a queued entry."""

    client_id: str
    state: SendState
    reason: str = ""
    draft: Queued | None = None
    """Kept where a manual resend is allowed: the entry failed, and the server never claimed its id."""


class Known(_Record, frozen=True, tag="known"):
    """Every entry of `ranges` that this device may read is among its rows."""

    conversation: str
    epoch: int
    ranges: tuple[Range, ...]


class Missing(_Record, frozen=True, tag="missing"):
    """The server said that `low..high` is trimmed: history that this device will never have."""

    conversation: str
    epoch: int
    low: int
    high: int


class Epoch(_Record, frozen=True, tag="epoch"):
    """`conversation` is in `epoch` now; what this device knew above `cut` is no longer known."""

    conversation: str
    epoch: int
    cut: int


class Kept(_Record, frozen=True, tag="kept"):
    """Whatever else a device of another make keeps, under a key of its own; imsim's own device keeps nothing so."""

    key: str
    value: Any
    """What JSON can say."""


Record = Union[Entry, Installed, Queued, Resolved, Known, Missing, Epoch, Kept]  # noqa: UP007 (as the union of frames)

_KEYS: dict[type, Any] = {
    Entry: lambda r: ("row", r.client_id),
    Installed: lambda _: ("installed",),
    Queued: lambda r: ("out", r.client_id),
    Resolved: lambda r: ("out", r.client_id),
    Known: lambda r: ("known", r.conversation),
    Missing: lambda r: ("missing", r.conversation, str(r.low)),
    Epoch: lambda r: ("epoch", r.conversation, str(r.epoch)),
    Kept: lambda r: ("kept", r.key),
}


def key_of(record: Record) -> Key:
    """The key under which `record` replaces an earlier one."""
    key: Key = _KEYS[type(record)](record)
    return key
