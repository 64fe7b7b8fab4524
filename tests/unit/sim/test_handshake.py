"""Connections: how they open, are refused or time out, how an end learns of a close, and when it does not."""

from __future__ import annotations

import math

import pytest

from imsim.sim.deviations import CrashAfter, CrashBefore
from imsim.sim.handshake import Refusal
from imsim.sim.link import Tunnels
from tests.small_network import FOREVER, SmallNetwork, datagram, stream

LEG = 0.03


def test_the_server_opens_first_then_the_device_and_a_frame_comes_after_three_legs():
    small = SmallNetwork(stream())
    connection = small.begin()
    assert (connection.pending, connection.device_open, connection.server_open) == (True, False, False)
    small.run(until=1.5 * LEG)
    assert (connection.pending, connection.device_open, connection.server_open) == (True, False, True)
    assert connection.half_open
    assert small.accepted == [connection]
    small.at(2 * LEG + 1e-6, lambda: small.offer(connection, "hello"))
    small.run()
    assert small.results == [(pytest.approx(2 * LEG), None)]
    assert (connection.pending, connection.half_open, connection.device_open) == (False, False, True)
    assert [landed.at for landed in small.landed] == [pytest.approx(3 * LEG, abs=2e-6)]


def test_a_server_that_does_not_accept_refuses():
    small = SmallNetwork(stream())
    small.server.accepting = False
    connection = small.begin()
    small.run()
    assert small.results == [(pytest.approx(2 * LEG), Refusal.REFUSED)]
    assert (connection.device_open, connection.server_open) == (False, False)
    assert small.accepted == []


def test_behind_a_partition_it_times_out():
    small = SmallNetwork(stream())
    small.network.partition("home", "centre")
    connection = small.begin()
    small.run()
    assert small.results == [(10.0, Refusal.TIMED_OUT)]
    assert not connection.server_open


def test_if_only_answers_are_cut_the_server_is_left_half_open():
    small = SmallNetwork(stream())
    small.network.partition("centre", "home", one_way=True)
    connection = small.begin()
    small.run()
    assert small.results == [(10.0, Refusal.TIMED_OUT)]
    assert (connection.device_open, connection.server_open) == (False, True)
    assert connection.half_open


def test_an_attempt_is_repeated_after_the_heal():
    small = SmallNetwork(stream())
    small.network.partition("home", "centre")
    small.begin()
    small.at(2.0, small.network.heal)
    small.run()
    # attempts at 0, 1 and 3 s
    assert small.results == [(pytest.approx(3.0 + 2 * LEG), None)]


def test_lost_packets_are_repeated_with_doubling_waits():
    small = SmallNetwork(datagram(loss=0.3))
    count = 2000
    for number in range(count):
        small.begin(small.device(f"device-{number}"))
    small.run()
    assert len(small.results) == count
    # one repetition is needed if either the attempt or its answer, and not both, was lost once
    expected = {2 * LEG: 0.49, 1 + 2 * LEG: 2 * 0.3 * 0.49}
    for moment, share in expected.items():
        seen = sum(abs(at - moment) < 1e-3 for at, _ in small.results)
        assert seen / count == pytest.approx(share, abs=4 * math.sqrt(share / count))


def test_in_a_tunnel_it_waits_for_coverage():
    small = SmallNetwork(stream(outages=Tunnels(every=20.0, length=3.0)))
    device = small.device()
    end = next(end for tenth in range(400) if (end := small.network.outage_end(device, tenth / 10)) is not None)
    begin = end - 2.99
    small.at(begin, lambda: small.begin(device))
    small.run()
    ((at, refusal),) = small.results
    assert refusal is None
    assert end < at <= begin + 3.0 + 2 * LEG + 1e-3


def test_each_attempt_is_drawn_anew_also_on_the_next_connection():
    small = SmallNetwork(datagram(loss=0.5))
    device = small.device()
    for turn in range(200):
        small.at(turn * 20.0, lambda: small.begin(device))
    small.run()
    fast = sum(math.isclose(at % 20.0, 2 * LEG, abs_tol=1e-3) for at, _ in small.results)
    assert fast == pytest.approx(50, abs=25)
    assert device.connections == 200
    assert device.attempts > 250


