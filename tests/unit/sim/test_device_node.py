"""The device's process and driver: effects in order, inputs that wait, wake-ups, backups."""

from __future__ import annotations

import itertools

import pytest

from imsim.errors import AlgorithmError
from imsim.protocol.connector import Phase
from imsim.protocol.device import Device
from imsim.scenario import load
from imsim.sim.algorithms import Algorithms
from imsim.sim.world import World
from tests.small_world import Small, steps

SLOW = {"devices__write_time": {"mean": "500ms"}}
SLEEPY = {
    "presence__online": 1, "presence__offline": 100, "presence__linger": 1, "presence__push": {"loss": 0, "delay": 2},
}  # fmt: skip


def test_inputs_wait_while_a_write_takes_its_time():
    lines = steps("2 alice/phone send", "2.1 alice/pc send", "2.2 alice/phone send")
    small = Small(traffic__steps=lines, **SLOW).run().assert_holds()
    arrived = small.times("received", node="bob/phone", message="alice-2", detail="push")
    shown = small.times("shown", node="bob/phone")
    assert all(later - earlier >= 0.5 for earlier, later in itertools.pairwise(shown))
    assert shown[1] > arrived[0]


def test_a_message_is_sent_only_once_it_is_durable():
    late = steps("20 alice/phone send")
    for changes, expected in ((SLOW, 20.5), ({}, 20.0)):
        small = Small(traffic__steps=late, **changes).run().assert_holds()
        assert small.times("submitted", message="alice-1") == [20.0]
        assert small.times("sent", node="alice/phone", message="alice-1", detail="send") == [expected]


def test_an_acknowledgement_leaves_only_after_its_row_is_durable():
    small = Small(**SLOW).run().assert_holds()
    shown = small.times("shown", node="bob/phone", message="alice-1")[0]
    acked = small.times("sent", node="bob/phone", message="alice-1", detail="ack")[0]
    assert acked == pytest.approx(shown + 0.5)


def test_a_user_whose_device_is_busy_tries_again():
    lines = steps("2 bob send", "2.1 bob send", "2.2 bob send")
    small = Small(traffic__steps=lines, **SLOW).run().assert_holds()
    assert [row.message for row in small.facts("submitted")] == ["bob-1", "bob-2", "bob-3"]
    assert small.times("submitted")[1] > 2.5


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_device_that_dies_at_a_write_is_started_again(when):
    case = f"crash {when} the 1st write of alice-1 at bob/phone"
    small = Small(case).run().assert_holds()
    assert small.times("crashed", node="bob/phone") == [1.04]
    assert small.times("restarted", node="bob/phone") == [2.04]
    (shown,) = small.facts("shown", node="bob/phone", message="alice-1")
    assert shown.incarnation == (2 if when == "before" else 1)  # what is durable is what counts
    assert len(small.facts("sent", node="server-1", message="alice-1", detail="push")) >= 2


def test_what_was_not_durable_was_never_submitted():
    small = Small("crash before the 1st write of alice-1 at alice/phone").run().assert_holds()
    assert not small.facts("submitted")
    assert not small.facts("committed", message="alice-1")


def test_what_died_just_after_it_was_durable_is_sent_by_the_next_process():
    small = Small("crash after the 1st write of alice-1 at alice/phone").run().assert_holds()
    assert small.times("submitted") == [1.0]
    (sent,) = small.facts("sent", node="alice/phone", message="alice-1", detail="send")
    assert sent.incarnation == 2


def test_a_fate_that_is_durable_is_told_although_its_hint_was_lost():
    """The process dies between the write of its answer and the notice to its user."""
    small = Small("crash after the 2nd write of alice-1 at alice/phone").run().assert_holds()
    assert small.times("resolved", message="alice-1") == [1.04]
    assert small.times("crashed", node="alice/phone") == [1.04]


def test_a_write_may_be_late():
    small = Small("delay the 1st write of alice-1 at bob/phone by 3 s").run().assert_holds()
    assert small.times("sent", node="bob/phone", message="alice-1", detail="ack")[0] == 4.04


def test_a_paused_process_takes_what_came_when_it_goes_on():
    small = Small("pause for 5 s before the 1st hello of bob/phone from bob/phone").run().assert_holds()
    assert small.times("paused", node="bob/phone") == [0.04]
    assert small.times("resumed", node="bob/phone") == [5.04]
    assert small.times("connected", node="bob/phone") == [5.04]  # the welcome had come long before
    assert small.times("shown", node="bob/phone") == [5.04]


