"""From a scenario's settings to the parts of a world: the only place that knows both.

What does not belong here: settings (scenario/), and what a part does with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import networkx as nx

from imsim.errors import ConfigError
from imsim.ports import FIRST_EPOCH, Durability
from imsim.protocol.config import DeviceConfig
from imsim.protocol.frames import Created, Entry
from imsim.protocol.server.config import ServerConfig
from imsim.protocol.server.log import Membership, announcements, roster_key
from imsim.scenario import faults as model
from imsim.scenario.faults import Port
from imsim.sim.backends import Backends, Service
from imsim.sim.clock import NodeClock, RightClock
from imsim.sim.deviations import CrashAfter, CrashBefore, LosePush, Pause
from imsim.sim.device_node import DeviceNode, Make
from imsim.sim.disk import Disk, FaultyDisk
from imsim.sim.energy import EnergyMeter
from imsim.sim.kernel import Kernel
from imsim.sim.link import LinkModel
from imsim.sim.network import Network
from imsim.sim.sites import ONLY_SITE, Sites
from imsim.sim.trace import TracePair

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imsim.scenario import Scenario
    from imsim.scenario.policy import Sync
    from imsim.scenario.servers import Backend
    from imsim.scenario.values import Delay
    from imsim.sim.backends.service import Observer
    from imsim.sim.cast import Device
    from imsim.sim.decisions import Decisions
    from imsim.sim.naming import Naming
    from imsim.sim.server_node import ServerNode
    from imsim.sim.wire import Wire
    from imsim.sim.world import World

__all__ = [
    "Makes", "backends", "befall", "clockwork", "network", "node_clock", "right_clock", "seed_logs",
    "server_config", "server_site",
]  # fmt: skip

_PPM = 1e-6


def clockwork(world: World) -> Kernel:
    """The clockwork; one that can be steered only where that is asked for."""
    if not world.decisions.steered:
        return Kernel()
    from imsim.sim.steering import SteeredKernel, Steering  # only a search through everything needs it

    steered = SteeredKernel()
    steered.steering = Steering(world)
    return steered


def right_clock(kernel: Kernel, epoch: float) -> RightClock:
    """The clock that all nodes without a fault share."""
    return RightClock(kernel, epoch=epoch)


def node_clock(kernel: Kernel, epoch: float, *, skew: float = 0.0, drift: float = 0.0) -> NodeClock:
    """A clock of one node's own, whose monotonic time goes on from the one that all share."""
    return NodeClock(kernel, epoch=epoch, skew=skew, drift=drift, since=0.0)


def server_config(scenario: Scenario) -> ServerConfig:
    """How the servers behave."""
    servers = scenario.servers
    return ServerConfig(
        log_timeout=servers.timeouts.log,
        kv_timeout=servers.timeouts.kv,
        queue_timeout=servers.timeouts.queue,
        locks_timeout=servers.timeouts.locks,
        peers_timeout=servers.timeouts.peers,
        lease=servers.lease,
        mailbox=servers.mailbox,
        claim_retention=servers.idempotency,
        reoffer_window=servers.reoffer_window,
        retain_entries=servers.retention.entries,
        retain_seconds=servers.retention.age,
        content=servers.content,
        read_fan_out_from=servers.fanout + 1,
        offline_cap=servers.offline_cap,
        page=servers.page,
        window=servers.window,
        timer_tick=servers.tick,
        resume_window=servers.resume,
        ping=servers.ping,
        presence=servers.presence,
    )


def device_config(scenario: Scenario, sync: Sync, linger: float) -> DeviceConfig:
    """How the devices of one kind behave."""
    retry = scenario.retry
    return DeviceConfig(
        sync=sync.config(),
        send=retry.send,
        connect=retry.connect,
        ask=retry.ask,
        send_deadline=retry.deadline,
        budget=retry.budget,
        breaker=retry.breaker,
        gap_wait=sync.gap_wait,
        page=sync.page,
        stable_after=retry.stability.seconds,
        linger=linger,
    )


