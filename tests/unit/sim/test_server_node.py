"""A server's process: incarnations, crashes that reach nobody, pauses that keep what comes."""

from __future__ import annotations

import pytest

from tests.small_world import Small, steps

TALK = steps("1 alice/phone send", "5 bob send", "9 alice/pc send")
SLOW_LOG = {"backends__log__service": {"mean": "500ms"}}


def test_a_crash_while_a_write_is_under_way_answers_nobody_and_the_retry_finds_the_slot():
    crash = [{"kind": "crash", "at": 22, "for": 1}]
    lines = steps("10 alice/phone send", "20 bob send")
    small = Small(traffic__steps=lines, faults__events=crash, **SLOW_LOG).run().assert_holds()
    (accepted,) = small.times("accepted", message="bob-1")
    assert accepted > 24.0
    assert small.facts("retried", node="bob/phone", message="bob-1")
    assert len(small.facts("committed", message="bob-1")) == 1


def test_the_last_message_waits_for_its_queue_and_for_no_reconnect():
    outage = [{"kind": "unavailable", "port": "queue", "at": 8, "for": 4}]
    small = Small(traffic__steps=steps("9 alice/phone send"), faults__events=outage).run().assert_holds()
    (shown,) = small.times("shown", node="bob/phone", message="alice-1")
    assert 12.0 <= shown < 16.0
    assert len(small.facts("connected", node="bob/phone")) == 1


def test_nothing_of_a_dead_incarnation_reaches_the_world():
    small = Small(traffic__steps=TALK, faults__events=[{"kind": "crash", "at": 5.02, "for": 10}]).run().assert_holds()
    dead = [row for row in small.facts("sent", node="server-1") if row.incarnation == 1]
    assert all(row.t <= 5.02 for row in dead)
    assert {row.incarnation for row in small.facts("sent", node="server-1")} == {1, 2}


def test_a_dead_server_refuses_connections():
    small = Small(traffic__steps=TALK, faults__events=[{"kind": "crash", "at": 3, "for": 10}]).run().assert_holds()
    assert not [row for row in small.facts("connected") if 3.0 < row.t < 14.0]
    assert small.world.servers[0].accepting


def test_an_incarnation_has_a_monotonic_clock_of_its_own():
    small = Small(faults__events=[{"kind": "restart", "at": 10}])
    clock = small.run_until(9.0).world.servers[0].clock
    before, wall = clock.now(), clock.wall()
    small.run_until(21.0).stop()
    assert before == pytest.approx(9.0)
    assert clock.now() == pytest.approx(10.0)  # restarted at 11
    assert clock.wall() - wall == pytest.approx(12.0)


def test_a_paused_server_takes_what_came_in_order_when_it_goes_on():
    lines = steps("2 bob send", "3 alice/pc send")
    small = Small(traffic__steps=lines, faults__events=[{"kind": "pause", "at": 1, "for": 5}]).run().assert_holds()
    assert [(row.message, row.t) for row in small.facts("committed") if row.message in {"bob-1", "alice-1"}] == [
        ("bob-1", 6.0),
        ("alice-1", 6.0),
    ]


def test_a_crash_ends_a_pause_and_what_waited_is_lost_with_it():
    events = [{"kind": "pause", "at": 4, "for": 20}, {"kind": "crash", "at": 6, "for": 1}]
    small = Small(traffic__steps=TALK, faults__events=events).run().assert_holds()
    assert not small.facts("resumed")
    assert small.times("restarted") == [8.0]
    assert small.facts("retried", message="bob-1")


@pytest.mark.parametrize(
    "case",
    [
        "crash before the 1st port call kv.compare_and_set of alice-1 at server-1",
        "crash after the 1st port call kv.compare_and_set of alice-1 at server-1",
        "crash before the 1st port call log.write of alice-1 at server-1",
        "crash after the 1st port call log.write of alice-1 at server-1",
        "crash after the 1st answer of alice-1 to alice/phone",
        "crash before the 1st push of alice-1 to bob/phone",
        "crash after the 1st push of alice-1 to bob/phone",
    ],
)
def test_a_server_that_a_case_kills_is_started_again(case):
    small = Small(case).run().assert_holds()
    assert small.times("crashed", node="server-1") == [1.02]
    assert small.times("restarted", node="server-1") == [2.02]
    assert len(small.facts("committed", message="alice-1")) == 1


@pytest.mark.parametrize("port", ["kv.compare_and_set", "log.write"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_unknown_outcome_is_no_second_effect(port, when):
    small = Small(f"time out {when} the 1st port call {port} of alice-1 at server-1").run().assert_holds()
    assert len(small.facts("committed", message="alice-1")) == 1
    assert small.times("accepted", message="alice-1")[0] >= 3.0  # the time-out of two seconds


def test_a_case_holds_a_server_in_the_middle_of_a_call():
    small = Small("pause for 4 s before the 1st port call log.write of alice-1 at server-1").run().assert_holds()
    assert small.times("paused", node="server-1") == [1.02]
    assert small.times("committed", message="alice-1") == [5.02]


def test_a_push_that_is_lost_between_commit_and_socket_is_repeated():
    case = "lose the 1st push of alice-1 to bob/phone between commit and socket"
    small = Small(case).run().assert_holds()
    assert small.facts("retried", node="server-1", message="alice-1")
    assert small.times("shown", node="bob/phone")[0] > 1.5
