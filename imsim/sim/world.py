"""The simulated world: a scenario and a seed become a history.

    Plan (who wants what, when) ─▶ DeviceNode ─▶ Wire ─▶ ServerNode ─▶ Backends
                                        └──────────── rows ──────────────┘─▶ History

A world is built, run once and read. While the scenario lasts, users do what the plan says and faults happen. Then
everything is healed, started and opened, and the world goes on until every device holds all that it is entitled to
and nothing of any user's waits, or until the time granted to convergence is over: what is judged is what users have
then.

What does not belong here: what a node, a link, a backend or a fault does (their own files), and judging (verify/).
"""

# ruff: noqa: SLF001 - rows carry the kernel's clock, as the kernel documents
from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any

import msgspec

from imsim.history import Event, History, Level, Writer
from imsim.history.counters import Counters
from imsim.scenario.model import HistoryLevel
from imsim.sim import build
from imsim.sim.algorithms import REAL, Algorithms
from imsim.sim.blame import blaming
from imsim.sim.decisions import Decisions, Kind, draw, unit
from imsim.sim.deviations import CrashAfter, CrashBefore, Delay, Drop, Pause
from imsim.sim.device_node import DeviceNode
from imsim.sim.faults import Faults
from imsim.sim.guard import Guard
from imsim.sim.ledger import Ledger
from imsim.sim.naming import Naming
from imsim.sim.server_node import ServerNode
from imsim.sim.telling import ROW_EVENTS, tell_end
from imsim.sim.users import Users
from imsim.sim.wire import Traffic, Wire, receiver_down, receiver_up, wire_type
from imsim.sim.witnesses import Losses, Operations
from imsim.sim.workload import plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from imsim.protocol.contract import AnyRetryPolicy
    from imsim.protocol.frames import Entry
    from imsim.scenario import Scenario
    from imsim.scenario.people import PlatformPush
    from imsim.sim.clock import NodeClock, RightClock
    from imsim.sim.decisions import Improviser
    from imsim.sim.deviations import Deviation
    from imsim.sim.handshake import Refusal
    from imsim.sim.naming import Named

__all__ = ["Outcome", "World"]

_EPOCH = 1_767_225_600.0
"""The Unix time of a scenario's midnight: 2026-01-01, a Thursday."""
_HOUR = 3600.0
_SLICES = 100
"""How often progress is told."""
_LOOK = 1.0
"""Seconds between two looks for convergence."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a run leaves behind.

    Attributes:
        history: every fact.
        counters: what was counted beside them.
        converged: whether every device held everything at the end.
        interrupted: whether it was ended before its time.
        grace: seconds in which a device may lack something, besides those that the scenario's settings may need.
    """

    history: History
    counters: Counters
    converged: bool
    interrupted: bool = False
    grace: float = 0.0


