"""What goes wrong and when: a scenario's events, its random rates, and a case's timed deviations.

A table says what each kind of fault does to the world. All faults end by themselves; when the scenario's duration
is over the world heals what is left, so that convergence is judged where everybody can reach everybody. Random
faults are Poisson processes whose gaps are keyed by kind and target, so that adding one kind does not move another.
"""

from __future__ import annotations

import fnmatch
import itertools
import math
from typing import TYPE_CHECKING, Any

from imsim.errors import ConfigError, nearest
from imsim.history import Event
from imsim.scenario import faults as model
from imsim.sim import deviations
from imsim.sim.decisions import Kind, draw, unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imsim.sim.device_node import DeviceNode
    from imsim.sim.partition import Barrier
    from imsim.sim.server_node import ServerNode
    from imsim.sim.world import World

__all__ = ["Faults"]

_HOUR = 3600.0


class Faults:
    """The faults of one world."""

    __slots__ = ("_world",)

    def __init__(self, world: World) -> None:
        self._world = world

    def check(self) -> None:
        """Nothing, if all faults are about things that exist.

        Raises:
            ConfigError: an event or a timed deviation names a device, site or server that does not exist.
        """
        world = self._world
        for number, event in enumerate(world.scenario.faults.events):
            self._check(number, event)
        for timed in world.decisions.timed:
            self._check_timed(timed)

    def schedule(self) -> None:
        """Put everything that is known beforehand on the kernel's heap."""
        world = self._world
        for event in (*world.scenario.faults.events, *self._random()):
            if isinstance(event, model.Restore):
                world.kernel.call_at(max(0.0, event.at - event.age), self._back_up, event)
            times, every = (event.times, event.every) if isinstance(event, model.Partition) else (1, 0.0)
            for turn in range(times):
                world.kernel.call_at(event.at + turn * every, self._happen, event)
        for timed in world.decisions.timed:
            if isinstance(timed, deviations.Partition):
                world.kernel.call_at(timed.at, self._deviate_partition, timed)
            else:
                world.kernel.call_at(timed.at, self._deviate_clock, timed)

    def _happen(self, event: model.Fault) -> None:
        if self._world.kernel.now < self._world.plan.duration:
            _HANDLERS[type(event)](self, event)

    # ------------------------------------------------------------------------------------------ servers and backends

    def _crash(self, event: model.Crash) -> None:
        server = self._server(event.server)
        server.crash()
        self._world.kernel.call_in(event.length + self._world.restart_after, _start, server)

    def _restart(self, event: model.Restart) -> None:
        server = self._server(event.server)
        server.crash()
        self._world.kernel.call_in(self._world.restart_after, _start, server)

    def _pause(self, event: model.Pause) -> None:
        self._server(event.server).pause(event.length)

    def _failover(self, _event: model.Failover) -> None:
        self._world.ledger.fail_over()

    def _unavailable(self, event: model.Unavailable) -> None:
        self._world.backends.refuse(event.port, event.length)
        words = f"{event.port.value} unavailable for {event.length:g} s"
        self._world.fact(None, Event.PARTITIONED, detail=words)
        self._world.kernel.call_in(event.length, self._heal_these, ([], words))

    def _drop_cache(self, _event: model.DropCache) -> None:
        self._world.backends.values.drop("offline/")

    # ------------------------------------------------------------------------------------------ the network

    def _partition(self, event: model.Partition) -> None:
        world = self._world
        others = event.others or tuple(name for name in world.network.sites.names if name not in event.sites)
        barriers = [world.network.partition(a, b, one_way=event.one_way) for a in event.sites for b in others]
        words = f"{', '.join(event.sites)} {'->' if event.one_way else '|'} {', '.join(others)}"
        world.fact(None, Event.PARTITIONED, detail=words)
        world.kernel.call_in(event.length, self._heal_these, (barriers, words))

    def _heal_these(self, cut: tuple[list[Barrier], str]) -> None:
        if self._world.decisions.healed:
            return  # everything is
        for barrier in cut[0]:
            self._world.network.heal(barrier)
        self._world.fact(None, Event.HEALED, detail=cut[1])

    def _heal(self, _event: model.Heal) -> None:
        self._world.network.heal()
        self._world.fact(None, Event.HEALED, detail="all partitions")

    def _cut(self, event: model.Cut) -> None:
        for node in self._devices(event.devices, event.share):
            if node.wire is not None:
                self._world.network.cut(node.wire)

    def _deviate_partition(self, timed: deviations.Partition) -> None:
        world = self._world
        if world.decisions.healed:
            return  # it comes too late
        barrier = world.network.partition(self._party(timed.a), self._party(timed.b), one_way=timed.one_way)
        words = f"{timed.a} {'->' if timed.one_way else '|'} {timed.b}"
        world.fact(None, Event.PARTITIONED, detail=words)
        world.kernel.call_at(timed.until, self._heal_these, ([barrier], words))

    def _party(self, name: str) -> Any:  # noqa: ANN401 (a site, a device or a server)
        world = self._world
        return world.devices.get(name) or next((s for s in world.servers if s.name == name), name)

    # ------------------------------------------------------------------------------------------ devices

    def _kill(self, event: model.Kill) -> None:
        for node in self._devices(event.devices, event.share):
            node.crash()
            self._world.kernel.call_in(event.length, _restart_device, node)

    def _wipe(self, event: model.Wipe) -> None:
        for node in self._devices((event.device,), 1.0):
            node.wipe()

    def _back_up(self, event: model.Restore) -> None:
        for node in self._devices((event.device,), 1.0):
            node.back_up()

    def _restore(self, event: model.Restore) -> None:
        for node in self._devices((event.device,), 1.0):
            node.restore(event.age)

    def _sign_in(self, event: model.SignIn) -> None:
        self._world.sign_in(event.user, event.device)

    def _clock_jump(self, event: model.ClockJump) -> None:
        self._jump(event.node, event.by)

    def _deviate_clock(self, timed: deviations.ClockJump) -> None:
        if not self._world.decisions.healed:
            self._jump(timed.node, timed.seconds)

    def _jump(self, name: str, by: float) -> None:
        world = self._world
        node: DeviceNode | ServerNode | None = world.devices.get(name) or next(
            (s for s in world.servers if s.name == name), None
        )
        if node is not None:
            world.own_clock(node).jump(by)

    # ------------------------------------------------------------------------------------------ inside

    def _server(self, number: int) -> ServerNode:
        return self._world.servers[number - 1]

    def _devices(self, patterns: tuple[str, ...], share: float) -> list[DeviceNode]:
        """The devices that match, and of these the share that the seed picks."""
        world = self._world
        now = int(world.kernel.now * 1e6)
        found = [node for name, node in world.devices.items() if any(fnmatch.fnmatchcase(name, p) for p in patterns)]
        return [
            n
            for n in found
            if share >= 1.0 or unit(draw(world.decisions.salt(Kind.CRASH, f"at {n.name}"), now, 1)) < share
        ]

    def _check(self, number: int, event: model.Fault) -> None:
        world = self._world
        path = f"faults.events[{number}]"
        server = getattr(event, "server", 1)
        if not 1 <= server <= len(world.servers):
            message = f"{path}.server: expected a server from 1 to {len(world.servers)}, got {server}"
            raise ConfigError(message)
        for site in (*getattr(event, "sites", ()), *getattr(event, "others", ())):
            if site not in world.network.sites.names:
                names = ", ".join(world.network.sites.names)
                message = (
                    f"{path}.sites: unknown site {site!r}{nearest(site, world.network.sites.names)}; known are {names}"
                )
                raise ConfigError(message)
        device = getattr(event, "device", None)
        if device is not None and "/" in device and device not in world.devices:
            message = f"{path}.device: no such device: {device!r}{nearest(device, world.devices)}"
            raise ConfigError(message)

    def _check_timed(self, timed: deviations.TimedAction) -> None:
        world = self._world
        nodes = [*world.devices, *(server.name for server in world.servers)]
        partition = isinstance(timed, deviations.Partition)
        known = [*world.network.sites.names, *nodes] if partition else nodes
        for name in (timed.a, timed.b) if isinstance(timed, deviations.Partition) else (timed.node,):
            if name not in known:
                what = "site, device or server" if partition else "device or server"
                message = f"{timed}: no such {what}: {name!r}{nearest(name, known)}"
                raise ConfigError(message)

    def _random(self) -> Iterator[model.Fault]:
        """The random faults of the whole duration, drawn beforehand."""
        world = self._world
        rates = world.scenario.faults.random
        for number in range(1, len(world.servers) + 1):
            yield from self._random_of_server(number)
        for a, b in itertools.combinations(world.network.sites.names, 2):
            for at, length in self._arrivals(rates.partition, f"partition/{a}/{b}"):
                yield model.Partition(at=at, sites=(a,), others=(b,), length=length)
        for port in model.Port:
            for at, length in self._arrivals(rates.unavailable, f"outage/{port.value}"):
                yield model.Unavailable(at=at, port=port, length=length)
        for at, _ in self._arrivals(rates.failover, "failover"):
            yield model.Failover(at=at)
        for at, _ in self._arrivals(rates.drop_cache, "drop_cache"):
            yield model.DropCache(at=at)
        for name in world.devices:
            yield from self._random_of_device(name)

    def _random_of_server(self, number: int) -> Iterator[model.Fault]:
        rates = self._world.scenario.faults.random
        for at, length in self._arrivals(rates.crash, f"crash/server-{number}"):
            yield model.Crash(at=at, server=number, length=length)
        for at, length in self._arrivals(rates.pause, f"pause/server-{number}"):
            yield model.Pause(at=at, server=number, length=length)

    def _random_of_device(self, name: str) -> Iterator[model.Fault]:
        rates = self._world.scenario.faults.random
        for at, _ in self._arrivals(rates.cut, f"cut/{name}"):
            yield model.Cut(at=at, devices=(name,))
        for at, length in self._arrivals(rates.kill, f"kill/{name}"):
            yield model.Kill(at=at, devices=(name,), length=length)
        for at, _ in self._arrivals(rates.wipe, f"wipe/{name}"):
            yield model.Wipe(at=at, device=name)
        for at, length in self._arrivals(rates.clock_jump, f"jump/{name}"):
            share = math.exp(-length / rates.length) if rates.length else 0.5
            yield model.ClockJump(at=at, node=name, by=rates.jump * (2.0 * share - 1.0))

    def _arrivals(self, per_hour: float, place: str) -> Iterator[tuple[float, float]]:
        """Moments of a Poisson process, each with an exponential length."""
        if per_hour <= 0.0:
            return
        mean = self._world.scenario.faults.random.length
        salt = self._world.decisions.salt(Kind.CRASH, f"at {place}")
        at, number = 0.0, 0
        while True:
            number += 1
            at -= math.log1p(-unit(draw(salt, 1, number))) * _HOUR / per_hour
            if at >= self._world.plan.duration:
                return
            yield at, -mean * math.log1p(-unit(draw(salt, 2, number)))


def _start(server: ServerNode) -> None:
    server.start()


def _restart_device(node: DeviceNode) -> None:
    node.restart()


_HANDLERS: dict[type, Callable[[Faults, Any], None]] = {
    model.Crash: Faults._crash,  # noqa: SLF001 (the table of this very class)
    model.Restart: Faults._restart,  # noqa: SLF001
    model.Pause: Faults._pause,  # noqa: SLF001
    model.Partition: Faults._partition,  # noqa: SLF001
    model.Heal: Faults._heal,  # noqa: SLF001
    model.Cut: Faults._cut,  # noqa: SLF001
    model.Kill: Faults._kill,  # noqa: SLF001
    model.Wipe: Faults._wipe,  # noqa: SLF001
    model.Restore: Faults._restore,  # noqa: SLF001
    model.SignIn: Faults._sign_in,  # noqa: SLF001
    model.ClockJump: Faults._clock_jump,  # noqa: SLF001
    model.Failover: Faults._failover,  # noqa: SLF001
    model.Unavailable: Faults._unavailable,  # noqa: SLF001
    model.DropCache: Faults._drop_cache,  # noqa: SLF001
}
