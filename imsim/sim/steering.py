"""A world whose order of events can be steered: who goes first of those that are due at once, and what is held back.

A search through everything needs two more decisions than a world that merely runs. Both are deviations at keys, like
any other, and both cost a world nothing that has neither: only then its kernel is the one of this file.

**Ties.** Several things may be due at one instant: two acknowledgements at a server, a push and a timer at a device.
The kernel takes them in the order in which they were made, and the network might have brought them in another. So
whenever something is due at a node while something else is due there at the same instant, that is asked: may it go
first, or do the others? Things at different nodes are not asked about: a step changes its own node only, what it sends
takes time, and no timer of either lies between, so the world comes to the same state in either order. (That is the
reduction; without `apart` everything that is due at once is asked about, by which a test sees that no state gets lost.)
Neither are the tasks of a server: a runtime wakes them in order, and that is its promise (runtime.py).

**Holding.** How late a frame is matters only by what its receiver does meanwhile. A frame that is held arrives, and
waits at the door: until the receiver has met something else, until a timer of it has gone off, or until everything is
healed. On a stream, what comes behind it on the same connection waits with it.

What does not belong here: which deviations are tried (imsim/verify/search/exhaustive.py).
"""

# ruff: noqa: SLF001 - the kernel's loop, and what lies on its heap, seen from the inside
from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any, NamedTuple

from imsim.sim.decisions import Kind
from imsim.sim.deviations import Hold, Release, Yield
from imsim.sim.device_node import DeviceNode
from imsim.sim.handshake import Handshake
from imsim.sim.kernel import Kernel
from imsim.sim.runtime import Task
from imsim.sim.users import Users

if TYPE_CHECKING:
    from collections.abc import Callable

    from imsim.sim.connection import Connection
    from imsim.sim.kernel import Scheduled
    from imsim.sim.server_node import ServerNode
    from imsim.sim.world import World

    Node = DeviceNode | ServerNode

__all__ = ["SteeredKernel", "Steering"]


class SteeredKernel(Kernel):
    """A kernel that asks before it does what is due, and tells what it has done.

    Attributes:
        steering: whom it asks; set before it runs.
    """

    steering: Steering

    def _loop(self) -> None:
        heap, steering = self.heap, self.steering
        while heap:
            entry = heappop(heap)
            self._now = entry[0]
            steering.look()
            node = steering.node_of(entry)
            if node is None:
                entry[3](entry[4])
            elif not steering.stops(entry, node):
                timer = steering.is_timer(entry)
                entry[3](entry[4])
                steering.happened(node, timer=timer)


class _Held(NamedTuple):
    """A frame at the door, and until when; None: it came behind one that is held."""

    entry: Scheduled
    until: Release | None


