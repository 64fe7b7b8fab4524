"""What is under way, and the four verbs that stop it: partition, heal, hold, release.

What travels is one entry of the kernel's heap, whose function is one of four and whose argument begins with the
connection. Nothing else is kept about it, so that a frame costs one push; the verbs look through the whole heap, which
is slow and rare. What stands still is no longer in the heap, but in a list, in the order in which it will go on.

    cut     datagrams under way or sent are lost, and so is the notice of a close, for ever;
            a stream's frames wait for the first retransmission after the heal
    hold    everything stands where it is, and goes on after the release for as long as it had still to go

Of what waits, a later frame of a stream never overtakes an earlier one: arrivals of one direction of a connection never
decrease, and entries of the same time run in the order in which they were made.

What does not belong here: how long anything takes, and whether it is lost by chance (network.py).
"""

# ruff: noqa: SLF001 - the kernel lets hot code read its clock
from __future__ import annotations

import enum
from heapq import heapify, heappush
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from imsim.errors import InternalError
from imsim.sim.connection import Connection, Named
from imsim.sim.kernel import to_microsecond
from imsim.sim.link import retry_at
from imsim.sim.partition import Barrier

if TYPE_CHECKING:
    from collections.abc import Callable

    from imsim.sim.connection import Host
    from imsim.sim.decisions import Decisions
    from imsim.sim.kernel import Kernel, Scheduled
    from imsim.sim.partition import Party
    from imsim.sim.sites import Sites

__all__ = ["COPY", "Arrival", "InFlight", "Lost", "Observer", "Transit"]

Arrival = tuple[Connection, Any, Named, int]
"""What `deliver_down` and `deliver_up` are called with: connection, frame, message, occurrence."""

COPY: Final = 1 << 16
"""Set in the occurrence of a frame's second copy, so that what it causes has keys of its own."""


class Lost(enum.Enum):
    """Why a frame will not arrive."""

    LOSS = "loss"
    QUEUE = "queue"
    """There was no room before the link."""
    PARTITION = "partition"
    OUTAGE = "outage"
    DEVIATION = "deviation"


class Observer(Protocol):
    """Who wants to know what becomes of each frame; costs every frame the long way."""

    def frame_lost(self, arrival: Arrival, reason: Lost, *, down: bool) -> None:
        """The frame will not arrive; told at the moment of its loss, which is that of sending or later."""
        ...

    def frame_doubled(self, arrival: Arrival, *, down: bool) -> None:
        """A second copy of the frame is under way; `arrival` is the copy's."""
        ...


class InFlight(NamedTuple):
    """One frame under way; `arrives` in seconds, None while it stands still."""

    arrives: float | None
    down: bool
    connection: Connection
    frame: Any
    message: Named
    occurrence: int


class _Waiting(NamedTuple):
    """What stands still, and the seconds that it has still to go; a stream first tried at `since` to pass a cut."""

    fn: Callable[[Any], object]
    arg: Any
    rest: float
    since: float | None


