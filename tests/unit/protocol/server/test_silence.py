"""Who is silent is found, also after every server that knew of them is gone."""

from __future__ import annotations

import pytest

from imsim.protocol.server.config import ServerConfig
from imsim.protocol.server.floor import Floors, heard_key
from imsim.protocol.server.ownership import ServerPorts
from imsim.protocol.server.register import HeardIn
from imsim.protocol.server.silence import Silence
from tests.ports_memory import Faulty, MemoryKeyValue, MemoryLocks, MemoryLog, MemoryPeers, MemoryRuntime

DAY = 86400.0
CONFIG = ServerConfig(floor_stride=4, claim_retention=8 * DAY)


class World:
    def __init__(self):
        self.runtime = MemoryRuntime()
        self.runtime.time = 20_000 * DAY
        self.kv = MemoryKeyValue()
        self.locks = MemoryLocks(self.runtime)

    def server(self, name):
        ports = ServerPorts(self.runtime, MemoryLog(), self.kv, self.locks, MemoryPeers(name, {}), CONFIG)
        floors = Floors(self.runtime, self.kv, CONFIG)
        self.runtime.spawn(Silence(ports, floors).run())
        self.runtime.settle()
        return floors

    def send(self, floors, nonce, counter):
        self.kv.values[f"claim/{nonce}-{counter}"] = "a claim"
        floors.follow(nonce, counter)
        self.runtime.settle()

    def keys(self, prefix):
        return sorted(key for key in self.kv.values if key.startswith(prefix))


@pytest.fixture
def world():
    return World()


def test_the_claims_of_the_silent_are_forgotten(world):
    floors = world.server("a")
    for counter in range(3):
        world.send(floors, "n", counter)
    world.runtime.advance(8 * DAY)
    assert len(world.keys("claim/")) == 3
    world.runtime.advance(4 * DAY)
    assert world.keys("claim/") == []
    assert world.kv.values["floor/n"] == 3
    assert world.keys("heard") == []


def test_who_is_heard_of_keeps_its_claims(world):
    floors = world.server("a")
    for day in range(30):
        world.send(floors, "n", 0)
        world.runtime.advance(DAY if day % 2 else 3 * DAY)
    assert world.keys("claim/") == ["claim/n-0"]


def test_a_server_that_never_heard_of_an_install_forgets_it(world):
    world.send(world.server("a"), "n", 0)
    world.runtime.crash()
    world.server("b")
    world.runtime.advance(12 * DAY)
    assert world.keys("claim/") == []


def test_a_server_that_comes_after_the_time_forgets_it_too(world):
    world.send(world.server("a"), "n", 0)
    world.runtime.advance(2 * DAY)
    world.runtime.crash()
    world.runtime.time += 40 * DAY
    world.server("b")
    world.runtime.advance(2 * DAY)
    assert world.keys("claim/") == []


def test_one_server_sweeps_at_a_time(world):
    world.send(world.server("a"), "n", 0)
    world.runtime.advance(9.5 * DAY)
    world.locks._acquire("sweep of silent installs", "somebody", 10 * DAY)
    world.runtime.advance(5 * DAY)
    assert world.keys("claim/") == ["claim/n-0"]
    world.runtime.advance(7 * DAY)
    assert world.keys("claim/") == []


def test_a_sweep_that_failed_is_made_up_for(world):
    floors = world.server("a")
    world.send(floors, "n", 0)
    world.send(floors, "m", 0)
    world.kv.gate = Faulty(kv_compare_and_set=["lost", "down"], kv_raise_to=["ok", "lost"])
    world.runtime.advance(16 * DAY)
    assert world.keys("claim/") == world.keys("heard") == []


def test_who_could_not_be_entered_is_found_all_the_same(world):
    floors = world.server("a")
    world.send(floors, "n", 0)
    world.runtime.advance(3 * DAY)
    world.kv.gate = Faulty(kv_compare_and_set=["ok", "down"])  # heard of, and not entered
    world.send(floors, "n", 1)
    world.kv.gate = None
    assert world.kv.values[heard_key("n")].wall == world.runtime.wall()
    world.runtime.advance(30 * DAY)
    assert world.keys("claim/") == []


def test_registers_stay_few(world):
    floors = world.server("a")
    for day in range(100):
        for nonce in ("n", "m", "o"):
            world.send(floors, nonce, 0)
        world.send(floors, f"day{day}", 0)
        world.runtime.advance(DAY)
    registers = [value for value in world.kv.values.values() if isinstance(value, HeardIn)]
    assert sum(len(register.installs) for register in registers) <= 4 * 12
    assert len(world.keys("claim/")) <= 3 + 12
