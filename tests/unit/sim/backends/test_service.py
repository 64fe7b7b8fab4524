from __future__ import annotations

import math

import pytest

from imsim.errors import InternalError, Timeout, Unavailable
from imsim.scenario.faults import Port
from imsim.sim.backends import Service
from imsim.sim.decisions import Decisions


def exponential(mean):
    return lambda uniform: -mean * math.log1p(-uniform)


def constant(seconds):
    return lambda _: seconds


def kv(stage, **service):
    return stage.backends(services={Port.KV: Service(**service)})


def increment(server, key="count"):
    return server.ports.kv.increment(key, timeout=1.0)


# ---------------------------------------------------------------------------------------------- time


@pytest.mark.parametrize("services", [{}, {port: Service() for port in Port}], ids=["direct", "at a desk"])
def test_a_call_that_need_not_wait_costs_no_event(stage, services):
    backends = stage.backends(services=services)
    server = stage.server(backends)

    async def busy():
        for _ in range(50):
            await increment(server)
            await server.ports.log.state("room", timeout=1.0)
            await server.ports.locks.acquire("room", "one", 5.0, timeout=1.0)

    stage.call(server, busy())
    assert stage.kernel.processed == 1  # the task itself
    assert backends.values.get("count") == 50


def test_a_call_takes_both_ways_and_its_service(stage):
    server = stage.server(kv(stage, seconds=constant(0.25), latency=constant(0.125)))
    assert stage.call(server, increment(server)) == (0.5, 1)


def test_the_effect_happens_at_the_backend_and_not_at_the_caller(stage):
    backends = kv(stage, seconds=constant(0.25), latency=constant(0.125))
    server = stage.server(backends)
    stage.start(server, "call", increment(server))
    stage.kernel.run(until=0.374)
    assert backends.values.get("count") is None
    stage.kernel.run(until=0.376)
    assert backends.values.get("count") == 1
    assert stage.ends == {}


def test_capacity_serves_so_many_at_once_and_the_rest_in_order(stage):
    backends = kv(stage, seconds=constant(0.25), capacity=2)
    server = stage.server(backends)
    for number in range(5):
        stage.start(server, number, increment(server))
    stage.kernel.run()
    assert [stage.ends[number] for number in range(5)] == [(0.25, 1), (0.25, 2), (0.5, 3), (0.5, 4), (0.75, 5)]
    assert backends.desks[Port.KV].station.max_depth == 3


def arrivals(stage, server, *, rate, count):
    """Start calls as a Poisson process, by the stage's own keyed draws."""
    draws = stage.decisions.randomness("at the street").at("arrivals", 1)
    at = 0.0
    for number in range(count):
        at += -math.log1p(-draws.random()) / rate
        stage.kernel.call_at(at, lambda n: stage.start(server, n, server.ports.kv.increment("c", timeout=1e6)), number)
    stage.kernel.run()


def test_a_loaded_backend_waits_as_erlang_says(staged):
    stage = staged(seed=5)
    backends = kv(stage, seconds=exponential(1.0), capacity=2)
    server = stage.server(backends)
    starts = {}
    original = stage.start

    def start(server, label, call):
        starts[label] = stage.kernel.now
        original(server, label, call)

    stage.start = start
    arrivals(stage, server, rate=1.4, count=12_000)
    waits = [stage.ends[number][0] - starts[number] for number in starts]
    # M/M/2 at 70 % load: Erlang C = 0.5765, mean wait = C / (2 - 1.4) = 0.961 s, and 1 s of service.
    assert sum(waits) / len(waits) == pytest.approx(1.961, rel=0.12)


def test_an_overloaded_backend_builds_a_queue_that_grows_with_time(staged):
    stage = staged(seed=6)
    backends = kv(stage, seconds=exponential(1.0), capacity=2)
    server = stage.server(backends)
    depths = []
    for second in (100.0, 200.0, 400.0):
        stage.kernel.call_at(second, lambda _: depths.append(backends.desks[Port.KV].station.depth))
    arrivals(stage, server, rate=4.0, count=2_000)
    # 4 come and 2 leave a second, both at random: variance 6 a second
    for second, depth in zip((100, 200, 400), depths, strict=True):
        assert depth == pytest.approx(2 * second, abs=4 * math.sqrt(6 * second))


