"""All backends of one world put together, and the ports of one server's incarnation.

A port gets a desk if its backend has a `Service`, if a case may deviate at its calls, or if they are observed. The
choice is made once, here, so that no call of the fast way asks whether it should have been the slow one. Peers always
have one: their calls travel.

What does not belong here: what a port does (its own file).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from imsim.errors import InternalError
from imsim.ports import Durability, KeyValue, Locks, MessageLog, Peers, Queue, Value
from imsim.scenario.faults import Port
from imsim.sim.backends.broker import TopicBroker
from imsim.sim.backends.keyvalue import DirectKeyValue, ServedKeyValue, ValueMap
from imsim.sim.backends.line import Line
from imsim.sim.backends.locks import DirectLocks, LeaseTable, ServedLocks
from imsim.sim.backends.log import DirectLog, ServedLog, SlotLog
from imsim.sim.backends.peers import ServedPeers, Switchboard
from imsim.sim.backends.queue import DirectQueue, ServedQueue
from imsim.sim.backends.service import Desk, Service

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from imsim.ports import EpochState
    from imsim.sim.backends.line import Host
    from imsim.sim.backends.service import Observer
    from imsim.sim.decisions import Decisions
    from imsim.sim.kernel import Kernel
    from imsim.sim.runtime import SimRuntime

__all__ = ["Backends", "Ports"]


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """Every port of one incarnation of one server; inert once that is revoked."""

    log: MessageLog
    kv: KeyValue
    queue: Queue
    locks: Locks
    peers: Peers


class Backends:
    """The durable world behind the ports.

    Args:
        kernel: where the time passes.
        decisions: who answers the keys of the calls.
        services: speed and failures of those backends that have any; one that may suffer an outage must be named.
        durability: what an acknowledged write to the log is worth.
        replication_lag: seconds by which the replica of an asynchronous log is behind.
        replica_lag: seconds by which a read of the key-value store that need not be fresh is behind.
        visibility: seconds after which the queue hands out again what nobody acknowledged.
        redelivery: share of the queue's deliveries that come twice in their batch.
        route: seconds from one server to another, asked when a way begins; None where nothing passes.
        subject_of: the workload's name for a client id, a key or a conversation, for the keys of calls.
        request_of: what a request to a peer is about, for the key of the call.
        observer: told of every call.

    Attributes:
        log, values, broker, leases, board: the states.
        desks: where calls arrive, by port; for reading depths and waits.
    """

    __slots__ = ("_redelivery", "_request_of", "board", "broker", "desks", "leases", "log", "values")

    def __init__(  # noqa: PLR0913 - one world has many settings, all of them named
        self,
        kernel: Kernel,
        decisions: Decisions,
        *,
        services: Mapping[Port, Service],
        durability: Durability = Durability.QUORUM,
        replication_lag: float = 0.0,
        replica_lag: float = 0.0,
        visibility: float = 30.0,
        redelivery: float = 0.0,
        route: Callable[[str, str], float | None] | None = None,
        subject_of: Callable[[str], str] = str,
        request_of: Callable[[Value], str] = lambda request: type(request).__name__,
        observer: Observer | None = None,
    ) -> None:
        now = lambda: kernel._now  # noqa: E731, SLF001 - half the cost of the property
        self.log = SlotLog(now, durability=durability, replication_lag=replication_lag)
        self.values = ValueMap(now, replica_lag=replica_lag)
        self.broker = TopicBroker(now, kernel.call_at, visibility=visibility)
        self.leases = LeaseTable(now)
        self.board = Switchboard(route)
        self._redelivery = redelivery
        self._request_of = request_of
        wanted = dict(services)
        if redelivery:
            wanted.setdefault(Port.QUEUE, Service())
        wanted.setdefault(Port.PEERS, Service())
        if decisions.deviating or observer is not None:
            for port in Port:
                wanted.setdefault(port, Service())
        self.desks = {
            port: Desk(kernel, decisions, service, port=port.value, subject_of=subject_of, observer=observer)
            for port, service in wanted.items()
        }

    def ports(self, runtime: SimRuntime, host: Host) -> Ports:
        """The ports of one incarnation.

        Args:
            runtime: the incarnation's.
            host: its node, which a deviation may crash or pause.
        """
        lines = {port: Line(desk, runtime, host) for port, desk in self.desks.items()}
        me = runtime.incarnation
        log, kv, queue, locks = (lines.get(port) for port in (Port.LOG, Port.KV, Port.QUEUE, Port.LOCKS))
        redelivery = self._redelivery
        return Ports(
            log=ServedLog(self.log, log) if log else DirectLog(self.log, me),
            kv=ServedKeyValue(self.values, kv) if kv else DirectKeyValue(self.values, me),
            queue=ServedQueue(self.broker, queue, redelivery=redelivery)
            if queue
            else DirectQueue(self.broker, runtime),
            locks=ServedLocks(self.leases, locks) if locks else DirectLocks(self.leases, runtime),
            peers=ServedPeers(self.board, lines[Port.PEERS], subject_of=self._request_of),
        )

    # -- what the world does to it

    def refuse(self, port: Port, seconds: float) -> None:
        """Begin an outage of one backend.

        Raises:
            InternalError: the world did not name this port among its `services`.
        """
        desk = self.desks.get(port)
        if desk is None:
            raise InternalError(f"an outage of {port.value} was not foreseen: its calls do not pass a desk")
        desk.refuse(seconds)

    def recover(self) -> None:
        """End all outages, and all failures by chance."""
        for desk in self.desks.values():
            desk.recover()

    def failover(self) -> dict[str, EpochState]:
        """Let the log's replica take over; the new epoch and cut of every conversation that lost its tail."""
        return self.log.failover()

    def disconnect(self, runtime: SimRuntime) -> None:
        """A server crashed, and its connections broke: the queue hands out again what it held."""
        self.broker.leave(runtime.incarnation)