class Steering:
    """What is asked of one world, and what stands at its doors.

    Args:
        world: it.
        apart: leave out ties between different nodes.
    """

    __slots__ = ("_apart", "_counts", "_doors", "_passed", "_world")

    def __init__(self, world: World, *, apart: bool = True) -> None:
        self._world = world
        self._apart = apart
        self._counts: dict[int, int] = {}
        self._doors: dict[Node, list[_Held]] = {}
        self._passed: list[Any] = []

    def stops(self, entry: Scheduled, node: Node) -> bool:
        """Whether it does not happen now: it waits at the door, or the others of its instant go first."""
        if self._world.decisions.healed:
            return False
        if self._waits(entry, node):
            return True
        if not self._yields(entry, node):
            return False
        self._put_back(entry)
        return True

    def happened(self, node: Node, *, timer: bool) -> None:
        """Something has happened at a node: what waits for that comes next."""
        if node in self._doors:
            self._open(node, _TIMER if timer else _EVENT)

    def look(self) -> None:
        """Once everything is healed, nothing is held any more."""
        if self._doors and self._world.decisions.healed:
            for node in list(self._doors):
                self._open(node, frozenset(Release))

    # ------------------------------------------------------------------------------------------ ties

    def _yields(self, entry: Scheduled, node: Node) -> bool:
        if not any(self._ties(entry, node, other) for other in self._world.kernel.heap):
            return False
        decisions = self._world.decisions
        salt = decisions.salt(Kind.TIE, f"at {node.name}")
        subject = entry[4][2].subject if self._is_frame(entry) else decisions.name(node.name)
        occurrence = self._counts[salt ^ subject] = self._counts.get(salt ^ subject, 0) + 1
        return isinstance(decisions.deviation(salt, subject, occurrence), Yield)

    def _ties(self, entry: Scheduled, node: Node, other: Scheduled) -> bool:
        if other[:2] != entry[:2] or self._is_behind(other, entry):
            return False
        its = self.node_of(other)
        return its is not None and (its is node or not self._apart)

    def _put_back(self, entry: Scheduled) -> None:
        """Behind all of its instant, and on a stream with all that comes behind it."""
        kernel = self._world.kernel
        behind = [other for other in kernel.heap if other[:2] == entry[:2] and self._is_behind(other, entry)]
        behind.sort(key=_number)
        if behind:
            numbers = {other[2] for other in behind}
            kernel.heap[:] = [other for other in kernel.heap if other[2] not in numbers]
            heapify(kernel.heap)
        for at, priority, _, fn, arg in (entry, *behind):
            heappush(kernel.heap, (at, priority, kernel.next_id(), fn, arg))

    # ------------------------------------------------------------------------------------------ holding

    def _waits(self, entry: Scheduled, node: Node) -> bool:
        for place, arrival in enumerate(self._passed):
            if arrival is entry[4]:
                del self._passed[place]
                return False
        action = self._action_at(entry) if self._is_frame(entry) else None
        until = action.until if isinstance(action, Hold) else None
        if until is None and not any(self._is_behind(entry, held.entry) for held in self._doors.get(node, ())):
            return False
        self._doors.setdefault(node, []).append(_Held(entry, until))
        return True

    def _action_at(self, entry: Scheduled) -> object:
        """What the case does to a frame that arrives."""
        connection, frame, message, occurrence = entry[4]
        device = connection.device
        place = device.down_place if entry[3] is self._world.network.deliver_down else device.up_place
        salt = self._world.decisions.kind_salt(self._world.traffic.kind_of(frame)) ^ place
        return self._world.decisions.planned(salt, message.subject, occurrence)

    def _open(self, node: Node, met: frozenset[Release]) -> None:
        """Let in, at this instant and in their order, those at a door whose time has come."""
        kernel = self._world.kernel
        stay: list[_Held] = []
        for held in self._doors.pop(node, ()):
            behind = any(self._is_behind(held.entry, other.entry) for other in stay)
            if behind or (held.until is not None and held.until not in met):
                stay.append(held)
            else:
                self._passed.append(held.entry[4])
                heappush(kernel.heap, (kernel._now, held.entry[1], kernel.next_id(), *held.entry[3:]))
        if stay:
            self._doors[node] = stay

    # ------------------------------------------------------------------------------------------ what lies on the heap

    def node_of(self, entry: Scheduled) -> Node | None:
        """The node that what is due comes to from outside; None for anything else."""
        fn, arg, network = entry[3], entry[4], self._world.network
        if fn is network.deliver_down or fn is network._device_end:
            device: DeviceNode = arg[0].device
            return device
        if fn is network.deliver_up or fn is network._server_end:
            server: ServerNode = arg[0].server
            return server
        owner = getattr(fn, "__self__", None)
        find = _OWNERS.get(type(owner))
        return None if find is None else find(self._world, owner, fn.__name__, arg)

    def is_timer(self, entry: Scheduled) -> bool:
        """Whether something that comes to a node is a timer of its own."""
        return isinstance(getattr(entry[3], "__self__", None), DeviceNode | Task)

    def _is_frame(self, entry: Scheduled) -> bool:
        network = self._world.network
        return entry[3] is network.deliver_down or entry[3] is network.deliver_up

    def _is_behind(self, entry: Scheduled, other: Scheduled) -> bool:
        """Whether it comes on the same stream as another one and the same way, so that it must not overtake it."""
        network = self._world.network
        for way in ((network.deliver_down, network._device_end), (network.deliver_up, network._server_end)):
            if entry[3] in way and other[3] in way:
                connection: Connection = entry[4][0]
                return connection is other[4][0] and connection.path.link.stream
        return False


def _number(entry: Scheduled) -> int:
    return entry[2]


def _of_device(_world: World, node: DeviceNode, name: str, arg: Any) -> Node | None:  # noqa: ANN401 (as the heap)
    superseded = name == "_wake" and arg != node.armed
    return None if superseded or node.device is None else node


def _of_task(world: World, task: Task, _name: str, slept: Any) -> Node | None:  # noqa: ANN401
    """A task that slept; one that was woken goes on with what was there already."""
    return world.server(task.runtime.node) if type(slept) is float and slept > 0.0 else None


def _of_handshake(_world: World, handshake: Handshake, name: str, _arg: Any) -> Node | None:  # noqa: ANN401
    connection: Any = handshake._connection
    if not connection.pending:
        return None
    return {"_arrive": connection.server, "_finish": connection.device, "_give_up": connection.device}.get(name)


def _of_users(_world: World, users: Users, name: str, _arg: Any) -> Node | None:  # noqa: ANN401
    return users.next_node() if name == "_due" else None


_OWNERS: dict[type, Callable[[World, Any, str, Any], Node | None]] = {
    DeviceNode: _of_device,
    Task: _of_task,
    Handshake: _of_handshake,
    Users: _of_users,
}
"""Whose methods lie on the heap, and to which node they come."""

_EVENT = frozenset({Release.EVENT})
_TIMER = frozenset({Release.EVENT, Release.TIMER})
