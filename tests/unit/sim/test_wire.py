"""Frames under their names, and the rows that tell of them: the short way and the long one agree."""

from __future__ import annotations

import pytest

from imsim.history import Level
from imsim.sim.world import World
from tests.small_world import Small, scenario, steps

TALK = steps("1 alice/phone send", "5 bob send", "7 alice/pc edit alice-1", "9 bob read alice-1", "11 bob recall bob-1")
DATAGRAM = {"network__kind": "datagram", "network__loss": 0.2}


def test_a_frame_is_named_by_what_it_is_about():
    small = Small(traffic__steps=TALK).run().assert_holds()
    named = {(row.node, row.message, row.conversation, row.detail) for row in small.facts("sent")}
    assert ("alice/phone", "alice-1", "team", "send") in named
    assert ("server-1", "alice-1", "team", "answer") in named
    assert ("server-1", "alice-1", "team", "push") in named
    assert ("bob/phone", "alice-1", "team", "ack") in named
    assert ("bob/phone", "", "", "hello") in named


def test_every_frame_that_is_sent_arrives_on_a_network_without_loss():
    small = Small(traffic__steps=TALK).run()
    sent = sorted((row.message, row.attempt, row.detail, _ends(small, row)) for row in small.facts("sent"))
    came = sorted((row.message, row.attempt, row.detail, _ends(small, row)[::-1]) for row in small.facts("received"))
    assert sent == came


def _ends(small, row):
    return row.node, small.history.nodes.name(row.op)


def pushes_to_bob(small):
    return [row for row in small.facts("sent", detail="push") if small.history.nodes.name(row.op) == "bob/phone"]


def test_repeated_frames_count_on():
    small = Small("drop the 1st push of alice-1 to bob/phone", network__kind="datagram").run().assert_holds()
    assert [row.attempt for row in pushes_to_bob(small) if row.message == "alice-1"] == [1, 2]
    (lost,) = small.facts("dropped")
    assert (lost.node, lost.message, lost.attempt, lost.detail) == ("server-1", "alice-1", 1, "push")
    assert [row.attempt for row in small.facts("sent", node="bob/phone", message="alice-1", detail="ack")] == [2]


def test_what_is_pushed_again_after_a_wipe_has_a_name_of_its_own():
    small = Small(faults__events=[{"kind": "wipe", "at": 20, "device": "bob/phone"}]).run().assert_holds()
    pushes = pushes_to_bob(small)
    assert [(row.message, row.attempt) for row in pushes if row.message != "alice-1"] == [
        ("@team/bob/1-1", 1),
        ("@team", 1),
        ("@team/bob/1-1", 2),
        ("@team", 2),
    ]


@pytest.mark.parametrize("changes", [{}, DATAGRAM, {"servers__window": 1, "servers__page": 1}])
def test_the_short_way_and_the_long_one_agree(changes):
    """Level `messages` without deviations takes the short way wherever it can; recording takes the long one."""
    asked = scenario(traffic__steps=TALK, **changes)
    short = World(asked, seed=2, level=Level.MESSAGES).run()
    long = World(asked, seed=2, level=Level.MESSAGES, recording=True).run()
    assert short.history.sha256 == long.history.sha256
    assert short.counters.devices == long.counters.devices


def test_rows_about_messages_name_them():
    small = Small(traffic__steps=TALK).run()
    for word in ("pushed", "accepted", "resolved", "shown", "submitted"):
        assert all(row.message and row.conversation for row in small.facts(word)), word
    acked = small.facts("acknowledged")
    assert all(row.conversation and row.seq for row in acked)
    assert {row.epoch for row in acked} == {1}


def test_a_page_counts_its_own_bytes():
    many = steps(*(f"{10 + n / 10} alice/phone send" for n in range(6)))
    away = [{"kind": "kill", "at": 5, "for": 20, "devices": ["bob/phone"]}]
    small = Small(traffic__steps=many, faults__events=away).run().assert_holds()
    (page,) = [row for row in small.facts("sent", node="server-1") if row.t > 25 and row.detail == "push"]
    single = small.facts("sent", node="server-1", message="alice-1", detail="push")[0]
    assert page.size > 4 * 200
    assert single.size < page.size / 2
