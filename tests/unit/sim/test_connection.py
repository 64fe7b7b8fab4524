"""Endpoints, connections and paths: what is shared, what is small, and what may take the short way."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from imsim.scenario.values import Delay, Shape
from imsim.sim.connection import Connection, Path
from imsim.sim.decisions import name_hash
from imsim.sim.link import LinkModel, Tunnels
from imsim.sim.sites import Route
from tests.small_network import SmallNetwork, datagram, exponential, stream

NEAR = Route(("home",), [], 0.0)


@pytest.mark.parametrize("shape", Shape)
def test_a_plain_datagram_takes_the_short_way(shape):
    assert Path(datagram(latency=Delay(distribution=shape, offset=0.02, mean=0.05), loss=0.1), NEAR).simple


@pytest.mark.parametrize(
    "link",
    [
        stream(),
        datagram(bandwidth_up=1e6),
        datagram(outages=Tunnels(every=10.0, length=1.0)),
        datagram(duplicate=0.1),
        datagram(reorder=0.1),
        datagram(latency=Delay()),  # an arrival must lie after now
        datagram(latency=exponential(0.05)),
    ],
)
def test_everything_else_takes_the_long_way(link):
    assert not Path(link, NEAR).simple


def test_the_losses_of_link_and_route_combine():
    path = Path(LinkModel(loss=0.1), Route(("a", "b"), [Delay(mean=0.01)], 0.5))
    assert path.loss / 2**20 == pytest.approx(0.55, abs=1e-6)


def test_losses_in_a_row_are_geometric_and_end():
    path = Path(LinkModel(loss=0.5), NEAR)
    half = path.loss
    assert [path.losses(bits) for bits in (half, half - 1, half // 2, half // 2 - 1, half // 4 - 1)] == [0, 1, 1, 2, 3]
    hopeless = Path(LinkModel(), Route(("a", "b"), [], 1.0))
    assert 1 < hopeless.losses(0) < 1000


def test_paths_are_shared_by_link_and_sites():
    small = SmallNetwork(stream())
    bob, carol = small.begin(small.device("bob/phone")), small.begin(small.device("carol/pc"))
    assert bob.path is carol.path
    other = small.network.attach("dora/pc", 1, small.link)
    assert small.begin(other).path is not bob.path


def test_the_connections_of_a_device_are_counted():
    small = SmallNetwork(stream())
    device = small.device()
    assert [small.begin(device).name for _ in range(3)] == ["bob/phone#1", "bob/phone#2", "bob/phone#3"]


def test_a_world_may_add_slots_of_its_own():
    class Wire(Connection):
        __slots__ = ("channel",)

    small = SmallNetwork(stream())
    small.network._connection_type = Wire
    assert type(small.begin()) is Wire


def test_an_idle_connected_device_takes_a_quarter_of_its_budget():
    count = 2000
    small = SmallNetwork(stream(latency=exponential(0.05, 0.02)))
    names = [f"user-{number}/phone" for number in range(count)]
    gc.collect()
    tracemalloc.start()
    kept = [small.open(small.device(name)) for name in names]
    name_hash.cache_clear()  # what is remembered of names is bounded, and no device's
    used = tracemalloc.get_traced_memory()[0] / count
    tracemalloc.stop()
    assert len(kept) == count
    assert used < 1200 / 3
