"""What a device has in the network: its end of an access link, and its connections one after the other.

A hundred thousand idle devices must fit, so everything that can be shared is: a `Path` is one for all devices with
the same access link at the same site that talk to the same site, and only what changes is a slot of a connection.

A connection has two ends, each open or not, and neither knows about the other: with one open and one closed it is
*half-open*, which is what mobile networks make of long connections. `Network.close` and `Network.cut` write the flags;
the world reads them when something arrives.

**Places.** What travels to bob/phone is decided at the place `to bob/phone`, what comes from it at `from bob/phone`, on
whichever connection: the occurrence of a key counts through all of them.

What does not belong here: anything that happens (network.py).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Protocol

from imsim.scenario.values import Shape
from imsim.sim.decisions import Kind, draw, name_hash, remix, unit
from imsim.sim.link import LOSS_MASK, LOSS_SCALE, FixedLine
from imsim.sim.trace import TraceLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from imsim.sim.decisions import Decisions
    from imsim.sim.link import LinkModel
    from imsim.sim.sites import Route

__all__ = ["UNIT_44", "Connection", "Endpoint", "Host", "Line", "Named", "Path"]

UNIT_44: Final = 2.0**-44
"""`(bits >> 20) * UNIT_44` is the uniform number of a frame's latency."""

_SMALLEST_SIMPLE: Final = 1e-6
_MOST_LOSSES: Final = 64
_BACKBONE: Final = 16
"""The remix steps from here on are the edges of the backbone."""


class Named(Protocol):
    """A thing of the workload: what a frame is about."""

    subject: int
    """The hash of its name."""
    index: int
    """Its number in the history."""


class Host(Protocol):
    """A server, as the network sees it."""

    name: str
    site: int
    """The index of its site."""
    accepting: bool
    """Whether it takes new connections; if not, they are refused."""


class Line(Protocol):
    """A queue before one direction of a link."""

    def leave(self, at: float, size: int) -> float | None:
        """When the last of `size` bytes has crossed; None if there was no room."""
        ...


class Path:
    """An access link and the route behind it: all that the fate of a frame depends on, besides its key.

    Attributes:
        link, route: what it is made of.
        loss: of `LOSS_SCALE` frames, how many are lost.
        base, mean, tail: `base + tail(u)` seconds if there is a tail, else `base - mean * log(1 - u)`.
        simple: nothing but loss and latency can happen here, so the short way may be taken.
    """

    __slots__ = ("base", "link", "loss", "mean", "route", "simple", "tail")

    def __init__(self, link: LinkModel, route: Route) -> None:
        self.link = link
        self.route = route
        self.loss = round((1.0 - (1.0 - link.loss) * (1.0 - route.loss)) * LOSS_SCALE)
        latency = link.latency
        self.mean = latency.mean if latency.distribution is Shape.EXPONENTIAL else 0.0
        self.tail: Callable[[float], float] | None = None
        self.base = route.latency
        if latency.distribution is Shape.CONSTANT:
            self.base += latency.offset + latency.mean
        elif latency.distribution is Shape.EXPONENTIAL:
            self.base += latency.offset
        else:
            self.tail = latency.quantile
        plain = link.unlimited and link.outages is None and not link.duplicate and not link.reorder
        # The short way does not compare with the clock, so a frame must take at least one of its steps.
        lowest = self.base if self.tail is None else self.base + latency.offset
        self.simple = plain and not link.stream and not route.delays and lowest >= _SMALLEST_SIMPLE

    def delay(self, bits: int) -> float:
        """The seconds that a frame takes if it does not wait: to the last digit what the short way computes."""
        uniform = (bits >> 20) * UNIT_44
        tail = self.tail
        return self.base - self.mean * math.log(1.0 - uniform) if tail is None else self.base + tail(uniform)

    def backbone(self, bits: int) -> float:
        """The seconds on top for what varies on the route."""
        wait = 0.0
        for step, delay in enumerate(self.route.delays, start=_BACKBONE):
            wait += delay.quantile(unit(remix(bits, step)))
        return wait

    def losses(self, bits: int) -> int:
        """How often in a row a frame on a stream is lost."""
        uniform = bits & LOSS_MASK
        losses, bound = 0, float(self.loss)
        while uniform < bound and losses < _MOST_LOSSES:
            losses += 1
            bound *= self.loss / LOSS_SCALE
        return losses


class Endpoint:
    """A device's end of its access link. A world may derive its device from this class.

    Attributes:
        name: the device, such as `bob/phone`.
        site: the index of the site to which the link leads.
        link: the model of the link.
        up_place, down_place: hashes of `from NAME` and `to NAME`.
        tunnels: the random number that says when it is without coverage.
        connections, attempts: how many connections, and how many attempts at a handshake, have been begun.
    """

    __slots__ = (
        "attempts",
        "connections",
        "down_line",
        "down_place",
        "link",
        "name",
        "site",
        "tunnels",
        "up_line",
        "up_place",
    )

    def __init__(self, name: str, site: int, link: LinkModel, decisions: Decisions) -> None:
        self.name = name
        self.site = site
        self.link = link
        self.up_place = decisions.name(f"from {name}")
        self.down_place = decisions.name(f"to {name}")
        self.tunnels = draw(decisions.kind_salt(Kind.WORKLOAD) ^ _TUNNELS, self.up_place, 0) if link.outages else 0
        self.connections = 0
        self.attempts = 0
        self.up_line: Line | None = None
        self.down_line: Line | None = None
        if not link.unlimited:
            self.up_line = self._line(decisions, down=False)
            self.down_line = self._line(decisions, down=True)

    def _line(self, decisions: Decisions, *, down: bool) -> Line | None:
        link = self.link
        limit = None if link.stream else link.queue_bytes
        if link.trace is not None:
            trace = link.trace.down if down else link.trace.up
            # The same phase both ways: one journey through one landscape.
            bits = draw(decisions.kind_salt(Kind.WORKLOAD) ^ _PHASE, self.up_place, 0)
            phase = unit(bits) * link.trace.down.length / 1000.0
            return TraceLine(trace, phase, limit)
        rate = link.bandwidth_down if down else link.bandwidth_up
        return None if rate is None else FixedLine(rate, limit)


_PHASE: Final = name_hash("phase in a trace")
_TUNNELS: Final = name_hash("outages of a device")


class Connection:
    """One connection of a device to a server.

    Attributes:
        device: the device's side.
        server: the server.
        number: counts the connections of the device from 1.
        path: what lies between them.
        pending: the device still waits for the handshake.
        device_open, server_open: whether each end takes what arrives.
        session: the server's half, for the world to set.
    """

    __slots__ = (
        "device",
        "device_open",
        "last_down",
        "last_up",
        "number",
        "path",
        "pending",
        "server",
        "server_open",
        "session",
    )

    def __init__(self, device: Endpoint, server: Host, path: Path) -> None:
        device.connections = self.number = device.connections + 1
        self.device = device
        self.server = server
        self.path = path
        self.pending = True
        self.device_open = False
        self.server_open = False
        self.session: Any = None
        self.last_up = 0.0
        self.last_down = 0.0

    @property
    def name(self) -> str:
        """The device and the number: `bob/phone#2`."""
        return f"{self.device.name}#{self.number}"

    @property
    def half_open(self) -> bool:
        """Whether one end believes in it and the other does not."""
        return self.device_open is not self.server_open

    def __repr__(self) -> str:
        ends = {True: "open", False: "closed"}
        return f"<Connection {self.name} device {ends[self.device_open]}, server {ends[self.server_open]}>"