def test_a_frame_of_an_older_connection_is_not_handed_over():
    """What waited while the device was busy may have come on a connection that broke meanwhile."""
    cut = [{"kind": "cut", "at": 1.05, "devices": ["bob/phone"]}]
    lines = steps("1 alice/phone send", "1.005 alice/phone send")
    small = Small(traffic__steps=lines, faults__events=cut, **SLOW).run().assert_holds()
    assert len(small.facts("shown", node="bob/phone", message="alice-2")) == 1


# ---------------------------------------------------------------------------------------------- the platform's push


def test_the_platform_wakes_a_sleeper_for_a_visit():
    small = Small(traffic__steps=steps("20 alice/phone send"), **SLEEPY).run().assert_holds()
    woken = small.times("woken", node="bob/phone")
    assert woken[0] == pytest.approx(22.04, abs=0.1)  # two seconds after the commit
    (shown,) = small.times("shown", node="bob/phone", message="alice-1")
    assert woken[0] < shown < woken[0] + 1.0
    left = [row for row in small.facts("disconnected", node="bob/phone") if row.t > shown]
    assert left[0].detail == "visit over"


def test_without_the_platforms_push_a_sleeper_sleeps_on():
    changes = {**SLEEPY, "presence__push": {"loss": 1.0}}
    small = Small(traffic__steps=steps("20 alice/phone send"), **changes).run().assert_holds()
    assert not small.facts("woken")
    assert small.times("shown", node="bob/phone")[0] >= 60.0


@pytest.mark.parametrize(
    ("case", "woken"),
    [
        ("drop the 1st wake-up of bob/phone to bob/phone", None),
        ("delay the 1st wake-up of bob/phone to bob/phone by 4 s", 26.04),
    ],
)
def test_a_case_loses_or_delays_a_wake_up(case, woken):
    small = Small(case, traffic__steps=steps("20 alice/phone send"), **SLEEPY).run().assert_holds()
    times = [at for at in small.times("woken", node="bob/phone") if at < 60.0]
    assert times[:1] == ([] if woken is None else [pytest.approx(woken, abs=0.1)])


def test_a_lost_wake_up_is_the_next_ones_chance():
    lines = steps("20 alice/phone send", "30 alice/phone send")
    small = Small("drop the 1st wake-up of bob/phone to bob/phone", traffic__steps=lines, **SLEEPY)
    small.run().assert_holds()
    assert small.times("woken", node="bob/phone")[0] == pytest.approx(32.04, abs=0.1)


def test_a_sleeper_that_was_killed_can_be_woken_all_the_same():
    killed = [{"kind": "kill", "at": 10, "for": 2, "devices": ["bob/phone"]}]
    small = Small(traffic__steps=steps("20 alice/phone send"), faults__events=killed, **SLEEPY).run().assert_holds()
    assert small.times("restarted", node="bob/phone") == [12.0]
    assert small.times("woken", node="bob/phone")[0] == pytest.approx(22.04, abs=0.1)


# ---------------------------------------------------------------------------------------------- clocks


def test_a_clock_that_drifts_goes_away_from_the_others():
    kinds = [{"name": "phone", "drift": 100_000}, {"name": "pc", "users": ["alice"]}]
    small = Small(devices__kinds=kinds).run_until(50.0)
    small.stop()
    node = small.world.devices["bob/phone"]
    (now, wall), (right_now, right) = node.time(), small.world.devices["alice/pc"].time()
    assert now == pytest.approx(right_now)  # its drift is too small to matter for time-outs
    assert 0.01 < abs(wall - right) <= 5.0


def test_a_skewed_wall_clock_shows_in_what_its_device_writes():
    kinds = [{"name": "phone", "skew": "1h"}, {"name": "pc", "users": ["alice"]}]
    small = Small(devices__kinds=kinds).run().assert_holds()
    entry = small.world.backends.log.read("team", 2, 2)[0]
    skew = entry.wall - (small.world.epoch + 1.0)
    assert 0.0 < abs(skew) <= 3600.0


def test_a_device_that_is_closed_leaves_its_connection_and_stays_away():
    small = Small().run_until(5.0)
    node = small.world.devices["bob/phone"]
    node.close()
    small.run_until(10.0).stop()
    assert node.device.phase is Phase.ASLEEP
    assert node.wire is None
    assert node.name in small.world.asleep


def test_who_wants_to_be_woken_without_end_is_told_so():
    class Restless(Device):
        __slots__ = ()

        @property
        def wake_at(self):
            return 0.0

        @wake_at.setter
        def wake_at(self, at):
            """It does not care."""

    with pytest.raises(AlgorithmError, match=r"alice/\w+ wants to be woken again and again, 2,000 times in second 0$"):
        World(load("tiny"), seed=1, algorithms=Algorithms(device=Restless)).run()
