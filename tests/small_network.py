"""A network that fits on a page: devices in `home`, a server in `centre`, and every arrival kept in a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import networkx as nx

from imsim.scenario.network import LinkKind
from imsim.scenario.values import Delay, Shape
from imsim.sim.decisions import Decisions, Kind
from imsim.sim.deviations import parse
from imsim.sim.kernel import Kernel
from imsim.sim.link import LinkModel
from imsim.sim.network import Network
from imsim.sim.sites import Sites

if TYPE_CHECKING:
    from imsim.sim.connection import Connection, Endpoint
    from imsim.sim.handshake import Refusal
    from imsim.sim.transit import Arrival, Lost

BACKBONE = 0.01
FOREVER = 100_000.0


def exponential(mean: float, offset: float = 0.0) -> Delay:
    return Delay(distribution=Shape.EXPONENTIAL, mean=mean, offset=offset)


def datagram(**settings: Any) -> LinkModel:
    return LinkModel(kind=LinkKind.DATAGRAM, **{"latency": Delay(offset=0.02), **settings})


def stream(**settings: Any) -> LinkModel:
    return LinkModel(kind=LinkKind.STREAM, **{"latency": Delay(offset=0.02), **settings})


class Server:
    def __init__(self, name: str = "server-1", site: int = 2) -> None:
        self.name = name
        self.site = site
        self.accepting = True


class Message(NamedTuple):
    subject: int
    index: int = 0


class Landed(NamedTuple):
    at: float
    down: bool
    frame: Any
    occurrence: int


class SmallNetwork:
    """home -- middle -- centre, 10 ms in all; devices at home, the server in the centre."""

    def __init__(
        self, link: LinkModel, *, seed: int = 1, deviations: tuple[str, ...] = (), recording: bool = False
    ) -> None:
        graph: nx.Graph[str] = nx.Graph()
        graph.add_nodes_from(("home", "middle", "centre"))
        graph.add_edge("home", "middle", latency=0.25 * BACKBONE)
        graph.add_edge("middle", "centre", latency=0.75 * BACKBONE)
        self.kernel = Kernel()
        self.decisions = Decisions(seed, [parse(text) for text in deviations], recording=recording)
        self.network = Network(self.kernel, self.decisions, Sites(graph))
        self.link = link
        self.server = Server()
        self.landed: list[Landed] = []
        self.lost: list[tuple[Any, Lost]] = []
        self.doubled: list[Any] = []
        self.closed: list[tuple[float, str, bool, str]] = []
        self.accepted: list[Connection] = []
        self.results: list[tuple[float, Refusal | None]] = []
        self.befallen: list[Any] = []
        self.network.deliver_down = lambda arrival: self._land(arrival, down=True)
        self.network.deliver_up = lambda arrival: self._land(arrival, down=False)
        self.network.on_accepted = self.accepted.append
        self.network.on_closed = lambda connection, at_device, reason: self.closed.append(
            (self.kernel.now, connection.name, at_device, reason)
        )
        self.network.befall = self._befall

    def _land(self, arrival: Arrival, *, down: bool) -> None:
        connection, frame, _, occurrence = arrival
        if connection.device_open if down else connection.server_open:
            self.landed.append(Landed(self.kernel.now, down, frame, occurrence))

    def _befall(self, action: object, _: Connection, down: bool) -> bool:
        self.befallen.append((action, down))
        return type(action).__name__ == "CrashAfter"

    def device(self, name: str = "bob/phone") -> Endpoint:
        return self.network.attach(name, 0, self.link)

    def begin(self, device: Endpoint | None = None) -> Connection:
        """Begin a connection and let the time stand."""
        return self.network.connect(
            device or self.device(),
            self.server,
            lambda _, refusal: self.results.append((self.kernel.now, refusal)),
        )

    def open(self, device: Endpoint | None = None) -> Connection:
        """An open connection; its handshake takes no time."""
        connection = self.network._connection_type(
            device or self.device(), self.server, self.network._path(self.link, 0, self.server.site)
        )
        connection.pending = False
        connection.device_open = connection.server_open = True
        return connection

    def push(self, connection: Connection, frame: Any, *, size: int = 100, occurrence: int = 1) -> bool:
        """Send a frame down whose subject is what it is called, such as `alice-3`."""
        message = Message(self.decisions.name(str(frame)))
        salt = self.decisions.kind_salt(Kind.PUSH)
        return self.network.send_down(connection, frame, message, salt, occurrence, size)

    def offer(self, connection: Connection, frame: Any, *, size: int = 100, occurrence: int = 1) -> bool:
        """Send a frame up."""
        message = Message(self.decisions.name(str(frame)))
        salt = self.decisions.kind_salt(Kind.SEND)
        return self.network.send_up(connection, frame, message, salt, occurrence, size)

    def at(self, time: float, call: Any) -> None:
        self.kernel.call_at(time, lambda _: call())

    def run(self, until: float = FOREVER) -> None:
        self.kernel.run(until=until)

    def observe(self) -> None:
        self.network.observe(self)

    def frame_lost(self, arrival: Arrival, reason: Lost, *, down: bool) -> None:
        self.lost.append((arrival[1], reason))

    def frame_doubled(self, arrival: Arrival, *, down: bool) -> None:
        self.doubled.append(arrival[1])

    def frames(self, *, down: bool = True) -> list[Any]:
        return [landed.frame for landed in self.landed if landed.down is down]
