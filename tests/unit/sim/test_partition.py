"""Which barrier is in whose way: sites, devices and servers as parties, in both directions."""

from __future__ import annotations

import pytest

from imsim.sim.partition import Barrier
from tests.small_network import Server, SmallNetwork, datagram

PARTIES = ("device", "home", "middle", "centre", "server")


@pytest.fixture
def connection():
    small = SmallNetwork(datagram())
    return small.open()


def party(name: str, connection) -> object:
    return {"device": connection.device, "server": connection.server}.get(name, name)


@pytest.mark.parametrize("a", PARTIES)
@pytest.mark.parametrize("b", PARTIES)
def test_what_passes_one_and_then_the_other_is_barred(connection, a, b):
    first, second = party(a, connection), party(b, connection)
    both = Barrier(first, second, one_way=False)
    assert both.bars(connection, down=True) is both.bars(connection, down=False) is (a != b)
    one = Barrier(first, second, one_way=True)
    assert one.bars(connection, down=False) is (PARTIES.index(a) < PARTIES.index(b))
    assert one.bars(connection, down=True) is (PARTIES.index(a) > PARTIES.index(b))


@pytest.mark.parametrize("stranger", ["elsewhere", Server("server-2")])
@pytest.mark.parametrize("one_way", [True, False])
def test_who_is_not_on_the_way_bars_nothing(connection, stranger, one_way):
    for barrier in (Barrier(stranger, "home", one_way=one_way), Barrier("home", stranger, one_way=one_way)):
        assert not barrier.bars(connection, down=True)
        assert not barrier.bars(connection, down=False)


def test_between_two_servers():
    small = SmallNetwork(datagram())
    near, far = Server("near", 0), Server("far", 2)
    barrier = Barrier(near, "centre", one_way=True)
    assert barrier.divides(near, far, small.network.sites.route(0, 2))
    assert not barrier.divides(far, near, small.network.sites.route(2, 0))
