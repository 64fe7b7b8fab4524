"""imsim's own devices, policies, strategies and links keep every promise, and so do the example devices."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from imsim import testing
from imsim.adapters.websocket import SocketLink, dial, frames, listen
from imsim.protocol import retry, sync
from imsim.protocol.config import DeviceConfig
from imsim.protocol.device import Device
from imsim.scenario import load
from imsim.sim.foreign import DeviceCommand
from imsim.sim.world import World

EXAMPLES = Path(__file__).parents[2] / "examples" / "devices"
PROGRAMS = {
    "python": (sys.executable, EXAMPLES / "python" / "device.py"),
    "node": ("node", EXAMPLES / "node" / "device.mjs"),
}
POLICIES = (
    retry.Fixed(),
    retry.Fixed(attempts=3, deadline=10.0),
    retry.Exponential(jitter=1.0),
    retry.FullJitter(),
    retry.EqualJitter(attempts=8),
    retry.DecorrelatedJitter(deadline=60.0),
    retry.Cyclic(spread=3.0, again_from=4),
)
STRATEGIES = (
    sync.Push(),
    sync.Poll(),
    sync.Poll(interval=20.0, rest=True),
    sync.LongPoll(),
    sync.Hybrid(),
    sync.Adaptive(),
    sync.Adaptive(busy=(0, 24), most=30.0),
)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_device(strategy):
    testing.check_device(Device, config=DeviceConfig(sync=strategy))


@pytest.mark.parametrize("language", PROGRAMS)
def test_device_in_another_language(language):
    program, file = PROGRAMS[language]
    if shutil.which(program) is None and "CI" not in os.environ:
        pytest.skip(f"{program} is not installed")
    made = DeviceCommand(shlex.join([program, str(file)]), 30.0)
    testing.check_device(made, config=DeviceConfig(sync=sync.Hybrid(check=20.0)))


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_retry_policy(policy):
    testing.check_retry_policy(policy)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
def test_sync_policy(strategy):
    testing.check_sync_policy(strategy)


class Sockets:
    """Both ends of a WebSocket on loopback."""

    def __init__(self, link):
        self.link = link
        self.heard = []
        self.open = True

    async def hear(self, socket):
        async for frame in frames(socket):
            self.heard.append(frame)
        self.open = False


@asynccontextmanager
async def sockets():
    servers_end = asyncio.get_running_loop().create_future()

    async def serve(socket):
        link = SocketLink(socket)
        servers_end.set_result(link)
        await socket.wait_closed()
        await link.drop()

    async with await listen(serve, "127.0.0.1", 0) as server:
        socket = await dial(f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}", 10.0)
        ends = Sockets(await servers_end)
        ear = asyncio.create_task(ends.hear(socket))
        yield ends
        await socket.close()
        await ear


class Simulated:
    """Both ends of a connection of the simulated world, whose links lose nothing; stands for the device itself."""

    online = True
    wake_at = None

    def __init__(self, kind):
        self.world = World(load("tiny", {"network.profiles.4g.kind": kind}), seed=1)
        self.world.network.lose_nothing_more()
        self.heard = []
        self.open = False
        (server,) = self.world.servers
        server.accepting = True
        node = self.world.devices["bob/phone"]
        node.device = self
        self.link = node.wire = self.world.network.connect(node, server, self.connected)
        self.world.kernel.run(until=30.0)

    def connected(self, wire, refusal):
        self.open = refusal is None

    def handle_frame(self, wire, frame, *, now, wall):
        self.heard.append(frame)

    def handle_disconnected(self, reason, *, now, wall):
        self.open = False

    def poll(self):
        return []


def simulated(kind):
    """A factory of connections, what drives a coroutine over the last of them, and what lets time pass there."""
    ends = []

    @asynccontextmanager
    async def fresh():
        ends.append(Simulated(kind))
        assert ends[-1].open
        yield ends[-1]

    async def sleep(seconds):
        kernel = ends[-1].world.kernel
        kernel.run(until=kernel.now + seconds)

    return fresh, sleep


@pytest.mark.parametrize("promise", testing.LINK.sentences)
@pytest.mark.parametrize("kind", ["stream", "datagram"])
def test_simulated_link(promise, kind):
    fresh, sleep = simulated(kind)
    testing.check_link(fresh, asyncio.run, sleep=sleep, ordered=kind == "stream", patience=30.0, only=[promise])


@pytest.mark.parametrize("promise", testing.LINK.sentences)
def test_link(promise):
    testing.check_link(sockets, asyncio.run, sleep=asyncio.sleep, only=[promise])
