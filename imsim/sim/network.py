"""The network: what becomes of a frame between a device and a server, and when it arrives.

At its arrival a frame is handed to `deliver_down` or `deliver_up` as

    (connection, frame, message, occurrence)

and whether that end still takes it is for the world to see, by the flags of the connection. So a cut, which only
closes flags, loses what was under way: on a stream an unknown suffix of what was sent.

**Two ways.** A datagram over a link that can do nothing but lose and delay goes the short way: one keyed draw, one
push. Everything else goes the long way, and so does everything while there are deviations, barriers or an observer.
Both compute the same numbers to the last digit, so taking the long way changes nothing by itself.

**The long way** follows the frame: down, the backbone comes first and the queue of the access link after it; up, the
other way round. A stream turns a loss into a stall, and an outage or a cut into waiting for its next retransmission.

What does not belong here: what a link does to a frame (link.py, trace.py), routes (sites.py), what stops and goes on
(transit.py), handshakes (handshake.py), and what frames mean.
"""

# ruff: noqa: SLF001 - the kernel lets hot code read its clock
from __future__ import annotations

from heapq import heappush
from math import log
from typing import TYPE_CHECKING, Final

from imsim.sim.connection import UNIT_44, Connection, Endpoint, Path
from imsim.sim.decisions import GOLDEN, MASK, ODD, Kind, draw, halves, name_hash, remix
from imsim.sim.deviations import Cut, Delay, Drop, Duplicate, Hold
from imsim.sim.handshake import Handshake, Refusal
from imsim.sim.kernel import WHOLE
from imsim.sim.link import LOSS_MASK, retry_at
from imsim.sim.transit import COPY, Arrival, Lost, Observer, Transit, _unset

if TYPE_CHECKING:
    from collections.abc import Callable

    from imsim.sim.connection import Host, Line, Named
    from imsim.sim.decisions import Decisions
    from imsim.sim.deviations import Action
    from imsim.sim.kernel import Kernel
    from imsim.sim.link import LinkModel
    from imsim.sim.sites import Sites

__all__ = ["COPY", "Arrival", "Connection", "Endpoint", "Lost", "Network", "Observer", "Refusal"]

_DOWN, _UP = True, False
_CHANCES: Final = 1
_COPY_DELAY: Final = 2
"""Steps of `remix`: the chances of a frame to be doubled or held back, and the latency of a copy."""


