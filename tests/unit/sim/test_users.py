"""Users do what the plan says, as far as their devices let them."""

from __future__ import annotations

import pytest

from imsim.errors import AlgorithmError
from imsim.protocol.device import Device
from imsim.protocol.effects import Write
from imsim.protocol.records import Queued
from imsim.sim.algorithms import Algorithms
from imsim.sim.deviations import parse
from imsim.sim.world import World
from tests.small_world import Small, scenario, steps


def told(small):
    return [(round(row.t, 3), row.node, row.message, row.detail) for row in small.facts("submitted")]


def test_every_action_is_a_command_of_its_own():
    lines = steps(
        "2 alice/phone send",
        "3 bob reply alice-1",
        "4 alice/pc edit alice-1",
        "5 bob read alice-1",
        "6 bob recall bob-1",
    )
    small = Small(traffic__steps=lines).run().assert_holds()
    assert told(small) == [
        (2.0, "alice/phone", "alice-1", ""),
        (3.0, "bob/phone", "bob-1", ""),
        (4.0, "alice/pc", "alice-1+edit", "edit"),
        (5.0, "bob/phone", "alice-1+read-bob", "read"),
        (6.0, "bob/phone", "bob-1+recall", "recall"),
    ]
    rows = small.world.devices["alice/phone"].device.view("team")
    assert rows[1].content is None  # taken back
    reply = small.world.backends.log.read("team", 3, 3)[0]
    assert reply.body.reply_to == rows[0].client_id


def test_what_users_write_is_what_the_model_says_or_filler_of_its_size():
    lines = [
        {"at": 2, "from": "alice", "to": "team", "text": "Grüße"},
        {"at": 3, "from": "bob", "to": "team"},
    ]
    small = Small(traffic__steps=lines, traffic__size={"distribution": "constant", "mean": 250}).run().assert_holds()
    said, filler = small.texts("alice/pc")
    assert said == "Grüße"
    assert len(filler) == 250
    assert [row.size for row in small.facts("submitted")] == [len("Grüße".encode()), 250]


def test_nobody_reads_what_is_not_on_their_device():
    events = [{"kind": "partition", "at": 1, "for": 10, "sites": ["home"]}]
    sites = {
        "network__sites": ["home", "city"],
        "network__links": [{"between": ["home", "city"]}],
        "servers__sites": ["city"],
    }
    small = Small(traffic__steps=steps("2 alice/phone send", "5 bob read alice-1"), faults__events=events, **sites)
    assert [row[2] for row in told(small.run().assert_holds())] == ["alice-1"]


def test_reading_what_was_read_is_no_news():
    lines = steps("2 alice/phone send", "4 bob read alice-1", "6 bob read alice-1")
    small = Small(traffic__steps=lines).run().assert_holds()
    assert len(small.facts("submitted", detail="read")) == 1


def test_a_message_is_cancelled_before_it_is_sent():
    lines = steps("20 bob send", "20.5 bob cancel bob-1")
    gone = [{"kind": "crash", "at": 19, "for": 10}]
    small = Small(traffic__steps=lines, faults__events=gone).run().assert_holds()
    assert len(small.facts("cancelled", message="bob-1")) == 1
    assert not small.facts("committed", message="bob-1")


def test_a_member_brings_the_new_one_in():
    groups = [{"name": "team", "members": ["alice", "bob", "erin"]}, {"name": "pair", "members": ["alice", "dave"]}]
    small = Small(traffic__steps=steps("2 dave join"), conversations__groups=groups).run().assert_holds()
    assert told(small) == [(2.0, "alice/phone", "team+join-dave", "join")]


def test_a_user_whose_app_does_not_run_tries_until_it_does():
    killed = [{"kind": "kill", "at": 5, "for": 7, "devices": ["bob/phone"]}]
    small = Small(traffic__steps=steps("6 bob send"), faults__events=killed).run().assert_holds()
    ((at, *_),) = told(small)
    assert 12.0 <= at <= 13.0


def test_sessions_open_and_close_apps_by_the_plan():
    sleepy = {"presence__online": 5, "presence__offline": 5}
    asked = scenario(traffic__steps=steps("30 alice/phone send"), **sleepy)
    world = World(asked, seed=3)
    planned = {device.name: list(world.plan.sessions(device)) for device in world.plan.devices}
    small = Small(seed=3, traffic__steps=steps("30 alice/phone send"), **sleepy).run().assert_holds()
    for name, sessions in planned.items():
        closed = [round(end, 6) for _, end in sessions if end < 60.0]
        left = [row.t for row in small.facts("disconnected", node=name, detail="closed") if row.t < 60.0]
        assert [round(at, 6) for at in left] == closed


def test_a_submission_is_told_once_it_is_durable_and_under_its_own_name():
    world = World(scenario(), seed=1, deviations=[parse("crash before the 1st write of alice-1 at alice/phone")])
    history = world.run().history
    assert history.messages.find("alice-1") is not None
    assert not [row for row in map(history.row, range(len(history))) if row.event.word == "submitted"]


def test_a_device_that_only_says_that_it_will_send_is_told_so():
    class Oral(Device):
        __slots__ = ()

        def poll(self):
            return [effect for effect in super().poll() if not (type(effect) is Write and is_queued(effect))]

    def is_queued(write):
        return any(type(record) is Queued for record in write.records)

    with pytest.raises(
        AlgorithmError, match=r"alice/phone named \w+-\d+ for what its user wants, and did not write it"
    ):
        World(scenario(), seed=1, algorithms=Algorithms(device=Oral)).run()
