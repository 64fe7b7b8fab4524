"""What becomes of a frame: latency, loss, copies, order, capacity, outages, and deviations at its key."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest

from imsim.scenario.values import Delay, Shape
from imsim.sim.deviations import CrashAfter, CrashBefore
from imsim.sim.link import Tunnels
from imsim.sim.network import COPY
from imsim.sim.trace import Trace, TracePair
from imsim.sim.transit import Lost
from tests.small_network import BACKBONE, SmallNetwork, datagram, exponential, stream

MANY = 4000


def latencies(small: SmallNetwork, *, down: bool = True) -> list[float]:
    """The latencies of many frames sent at 0, without the backbone and the constant part, rising."""
    connection = small.open()
    send = small.push if down else small.offer
    for number in range(MANY):
        send(connection, number)
    small.run()
    return sorted(landed.at - BACKBONE for landed in small.landed)


def distance(sample: list[float], cumulative) -> float:
    """Kolmogorov and Smirnov's: the largest gap between the sample and the theory."""
    size = len(sample)
    return max(
        max(abs(cumulative(value) - number / size), abs(cumulative(value) - (number + 1) / size))
        for number, value in enumerate(sample)
    )


CUMULATIVE = {
    Shape.UNIFORM: lambda x: x / 0.1,
    Shape.EXPONENTIAL: lambda x: 1 - math.exp(-x / 0.05),
    Shape.LOGNORMAL: lambda x: NormalDist(math.log(0.05) - 0.18, 0.6).cdf(math.log(x)),
    Shape.PARETO: lambda x: 1 - (0.03 / x) ** 2.5 if x > 0.03 else 0.0,
}


@pytest.mark.parametrize("shape", CUMULATIVE)
@pytest.mark.parametrize("make", [datagram, stream])
def test_latencies_follow_their_distribution(shape, make):
    delay = Delay(distribution=shape, mean=0.05, offset=0.02, sigma=0.6, shape=2.5)
    small = SmallNetwork(make(latency=delay))
    if make is stream:  # one connection each, or order would lift them
        for number in range(MANY):
            small.push(small.open(small.device(f"device-{number}")), "hello")
        small.run()
        sample = sorted(landed.at - BACKBONE for landed in small.landed)
    else:
        sample = latencies(small)
    # 1.95 / sqrt(n): the 0.1 % bound of the test
    assert distance([value - 0.02 for value in sample], CUMULATIVE[shape]) < 1.95 / math.sqrt(MANY)


def test_a_constant_latency_is_constant_and_whole_microseconds():
    small = SmallNetwork(datagram(latency=Delay(offset=0.0123456, mean=0.0000001)))
    latencies(small)
    assert {landed.at for landed in small.landed} == {0.022346}


def test_loss_takes_its_share_and_the_sender_is_told():
    small = SmallNetwork(datagram(loss=0.05))
    connection = small.open()
    sent = [small.push(connection, number) for number in range(MANY)]
    small.run()
    assert small.frames() == [number for number in range(MANY) if sent[number]]
    # four standard deviations
    assert sent.count(False) == pytest.approx(0.05 * MANY, abs=4 * math.sqrt(MANY * 0.05 * 0.95))


def test_both_directions_are_drawn_apart():
    small = SmallNetwork(datagram(loss=0.5))
    connection = small.open()
    fates = [(small.push(connection, number), small.offer(connection, number)) for number in range(400)]
    assert {down is up for down, up in fates} == {True, False}


def test_the_long_way_computes_the_same_to_the_last_digit():
    def history(shape: Shape, *, recording: bool) -> list[object]:
        delay = Delay(distribution=shape, mean=0.05, offset=0.02)
        small = SmallNetwork(datagram(latency=delay, loss=0.1), recording=recording)
        assert small.network._plain is not recording
        connection = small.open()
        for number in range(500):
            small.at(number / 7, lambda number=number: small.push(connection, number))
            small.at(number / 7, lambda number=number: small.offer(connection, number))
        small.run()
        return small.landed

    for shape in Shape:
        assert history(shape, recording=True) == history(shape, recording=False)