def test_overload_makes_outcomes_unknown_that_land_later(stage):
    backends = kv(stage, seconds=constant(0.4), capacity=1)
    server = stage.server(backends)
    for number in range(5):
        stage.start(server, number, increment(server))
    stage.kernel.run(until=1.1)
    assert [type(stage.ends[number][1]) for number in range(5)] == [int, int, Timeout, Timeout, Timeout]
    assert [stage.ends[number][0] for number in range(5)] == [0.4, 0.8, 1.0, 1.0, 1.0]
    assert backends.values.get("count") == 2
    stage.kernel.run()
    assert backends.values.get("count") == 5


# ---------------------------------------------------------------------------------------------- failures


@pytest.mark.parametrize(
    ("share", "error", "done"),
    [("unavailable", Unavailable, 0), ("timeout_before", Timeout, 0), ("timeout_after", Timeout, 1)],
)
def test_each_failure_tells_the_caller_what_it_may_know(stage, share, error, done):
    backends = kv(stage, **{share: 1.0})
    server = stage.server(backends)
    when, raised = stage.call(server, increment(server))
    assert type(raised) is error
    assert when == (0.0 if error is Unavailable else 1.0)
    assert (backends.values.get("count") or 0) == done
    assert "kv.increment from server-1" in str(raised)


def test_shares_of_failures_are_shares(staged):
    stage = staged(seed=7)
    backends = kv(stage, unavailable=0.1, timeout_before=0.2, timeout_after=0.3)
    server = stage.server(backends)
    for number in range(2000):
        stage.start(server, number, increment(server, f"key-{number}"))
    stage.kernel.run()
    kinds = [type(value) for _, value in stage.ends.values()]
    done = sum(backends.values.get(f"key-{number}") == 1 for number in range(2000))
    assert kinds.count(Unavailable) == pytest.approx(200, abs=55)
    assert kinds.count(Timeout) == pytest.approx(1000, abs=90)
    assert done - kinds.count(int) == pytest.approx(600, abs=85)


def test_a_seed_answers_a_call_alike_whatever_else_is_called(staged):
    def outcomes(*, others):
        stage = staged(seed=8)
        backends = kv(stage, unavailable=0.5)
        server = stage.server(backends)
        for number in range(40):
            stage.start(server, number, increment(server, "mine"))
            if others:
                stage.start(server, f"other-{number}", increment(server, "other"))
        stage.kernel.run()
        return [type(stage.ends[number][1]) for number in range(40)]

    assert outcomes(others=True) == outcomes(others=False)


def test_an_outage_refuses_until_it_ends(stage):
    backends = kv(stage)
    server = stage.server(backends)
    backends.refuse(Port.KV, 5.0)
    backends.refuse(Port.KV, 2.0)  # a shorter one changes nothing
    for second in (0, 3, 4.999, 5):
        stage.kernel.call_at(second, lambda s: stage.start(server, s, increment(server)), second)
    stage.kernel.run()
    assert [type(stage.ends[second][1]) for second in (0, 3, 4.999, 5)] == [Unavailable, Unavailable, Unavailable, int]
    assert backends.values.get("count") == 1


def test_an_outage_of_a_backend_without_a_desk_is_a_bug(stage):
    with pytest.raises(InternalError, match="not foreseen"):
        stage.backends().refuse(Port.LOG, 1.0)


@pytest.mark.parametrize(
    "service", [{"unavailable": -0.1}, {"timeout_before": 0.6, "timeout_after": 0.6}, {"capacity": 0}]
)
def test_absurd_settings_are_refused(service):
    with pytest.raises(ValueError, match=r"negative or more|serves nobody"):
        Service(**service)


# ---------------------------------------------------------------------------------------------- deviations


KEY = "the 2nd port call kv.increment of count at server-1"


def deviate(staged, text):
    """Three calls one after the other, of which the second deviates."""
    stage = staged(text)
    backends = stage.backends()
    server = stage.server(backends)
    results = []

    async def three():
        for _ in range(3):
            try:
                results.append(await increment(server))
            except (Timeout, Unavailable) as error:
                results.append(type(error))

    stage.call(server, three())
    return stage, backends, server, results


@pytest.mark.parametrize(
    ("text", "results", "count", "until"),
    [
        (f"time out before {KEY}", [1, Timeout, 2], 2, 1.0),
        (f"time out after {KEY}", [1, Timeout, 3], 3, 1.0),
        (f"delay {KEY} by 0.5 s", [1, 2, 3], 3, 1.0),
        (f"pause for 0.75 s before {KEY}", [1, 2, 3], 3, 0.75),
    ],
)
def test_a_deviation_hits_the_call_of_its_key_and_no_other(staged, text, results, count, until):
    stage, backends, _, seen = deviate(staged, text)
    assert seen == results
    assert backends.values.get("count") == count
    assert stage.kernel.now == until


