"""Devices say where they stand: when, what, and nothing that is not durable yet."""

from __future__ import annotations

import pytest

import imsim
from imsim.history import Event, Level
from imsim.protocol.device import Device
from imsim.sim.deviations import parse
from imsim.verify.finding import Property
from tests.small_world import Small, scenario, steps

TALK = steps("2 alice/phone send", "3 alice/phone send", "5 bob read alice-1", "7 alice/phone recall alice-2")


def said(small, device):
    """Moment, cursor, read mark and unread count, of what a device says of the team."""
    return [
        (round(row.t, 2), row.op, row.seq, row.size) for row in small.facts("counted", node=device, conversation="team")
    ]


def test_a_device_says_where_it_stands_after_what_is_seldom_and_at_the_end():
    small = Small(traffic__steps=TALK, history__level="messages").run().assert_holds()
    assert said(small, "bob/phone") == [(5.0, 3, 2, 1), (5.04, 3, 2, 1), (7.04, 4, 2, 0), (61.0, 4, 2, 0)]
    assert said(small, "alice/pc")[-1] == (61.0, 4, 0, 0)


def test_at_level_frames_after_every_row():
    small = Small(traffic__steps=TALK).run().assert_holds()
    assert said(small, "bob/phone")[1:4] == [(2.04, 2, 0, 1), (3.04, 3, 0, 2), (5.0, 3, 2, 1)]


def test_a_device_that_starts_again_says_it_of_all_conversations():
    events = [{"kind": "kill", "at": 4, "devices": ["bob/phone"], "for": 2}]
    small = Small(traffic__steps=TALK[:2], faults__events=events, history__level="messages").run().assert_holds()
    assert said(small, "bob/phone")[0] == (6.0, 3, 0, 2)


def test_what_a_slow_disk_has_not_written_is_not_said():
    small = Small("delay the 1st write of alice-1 at bob/phone by 3 s", traffic__steps=TALK[:1]).run().assert_holds()
    assert said(small, "bob/phone")[1] == (5.04, 2, 0, 1)


class Miscounts(Device):
    """Counts what it wrote itself."""

    def unread(self, conversation):
        return len(self.view(conversation))


class Owes(Device):
    """Counts below nothing."""

    def unread(self, conversation):
        return super().unread(conversation) - 1


class Wanders(Device):
    """Says now and then that it knows less than before."""

    def position(self, conversation):
        epoch, upto = super().position(conversation)
        return (epoch, upto - 2) if upto == 4 and conversation == "team" else (epoch, upto)


class Rash(Device):
    """Says that it knows what is still under way."""

    def position(self, conversation):
        epoch, upto = super().position(conversation)
        return (epoch, max(upto, self.inbox(conversation).head))


@pytest.mark.parametrize(
    ("device", "promise"), [(Miscounts, Property.UNREAD), (Owes, Property.UNREAD), (Wanders, Property.NEVER_BACK)]
)
def test_a_device_that_says_what_is_not_so_is_told(device, promise):
    lines = [*TALK[:2], *steps("9 bob/phone send")]
    run = imsim.simulate(scenario(traffic__steps=lines, settle=1.0), level=Level.FRAMES, device=device)
    assert promise in run.verdict.counts


@pytest.mark.parametrize(("device", "counts"), [(Device, {}), (Rash, {Property.NO_HIDDEN_GAP: 1})])
def test_a_device_that_hides_a_gap_is_told(device, counts):
    lossy = scenario(traffic__steps=TALK[:2], network__profiles__plain__kind="datagram")
    lost = parse("drop the 1st push of alice-1 to bob/phone")
    assert imsim.simulate(lossy, deviations=[lost], device=device).verdict.counts == counts


class Mute(Device):
    """Has no word for what is unread."""

    unread = None


def test_who_cannot_be_asked_is_not():
    scenario_ = scenario(traffic__steps=TALK)
    assert imsim.simulate(scenario_, device=Mute).history.filter(event=Event.COUNTED) == []
    assert imsim.simulate(scenario_).history.filter(event=Event.COUNTED) != []


def read_of(small, device):
    """Moment and message of what a device says that its user reads, and whether there is anything."""
    return [(round(row.t, 2), row.message, bool(row.detail)) for row in small.facts("viewed", node=device)]


def test_what_is_read_is_said_after_a_recall_and_when_it_changed_since():
    talk = [*TALK, *steps("8 alice/phone edit alice-1", "9 alice/phone recall alice-1")]
    events = [{"kind": "kill", "at": 12, "devices": ["bob/phone"], "for": 2}]
    small = Small(traffic__steps=talk, faults__events=events, history__level="messages").run().assert_holds()
    assert read_of(small, "bob/phone") == [
        (7.04, "alice-2", False),
        (9.04, "alice-1", False),
        (61.0, "alice-2", False),
        (61.0, "alice-1", False),
    ]


class Remembers(Device):
    """Shows what was recalled again, from when it starts until it has heard something."""

    heard = False

    def handle_frame(self, connection, frame, *, now, wall):
        self.heard = True
        super().handle_frame(connection, frame, now=now, wall=wall)

    def changed(self):
        return super().changed() if self.heard else [(row, row.body.content) for row, _ in super().changed()]


def test_what_was_recalled_is_not_shown_again_for_a_moment_either():
    events = [{"kind": "kill", "at": 12, "devices": ["bob/phone"], "for": 2}]
    run = imsim.simulate(scenario(traffic__steps=TALK, faults__events=events), device=Remembers)
    said = [(row.node, row.t, bool(row.detail)) for row in run.history.filter(event=Event.VIEWED)]
    assert [row for row in said if row[2]] == [("bob/phone", 14.0, True)]
    assert run.verdict.counts == {Property.CONVERGENCE: 1}
    assert "bob/phone knows that alice-2 was recalled, and still shows it" in str(run.verdict)
