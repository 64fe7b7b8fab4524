"""A history as a diagram reads it: its rows, the frames between them, what caused what, and how long a trouble lasted.

What does not belong here: which of it is drawn (choice.py), and where (layout.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from imsim.history import Event
from imsim.study.diagram.flights import Flight, flights

if TYPE_CHECKING:
    from imsim.history import History, Row

    Packed = tuple[float | int, ...]

__all__ = ["LOG", "WORLD", "Sheet", "Trouble"]

WORLD: Final = "world"
LOG: Final = "log"
"""The names of two nodes that are none: the world, which writes the log's facts in a simulation, and the log."""

_ACKNOWLEDGEMENT: Final = "ack"
_BY_DEVICES: Final = frozenset({
    Event.SUBMITTED, Event.SHOWN, Event.INSTALLED, Event.WIPED, Event.CONNECTED, Event.DISCONNECTED,
})  # fmt: skip
_OF_THE_LOG: Final = frozenset({Event.COMMITTED, Event.TRIMMED, Event.TAIL_LOST, Event.JOINED, Event.LEFT})

_ENDS: Final = {
    Event.CRASHED: Event.RESTARTED,
    Event.PAUSED: Event.RESUMED,
    Event.PARTITIONED: Event.HEALED,
    Event.DISCONNECTED: Event.CONNECTED,
    Event.INSTALLED: Event.CONNECTED,
}
_BOUNDS: Final = frozenset({*_ENDS, *_ENDS.values()})


class Trouble(NamedTuple):
    """Something that lasts: a crash until the restart, a partition until it heals, a device without a connection."""

    event: Event
    node: int
    begin: int
    end: int | None
    detail: str

    def lasts(self, place: int) -> bool:
        """Whether it goes on after a row."""
        return self.begin <= place and (self.end is None or place < self.end)

    def overlaps(self, first: int, last: int) -> bool:
        """Whether it lasted at some time between two rows."""
        return self.begin <= last and (self.end is None or self.end >= first)


class Sheet:
    """What a diagram is made from; nodes and messages by their numbers, rows by their places.

    Attributes:
        history, rows, flights: the facts, and the frames.
        devices, servers: the nodes that are one.
        causes: for a row, the frame whose arrival brought it about in the same instant: no acknowledgement, which
            ends what was begun.
        troubles: in the order in which they began.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        self.rows: list[Packed] = list(history.rows())
        self.flights = flights(history)
        self.devices = {int(row[1]) for row in self.rows if row[3] in _BY_DEVICES}
        nobody = {0, history.nodes.find(WORLD), history.nodes.find(LOG)}
        ends = {end for flight in self.flights for end in (flight.sender, flight.receiver)}
        self.servers = ({int(row[1]) for row in self.rows} | ends) - self.devices - nobody
        self.causes: dict[int, Flight] = {}
        self._find_causes()
        self.troubles = self._troubles()

    def lane_of(self, place: int) -> int | None:
        """The node on whose lane a row is: 0 is the log, None the whole world."""
        row = self.rows[place]
        node = int(row[1])
        if node in self.devices or (node in self.servers and row[3] not in _OF_THE_LOG):
            return node
        return 0 if row[3] in _OF_THE_LOG else None

    def event(self, place: int) -> Event:
        """What a row says."""
        return Event(int(self.rows[place][3]))

    def row(self, place: int) -> Row:
        """A row, spelled out."""
        return self.history.row(place)

    def detail(self, place: int) -> str:
        """The detail of a row."""
        return self.history.details.name(int(self.rows[place][12]))

    def is_acknowledgement(self, flight: Flight) -> bool:
        """Whether a frame only says that another one arrived."""
        return self.history.details.name(flight.kind) == _ACKNOWLEDGEMENT

    def _find_causes(self) -> None:
        arriving = {place: flight for flight in self.flights for place in flight.arrivals}
        latest: dict[int, tuple[float, Flight]] = {}
        for place, row in enumerate(self.rows):
            node = int(row[1])
            if place in arriving:
                if not self.is_acknowledgement(arriving[place]):
                    latest[node] = latest[0] = (row[0], arriving[place])
                continue
            known = latest.get(0 if row[3] in _OF_THE_LOG else node)
            if known is not None and known[0] == row[0]:
                self.causes[place] = known[1]

    def _troubles(self) -> list[Trouble]:
        going: list[Trouble] = []
        found: list[Trouble] = []
        for place, row in enumerate(self.rows):
            if row[3] not in _BOUNDS:
                continue
            event, node = Event(int(row[3])), int(row[1])
            if event in _ENDS:
                going.append(Trouble(event, node, place, None, self.detail(place)))
                continue
            over = [trouble for trouble in going if trouble.node == node and _ENDS[trouble.event] is event]
            if event is Event.HEALED:
                over = self._healed(over, place)
            found += [trouble._replace(end=place) for trouble in over]
            going = [trouble for trouble in going if trouble not in over]
        return sorted((*found, *going), key=lambda trouble: trouble.begin)

    def _healed(self, going: list[Trouble], place: int) -> list[Trouble]:
        """The partitions that a row ends: the oldest one of its name, or all."""
        healed = self.detail(place)
        return going if healed in _ALL_HEALED else [trouble for trouble in going if trouble.detail == healed][:1]


_ALL_HEALED: Final = frozenset({"", "all partitions", "everything", "end"})
