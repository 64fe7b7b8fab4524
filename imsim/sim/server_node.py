"""A server in the simulated world: a node that runs one incarnation of the real `Server` after the other.

A crash first revokes the incarnation, so that nothing which the dead node still holds can reach the world; only
then are its coroutines closed, and its connections break. A pause holds its tasks and keeps what arrives until it
goes on, as the buffers of its sockets would. What lasts is in the backends, not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.history import Event
from imsim.protocol.server.server import Ports, Server
from imsim.sim.clock import NodeClock
from imsim.sim.runtime import Incarnation, SimRuntime

if TYPE_CHECKING:
    from imsim.protocol.frames import Frame
    from imsim.protocol.server.gateway import Gateway
    from imsim.sim.wire import Traffic, Wire
    from imsim.sim.world import World

__all__ = ["ServerNode"]


class ServerNode:
    """One server.

    Attributes:
        name, site: for the network.
        index: its number among the history's nodes.
        number: of the present incarnation.
        accepting: whether it takes new connections.
    """

    __slots__ = (
        "_gateway",
        "_held",
        "_runtime",
        "_server",
        "_wires",
        "_world",
        "accepting",
        "clock",
        "index",
        "name",
        "number",
        "site",
        "traffic",
    )

    def __init__(self, world: World, name: str, site: int) -> None:
        self._world = world
        self.name = name
        self.site = site
        self.clock = NodeClock(world.kernel, epoch=world.epoch)
        self.traffic: Traffic = world.traffic
        self.index = world.writer.nodes.index(name)
        self.number = 0
        self.accepting = False
        self._server: Server | None = None
        self._gateway: Gateway | None = None
        self._runtime: SimRuntime | None = None
        self._wires: dict[Wire, None] = {}
        self._held: list[tuple[Wire, Frame]] | None = None

    @property
    def alive(self) -> bool:
        """Whether a process runs."""
        return self._server is not None

    # ------------------------------------------------------------------------------------------ life

    def start(self) -> None:
        """A new incarnation begins."""
        if self._server is not None:
            return
        world = self._world
        self.number += 1
        self.clock.restart()
        runtime = SimRuntime(
            world.kernel,
            Incarnation(self.number),
            clock=self.clock,
            random=world.decisions.randomness(f"at {self.name}"),
            node=self.name,
        )
        ports = world.backends.ports(runtime, _Mortal(self))
        base = Ports(
            runtime=runtime,
            log=ports.log,
            kv=ports.kv,
            queue=ports.queue,
            locks=ports.locks,
            peers=ports.peers,
            platform=world.platform,
        )
        own = world.algorithms.ports
        server = Server(
            base if own is None else own(base),
            world.server_config,
            world.push_policy,
            incarnation=self.number,
            strategy=world.algorithms.sync,
        )
        self._runtime, self._server, self._gateway = runtime, server, server.gateway
        world.backends.board.serve(runtime, server.handle_request)
        server.start()
        self.accepting = True
        if self.number > 1:
            world.fact(self, Event.RESTARTED)

    def crash(self) -> None:
        """The process dies."""
        runtime = self._runtime
        if runtime is None or self._server is None:
            return
        runtime.revoke()
        self._world.fact(self, Event.CRASHED)
        self._server = self._gateway = None
        self._runtime = None
        self._held = None
        self.accepting = False
        self._world.backends.disconnect(runtime)
        wires, self._wires = self._wires, {}
        for wire in wires:
            self._world.network.close(wire, by_device=False, reason="server died")

    def crash_and_restart(self) -> None:
        """The process dies, and somebody starts it again."""
        self.crash()
        self._world.kernel.call_in(self._world.restart_after, self._start_again, None)

    def _start_again(self, _: None) -> None:
        self.start()

    def pause(self, seconds: float) -> None:
        """The process stands still for a while."""
        if self._runtime is None or self._held is not None:
            return
        self._world.fact(self, Event.PAUSED)
        self._runtime.pause()
        self._held = []
        self._world.kernel.call_in(seconds, self._go_on, self.number)

    def go_on(self) -> None:
        """A pause ends now."""
        self._go_on(self.number)

    def _go_on(self, number: int) -> None:
        if number != self.number or self._runtime is None or self._held is None:
            return
        held, self._held = self._held, None
        self._world.fact(self, Event.RESUMED)
        self._runtime.resume()
        for wire, frame in held:
            self.take(wire, frame)

    def end(self) -> None:
        """The run is over: close what still waits."""
        if self._runtime is not None:
            self._runtime.revoke()

    # ------------------------------------------------------------------------------------------ connections

    def handle_accepted(self, wire: Wire) -> None:
        """A device's connection is open at this end."""
        if self._server is not None:
            wire.session = self._server.accept_connection(wire)
            self._wires[wire] = None

    def take(self, wire: Wire, frame: Frame) -> None:
        """A frame has come."""
        if self._held is not None:
            self._held.append((wire, frame))
        elif self._gateway is not None and wire.server_open:
            self._gateway.handle_frame(wire.session, frame)

    def handle_closed(self, wire: Wire) -> None:
        """This end has learnt that the connection is gone."""
        self._wires.pop(wire, None)
        if self._server is not None:
            self._server.handle_closed(wire.session)

    def close(self, wire: Wire, reason: str) -> None:
        """The server itself closes its end."""
        self._wires.pop(wire, None)
        self._world.network.close(wire, by_device=False, reason=reason)


class _Mortal:
    """A server as its ports see it: a case may kill or hold it in the middle of a call, and it is started again."""

    __slots__ = ("_node",)

    def __init__(self, node: ServerNode) -> None:
        self._node = node

    def crash(self) -> None:
        """The process dies, and is started again as after any crash."""
        self._node.crash_and_restart()

    def pause(self, seconds: float) -> None:
        """The process stands still."""
        self._node.pause(seconds)