def network(scenario: Scenario, kernel: Kernel, decisions: Decisions, wires: type[Wire]) -> Network:
    """The graph of sites and the network over it."""
    model_ = scenario.network
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(model_.sites or (ONLY_SITE,))
    for link in model_.links:
        graph.add_edge(*link.between, latency=link.latency, loss=link.loss)
    return Network(kernel, decisions, Sites(graph), connection_type=wires)


def server_site(scenario: Scenario, network_: Network, number: int) -> int:
    """The index of the site of the `number`-th server."""
    sites = scenario.servers.sites
    return network_.sites.index(sites[(number - 1) % len(sites)]) if sites else 0


def backends(
    scenario: Scenario,
    kernel: Kernel,
    decisions: Decisions,
    naming: Naming,
    route: Callable[[str, str], float | None],
    observer: Observer | None,
) -> Backends:
    """The durable world behind the servers' ports."""
    settings = scenario.backends
    by_port = {
        Port.LOG: settings.log,
        Port.KV: settings.kv,
        Port.QUEUE: settings.queue,
        Port.LOCKS: settings.locks,
        Port.PEERS: settings.peers,
    }
    outages = {event.port for event in scenario.faults.events if isinstance(event, model.Unavailable)}
    anywhere = scenario.faults.random.unavailable > 0.0
    services = {
        port: _service(backend)
        for port, backend in by_port.items()
        if anywhere or port in outages or _is_special(backend)
    }
    return Backends(
        kernel,
        decisions,
        services=services,
        durability=Durability(settings.log.durability.value),
        replication_lag=_mean(settings.log.replica_lag),
        replica_lag=_mean(settings.kv.lag),
        redelivery=settings.queue.redelivery,
        route=route,
        subject_of=lambda key: naming.word(key.rpartition("/")[2]).replace(" ", "_"),
        observer=observer,
    )


def _is_special(backend: Backend) -> bool:
    faulty = backend.unavailable + backend.timeout_before + backend.timeout_after > 0.0
    return faulty or _mean(backend.service) > 0.0


def _service(backend: Backend) -> Service:
    return Service(
        seconds=backend.service.quantile if _mean(backend.service) > 0.0 else None,
        capacity=backend.capacity,
        unavailable=backend.unavailable,
        timeout_before=backend.timeout_before,
        timeout_after=backend.timeout_after,
    )


def _mean(delay: Delay) -> float:
    return delay.offset + delay.mean


def seed_logs(world: World) -> None:
    """Conversations that exist from the start, with the members' own logs and the checkpoints that say so."""
    log, values = world.backends.log, world.backends.values
    for conversation in world.plan.conversations:
        members = tuple(world.plan.users[index].name for index in conversation.members)
        created = Entry(conversation.name, FIRST_EPOCH, 1, f"@{conversation.name}", "", world.epoch, Created(members))
        log.write(conversation.name, FIRST_EPOCH, 1, created, 0)
        log.commit(conversation.name, FIRST_EPOCH, 1)
        membership = Membership(conversation.name)
        membership.fold(created)
        values.compare_and_set(roster_key(conversation.name), None, membership.roster(FIRST_EPOCH, 1))
        for own, draft in announcements(created):
            seq = log.state(own).committed + 1
            entry = Entry(own, FIRST_EPOCH, seq, draft.client_id, "", draft.wall, draft.body)
            log.write(own, FIRST_EPOCH, seq, entry, 0)
            log.commit(own, FIRST_EPOCH, seq)
    log.replicate()


def befall(world: World, action: Any, node: DeviceNode | ServerNode) -> bool:  # noqa: ANN401 (any deviation)
    """Carry out on a node what a case wants at one of its frames; whether the frame is sent all the same."""
    if isinstance(action, CrashBefore):
        world.kernel.call_in(0.0, _crash, (world, node))
        return False
    if isinstance(action, CrashAfter):
        world.kernel.call_in(0.0, _crash, (world, node))
        return True
    if isinstance(action, Pause):
        world.kernel.call_in(0.0, _pause, (node, action.seconds))
        return True
    return not isinstance(action, LosePush)


