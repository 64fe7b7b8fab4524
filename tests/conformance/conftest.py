"""The worlds in which every port is checked: a list of factories a port, to which each adapter adds its own."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from imsim.adapters.asyncio_runtime import AsyncRuntime
from imsim.adapters.sqlite import SCHEMA, Database, SqliteKeyValue, SqliteLocks, SqliteLog, SqliteQueue, SqliteStore
from imsim.scenario.faults import Port
from imsim.sim.backends import Backends, Ports, Service
from imsim.sim.clock import RightClock
from imsim.sim.decisions import Decisions
from imsim.sim.disk import Disk
from imsim.sim.kernel import Kernel
from imsim.sim.runtime import Incarnation, SimRuntime

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator


class NoHost:
    """A node at which nobody deviates."""

    def crash(self) -> None:
        raise NotImplementedError

    def pause(self, seconds: float) -> None:
        raise NotImplementedError


class SimulatedWorld:
    """A kernel, one incarnation of one server, and as many fresh backends as are asked for."""

    visibility = 0.05

    def __init__(self, services: dict[Port, Service]) -> None:
        self.kernel = Kernel()
        self.decisions = Decisions(seed=1)
        self.services = services
        self.runtime = SimRuntime(
            self.kernel,
            Incarnation(1),
            clock=RightClock(self.kernel, epoch=0.0),
            random=self.decisions.randomness("at server-1"),
            node="server-1",
        )

    def ports(self) -> Ports:
        backends = Backends(self.kernel, self.decisions, services=self.services, visibility=self.visibility)
        return backends.ports(self.runtime, NoHost())

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        ends: list[BaseException | None] = []

        async def watched() -> None:
            try:
                await coroutine
            except Exception as error:  # noqa: BLE001 - it belongs to whoever called run
                ends.append(error)
            else:
                ends.append(None)

        self.runtime.spawn(watched())
        self.kernel.run()
        if not ends:
            raise TimeoutError
        if ends[0] is not None:
            raise ends[0]

    def close(self) -> None:
        self.runtime.revoke()

    async def sleep(self, seconds: float) -> None:
        await self.runtime.sleep(seconds)

    async def together(self, *coroutines: Coroutine[Any, Any, Any]) -> list[Any]:
        ends = [self.runtime.future() for _ in coroutines]

        async def one(coroutine: Coroutine[Any, Any, Any], end: Any) -> None:
            end.set_result(await coroutine)

        for coroutine, end in zip(coroutines, ends, strict=True):
            self.runtime.spawn(one(coroutine, end))
        return [await end for end in ends]

    def fresh(self, port: str, wrap: Callable[[Any], Any] = lambda port: port) -> Callable[[], Any]:
        """A factory of one port; `wrap` may break it."""

        @asynccontextmanager
        async def opened() -> AsyncIterator[Any]:
            yield wrap(getattr(self.ports(), port))

        return opened


SLOW = Service(seconds=lambda uniform: 0.001 * uniform, capacity=2, latency=lambda _: 0.0005)


class Stepped(AsyncRuntime):
    """A runtime whose time passes only where somebody sleeps, so that a busy machine lets nothing expire too soon."""

    def __init__(self, world: SqliteWorld) -> None:
        super().__init__()
        self.world = world

    def now(self) -> float:
        return self.world.now

    def wall(self) -> float:
        return self.world.now

    async def sleep(self, seconds: float) -> None:
        await self.world.sleep(seconds)


class SqliteWorld:
    """A loop, and as many fresh files as are asked for."""

    visibility = 0.05

    def __init__(self) -> None:
        self.now = 1.0
        self.folder = tempfile.TemporaryDirectory()
        self.files = 0

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(20):
                await coroutine

        asyncio.run(bounded())

    def close(self) -> None:
        self.folder.cleanup()

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)

    async def together(self, *coroutines: Coroutine[Any, Any, Any]) -> list[Any]:
        return await asyncio.gather(*coroutines)

    def fresh(self, port: str, wrap: Callable[[Any], Any] = lambda port: port) -> Callable[[], Any]:
        """A factory of one port; `wrap` may break it."""

        @asynccontextmanager
        async def opened() -> AsyncIterator[Any]:
            self.files += 1
            database = Database(f"{self.folder.name}/{self.files}.db", SCHEMA)
            runtime = Stepped(self)
            ports = {
                "log": lambda: SqliteLog(database),
                "kv": lambda: SqliteKeyValue(database, runtime.wall),
                "locks": lambda: SqliteLocks(database, runtime.now, runtime.wall),
                "queue": lambda: SqliteQueue(database, runtime, visibility=self.visibility),
            }
            yield wrap(ports[port]())
            await runtime.close()
            database.close()

        return opened


WORLDS = {
    "sqlite": SqliteWorld,
    "simulated-direct": lambda: SimulatedWorld({}),
    "simulated-at-a-desk": lambda: SimulatedWorld({port: Service() for port in Port}),
    "simulated-slow": lambda: SimulatedWorld(dict.fromkeys(Port, SLOW)),
}


@pytest.fixture(params=WORLDS)
def world(request):
    made = WORLDS[request.param]()
    yield made
    made.close()


@pytest.fixture
def simulated():
    """One world, for what need not be checked in all of them."""
    return WORLDS["simulated-slow"]()


@pytest.fixture
def simulated_disks():
    """Opens the simulated disk of a name."""
    by_name: dict[str, Disk] = {}

    @contextmanager
    def opened(name: str) -> Iterator[Disk]:
        disk = by_name.setdefault(name, Disk())
        yield disk
        disk.crash()

    return opened


@pytest.fixture
def sqlite_disks(tmp_path):
    """Opens the file of a name."""

    @contextmanager
    def opened(name: str) -> Iterator[SqliteStore]:
        store = SqliteStore(tmp_path / f"{name}.db")
        yield store
        store.close()

    return opened


@pytest.fixture(params=["simulated_disks", "sqlite_disks"])
def disks(request):
    """Opens the disk of a name, of each kind."""
    return request.getfixturevalue(request.param)