class Network(Transit):
    """The links and connections of one world.

    Args:
        kernel: its heap carries what is under way.
        decisions: decides every fate by its key.
        sites: the graph behind the access links.
        connect_timeout: seconds after which a device gives a handshake up.
        connection_type: what `connect` makes; a world may add slots of its own.

    Attributes:
        befall: called with an action that the network cannot carry out (a crash, a pause, a lost push), the
            connection and whether the frame goes down; returns whether the frame is sent all the same. It is called
            in the middle of a send, so it may only schedule what is to happen.
        on_accepted: called with a connection whose server end has just opened.
    """

    __slots__ = ("_connect_timeout", "_connection_type", "_lossless", "_paths", "befall", "on_accepted")

    befall: Callable[[Action, Connection, bool], bool]
    on_accepted: Callable[[Connection], object]

    def __init__(
        self,
        kernel: Kernel,
        decisions: Decisions,
        sites: Sites,
        *,
        connect_timeout: float = 10.0,
        connection_type: type[Connection] = Connection,
    ) -> None:
        super().__init__(kernel, decisions, sites)
        self.befall = self.on_accepted = _unset
        self._connect_timeout = connect_timeout
        self._connection_type = connection_type
        self._paths: dict[tuple[LinkModel, int, int], Path] = {}
        self._lossless = False

    # -- devices and connections

    def attach(self, name: str, site: int, link: LinkModel) -> Endpoint:
        """A device's end of an access link that leads to the site with the index `site`."""
        return Endpoint(name, site, link, self._decisions)

    def connect(
        self, device: Endpoint, server: Host, on_result: Callable[[Connection, Refusal | None], object]
    ) -> Connection:
        """Begin a connection (handshake.py); `on_result` is called once: open, refused or timed out.

        Closing the connection before that gives the handshake up, and `on_result` is not called.

        Raises:
            ConfigError: no way leads from the device's site to the server's.
        """
        path = self._path(device.link, device.site, server.site)
        connection = self._connection_type(device, server, path)
        Handshake(self, connection, on_result).begin(self._connect_timeout)
        return connection

    def close(self, connection: Connection, *, by_device: bool, reason: str = "closed", silent: bool = False) -> None:
        """One end closes. The other learns it one latency later, or never if the notice is lost: it is half-open.

        Args:
            connection: nothing happens if this end is closed already.
            by_device: which end.
            reason: what the other end is told.
            silent: no notice is sent (a dead battery, a change of network).
        """
        was_open = connection.device_open if by_device else connection.server_open
        if by_device:
            connection.pending = connection.device_open = False
        else:
            connection.server_open = False
        if was_open and not silent:
            self._notify(connection, reason, down=not by_device)

    def cut(self, connection: Connection) -> None:
        """Break the connection: what is under way is lost, and each end that was open learns it at once."""
        ends = connection.device_open, connection.server_open
        connection.pending = connection.device_open = connection.server_open = False
        for at_device, was_open in zip((True, False), ends, strict=True):
            if was_open:
                self._kernel.call_in(0.0, self._tell, (connection, at_device, "cut"))

    def lose_nothing_more(self) -> None:
        """From now on no frame is lost by chance."""
        self._lossless = True
        for path in self._paths.values():
            path.loss = 0

    def outage_end(self, device: Endpoint, at: float) -> float | None:
        """When the outage in which the device is at second `at` will end; None: it has coverage."""
        outages = device.link.outages
        if outages is None:
            return None
        return outages.outage_end(at, device.tunnels)

    # -- frames: the short way, twice, because a shared function would cost a tenth of it

    def send_down(
        self, connection: Connection, frame: object, message: Named, kind_salt: int, occurrence: int, size: int
    ) -> bool:
        """Send a frame from the server to the device.

        Args:
            connection: its server end is open (not checked).
            frame: passed on by reference.
            message: what the frame is about.
            kind_salt: `Decisions.kind_salt` of the frame's kind.
            occurrence: counts from 1 the frames of this kind about this message on this connection; below `COPY`.
            size: bytes.

        Returns:
            Whether it is under way; what is false here is lost for good.
        """
        path = connection.path
        salt = kind_salt ^ connection.device.down_place
        if not (self._plain and path.simple):
            return self._send(_DOWN, (connection, frame, message, occurrence), salt, size)
        bits = salt ^ ((message.subject * ODD + occurrence * GOLDEN) & MASK)
        bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & MASK
        bits ^= bits >> 31
        if bits & LOSS_MASK < path.loss:
            return False
        tail = path.tail
        if tail is None:
            at = self._kernel._now + (path.base - path.mean * log(1.0 - (bits >> 20) * UNIT_44))
        else:
            at = self._kernel._now + (path.base + tail((bits >> 20) * UNIT_44))
        at = (at * 1e6 + WHOLE - WHOLE) / 1e6
        heappush(self._heap, (at, 1, self._next_id(), self.deliver_down, (connection, frame, message, occurrence)))
        return True

    def send_up(
        self, connection: Connection, frame: object, message: Named, kind_salt: int, occurrence: int, size: int
    ) -> bool:
        """Send a frame from the device to the server; as `send_down`."""
        path = connection.path
        salt = kind_salt ^ connection.device.up_place
        if not (self._plain and path.simple):
            return self._send(_UP, (connection, frame, message, occurrence), salt, size)
        bits = salt ^ ((message.subject * ODD + occurrence * GOLDEN) & MASK)
        bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & MASK
        bits ^= bits >> 31
        if bits & LOSS_MASK < path.loss:
            return False
        tail = path.tail
        if tail is None:
            at = self._kernel._now + (path.base - path.mean * log(1.0 - (bits >> 20) * UNIT_44))
        else:
            at = self._kernel._now + (path.base + tail((bits >> 20) * UNIT_44))
        at = (at * 1e6 + WHOLE - WHOLE) / 1e6
        heappush(self._heap, (at, 1, self._next_id(), self.deliver_up, (connection, frame, message, occurrence)))
        return True

    # -- frames: the long way

    def _send(self, down: bool, arrival: Arrival, salt: int, size: int) -> bool:  # noqa: FBT001 - hot
        connection, _, message, occurrence = arrival
        action = None
        if not self._decisions.deviating:
            bits = draw(salt, message.subject, occurrence)
        else:
            bits, action = self._decisions.decide(salt, message.subject, occurrence)
            if isinstance(action, Cut):
                self.cut(connection)
                return self._lose(arrival, Lost.DEVIATION, down=down)
            if not isinstance(action, _OWN) and not self.befall(action, connection, down):
                return self._lose(arrival, Lost.DEVIATION, down=down)
        send = self._send_stream if connection.path.link.stream else self._send_datagram
        return send(arrival, bits, size, action, down=down)

    def _send_datagram(self, arrival: Arrival, bits: int, size: int, action: Action | None, *, down: bool) -> bool:
        connection = arrival[0]
        path = connection.path
        if isinstance(action, Drop):
            return self._lose(arrival, Lost.DEVIATION, down=down)
        if bits & LOSS_MASK < path.loss:
            return self._lose(arrival, Lost.LOSS, down=down)
        if self._cuts and self._is_cut(connection, down=down):
            return self._lose(arrival, Lost.PARTITION, down=down)
        came = self._kernel._now + _lead(path, bits, down=down)
        left = _leave(connection.device, came, size, down=down)
        if left is None:
            return self._lose(arrival, Lost.QUEUE, down=down)
        if self.outage_end(connection.device, left) is not None:
            return self._lose(arrival, Lost.OUTAGE, down=down)
        wait = left - came + path.backbone(bits)
        if isinstance(action, Delay):
            wait += action.seconds
        link = path.link
        doubled = isinstance(action, Duplicate)
        if link.duplicate or link.reorder:
            doubles, lags = halves(remix(bits, _CHANCES))
            doubled = doubled or doubles < link.duplicate
            if lags < link.reorder:
                wait += link.reorder_delay
        self._launch(self._delivery(down=down), arrival, path.delay(bits) + wait)
        if doubled:
            self._double(arrival, path.delay(remix(bits, _COPY_DELAY)) + wait, down=down)
        return True

    def _double(self, arrival: Arrival, rest: float, *, down: bool) -> None:
        connection, frame, message, occurrence = arrival
        copy = (connection, frame, message, occurrence | COPY)
        self._launch(self._delivery(down=down), copy, rest)
        if self._observer is not None:
            self._observer.frame_doubled(copy, down=down)

    def _send_stream(self, arrival: Arrival, bits: int, size: int, action: Action | None, *, down: bool) -> bool:
        """A stream loses nothing and delivers once: here a `Duplicate` is the network's affair, and seen by nobody."""
        connection = arrival[0]
        path = connection.path
        link = path.link
        came = self._kernel._now + _lead(path, bits, down=down)
        left = _leave(connection.device, came, size, down=down)
        crosses = came if left is None else left
        losses = path.losses(bits) + isinstance(action, Drop)
        if losses:
            crosses += link.stall(losses)
        tried = crosses
        while (end := self.outage_end(connection.device, crosses)) is not None:
            crosses = retry_at(tried, end, link.rto)
        rest = path.delay(bits) + path.backbone(bits) + crosses - came
        if isinstance(action, Delay):
            rest += action.seconds
        if self._cuts and self._is_cut(connection, down=down):
            self._await_heal(self._delivery(down=down), arrival, rest)
        else:
            self._launch(self._delivery(down=down), arrival, rest)
        return True

    def _delivery(self, *, down: bool) -> Callable[[Arrival], object]:
        return self.deliver_down if down else self.deliver_up

    # -- closing, and what the handshake needs

    def _notify(self, connection: Connection, reason: str, *, down: bool) -> None:
        """Tell the other end of a close; below 0, since the attempts of handshakes count from 1."""
        bits = self._packet(connection, -connection.number, down=down)
        path = connection.path
        rest = self._crossing(connection, bits, down=down)
        losses = path.losses(bits)
        if rest is None or (losses and not path.link.stream):
            return
        learns = self._device_end if down else self._server_end
        self._launch(learns, (connection, reason), rest + path.link.stall(losses))

    def _leg(self, connection: Connection, occurrence: int, *, down: bool) -> float | None:
        """The seconds that one packet of a handshake takes one way; None: it does not get through."""
        bits = self._packet(connection, occurrence, down=down)
        lost = bits & LOSS_MASK < connection.path.loss
        return None if lost else self._crossing(connection, bits, down=down)

    def _packet(self, connection: Connection, occurrence: int, *, down: bool) -> int:
        """The bits of a packet that carries no frame."""
        device = connection.device
        place = device.down_place if down else device.up_place
        return draw(self._decisions.kind_salt(Kind.CONNECT) ^ place, name_hash(connection.server.name), occurrence)

    def _crossing(self, connection: Connection, bits: int, *, down: bool) -> float | None:
        """The seconds that a packet takes if it is not lost by chance; None: a cut or an outage is in its way."""
        path = connection.path
        if self._is_cut(connection, down=down):
            return None
        crosses = self._kernel._now + _lead(path, bits, down=down)
        if self.outage_end(connection.device, crosses) is not None:
            return None
        return path.delay(bits) + path.backbone(bits)

    def _path(self, link: LinkModel, site: int, server_site: int) -> Path:
        key = (link, site, server_site)
        path = self._paths.get(key)
        if path is None:
            path = self._paths[key] = Path(link, self.sites.route(site, server_site))
            if self._lossless:
                path.loss = 0
        return path

    def _tell(self, end: tuple[Connection, bool, str]) -> None:
        self.on_closed(*end)


_OWN: Final = (Drop, Duplicate, Delay, Hold, type(None))
"""What the network does to a frame, or (`Hold`) whoever steers the world at its arrival."""


def _lead(path: Path, bits: int, *, down: bool) -> float:
    """The seconds until a frame meets its access link."""
    return path.route.latency + path.backbone(bits) if down else 0.0


def _leave(device: Endpoint, came: float, size: int, *, down: bool) -> float | None:
    """When a frame has passed the queue before its access link; None: there was no room."""
    line: Line | None = device.down_line if down else device.up_line
    return came if line is None else line.leave(came, size)
