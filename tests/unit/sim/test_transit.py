"""The verbs: partition, heal, hold, release, and a look at what is under way."""

from __future__ import annotations

import pytest

from imsim.errors import ConfigError, InternalError
from imsim.scenario.values import Delay
from imsim.sim.decisions import Decisions
from imsim.sim.kernel import Kernel
from imsim.sim.network import Network
from imsim.sim.transit import Lost
from tests.small_network import FOREVER, Server, SmallNetwork, datagram, stream


def both_ways(small: SmallNetwork, connection) -> None:
    small.push(connection, "down")
    small.offer(connection, "up")


def test_a_partition_stops_both_ways_and_a_heal_ends_it():
    small = SmallNetwork(datagram())
    small.observe()
    connection = small.open()
    small.network.partition("home", "centre")
    both_ways(small, connection)
    small.network.heal()
    both_ways(small, connection)
    small.run()
    assert small.lost == [("down", Lost.PARTITION), ("up", Lost.PARTITION)]
    assert small.frames() + small.frames(down=False) == ["down", "up"]


@pytest.mark.parametrize(("a", "b", "passes"), [("home", "centre", "down"), ("centre", "home", "up")])
def test_one_way(a, b, passes):
    small = SmallNetwork(datagram())
    connection = small.open()
    small.network.partition(a, b, one_way=True)
    both_ways(small, connection)
    small.run()
    assert small.frames() + small.frames(down=False) == [passes]


def test_an_edge_on_the_way_counts():
    small = SmallNetwork(datagram())
    connection = small.open()
    small.network.partition("middle", "centre")
    both_ways(small, connection)
    small.run()
    assert small.landed == []


def test_a_device_or_a_server_may_be_cut_off_alone():
    small = SmallNetwork(datagram())
    bob, carol = small.device("bob/phone"), small.device("carol/pc")
    to_bob, to_carol = small.open(bob), small.open(carol)
    cut = small.network.partition(bob, "home")
    assert [small.push(to_bob, "x"), small.push(to_carol, "x")] == [False, True]
    small.network.heal(cut)
    small.network.partition(small.server, "home", one_way=True)
    assert [small.push(to_carol, "x"), small.offer(to_carol, "x")] == [False, True]
    small.network.heal()
    small.network.partition(Server("server-2"), "home")
    assert small.push(to_carol, "x")


def test_partitions_overlap_and_are_healed_one_by_one():
    small = SmallNetwork(datagram())
    connection = small.open()
    first = small.network.partition("home", "centre")
    second = small.network.partition("home", "middle")
    small.network.heal(first)
    assert not small.push(connection, "still cut")
    small.network.heal(second)
    assert small.push(connection, "through")


def test_datagrams_under_way_are_lost_in_a_partition():
    small = SmallNetwork(datagram())
    small.observe()
    connection = small.open()
    both_ways(small, connection)
    small.at(0.01, lambda: small.network.partition("centre", "home", one_way=True))
    small.run()
    assert small.lost == [("down", Lost.PARTITION)]
    assert small.frames(down=False) == ["up"]


def test_a_stream_goes_on_with_its_first_retransmission_after_the_heal():
    small = SmallNetwork(stream(rto=0.2))
    connection = small.open()
    small.push(connection, 1)
    small.at(0.01, lambda: small.network.partition("home", "centre"))
    for number in (2, 3):
        small.at(number / 10, lambda number=number: small.push(connection, number))
    small.at(2.0, small.network.heal)
    small.at(2.0, lambda: small.push(connection, 4))
    small.run()
    assert small.frames() == [1, 2, 3, 4]
    # frame 1 was stopped at 0.01 and tried again at 0.21, 0.61, 1.41 and 3.01; it had 0.02 s to go
    assert [landed.at for landed in small.landed] == pytest.approx([3.03, 3.23, 3.33, 3.33])


def test_a_heal_of_another_partition_lets_nothing_through():
    small = SmallNetwork(stream(rto=0.2))
    connection = small.open()
    small.network.partition("home", "centre")
    small.push(connection, 1)
    other = small.network.partition("home", "middle")
    small.at(1.0, lambda: small.network.heal(other))
    small.at(5.0, small.network.heal)
    small.run()
    assert [landed.at for landed in small.landed] == pytest.approx([6.23])