def test_a_seed_answers_alike_and_another_one_otherwise():
    link = datagram(latency=exponential(0.05), loss=0.1)
    first, again, other = (latencies(SmallNetwork(link, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_key_is_answered_alike_whatever_else_is_asked():
    link = datagram(latency=exponential(0.05), loss=0.1, duplicate=0.1, reorder=0.1)

    def arrivals(names: list[str]) -> dict[str, list[float]]:
        small = SmallNetwork(link)
        connection = small.open()
        for name in names:
            small.push(connection, name)
        small.run()
        return {name: [landed.at for landed in small.landed if landed.frame == name] for name in names}

    names = [f"alice-{number}" for number in range(300)]
    everything, part = arrivals(names), arrivals(names[::-3])
    assert part == {name: everything[name] for name in part}


def test_copies_come_in_their_share_and_are_marked():
    small = SmallNetwork(datagram(latency=exponential(0.05), duplicate=0.2))
    small.observe()
    connection = small.open()
    for number in range(MANY):
        assert small.push(connection, number, occurrence=3)
    small.run()
    copies = [landed for landed in small.landed if landed.occurrence == 3 | COPY]
    assert len(copies) == pytest.approx(0.2 * MANY, abs=4 * math.sqrt(MANY * 0.16))
    assert len(small.landed) == MANY + len(copies)
    assert sorted(small.doubled) == sorted(landed.frame for landed in copies)
    times = {landed.frame: landed.at for landed in small.landed if landed.occurrence == 3}
    assert any(copy.at != times[copy.frame] for copy in copies)


def test_reordered_frames_are_held_back():
    small = SmallNetwork(datagram(reorder=0.25, reorder_delay=1.0))
    connection = small.open()
    for number in range(MANY):
        small.push(connection, number)
    small.run()
    late = [landed for landed in small.landed if landed.at > 1.0]
    assert len(late) == pytest.approx(0.25 * MANY, abs=4 * math.sqrt(MANY * 0.1875))
    assert small.frames() != sorted(small.frames())


def test_a_stream_keeps_its_order_and_loses_nothing():
    small = SmallNetwork(stream(latency=exponential(0.2), loss=0.2))
    connection = small.open()
    for number in range(500):
        small.at(number / 100, lambda number=number: small.push(connection, number))
        small.at(number / 100, lambda number=number: small.offer(connection, number))
    small.run()
    assert small.frames() == list(range(500))
    assert small.frames(down=False) == list(range(500))


def test_a_loss_on_a_stream_is_a_stall_of_time_outs():
    small = SmallNetwork(stream(loss=0.3, rto=0.5))
    for number in range(MANY):
        small.push(small.open(small.device(f"device-{number}")), "hello")
    small.run()
    stalls = [round(landed.at - 0.03, 6) for landed in small.landed]
    assert len(stalls) == MANY
    for losses, stall in enumerate((0.0, 0.5, 1.5, 3.5)):
        expected = 0.7 * 0.3**losses
        assert stalls.count(stall) / MANY == pytest.approx(expected, abs=4 * math.sqrt(expected / MANY))


def test_a_route_loses_and_varies_too():
    link = datagram()
    small = SmallNetwork(link)
    edges = small.network.sites._graph.edges
    edges["home", "middle"]["loss"] = 0.1
    edges["home", "middle"]["delays"].append(exponential(0.05))
    sample = latencies(small)
    assert len(sample) == pytest.approx(0.9 * MANY, abs=4 * math.sqrt(MANY * 0.09))
    assert distance([value - 0.02 for value in sample], CUMULATIVE[Shape.EXPONENTIAL]) < 1.95 / math.sqrt(len(sample))


# ---------------------------------------------------------------------------------------------- capacity and coverage


def test_capacity_spaces_frames_and_is_shared_by_connections():
    small = SmallNetwork(datagram(bandwidth_down=1000.0, bandwidth_up=100.0))
    device = small.device()
    small.push(small.open(device), "a", size=500)
    small.push(small.open(device), "b", size=500)
    small.push(small.open(), "c", size=500)
    small.offer(small.open(device), "d", size=500)
    small.run()
    times = {landed.frame: landed.at for landed in small.landed}
    assert times == pytest.approx({"a": 0.53, "c": 0.53, "b": 1.03, "d": 5.03})


def test_a_full_queue_drops_datagrams_and_lets_a_stream_wait():
    for link, expected in ((datagram, ["a", "b"]), (stream, ["a", "b", "c"])):
        small = SmallNetwork(link(bandwidth_down=1000.0, queue_bytes=1000))
        small.observe()
        connection = small.open()
        sent = [small.push(connection, name, size=500) for name in "abc"]
        small.run()
        assert small.frames() == expected
        assert sent.count(True) == len(expected)
        assert small.lost == ([("c", Lost.QUEUE)] if link is datagram else [])
        assert [landed.at for landed in small.landed] == pytest.approx([0.53, 1.03, 1.53][: len(expected)])


def test_throughput_over_a_trace_is_its_capacity():
    trace = Trace([number * 7 for number in range(1, 1001)])  # 7 s
    small = SmallNetwork(stream(trace=TracePair(trace, trace)))
    connection = small.open()
    for number in range(5000):
        small.push(connection, number, size=1500)
    small.run(until=21.03)
    assert len(small.landed) == pytest.approx(3000, abs=2)


def test_devices_are_at_different_places_of_a_trace():
    trace = Trace([100_000])
    small = SmallNetwork(stream(trace=TracePair(trace, trace)))
    for number in range(1000):
        small.push(small.open(small.device(f"device-{number}")), "hello")
    small.run()
    mean = sum(landed.at for landed in small.landed) / 1000
    assert mean == pytest.approx(50.0, abs=4.0)


FLAPPING = Tunnels(every=10.0, length=2.0)


def flap(link, *, down: bool):
    small = SmallNetwork(link)
    small.observe()
    connection = small.open()
    device = connection.device
    send = small.push if down else small.offer
    crossings = {}
    for number in range(400):
        at = number * 0.1
        # up, the frame meets the access link at once; down, after the backbone
        crossings[number] = small.network.outage_end(device, at + (BACKBONE if down else 0.0))
        small.at(at, lambda number=number: send(connection, number))
    small.run()
    return small, crossings


@pytest.mark.parametrize("down", [True, False])
def test_datagrams_are_lost_in_an_outage(down):
    small, crossings = flap(datagram(outages=FLAPPING), down=down)
    assert small.frames(down=down) == [number for number, end in crossings.items() if end is None]
    assert small.lost == [(number, Lost.OUTAGE) for number, end in crossings.items() if end is not None]
    assert len(small.lost) == pytest.approx(80, abs=4)


@pytest.mark.parametrize("down", [True, False])
def test_a_stream_waits_for_its_first_retransmission_after_an_outage(down):
    small, crossings = flap(stream(outages=FLAPPING, rto=0.5), down=down)
    assert small.frames(down=down) == list(range(400))
    waited = 0
    for landed in small.landed:
        end = crossings[landed.frame]
        if end is not None:
            waited += 1
            assert landed.at > end
            # each time-out is at most as long as what was waited before, plus the first
            assert landed.at <= end + 2.0 + 0.5 + 0.1
    assert waited == pytest.approx(80, abs=4)


def test_a_frame_meets_the_outage_where_the_access_link_is():
    small = SmallNetwork(datagram(outages=FLAPPING))
    connection = small.open()
    end = next(end for tenth in range(400) if (end := small.network.outage_end(connection.device, tenth / 10)))
    fates = {}
    for moment in (end + 7.995, end + 9.995):  # half a backbone before the begin of the next outage, and before its end
        for way, send in (("down", small.push), ("up", small.offer)):
            small.at(moment, lambda key=(way, moment), send=send: fates.update({key: send(connection, "x")}))
    small.run()
    assert list(fates.values()) == [False, True, True, False]


def test_who_has_no_tunnels_has_coverage():
    small = SmallNetwork(datagram())
    assert small.network.outage_end(small.device(), 5.0) is None


# ---------------------------------------------------------------------------------------------- deviations


def pushed(link, *deviations: str, frames=("alice-1", "alice-2", "alice-3")) -> SmallNetwork:
    small = SmallNetwork(link, deviations=deviations)
    small.observe()
    connection = small.open()
    for number, frame in enumerate(frames):
        small.at(number / 1000, lambda frame=frame: small.push(connection, frame))
    small.run()
    return small


def test_a_dropped_datagram_is_lost():
    small = pushed(datagram(), "drop the 1st push of alice-2 to bob/phone")
    assert small.frames() == ["alice-1", "alice-3"]
    assert small.lost == [("alice-2", Lost.DEVIATION)]


def test_a_dropped_frame_stalls_a_stream():
    small = pushed(stream(rto=0.2), "drop the 1st push of alice-2 to bob/phone")
    assert [landed.at for landed in small.landed] == pytest.approx([0.03, 0.231, 0.231])
    assert small.lost == []


def test_a_frame_is_doubled():
    small = pushed(datagram(), "duplicate the 1st push of alice-2 to bob/phone")
    assert small.frames() == ["alice-1", "alice-2", "alice-2", "alice-3"]
    assert [landed.occurrence for landed in small.landed] == [1, 1, 1 | COPY, 1]


def test_a_stream_delivers_once():
    assert pushed(stream(), "duplicate the 1st push of alice-2 to bob/phone").frames() == [
        "alice-1",
        "alice-2",
        "alice-3",
    ]


@pytest.mark.parametrize(("link", "order"), [(datagram, "132"), (stream, "123")])
def test_a_frame_is_delayed(link, order):
    small = pushed(link(), "delay the 1st push of alice-2 to bob/phone by 5 s")
    assert small.frames() == [f"alice-{number}" for number in order]
    assert {landed.frame: landed.at for landed in small.landed}["alice-2"] == pytest.approx(5.031)


def test_a_cut_loses_the_frame_and_a_suffix_and_tells_both_ends():
    small = SmallNetwork(stream(), deviations=("cut the connection at the 1st push of 60 to bob/phone",))
    small.observe()
    connection = small.open()
    sent = []
    for number in range(61):
        small.at(number / 1000, lambda number=number: sent.append(small.push(connection, number)))
        small.at(number / 1000, lambda number=number: small.offer(connection, number))
    small.run()
    assert sent == [True] * 60 + [False]
    # what was sent 30 ms before has arrived, nothing after
    assert small.frames() == list(range(30))
    assert small.frames(down=False) == list(range(30))
    assert small.lost == [(60, Lost.DEVIATION)]
    assert small.closed == [(0.06, "bob/phone#1", True, "cut"), (0.06, "bob/phone#1", False, "cut")]


def test_what_the_network_cannot_do_is_handed_on():
    small = pushed(
        datagram(),
        "crash before the 1st push of alice-1 to bob/phone",
        "crash after the 1st push of alice-2 to bob/phone",
    )
    assert small.befallen == [(CrashBefore(), True), (CrashAfter(), True)]
    assert small.frames() == ["alice-2", "alice-3"]
    assert small.lost == [("alice-1", Lost.DEVIATION)]


def test_only_its_own_key_deviates():
    plain = pushed(datagram(latency=exponential(0.05)))
    deviating = pushed(datagram(latency=exponential(0.05)), "drop the 1st push of alice-2 to bob/phone")
    assert deviating.landed == [landed for landed in plain.landed if landed.frame != "alice-2"]


def test_every_frame_is_recorded_under_its_words():
    small = SmallNetwork(datagram(), recording=True)
    connection = small.open()
    small.push(connection, "alice-1", occurrence=2)
    small.offer(connection, "bob-1")
    assert small.decisions.record is not None
    assert [str(small.decisions.key_of(asked)) for asked in small.decisions.record] == [
        "the 2nd push of alice-1 to bob/phone",
        "the 1st send of bob-1 from bob/phone",
    ]