def _crash(victim: tuple[World, DeviceNode | ServerNode]) -> None:
    world, node = victim
    node.crash()
    world.kernel.call_in(world.restart_after, _restart, node)


def _restart(node: DeviceNode | ServerNode) -> None:
    if isinstance(node, DeviceNode):
        node.restart()
    else:
        node.start()


def _pause(victim: tuple[DeviceNode | ServerNode, float]) -> None:
    node, seconds = victim
    node.pause(seconds)


class Makes:
    """Device nodes, with what devices of one kind share made once."""

    __slots__ = ("_kinds", "_links", "_traces", "_world")

    def __init__(self, world: World) -> None:
        self._world = world
        self._kinds: dict[str, Make] = {}
        self._links: dict[tuple[str, str | None], LinkModel] = {}
        self._traces: dict[str, TracePair] = {}

    def node(self, device: Device) -> DeviceNode:
        """The node of a device of the plan."""
        world = self._world
        site = 0 if device.site is None else world.network.sites.index(device.site)
        user = world.plan.users[device.user].name
        node = DeviceNode(
            self._make(device),
            device.name,
            user,
            site,
            self._link(device),
            self._disk(device.name),
            world.decisions.randomness(f"at {device.name}"),
        )
        energy = world.scenario.network.profiles[device.profile].energy
        if energy is not None:
            node.meter = EnergyMeter(energy)
        if isinstance(node.disk, FaultyDisk):
            node.disk.host = node
        if device.skew or device.drift:
            node.special = True
            node.clock = node_clock(world.kernel, world.epoch, skew=device.skew, drift=device.drift * _PPM)
        return node

    def sign_in(self, user: str, kind: str) -> DeviceNode | None:
        """One more device of a user, like the user's first; None if there is no such user or the name is taken."""
        plan = self._world.plan
        owner = next((u for u in plan.users if u.name == user), None)
        name = f"{user}/{kind}"
        if owner is None or not owner.devices or name in self._world.devices:
            return None
        like = plan.devices[owner.devices[0]]
        return self.node(msgspec.structs.replace(like, name=name, kind=kind))

    def _make(self, device: Device) -> Make:
        make = self._kinds.get(device.kind)
        if make is None:
            world = self._world
            time = world.scenario.devices.write_time
            make = self._kinds[device.kind] = Make(
                world=world,
                config=world.algorithms.configured(device_config(world.scenario, device.sync, _linger(device))),
                push=device.presence.push,
                write_time=time.quantile if _mean(time) > 0.0 else None,
            )
        return make

    def _link(self, device: Device) -> LinkModel:
        key = (device.profile, device.trace)
        link = self._links.get(key)
        if link is None:
            profile = self._world.scenario.network.profiles[device.profile]
            stem, path = device.trace, "network.trace"
            if stem is None:
                stem, path = profile.trace, f"network.profiles.{device.profile}.trace"
            trace = None if stem is None else self._trace(stem, path)
            link = self._links[key] = LinkModel.from_profile(profile, trace=trace)
        return link

    def _trace(self, stem: str, path: str) -> TracePair:
        pair = self._traces.get(stem)
        if pair is None:
            try:
                pair = self._traces[stem] = TracePair.read(stem)
            except ConfigError as error:
                raise ConfigError(f"{path}: {error}") from None
        return pair

    def _disk(self, name: str) -> Disk:
        world = self._world
        if not world.decisions.deviating:
            return Disk()
        return FaultyDisk(world.decisions, _NOBODY, node=name, subject_of=self._subject_of)

    def _subject_of(self, records: Sequence[Any]) -> str:
        """What a write is about: the first of its records that is about an entry."""
        client_id = next((record.client_id for record in records if hasattr(record, "client_id")), None)
        return "records" if client_id is None else self._world.naming.word(client_id)


def _linger(device: Device) -> float:
    return min(device.presence.linger, 5.0) if device.presence.push is not None else 2.0


class _Nobody:
    """Stands for the host of a disk until its device exists."""

    def crash(self) -> None:
        """Nobody dies."""

    def pause(self, seconds: float) -> None:
        """Nobody pauses."""


_NOBODY = _Nobody()
