"""Whatever is sent, cut, held, healed and released, in whatever order: what streams and datagrams promise."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imsim.sim.link import FixedLine, Tunnels
from imsim.sim.network import COPY
from imsim.sim.trace import PACKET, Trace, TraceLine
from tests.small_network import SmallNetwork, datagram, exponential, stream

SITES = ("home", "middle", "centre")

moments = st.integers(0, 400).map(lambda hundredth: hundredth / 100)
pairs = st.tuples(st.sampled_from(SITES), st.sampled_from(SITES))
verbs = st.one_of(
    st.tuples(st.just("partition"), pairs, st.booleans()),
    st.tuples(st.just("hold"), pairs, st.just(False)),
    st.just(("heal", None, False)),
    st.just(("release", None, False)),
)
plans = st.lists(st.tuples(moments, verbs), max_size=8)
sendings = st.lists(st.tuples(moments, st.booleans()), min_size=1, max_size=40).map(sorted)
settings_of_links = st.fixed_dictionaries(
    {"latency": st.sampled_from((exponential(0.1, 0.01), exponential(1.0))), "loss": st.sampled_from((0.0, 0.3))},
    optional={
        "bandwidth_down": st.just(2000.0),
        "outages": st.just(Tunnels(every=2.0, length=0.5, jitter=0.5)),
        "duplicate": st.just(0.3),
        "reorder": st.just(0.3),
    },
)


def played(link, sending, plan, seed) -> tuple[SmallNetwork, object, list[tuple[bool, int]]]:
    """Send at the moments of `sending` while the verbs of `plan` happen; returns what was said to be under way."""
    small = SmallNetwork(link, seed=seed)
    small.observe()
    connection = small.open()
    accepted: list[tuple[bool, int]] = []

    def send(number: int, down: bool) -> None:
        if (small.push if down else small.offer)(connection, number):
            accepted.append((down, number))

    for at, (verb, between, one_way) in plan:
        arguments = (*(between or ()),)
        options = {"one_way": True} if one_way else {}
        small.at(at, lambda verb=verb, a=arguments, o=options: getattr(small.network, verb)(*a, **o))
    for number, (at, down) in enumerate(sending):
        small.at(at, lambda number=number, down=down: send(number, down))
    small.at(10.0, small.network.heal)
    small.at(10.0, small.network.release)
    return small, connection, accepted


@given(settings_of_links, sendings, plans, st.integers(0, 2**32))
@settings(max_examples=60)
def test_a_stream_delivers_everything_in_order_once_all_is_healed(link, sending, plan, seed):
    small, _, accepted = played(stream(**link), sending, plan, seed)
    small.run()
    for down in (True, False):
        sent = [number for number, move in enumerate(sending) if move[1] is down]
        assert small.frames(down=down) == sent
        assert [number for way, number in accepted if way is down] == sent
    assert small.lost == []


@given(settings_of_links, sendings, plans, st.integers(0, 2**32), moments)
@settings(max_examples=60)
def test_a_cut_loses_a_suffix_only(link, sending, plan, seed, moment):
    small, connection, _ = played(stream(**link), sending, plan, seed)
    small.at(moment, lambda: small.network.cut(connection))
    small.run()
    for down in (True, False):
        sent = [number for number, move in enumerate(sending) if move[1] is down]
        arrived = small.frames(down=down)
        assert arrived == sent[: len(arrived)]
    assert all(landed.at <= moment for landed in small.landed)


@given(settings_of_links, sendings, plans, st.integers(0, 2**32))
@settings(max_examples=60)
def test_each_datagram_arrives_or_is_lost_and_is_told_once(link, sending, plan, seed):
    small, _, accepted = played(datagram(**link), sending, plan, seed)
    small.run(until=4.5)
    flying = [item.frame for item in small.network.in_flight()]
    landed = [landed.frame for landed in small.landed]
    lost = [frame for frame, _ in small.lost]
    expected = Counter(range(len(sending))) + Counter(small.doubled)
    assert Counter(landed) + Counter(lost) + Counter(flying) == expected
    assert {number for _, number in accepted} >= set(landed)
    small.run()
    assert small.network.in_flight() == []
    assert all(landed.occurrence in (1, 1 | COPY) for landed in small.landed)


@given(settings_of_links, sendings, plans, st.integers(0, 2**32))
@settings(max_examples=20)
def test_the_same_case_gives_the_same_arrivals(link, sending, plan, seed):
    def arrivals() -> object:
        small, _, _ = played(datagram(**link), sending, plan, seed)
        small.run()
        return small.landed, small.lost

    assert arrivals() == arrivals()


loads = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 4000)), min_size=1, max_size=60)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=30).map(sorted), loads, st.none() | st.integers(1, 9000))
def test_a_trace_wastes_nothing_while_something_waits(times, load, limit):
    trace = Trace([*times, 41])
    line = TraceLine(trace, 0.0, limit)
    now, last, backlog_from, carried = 0.0, 0.0, 0, 0
    for gap, size in load:
        now += gap / 1000
        first = trace.opportunity(now * 1000.0)
        if now > last:
            backlog_from, carried = first, 0
        leaves = line.leave(now, size)
        if leaves is None:
            assert limit is not None
            continue
        carried += size
        needed = -(-carried // PACKET)
        assert leaves == pytest.approx(trace.time(backlog_from + needed - 1) / 1000)
        assert leaves >= max(now, last)
        last = leaves


@given(loads, st.none() | st.integers(1, 9000))
def test_a_fixed_link_is_busy_for_exactly_what_it_carries(load, limit):
    line = FixedLine(1000.0, limit)
    now, busy = 0.0, 0.0
    for gap, size in load:
        now += gap / 10
        waiting = max(0.0, busy - now) * 1000.0
        leaves = line.leave(now, size)
        if leaves is None:
            assert limit is not None
            assert waiting + size > limit - 1e-6
        else:
            assert limit is None or waiting + size <= limit + 1e-6
            assert abs(leaves - (max(now, busy) + size / 1000.0)) < 1e-9
            busy = leaves
