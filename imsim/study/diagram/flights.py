"""Frames on their way: which `received` row belongs to which `sent` row, and which frames never arrived.

Rows of frames name the kind, the message, the two ends and the occurrence, and that is the key of the decision about
the frame (docs/history.md). A key may come again, after a wipe or for a page, so frames of one key arrive in the order
in which they were sent; and what is under way to a node that crashes, or whose connection ends, is gone with it.

What does not belong here: which frames are worth drawing (choice.py), and how (layout.py).
"""

from __future__ import annotations

import enum
import itertools
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Final

import msgspec

from imsim.history import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from imsim.history import History

    Packed = tuple[float | int, ...]

__all__ = ["Fate", "Flight", "flights"]


class Fate(enum.Enum):
    """What became of a frame that did not arrive; the value says it in words."""

    LOST = "lost"
    CUT = "lost with the connection"
    NEVER = "never arrived"


class Flight(msgspec.Struct, eq=False):
    """One frame; nodes and messages by their numbers in the history, rows by their places.

    Attributes:
        sender, receiver: the two ends; 0 is a node that the history does not name.
        kind: the number of its word among the details.
        message: what it is named after, 0 for none.
        attempt: the occurrence.
        sent: the row in which it left; None if there is none.
        arrivals: the rows in which it arrived: two of them if the network doubled it.
        losses: the rows in which it, or a copy of it, was lost.
        fate: why it did not arrive; None if it did.
        carries: all messages in it, as far as the history tells.
        copies: of it that may still arrive.
    """

    sender: int
    receiver: int
    kind: int
    message: int
    attempt: int
    sent: int | None
    arrivals: list[int] = []
    losses: list[int] = []
    fate: Fate | None = None
    carries: tuple[int, ...] = ()
    copies: int = 1

    @property
    def places(self) -> tuple[int, ...]:
        """All its rows."""
        return tuple(place for place in (self.sent, *self.arrivals, *self.losses) if place is not None)


def flights(history: History) -> list[Flight]:
    """The frames of a history, in the order in which they were first seen."""
    matching = _Matching()
    for place, row in enumerate(history.rows()):
        step = _STEPS.get(row[3])
        if step is not None:
            step(matching, place, row)
    matching.end()
    return matching.found


class _Matching:
    """The frames that are under way."""

    def __init__(self) -> None:
        self.found: list[Flight] = []
        self._open: defaultdict[int, dict[tuple[int, ...], deque[Flight]]] = defaultdict(dict)
        """By the receiver and then by the key; no queue is empty."""
        self._cut: dict[tuple[int, ...], Flight] = {}
        """What was lost with its connection: the network may still say that it dropped it."""
        self._last_sent: tuple[int, float] | None = None
        self._handed: tuple[Packed, list[int]] | None = None
        """Messages that a node has just handed to a connection, or sends again: the next frame takes them."""

    def handed(self, _place: int, row: Packed) -> None:
        before = self._handed
        message = int(row[6])
        if before is not None and _place_and_peer(before[0]) == _place_and_peer(row):
            before[1].append(message)
        else:
            self._handed = (row, [message])

    def sent(self, place: int, row: Packed) -> None:
        flight = self._flight(row, sent=place)
        self._last_sent = (place, row[0])
        handed, self._handed = self._handed, None
        if handed is not None and flight.message in handed[1]:
            (t, node, peer), messages = _place_and_peer(handed[0]), handed[1]
            if (t, node) == (row[0], row[1]) and peer in {0, row[9]}:
                flight.carries = tuple(messages)
        self._open[flight.receiver].setdefault(_key(flight), deque()).append(flight)

    def doubled(self, _place: int, row: Packed) -> None:
        waiting = self._waiting(self._named(row))
        if waiting:
            waiting[-1].copies += 1

    def dropped(self, place: int, row: Packed) -> None:
        named = self._named(row)
        waiting = self._waiting(named)
        if not waiting:
            if (cut := self._cut.get(_key(named))) is not None:
                cut.losses.append(place)
            return
        # What is lost at once is the frame that was sent in this instant; what is lost later, the oldest one.
        self._gone(waiting[-1 if self._last_sent == (waiting[-1].sent, row[0]) else 0], place, Fate.LOST)

    def received(self, place: int, row: Packed) -> None:
        waiting = self._waiting(self._named(row, reverse=True))
        if not waiting:
            self._flight(row, sent=None, reverse=True).arrivals.append(place)
            return
        flight = waiting[0]
        flight.arrivals.append(place)
        flight.copies -= 1
        self._forget_if_done(flight)

    def deaf(self, place: int, row: Packed) -> None:
        """A node crashed, or its connection ended: what was under way to it does not arrive."""
        for waiting in tuple(self._open[int(row[1])].values()):
            for flight in tuple(waiting):
                self._cut[_key(flight)] = flight
                flight.copies = 1  # both of a doubled frame
                self._gone(flight, place, Fate.CUT)

    def end(self) -> None:
        for queues in self._open.values():
            for flight in itertools.chain.from_iterable(queues.values()):
                if not flight.arrivals:
                    flight.fate = Fate.NEVER

    def _gone(self, flight: Flight, place: int, fate: Fate) -> None:
        flight.copies -= 1
        flight.losses.append(place)
        if not flight.arrivals and not flight.copies:
            flight.fate = fate
        self._forget_if_done(flight)

    def _waiting(self, named: Flight) -> deque[Flight]:
        return self._open[named.receiver].get(_key(named), deque())

    def _forget_if_done(self, flight: Flight) -> None:
        if flight.copies:
            return
        queues, key = self._open[flight.receiver], _key(flight)
        queues[key].remove(flight)
        if not queues[key]:
            del queues[key]

    def _flight(self, row: Packed, *, sent: int | None, reverse: bool = False) -> Flight:
        flight = self._named(row, reverse=reverse)
        flight.sent = sent
        self.found.append(flight)
        return flight

    @staticmethod
    def _named(row: Packed, *, reverse: bool = False) -> Flight:
        node, message, peer, attempt, kind = (int(row[column]) for column in (1, 6, 9, 10, 12))
        sender, receiver = (peer, node) if reverse else (node, peer)
        carries = (message,) if message else ()
        return Flight(sender, receiver, kind, message, attempt, None, carries=carries)


def _key(flight: Flight) -> tuple[int, ...]:
    return flight.sender, flight.receiver, flight.kind, flight.message, flight.attempt


def _place_and_peer(row: Packed) -> tuple[float | int, ...]:
    return row[0], row[1], row[9]


_STEPS: Final[dict[float | int, Callable[[_Matching, int, Packed], None]]] = {
    Event.PUSHED: _Matching.handed,
    Event.RETRIED: _Matching.handed,
    Event.SENT: _Matching.sent,
    Event.DUPLICATED: _Matching.doubled,
    Event.DROPPED: _Matching.dropped,
    Event.RECEIVED: _Matching.received,
    Event.CRASHED: _Matching.deaf,
    Event.DISCONNECTED: _Matching.deaf,
}