@pytest.mark.parametrize("link", [datagram, stream])
def test_what_is_held_goes_on_for_as_long_as_it_had_to_go(link):
    small = SmallNetwork(link())
    connection = small.open()
    both_ways(small, connection)
    small.at(0.01, lambda: small.network.hold("home", "centre"))
    small.at(0.5, lambda: small.push(connection, "later"))
    small.at(10.0, small.network.release)
    small.run()
    assert [(landed.frame, landed.at) for landed in small.landed] == [
        ("down", pytest.approx(10.02)),
        ("up", pytest.approx(10.02)),
        ("later", pytest.approx(10.03)),
    ]


def test_holds_are_released_one_by_one():
    small = SmallNetwork(datagram())
    connection = small.open()
    first = small.network.hold("home", "centre")
    second = small.network.hold("home", "middle")
    small.push(connection, "x")
    small.network.release(first)
    small.run(until=1.0)
    assert small.landed == []
    small.network.release(second)
    small.run(until=2.0)
    assert small.frames() == ["x"]


def test_what_is_held_is_lost_if_its_way_is_cut():
    small = SmallNetwork(datagram())
    small.observe()
    connection = small.open()
    small.network.hold("home", "centre")
    small.push(connection, "x")
    small.network.partition("home", "centre")
    assert small.lost == [("x", Lost.PARTITION)]
    assert small.network.in_flight() == []


def test_what_is_in_flight_can_be_looked_at():
    small = SmallNetwork(datagram(latency=Delay(offset=0.02)))
    connection = small.open()
    assert small.network.in_flight() == []
    small.push(connection, "first", occurrence=7)
    small.at(0.01, lambda: None)
    small.run(until=0.01)
    small.offer(connection, "second")
    seen = small.network.in_flight()
    assert [(item.frame, item.down, item.occurrence, item.arrives) for item in seen] == [
        ("first", True, 7, pytest.approx(0.03)),
        ("second", False, 1, pytest.approx(0.04)),
    ]
    assert seen[0].connection is connection
    assert seen[0].message.subject == small.decisions.name("first")
    small.network.hold("home", "centre")
    assert [(item.frame, item.down, item.arrives) for item in small.network.in_flight()] == [
        ("first", True, None),
        ("second", False, None),
    ]
    small.network.release()
    small.run()
    assert small.network.in_flight() == []
    assert len(small.landed) == 2


def test_the_rest_of_the_heap_keeps_its_order():
    small = SmallNetwork(datagram())
    connection = small.open()
    calls = []
    for number in range(50):
        small.at((number * 37 % 50) / 100, lambda number=number: calls.append(number * 37 % 50))
        small.push(connection, number)
    small.network.hold("home", "centre")
    small.run(until=FOREVER)
    assert calls == sorted(calls)
    assert len(calls) == 50


def test_frames_take_the_short_way_again_after_a_heal():
    small = SmallNetwork(datagram())
    cut, hold = small.network.partition("home", "centre"), small.network.hold("home", "centre")
    small.network.heal(cut)
    assert not small.network._plain
    small.network.release(hold)
    assert small.network._plain
    small.observe()
    assert not small.network._plain
    small.network.observe(None)
    assert small.network._plain


def test_servers_reach_each_other_unless_something_is_between():
    small = SmallNetwork(datagram())
    near, far = Server("near", 0), Server("far", 2)
    reachable = small.network.reachable
    assert reachable(near, far)
    small.network.partition("home", "centre", one_way=True)
    assert (reachable(near, far), reachable(far, near)) == (False, True)
    small.network.heal()
    small.network.partition(far, "middle")
    assert (reachable(near, far), reachable(far, near)) == (False, False)
    small.network.heal()
    small.network.hold("home", "middle")
    assert not reachable(near, far)


@pytest.mark.parametrize("verb", ["partition", "hold"])
def test_an_unknown_site_is_an_error(verb):
    small = SmallNetwork(datagram())
    with pytest.raises(ConfigError, match=r"got 'hom' \(did you mean 'home'\?\)"):
        getattr(small.network, verb)("hom", "centre")


def test_a_network_whose_callbacks_are_not_set_says_so():
    small = SmallNetwork(datagram())
    bare = Network(Kernel(), Decisions(1), small.network.sites)
    with pytest.raises(InternalError, match="callbacks"):
        bare.deliver_down((small.open(), None, None, 1))  # type: ignore[arg-type]
