"""Who stands where, and in which state."""

from __future__ import annotations

import pytest

from imsim.history import Event
from imsim.study.diagram import choice
from imsim.study.diagram.lanes import Condition, Role, conditions, lanes_of
from imsim.study.diagram.sheet import Sheet

PHONE, PC, SERVER = "alice/phone", "bob/pc", "server-1"


def names(sheet):
    return [lane.name for lane, _ in lanes_of(sheet, choice.everything(sheet))]


def test_servers_stand_between_the_users_and_the_log_is_last(story):
    sheet = Sheet(story.posted("alice-1").delivered("alice-1").end())

    lanes = [lane for lane, _ in lanes_of(sheet, choice.everything(sheet))]

    assert [lane.name for lane in lanes] == [PHONE, SERVER, PC, "log"]
    assert [lane.role for lane in lanes] == [Role.DEVICE, Role.SERVER, Role.DEVICE, Role.LOG]


def test_who_writes_is_on_the_left(story):
    story.say(PC, Event.SUBMITTED, message="bob-1").sent(PC, SERVER, "send", "bob-1")

    assert names(Sheet(story.end())) == [PC, SERVER, PHONE]


def test_the_devices_of_a_user_stand_together(story):
    for device in ("alice/watch", "carol/phone"):
        story.say(device, Event.INSTALLED)
    sheet = Sheet(story.posted("alice-1").end())

    assert names(sheet) == [PHONE, "alice/watch", SERVER, PC, "carol/phone", "log"]


def test_a_user_who_is_alone_has_a_device_on_either_side(story):
    sheet = Sheet(story.say("alice/watch", Event.INSTALLED).sent(PHONE, SERVER, "hello").end())
    alone = choice.Choice(
        frozenset(place for place in range(len(sheet.rows)) if sheet.row(place).node.startswith("alice")),
        tuple(sheet.flights),
    )

    assert [lane.name for lane, _ in lanes_of(sheet, alone)] == [PHONE, SERVER, "alice/watch"]


@pytest.mark.parametrize(
    ("events", "condition"),
    [
        ([], Condition.UP),
        ([Event.DISCONNECTED], Condition.OFFLINE),
        ([Event.DISCONNECTED, Event.CONNECTED], Condition.UP),
        ([Event.CONNECTED, Event.PAUSED], Condition.PAUSED),
        ([Event.CONNECTED, Event.PAUSED, Event.RESUMED], Condition.UP),
        ([Event.CONNECTED, Event.PAUSED, Event.CRASHED], Condition.DOWN),
        ([Event.CONNECTED, Event.CRASHED, Event.RESTARTED], Condition.OFFLINE),
    ],
)
def test_the_state_of_a_device_follows_its_facts(story, events, condition):
    for event in events:
        story.later().say(PC, event)
    sheet = Sheet(story.end())

    (state,) = conditions(sheet, [sheet.history.nodes.find(PC)], [len(sheet.rows) - 1])

    assert state == (condition,)


def test_a_device_that_ever_connects_is_offline_before_and_a_server_never_is(story):
    sheet = Sheet(story.sent(SERVER, PC, "push").later().say(PC, Event.CONNECTED).end())
    nodes = [sheet.history.nodes.find(name) for name in (PHONE, PC, SERVER)]

    before, after = conditions(sheet, nodes, [0, len(sheet.rows) - 1])

    assert before == (Condition.UP, Condition.OFFLINE, Condition.UP)
    assert after == (Condition.UP, Condition.UP, Condition.UP)


def test_a_server_that_restarts_is_up_at_once(story):
    sheet = Sheet(story.sent(SERVER, PC, "push").say(SERVER, Event.CRASHED).later().say(SERVER, Event.RESTARTED).end())

    (state,) = conditions(sheet, [sheet.history.nodes.find(SERVER)], [len(sheet.rows) - 1])

    assert state == (Condition.UP,)