class Transit:
    """Everything under way in one world, and what is in its way.

    Attributes:
        deliver_down, deliver_up: called at an arrival; for the world to set, once, before anything is sent. Whether
            `device_open` or `server_open` still holds is checked there.
        on_closed: called with a connection, whether it is the device that has just learnt of the close, and the reason.
    """

    __slots__ = (
        "_cuts",
        "_decisions",
        "_device_end",
        "_heap",
        "_holds",
        "_kernel",
        "_next_id",
        "_observer",
        "_plain",
        "_server_end",
        "_waiting",
        "deliver_down",
        "deliver_up",
        "on_closed",
        "sites",
    )

    deliver_down: Callable[[Arrival], object]
    deliver_up: Callable[[Arrival], object]
    on_closed: Callable[[Connection, bool, str], object]

    def __init__(self, kernel: Kernel, decisions: Decisions, sites: Sites) -> None:
        self.sites = sites
        self.deliver_down = self.deliver_up = self.on_closed = _unset
        self._kernel = kernel
        self._heap = kernel.heap
        self._next_id = kernel.next_id
        self._decisions = decisions
        self._cuts: list[Barrier] = []
        self._holds: list[Barrier] = []
        self._waiting: list[_Waiting] = []
        self._observer: Observer | None = None
        # Bound once: entries of the heap are told apart by the identity of their function.
        self._device_end: Callable[[tuple[Connection, str]], object] = self._device_learns
        self._server_end: Callable[[tuple[Connection, str]], object] = self._server_learns
        self._review()

    # -- verbs

    def partition(self, a: Party, b: Party, *, one_way: bool = False) -> Barrier:
        """Let nothing pass from `a` to `b`, nor back unless `one_way`.

        Args:
            a: a site by its name, a device's endpoint, or a server.
            b: another.
            one_way: let pass what goes from `b` to `a`.

        Returns:
            The handle for `heal`.

        Raises:
            ConfigError: there is no such site.
        """
        cut = self._barrier(a, b, one_way=one_way)
        self._cuts.append(cut)
        self._stop(cut)
        return cut

    def heal(self, cut: Barrier | None = None) -> None:
        """End one partition, or all of them."""
        self._cuts = [other for other in self._cuts if cut is not None and other is not cut]
        self._go_on()

    def hold(self, a: Party, b: Party) -> Barrier:
        """Let everything between `a` and `b` stand still, what is under way included.

        Returns:
            The handle for `release`.

        Raises:
            ConfigError: there is no such site.
        """
        hold = self._barrier(a, b, one_way=False)
        self._holds.append(hold)
        self._stop(hold)
        return hold

    def release(self, hold: Barrier | None = None) -> None:
        """End one hold, or all of them."""
        self._holds = [other for other in self._holds if hold is not None and other is not hold]
        self._go_on()

    def in_flight(self) -> list[InFlight]:
        """The frames under way, by their arrival; those that stand still come last, in their order.

        Frames for an end that has closed are among them. It costs a look at the whole heap.
        """
        frames = (self.deliver_down, self.deliver_up)
        moving = sorted((entry for entry in self._heap if entry[3] in frames), key=_order)
        found = [InFlight(at, fn is self.deliver_down, *arg) for at, _, _, fn, arg in moving]
        return found + [InFlight(None, w.fn is self.deliver_down, *w.arg) for w in self._waiting if w.fn in frames]

    def reachable(self, start: Host, end: Host) -> bool:
        """Whether what one server sends now would get through to another."""
        route = self.sites.route(start.site, end.site)
        return not any(barrier.divides(start, end, route) for barrier in (*self._cuts, *self._holds))

    def observe(self, observer: Observer | None) -> None:
        """Tell `observer` what becomes of each frame from now on; None: nobody."""
        self._observer = observer
        self._review()

    # -- for those who send

    def _is_cut(self, connection: Connection, *, down: bool) -> bool:
        return any(cut.bars(connection, down=down) for cut in self._cuts)

    def _is_held(self, connection: Connection, *, down: bool) -> bool:
        return any(hold.bars(connection, down=down) for hold in self._holds)

    def _launch(self, fn: Callable[[Any], object], arg: Any, rest: float) -> None:  # noqa: ANN401 - as the heap
        """Let `fn(arg)` happen after `rest` seconds, or when it has been released; in order, on a stream."""
        connection: Connection = arg[0]
        down = self._goes_down(fn)
        if self._holds and self._is_held(connection, down=down):
            self._waiting.append(_Waiting(fn, arg, rest, None))
            return
        now = self._kernel._now
        at = max(to_microsecond(now + rest), now)
        if connection.path.link.stream:
            if down:
                connection.last_down = at = max(at, connection.last_down)
            else:
                connection.last_up = at = max(at, connection.last_up)
        heappush(self._heap, (at, 1, self._next_id(), fn, arg))

    def _await_heal(self, fn: Callable[[Any], object], arg: Any, rest: float) -> None:  # noqa: ANN401
        """Keep what a stream could not get through a cut now."""
        self._waiting.append(_Waiting(fn, arg, rest, self._kernel._now))

    def _lose(self, arrival: Arrival, reason: Lost, *, down: bool) -> bool:
        """The frame is lost; always False, which is what the sender answers."""
        if self._observer is not None:
            self._observer.frame_lost(arrival, reason, down=down)
        return False

    def _device_learns(self, arg: tuple[Connection, str]) -> None:
        connection, reason = arg
        if connection.device_open:
            connection.device_open = False
            self.on_closed(connection, True, reason)  # noqa: FBT003 - a callback of the world

    def _server_learns(self, arg: tuple[Connection, str]) -> None:
        connection, reason = arg
        if connection.server_open:
            connection.server_open = False
            self.on_closed(connection, False, reason)  # noqa: FBT003

    # -- inside

    def _barrier(self, a: Party, b: Party, *, one_way: bool) -> Barrier:
        for party in (a, b):
            if isinstance(party, str):
                self.sites.index(party)
        return Barrier(a, b, one_way=one_way)

    def _review(self) -> None:
        """Whether the short way may be taken."""
        unhindered = not (self._cuts or self._holds)
        self._plain = unhindered and self._observer is None and not self._decisions.deviating

    def _stop(self, barrier: Barrier) -> None:
        """Take what is under way through a new barrier out of the heap, and see what becomes of it."""
        stopped = sorted((entry for entry in self._heap if self._meets(entry, barrier)), key=_order)
        if stopped:
            numbers = {entry[2] for entry in stopped}
            self._heap[:] = [entry for entry in self._heap if entry[2] not in numbers]
            heapify(self._heap)
            now = self._kernel._now
            self._waiting += [_Waiting(fn, arg, at - now, None) for at, _, _, fn, arg in stopped]
        self._go_on()

    def _meets(self, entry: Scheduled, barrier: Barrier) -> bool:
        fn = entry[3]
        if fn not in (self.deliver_down, self.deliver_up, self._device_end, self._server_end):
            return False
        return barrier.bars(entry[4][0], down=self._goes_down(fn))

    def _goes_down(self, fn: Callable[[Any], object]) -> bool:
        return fn is self.deliver_down or fn is self._device_end

    def _go_on(self) -> None:
        """The barriers have changed: what waits goes on, or waits on, or is lost."""
        self._review()
        now = self._kernel._now
        waiting, self._waiting = self._waiting, []
        for item in waiting:
            connection: Connection = item.arg[0]
            if self._is_cut(connection, down=self._goes_down(item.fn)):
                self._meet_cut(item)
            else:
                link = connection.path.link
                start = now if item.since is None else retry_at(item.since, now, link.rto)
                self._launch(item.fn, item.arg, start - now + item.rest)

    def _meet_cut(self, item: _Waiting) -> None:
        if item.fn not in (self.deliver_down, self.deliver_up):
            return  # the notice of a close, which nobody repeats
        if item.arg[0].path.link.stream:
            since = self._kernel._now if item.since is None else item.since
            self._waiting.append(item._replace(since=since))
        else:
            self._lose(item.arg, Lost.PARTITION, down=self._goes_down(item.fn))


def _order(entry: Scheduled) -> tuple[float, int, int]:
    return entry[:3]


def _unset(*_: object) -> Any:  # noqa: ANN401 - stands for callbacks of different types
    raise InternalError("the network was used before the world had set its callbacks")