def test_a_device_may_give_up_first():
    small = SmallNetwork(stream())
    connection = small.begin()
    small.at(0.04, lambda: small.network.close(connection, by_device=True))
    small.run()
    assert small.results == []
    assert (connection.device_open, connection.server_open) == (False, True)


def test_deviations_at_an_attempt():
    delayed = SmallNetwork(stream(), deviations=("delay the 1st connect of server-1 from bob/phone by 2 s",))
    delayed.begin()
    delayed.run()
    assert delayed.results == [(pytest.approx(2.0 + 2 * LEG), None)]
    for word, action, expected in (("before", CrashBefore(), 1 + 2 * LEG), ("after", CrashAfter(), 2 * LEG)):
        small = SmallNetwork(stream(), deviations=(f"crash {word} the 1st connect of server-1 from bob/phone",))
        small.begin()
        small.run()
        assert small.befallen == [(action, False)]
        assert small.results == [(pytest.approx(expected), None)]


# ---------------------------------------------------------------------------------------------- closing


@pytest.mark.parametrize("by_device", [True, False])
def test_the_other_end_learns_of_a_close_after_one_latency(by_device):
    small = SmallNetwork(stream())
    connection = small.open()
    small.network.close(connection, by_device=by_device, reason="going home")
    assert connection.half_open
    small.run()
    assert small.closed == [(pytest.approx(LEG), "bob/phone#1", not by_device, "going home")]
    assert (connection.device_open, connection.server_open) == (False, False)


def test_what_was_sent_before_a_close_arrives_before_it():
    small = SmallNetwork(stream(bandwidth_up=1000.0))
    connection = small.open()
    for number in range(3):
        small.offer(connection, number, size=1000)
        small.push(connection, number)
    small.network.close(connection, by_device=True)
    small.run()
    assert small.frames(down=False) == [0, 1, 2]
    # the device's own end takes nothing any more
    assert small.frames() == []
    assert small.closed[0][0] == pytest.approx(3.03)


@pytest.mark.parametrize("obstacle", ["silent", "partition before", "partition after", "outage"])
@pytest.mark.parametrize("link", [datagram, stream])
def test_half_open_for_ever(obstacle, link):
    tunnels = Tunnels(every=20.0, length=3.0) if obstacle == "outage" else None
    small = SmallNetwork(link(outages=tunnels))
    connection = small.open()
    moment = 0.0
    if obstacle == "outage":
        device = connection.device
        moment = next(t / 10 for t in range(400) if small.network.outage_end(device, t / 10) is not None)
    if obstacle == "partition before":
        small.network.partition("home", "centre")
    small.at(moment, lambda: small.network.close(connection, by_device=True, silent=obstacle == "silent"))
    if obstacle == "partition after":
        small.at(0.01, lambda: small.network.partition("home", "centre"))
    small.at(50.0, small.network.heal)
    small.run()
    assert small.closed == []
    assert (connection.device_open, connection.server_open) == (False, True)


def test_a_notice_may_be_lost_as_a_datagram_and_not_on_a_stream():
    for link, least, most in ((datagram, 400, 600), (stream, 0, 0)):
        small = SmallNetwork(link(loss=0.5))
        connections = [small.open(small.device(f"device-{number}")) for number in range(1000)]
        for connection in connections:
            small.network.close(connection, by_device=True)
        small.run()
        assert least <= sum(connection.half_open for connection in connections) <= most


def test_a_notice_is_held_and_released():
    small = SmallNetwork(datagram())
    connection = small.open()
    small.network.close(connection, by_device=False)
    small.network.hold("home", "centre")
    small.at(5.0, small.network.release)
    small.run()
    assert small.closed == [(pytest.approx(5.0 + LEG), "bob/phone#1", True, "closed")]


def test_closing_twice_or_from_both_ends_tells_nobody_twice():
    small = SmallNetwork(stream())
    connection = small.open()
    small.network.close(connection, by_device=True)
    small.network.close(connection, by_device=True)
    small.network.close(connection, by_device=False)
    small.run(until=FOREVER)
    assert small.closed == []


def test_a_cut_tells_only_the_ends_that_were_open():
    small = SmallNetwork(stream())
    connection = small.open()
    small.network.close(connection, by_device=True, silent=True)
    small.network.cut(connection)
    small.run()
    assert small.closed == [(0.0, "bob/phone#1", False, "cut")]
    assert repr(connection) == "<Connection bob/phone#1 device closed, server closed>"
