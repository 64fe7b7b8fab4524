"""One conversation of one session: what was sent and acknowledged, and what is on its way.

`acked <= sent <= head`. What moves these is session.py's matter.
"""

from __future__ import annotations

import msgspec

from imsim.protocol.frames import Heads, Hint, Page, Push

__all__ = ["Flight", "Lane", "weight"]

_EPOCH_BITS = 40


class Flight(msgspec.Struct, gc=False):
    """A frame that the device has not acknowledged; `due` is a lower bound until the delay is `drawn`."""

    frame: Push | Page | Heads | Hint | None
    low: int
    high: int
    since: float
    due: float
    size: int
    """Entries that count for the window; none where the frame only tells that there is something."""
    attempt: int = 1
    delay: float = 0.0
    drawn: bool = False


class Lane:
    """One conversation of one session."""

    __slots__ = ("acked", "begun", "conversation", "cuts", "epoch", "fetching", "flights", "head", "sent")

    def __init__(self, conversation: str, epoch: int, acked: int) -> None:
        self.conversation = conversation
        self.epoch = epoch
        self.cuts: tuple[int, ...] = ()
        self.begun = weight(epoch, acked)
        self.acked = acked
        self.sent = acked
        self.head = acked
        self.fetching = False
        self.flights: list[Flight] = []


def weight(epoch: int, head: int) -> int:
    """An end of a log as one number: sums of them are equal where nothing was missed."""
    return (epoch << _EPOCH_BITS) + head