class World:
    """One run of one scenario.

    Args:
        scenario: what is asked.
        seed: answers every decision.
        deviations: where the run departs from what the seed says.
        level: how much is recorded, instead of the scenario's.
        recording: keep the keys that are asked.
        steered: ask about the order of events too (steering.py).
        improviser: asked what to do where no deviation says so (decisions.py).
        algorithms: what runs, where it is not the real ones.

    Raises:
        ConfigError: the scenario asks for something that is not there.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        seed: int,
        deviations: Sequence[Deviation] = (),
        level: Level | None = None,
        recording: bool = False,
        steered: bool = False,
        improviser: Improviser | None = None,
        algorithms: Algorithms = REAL,
    ) -> None:
        self.scenario = scenario
        self.algorithms = algorithms
        self.decisions = Decisions(seed, deviations, recording=recording, steered=steered, improviser=improviser)
        self.kernel = build.clockwork(self)
        if level is None:
            level = Level.FRAMES if scenario.history.level is HistoryLevel.FRAMES else Level.MESSAGES
        self.writer = Writer(level)
        self.frames = self.writer.frames
        self.row = self.writer.row
        self.naming = Naming(self.decisions, self.writer)
        self.epoch = _EPOCH + scenario.hour * _HOUR
        self.clock = build.right_clock(self.kernel, self.epoch)
        self.plan = plan(scenario, self.decisions)
        self.restart_after = scenario.servers.restart
        self.server_config = build.server_config(scenario)
        self.push_policy: AnyRetryPolicy = algorithms.push or scenario.retry.push
        self.platform = self
        self.asleep: dict[str, DeviceNode] = {}
        self.backends = build.backends(
            scenario, self.kernel, self.decisions, self.naming, self._route, Operations(self) if self.frames else None
        )
        self.ledger = Ledger(self, self.backends.log)
        self.traffic = Traffic(self)
        self.network = build.network(scenario, self.kernel, self.decisions, wire_type(self))
        self.network.deliver_up = receiver_up(self)
        self.network.deliver_down = receiver_down(self)
        self.network.on_accepted = self._accepted
        self.network.on_closed = self._closed
        self.network.befall = self._befall
        if self.frames:
            self.network.observe(Losses(self))
        self._makes = build.Makes(self)
        self.servers = [
            ServerNode(self, f"server-{number}", build.server_site(scenario, self.network, number))
            for number in range(1, scenario.servers.count + 1)
        ]
        self.devices: dict[str, DeviceNode] = {}
        self._of_user: dict[str, tuple[DeviceNode, ...]] = {}
        for planned in self.plan.devices:
            self._add(self._makes.node(planned))
        self.users = Users(self)
        self.faults = Faults(self)
        self.faults.check()
        build.seed_logs(self)

    # ------------------------------------------------------------------------------------------ running

    def run(self, on_progress: Callable[[float, float], bool | None] | None = None) -> Outcome:
        """Run the scenario, heal everything, and wait for convergence.

        Args:
            on_progress: told now and then how many of how many seconds have passed. If it answers true, the run ends
                there, and its history does not say that it came to its end.

        Raises:
            AlgorithmError: the algorithm under test broke its contract.
        """
        try:
            with blaming(self.algorithms, self.kernel), self.algorithms.in_force(), self.watched() as guard:
                return self._run(None if on_progress is None else guard.resting(on_progress))
        finally:
            self.end()

    def _run(self, on_progress: Callable[[float, float], bool | None] | None) -> Outcome:
        self.begin()
        kernel = self.kernel
        slices = 1 if on_progress is None else _SLICES
        for step in range(1, slices + 1):
            kernel.run(until=self.plan.duration * step / slices)
            if on_progress is not None and on_progress(kernel.now, self.plan.duration):
                return self._outcome(interrupted=True)
        return self.finish(on_progress)

    @contextlib.contextmanager
    def watched(self) -> Iterator[Guard]:
        """Whatever lets the algorithms run does so in here: a guard is on duty, and what they raise is their fault.

        Raises:
            AlgorithmError: the algorithm under test broke its contract.
        """
        guard = Guard(self.algorithms)
        with blaming(self.algorithms, self.kernel), guard.on_duty():
            yield guard

    def begin(self) -> None:
        """Start what there is; from then on the kernel runs it. `run` does this, and `finish`, and `end`."""
        for server in self.servers:
            server.start()
        for node in self.devices.values():
            node.start()
        self.users.schedule()
        self.faults.schedule()

    def finish(self, on_progress: Callable[[float, float], bool | None] | None = None) -> Outcome:
        """Heal everything, and wait for convergence."""
        kernel = self.kernel
        ended = kernel.now
        self._heal()
        granted = self.scenario.settle_seconds() + self.algorithms.grace(self.scenario)
        deadline = ended + granted
        half = ended + granted / 2
        converged = False
        while not converged and kernel.now < deadline:
            kernel.run(until=min(kernel.now + _LOOK, deadline))
            deadline = max(ended, self.users.last_wish) + granted
            converged = self.converged()
            if not converged and kernel.now >= half:
                half = math.inf
                self._favour()
            if on_progress is not None and on_progress(kernel.now, self.plan.duration):
                return self._outcome(interrupted=True)
        for node in self.devices.values():
            tell_end(node)
        self.fact(None, Event.HEALED, detail="end")
        return self._outcome(converged=converged)

    def end(self) -> None:
        """Nothing of it runs any more, whether it came to its end or not."""
        for server in self.servers:
            server.end()

    def _heal(self) -> None:
        """The end of all faults: everybody is there and can reach everybody."""
        self.decisions.healed = True
        self.network.heal()
        self.network.release()
        self.backends.recover()
        for server in self.servers:
            server.start()
            server.go_on()
        for node in self.devices.values():
            if node.device is None:
                node.restart()
            node.open()
        self.fact(None, Event.HEALED, detail="everything")

    def _favour(self) -> None:
        """In the second half nothing is left to chance, so that what is still missing then is the algorithm's fault.

        No link loses anything: where it loses half of all frames, no number of attempts were enough for every case.
        Strategies that state no bound find what they missed at their next connection: they get one.
        """
        self.network.lose_nothing_more()
        for node in self.devices.values():
            if node.make.config.sync.worst_staleness() is None:
                node.close()
                node.open()

    def converged(self) -> bool:
        """Whether every device is quiet and holds everything that its user is entitled to."""
        ledger = self.ledger
        if not ledger.settled:
            return False
        for node in self.devices.values():
            device = node.device
            if device is None or node.waiting is not None or not device.is_quiet() or not ledger.holds_all(node):
                return False
        return True

    def _outcome(self, *, converged: bool = False, interrupted: bool = False) -> Outcome:
        now = self.kernel.now
        stations = [desk.station for desk in self.backends.desks.values() if desk.station is not None]
        counters = Counters(
            events=self.kernel.processed,
            seconds=now,
            queue_depth=max((station.max_depth for station in stations), default=None),
            devices={name: node.counters(now) for name, node in self.devices.items()},
        )
        history = self.writer.finish()
        return Outcome(
            history=history,
            counters=counters,
            converged=converged,
            interrupted=interrupted,
            grace=self.algorithms.grace(self.scenario),
        )

    # ------------------------------------------------------------------------------------------ at the start

    def _add(self, node: DeviceNode) -> None:
        self.devices[node.name] = node
        self._of_user[node.user] = (*self._of_user.get(node.user, ()), node)

    def nodes_of(self, user: str) -> tuple[DeviceNode, ...]:
        """The devices of a user."""
        return self._of_user.get(user, ())

    def sign_in(self, user: str, kind: str) -> None:
        """A user begins to use one more device."""
        node = self._makes.sign_in(user, kind)
        if node is not None:
            self._add(node)
            node.wanted = True
            node.start()

    # ------------------------------------------------------------------------------------------ connections

    def connect(self, node: DeviceNode) -> None:
        """A device wants a connection: to the server that it had, or to the next one if that could not be had."""
        server = self.servers[(node.down_place + node.turn) % len(self.servers)]
        node.wire = self.network.connect(node, server, self._connected)  # type: ignore[assignment]

    def disconnect(self, node: DeviceNode, wire: Wire, reason: str) -> None:
        """A device leaves its connection."""
        if wire.device_open:
            self.fact(node, Event.DISCONNECTED, detail=reason)
        self.network.close(wire, by_device=True, reason=reason)

    def _connected(self, wire: Any, refusal: Refusal | None) -> None:  # noqa: ANN401 (the network's own type)
        node: DeviceNode = wire.device
        if node.wire is not wire:
            return
        if refusal is None:
            node.command("handle_connected", wire)
        else:
            node.wire = None
            node.turn += 1
            node.command("handle_disconnected", refusal.value)

    def _accepted(self, wire: Any) -> None:  # noqa: ANN401
        wire.server.handle_accepted(wire)

    def _closed(self, wire: Any, at_device: bool, reason: str) -> None:  # noqa: ANN401, FBT001 (the network's own callback)
        if not at_device:
            wire.server.handle_closed(wire)
            return
        node: DeviceNode = wire.device
        if node.wire is wire:
            node.wire = None
            self.fact(node, Event.DISCONNECTED, detail=reason)
            node.command("handle_disconnected", reason)

    def _befall(self, action: Any, wire: Any, down: bool) -> bool:  # noqa: ANN401, FBT001
        """A case wants something of an end that the network cannot do."""
        return build.befall(self, action, wire.server if down else wire.device)

    def _route(self, a: str, b: str) -> float | None:
        """Seconds from one server to another, or None where nothing passes."""
        one, two = self.server(a), self.server(b)
        if not self.network.reachable(one, two):
            return None
        return self.network.sites.route(one.site, two.site).latency

    def server(self, name: str) -> ServerNode:
        """The server of this name."""
        return self.servers[int(name.rpartition("-")[2]) - 1]

    # ------------------------------------------------------------------------------------------ the platform's push

    def hint(self, users: Sequence[str]) -> None:
        """Something is there for the sleeping devices of these users (the `PlatformPush` port)."""
        if not self.asleep:
            return
        for user in users:
            for node in self._of_user.get(user, ()):
                push = node.make.push
                if push is None or node.name not in self.asleep:
                    continue
                del self.asleep[node.name]  # one at a time; a lost one is the next one's chance
                delay = self._wake_up(node, push)
                if delay is None:
                    self.asleep[node.name] = node
                else:
                    self.kernel.call_in(delay, self._wake, node)

    def _wake_up(self, node: DeviceNode, push: PlatformPush) -> float | None:
        """Seconds until the platform's push wakes a device; None: it never comes."""
        salt = self.decisions.salt(Kind.WAKE_UP, f"to {node.name}")
        subject, occurrence = self.decisions.name(node.name), node.count(1)
        asked = salt, subject, occurrence
        bits, action = self.decisions.decide(*asked) if self.decisions.deviating else (draw(*asked), None)
        if isinstance(action, CrashBefore | CrashAfter | Pause):
            comes = build.befall(self, action, node)
        else:
            comes = not isinstance(action, Drop) and unit(bits) >= push.loss
        late = action.seconds if isinstance(action, Delay) else 0.0
        return push.delay.quantile(unit(draw(bits, 1, 1))) + late if comes else None

    def _wake(self, node: DeviceNode) -> None:
        if node.device is not None and not node.wanted:
            self.asleep[node.name] = node
            node.hint()

    # ------------------------------------------------------------------------------------------ rows

    def record_row(self, node: DeviceNode, entry: Entry) -> None:
        """A row is durable on a device: the user sees it."""
        event = ROW_EVENTS.get(type(entry.body))
        if event is None:
            return
        named = self.naming.of(entry)
        if event is Event.SHOWN:
            self.row(
                self.kernel._now, node.index, node.lives, event, named.conversation, named.index, entry.epoch,
                entry.seq,
            )  # fmt: skip
            return
        body: Any = entry.body
        if event is Event.READ:
            self.fact(node, event, conversation=body.conversation, epoch=body.epoch, seq=body.seq)
        else:
            self.fact_about(node, event, named, entry.epoch, entry.seq, detail=self.naming.word(body.target))

    def fact(
        self,
        node: DeviceNode | ServerNode | None,
        event: Event,
        *,
        conversation: str = "",
        epoch: int = 0,
        seq: int = 0,
        op: int = 0,
        detail: str = "",
    ) -> None:
        """A fact that is about no message."""
        writer = self.writer
        index, number = self._who(node)
        self.row(
            self.kernel._now, index, number, event, writer.conversations.index(conversation) if conversation else 0, 0,
            epoch, seq, op, 0, 0, writer.details.index(detail) if detail else 0,
        )  # fmt: skip

    def fact_about(
        self,
        node: DeviceNode | ServerNode | None,
        event: Event,
        named: Named,
        epoch: int,
        seq: int,
        *,
        size: int = 0,
        detail: str = "",
    ) -> None:
        """A fact about one message."""
        index, number = self._who(node)
        self.row(
            self.kernel._now, index, number, event, named.conversation, named.index, epoch, seq, 0, 0, size,
            self.writer.details.index(detail) if detail else 0,
        )  # fmt: skip

    def frame_row(
        self,
        event: Event,
        index: int,
        number: int,
        message: Named,
        peer: int,
        occurrence: int,
        kind: Kind,
        size: int = 0,
    ) -> None:
        """A fact about one frame."""
        self.row(
            self.kernel._now, index, number, event, message.conversation, message.index, 0, 0, peer,
            occurrence & 0xFFFF, size, self.writer.details.index(kind._value_),
        )  # fmt: skip

    def _who(self, node: DeviceNode | ServerNode | None) -> tuple[int, int]:
        if node is None:
            return self.writer.nodes.index("world"), 0
        return node.index, node.lives if isinstance(node, DeviceNode) else node.number

    # ------------------------------------------------------------------------------------------ chance

    def chance_bits(self, kind: Kind, place: str, occurrence: int) -> int:
        """The bits of a decision of the world's own, about its place itself."""
        return draw(self.decisions.salt(kind, place), 1, occurrence)

    def chance(self, kind: Kind, place: str, occurrence: int) -> float:
        """The same, as a number in [0, 1)."""
        return unit(self.chance_bits(kind, place, occurrence))

    def own_clock(self, node: DeviceNode | ServerNode) -> NodeClock:
        """The node's own clock; one that it shared until now is replaced."""
        clock: NodeClock | RightClock | None = node.clock
        if clock is None or clock is self.clock:
            node.clock = clock = build.node_clock(self.kernel, self.epoch)
            if isinstance(node, DeviceNode):
                node.special = True
        return clock  # type: ignore[return-value]