def test_a_delay_beyond_the_timeout_lands_after_it(staged):
    _, backends, _, seen = deviate(staged, f"delay {KEY} by 4 s")
    assert seen == [1, Timeout, 2]
    assert backends.values.get("count") == 3


@pytest.mark.parametrize(("when", "count"), [("before", 1), ("after", 2)])
def test_a_crash_ends_the_caller_before_or_after_the_effect(staged, when, count):
    _, backends, server, seen = deviate(staged, f"crash {when} {KEY}")
    assert seen == [1]
    assert server.crashed_at == 0.0
    assert backends.values.get("count") == count


def test_where_nothing_deviates_no_event_is_made(staged):
    stage, _, _, _ = deviate(staged, "time out after the 9th port call kv.get of nothing at server-1")
    assert stage.kernel.processed == 1


def test_keys_name_what_the_workload_names(staged):
    stage = staged("time out before the 1st port call kv.increment of alice-3 at server-1")
    server = stage.server(stage.backends(subject_of={"claim/n7-3": "alice-3"}.get))
    _, error = stage.call(server, increment(server, "claim/n7-3"))
    assert type(error) is Timeout


def test_subjects_of_one_name_are_counted_together(staged):
    stage = staged("time out before the 2nd port call kv.increment of alice-3 at server-1")
    server = stage.server(stage.backends(subject_of=lambda key: "alice-3"))
    assert stage.call(server, increment(server, "claim/n7-3"))[1] == 1
    assert type(stage.call(server, increment(server, "other/n7-3"))[1]) is Timeout


def test_every_call_is_asked_under_search(stage):
    stage.decisions = Decisions(1, recording=True)
    backends = stage.backends()
    server = stage.server(backends)

    async def calls():
        await increment(server)
        await increment(server)
        await server.ports.log.state("room", timeout=1.0)
        await server.ports.locks.acquire("room", "one", 5.0, timeout=1.0)
        consumer = await server.ports.queue.subscribe("topic", "g", timeout=1.0)
        await server.ports.queue.publish("topic", "k", "value", timeout=1.0)
        await consumer.ack([1], timeout=1.0)

    stage.call(server, calls())
    assert [str(stage.decisions.key_of(asked)) for asked in stage.decisions.record] == [
        "the 1st port call kv.increment of count at server-1",
        "the 2nd port call kv.increment of count at server-1",
        "the 1st port call log.state of room at server-1",
        "the 1st port call locks.acquire of room at server-1",
        "the 1st port call queue.subscribe of topic at server-1",
        "the 1st port call queue.publish of k at server-1",
        "the 1st port call queue.ack of topic at server-1",
    ]


# ---------------------------------------------------------------------------------------------- death


@pytest.mark.parametrize("services", [{}, {port: Service() for port in Port}], ids=["direct", "at a desk"])
def test_a_dead_servers_calls_do_nothing(stage, services):
    backends = stage.backends(services=services)
    server = stage.server(backends)

    async def last_will():
        try:
            await server.runtime.future()
        finally:
            await increment(server)
            pytest.fail("a dead server went on")

    server.runtime.spawn(last_will())
    stage.kernel.run()
    server.crash()
    stage.kernel.run()
    assert backends.values.get("count") is None


def test_what_set_out_before_the_crash_still_takes_effect(stage):
    backends = kv(stage, seconds=constant(0.25), latency=constant(0.5))
    server = stage.server(backends)
    stage.start(server, "call", increment(server))
    stage.kernel.run(until=0.6)
    server.crash()
    stage.kernel.run()
    assert backends.values.get("count") == 1
    assert stage.ends == {}


def test_a_crash_after_the_effect_hurts_only_the_life_that_called(staged):
    stage = staged("crash after the 1st port call kv.increment of count at server-1")
    backends = kv(stage, seconds=constant(1.0))
    server = stage.server(backends)
    crashes = []
    server.ports.kv._call.__self__.host = type("Host", (), {"crash": lambda _: crashes.append(stage.kernel.now)})()
    stage.start(server, "call", increment(server))
    stage.kernel.run(until=0.5)
    server.crash()
    stage.kernel.run()
    assert backends.values.get("count") == 1
    assert crashes == []


def test_backends_outlive_their_servers(stage):
    backends = stage.backends()
    first = stage.server(backends)
    stage.call(first, increment(first))
    first.crash()
    second = stage.server(backends, number=2)
    assert stage.call(second, increment(second))[1] == 2
