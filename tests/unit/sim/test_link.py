"""Access links: retransmission, outages, capacity, and what a model refuses."""

from __future__ import annotations

from itertools import pairwise

import pytest

from imsim.errors import ConfigError
from imsim.scenario.network import LinkKind, NetworkProfile, Outages
from imsim.scenario.values import Delay
from imsim.sim.decisions import name_hash
from imsim.sim.link import FixedLine, LinkModel, Tunnels, retry_at
from imsim.sim.trace import Trace, TracePair


@pytest.mark.parametrize(
    ("until", "expected"), [(0.0, 1.0), (1.0, 1.0), (1.1, 1.2), (1.21, 1.6), (1.61, 2.4), (3.0, 4.0)]
)
def test_retransmissions_double(until, expected):
    assert retry_at(1.0, until, 0.2) == pytest.approx(expected)


def test_retransmissions_do_not_double_beyond_a_minute():
    tries = [retry_at(0.0, until, 10.0) for until in (11, 31, 71, 131, 3601)]
    assert tries == [30.0, 70.0, 130.0, 190.0, 3610.0]


def test_without_a_time_out_a_stream_goes_on_at_once():
    assert retry_at(1.0, 5.5, 0.0) == 5.5


def test_losses_in_a_row_cost_doubling_stalls():
    assert [LinkModel(rto=0.2).stall(losses) for losses in range(4)] == pytest.approx([0.0, 0.2, 0.6, 1.4])
    assert LinkModel(rto=50.0).stall(3) == 170.0


def test_a_fixed_link_serves_first_come_first_served():
    line = FixedLine(1000.0, None)
    assert line.leave(0.0, 500) == 0.5
    assert line.leave(0.1, 500) == 1.0
    assert line.leave(3.0, 500) == 3.5


def test_a_full_queue_drops_its_tail():
    line = FixedLine(1000.0, 1000)
    assert line.leave(0.0, 600) == 0.6
    assert line.leave(0.0, 600) is None
    assert line.leave(0.0, 400) == 1.0
    assert line.leave(0.5, 500) == 1.5


def coverage(tunnels: Tunnels, key: int, *, until: int, step: float) -> list[bool]:
    return [tunnels.outage_end(number * step, key) is not None for number in range(int(until / step))]


@pytest.mark.parametrize("jitter", [0.0, 0.5])
def test_outages_take_their_share_of_the_time(jitter):
    out = coverage(Tunnels(every=60.0, length=15.0, jitter=jitter), name_hash("a train"), until=24_000, step=0.5)
    assert sum(out) / len(out) == pytest.approx(0.25, abs=0.02)
    begins = sum(after and not before for before, after in pairwise(out))
    assert begins == pytest.approx(400, abs=2)


def test_the_end_of_an_outage_is_where_coverage_begins():
    tunnels, key = Tunnels(every=60.0, length=20.0, jitter=1.0), name_hash("a train")
    seen = 0
    for number in range(2000):
        end = tunnels.outage_end(number * 1.3, key)
        if end is not None:
            seen += 1
            assert end > number * 1.3
            assert tunnels.outage_end(end, key) is None
            assert tunnels.outage_end(end - 1e-6, key) is not None
    assert seen > 500


def test_outages_vary_by_their_jitter_and_not_more():
    tunnels, key = Tunnels(every=100.0, length=10.0, jitter=0.5), name_hash("a train")
    step = 0.05
    out = coverage(tunnels, key, until=40_000, step=step)
    changes = [number * step for number, (before, after) in enumerate(pairwise(out)) if before is not after]
    begins, ends = (changes[1::2], changes[2::2]) if out[0] else (changes[::2], changes[1::2])
    lengths = [end - begin for begin, end in zip(begins, ends, strict=False)]
    gaps = [after - before for before, after in pairwise(begins)]
    for seen, mean, widest in ((lengths, 10.0, 5.0), (gaps, 100.0, 50.0)):
        assert sum(seen) / len(seen) == pytest.approx(mean, rel=0.05)
        assert mean - widest - 0.1 <= min(seen) < mean - 0.8 * widest
        assert mean + 0.8 * widest < max(seen) <= mean + widest + 0.1


def test_devices_are_in_their_tunnels_at_different_times():
    tunnels = Tunnels(every=60.0, length=15.0, jitter=0.5)
    out = [tunnels.outage_end(1000.0, name_hash(f"device {number}")) is not None for number in range(4000)]
    assert sum(out) / len(out) == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"loss": 1.5}, "loss: expected a share"),
        ({"loss": -0.1}, "loss: expected a share"),
        ({"loss": 1.0}, "loss: expected less than 1 on a stream"),
        ({"duplicate": 2.0}, "duplicate: expected a share"),
        ({"reorder": float("nan")}, "reorder: expected a share"),
        ({"bandwidth_up": 0.0}, "bandwidth_up: expected bytes a second above 0"),
        ({"bandwidth_down": -1.0}, "bandwidth_down: expected bytes a second above 0"),
    ],
)
def test_a_model_refuses_what_cannot_be(settings, words):
    with pytest.raises(ConfigError, match=words):
        LinkModel(**settings)


@pytest.mark.parametrize(
    "settings",
    [{"every": 10.0, "length": 10.0}, {"every": 10.0, "length": 0.0}, {"every": float("nan"), "length": 1.0}],
)
def test_tunnels_leave_some_coverage(settings):
    with pytest.raises(ConfigError, match="length: expected 0 < length < every"):
        Tunnels(**settings)


def test_the_jitter_of_tunnels_is_a_share():
    with pytest.raises(ConfigError, match="jitter: expected a share"):
        Tunnels(every=10.0, length=1.0, jitter=1.1)


def test_a_profile_becomes_a_model_with_every_setting():
    profile = NetworkProfile(
        kind=LinkKind.DATAGRAM,
        latency=Delay(mean=0.3),
        loss=0.01,
        duplicate=0.02,
        reorder=0.03,
        reorder_delay=0.4,
        bandwidth_up=5.0,
        bandwidth_down=6.0,
        queue_bytes=7,
        outages=Outages(every=80.0, length=9.0, jitter=0.1),
        rto=0.11,
    )
    trace = TracePair(Trace([1]), Trace([1]))
    model = LinkModel.from_profile(profile, trace=trace)
    for name in LinkModel.__struct_fields__:
        if name not in {"trace", "outages"}:
            assert getattr(model, name) == getattr(profile, name), name
    assert model.trace is trace
    assert model.outages == Tunnels(every=80.0, length=9.0, jitter=0.1)
    assert LinkModel.from_profile(NetworkProfile()).outages is None
