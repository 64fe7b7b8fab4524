"""The conversations of one session: what was sent and acknowledged, what is on its way, and in which epoch.

`acked <= sent <= head` in every lane. Here stands what is the same whatever is transmitted: how a session begins, how
an epoch cuts a lane, and what a session was told of. What moves a lane is session.py's matter.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from imsim.ports import FIRST_EPOCH
from imsim.protocol import marks
from imsim.protocol.frames import EpochChanged, Heads, Hint, Page, Position, Push
from imsim.protocol.requests import Fetch, Output

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imsim.protocol.frames import Head

__all__ = ["Cuts", "Flight", "Lane", "Lanes", "cursor", "weight"]

Cuts = tuple[int, ...]
"""The cut of every epoch of a log from the second on (`LogState.cuts`)."""

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

    __slots__ = ("acked", "begun", "conversation", "cuts", "epoch", "fetching", "flights", "head", "reserved", "sent")

    def __init__(self, conversation: str, epoch: int, acked: int) -> None:
        self.conversation = conversation
        self.epoch = epoch
        self.cuts: tuple[int, ...] = ()
        self.begun = weight(epoch, acked)
        self.acked = acked
        self.sent = acked
        self.head = acked
        self.fetching = 0
        """Questions to the log that are not answered."""
        self.reserved = 0
        """Places in the window that are kept for their answer."""
        self.flights: list[Flight] = []


class Lanes:
    """All conversations of one session in which something happened; `outputs` is what the session wants done."""

    __slots__ = ("_flying", "_held", "_inflight", "_lanes", "_opened", "outputs", "wake_at")

    def __init__(self) -> None:
        """Nothing happened."""
        self.outputs: list[Output] = []
        self.wake_at = math.inf
        self._lanes: dict[str, Lane] = {}
        self._opened = 0
        """The weight of everything that the session began with."""
        self._inflight = 0
        """Entries that count for the window."""
        self._flying = 0
        """Frames that are not acknowledged."""
        self._held: tuple[int, float] | None = None
        """The number of the check that is being held, and until when."""

    def accounts_for(self, heads: Iterable[tuple[Head, Cuts]]) -> bool:
        """Whether what this session was told of is all that there is; if not, it cannot be resumed.

        A level conversation has no lane, so what these had at the start is only known as a sum.
        """
        rest = self._opened
        for head, _ in heads:
            lane = self._lanes.get(head.conversation)
            if lane is None:
                rest -= weight(head.epoch, head.head)
            elif lane.epoch != head.epoch or lane.head < head.head:
                return False
            else:
                rest -= lane.begun
        return rest == 0

    def held(self) -> dict[str, int]:
        """How far the device is known to hold the conversations in which something happened."""
        return {lane.conversation: lane.acked for lane in self._lanes.values()}

    def _begin(self, head: Head, cuts: Cuts, position: Position) -> None:
        """A conversation as it is when the session starts."""
        own = weight(head.epoch, head.head)
        self._opened += own
        upto = cursor(position)
        lane = self._lanes.get(head.conversation)
        if lane is None:
            if head.head <= upto and head.epoch == position.epoch:
                return
            lane = self._lanes[head.conversation] = Lane(head.conversation, position.epoch, upto)
        lane.acked = lane.sent = upto
        self._enter(lane, head.epoch, cuts)
        lane.head = max(lane.head, head.head)
        lane.begun = own

    def _settle_epochs(self, lane: Lane, epoch: int) -> None:
        """The device is in another epoch than was thought: tell it what it missed, or find out what this one missed."""
        if epoch < lane.epoch and len(lane.cuts) + FIRST_EPOCH == lane.epoch:
            self._tell_epochs(lane.conversation, epoch, lane.cuts)
        elif not lane.fetching:
            self._ask_for_cuts(lane)

    def _ask_for_cuts(self, lane: Lane) -> None:
        """Any page of the log names its epochs."""
        marks.CUTS_ASKED_FOR()
        lane.fetching += 1
        last = max(lane.head, 1)
        self.outputs.append(Fetch(lane.conversation, last, last))

    def _shorten(self, lane: Lane, head: int) -> None:
        """The conversation ends earlier for this user than was thought: nobody need be told of more."""
        marks.LANE_SHORTENED()
        lane.head = max(head, lane.acked)
        for flight in [flight for flight in lane.flights if not flight.size and flight.high > lane.head]:
            lane.flights.remove(flight)
            self._flying -= 1

    def _enter(self, lane: Lane, epoch: int, cuts: Cuts) -> bool:
        """The lane's log is in `epoch`; True if that is news, and then the device is told."""
        if epoch <= lane.epoch:
            return False
        self._tell_epochs(lane.conversation, lane.epoch, cuts)
        cut = min(cuts[lane.epoch - 1 :])
        lane.epoch, lane.cuts = epoch, cuts
        lane.acked = lane.sent = min(lane.acked, cut)
        lane.head = min(lane.head, cut)
        self._inflight -= sum(flight.size for flight in lane.flights)
        self._flying -= len(lane.flights)
        lane.flights.clear()
        return True

    def _tell_epochs(self, conversation: str, known: int, cuts: Cuts) -> None:
        """Tell the device of every epoch after the one that it knows: each has cut something of its own."""
        for epoch, cut in enumerate(cuts[known - 1 :], start=known + 1):
            self.outputs.append(EpochChanged(conversation, epoch, cut))

    def _rearm(self) -> None:
        dues = [flight.due for lane in self._lanes.values() for flight in lane.flights]
        if self._held is not None:
            dues.append(self._held[1])
        self.wake_at = min(dues, default=math.inf)


def cursor(position: Position) -> int:
    """The end of the run that starts at 1."""
    known = position.known
    return known[0][1] if known and known[0][0] == 1 else 0


def weight(epoch: int, head: int) -> int:
    """An end of a log as one number: sums of them are equal where nothing was missed."""
    return (epoch << _EPOCH_BITS) + head
