"""Goals: each is met by what it names and by nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from imsim.history import Event
from imsim.verify.evidence import Evidence
from imsim.verify.goals import Goal, catch_ups, count_goals
from imsim.verify.verdict import judge


def met(history):
    return {goal: times for goal, times in count_goals(Evidence(history)).items() if times}


def test_a_quiet_run_meets_none(chat):
    history = chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).end()

    assert met(history) == {}
    assert judge(history).not_exercised == tuple(goal.value for goal in Goal)


@pytest.mark.parametrize(
    ("goal", "event"),
    [
        (Goal.RETRY, Event.RETRIED),
        (Goal.DUPLICATE_SUPPRESSED, Event.SUPPRESSED),
        (Goal.GAP, Event.GAP),
        (Goal.CRASH, Event.CRASHED),
        (Goal.PAUSE, Event.PAUSED),
        (Goal.PARTITION, Event.PARTITIONED),
        (Goal.WIPE, Event.WIPED),
        (Goal.CANCEL, Event.CANCELLED),
        (Goal.UNKNOWN_OUTCOME, Event.UNKNOWN),
        (Goal.TRIM, Event.TRIMMED),
    ],
)
def test_a_row_meets_its_goal(chat, goal, event):
    assert met(chat.say("bob/pc", event).say("bob/pc", event).end()) == {goal: 2}


def test_an_epoch_change_is_a_later_epoch_of_the_same_conversation(chat):
    chat.commit("a", 2, epoch=1, kind="noop").commit("b", 2, epoch=2, kind="noop", conversation="other")
    chat.commit("c", 3, epoch=2, kind="noop").commit("d", 4, epoch=5, kind="noop")

    assert met(chat.end()) == {Goal.EPOCH_CHANGE: 2}


def test_a_first_epoch_of_one_is_no_change(chat):
    assert met(chat.commit("a", 2, epoch=1, kind="noop").end()) == {}


def test_a_reconnect_is_a_second_connection_of_the_same_device(chat):
    chat.say("bob/pc", Event.CONNECTED).say("bob/phone", Event.CONNECTED)
    assert met(chat.say("bob/pc", Event.CONNECTED).end()) == {Goal.RECONNECT: 1}


def test_the_first_catch_up_of_a_device_follows_no_time_offline(chat):
    for device in ("bob/pc", "bob/phone"):
        chat.say(device, Event.CONNECTED).say(device, Event.CAUGHT_UP)

    assert met(chat.end()) == {}


def test_a_catch_up_after_a_reconnect_is_offline_catch_up_and_is_measured(chat):
    chat.say("bob/pc", Event.CONNECTED).say("bob/pc", Event.CAUGHT_UP)  # 1 s
    chat.say("bob/pc", Event.CONNECTED).say("bob/phone", Event.CONNECTED).say("alice/phone", Event.CONNECTED)
    chat.say("bob/pc", Event.CAUGHT_UP)  # 3 s
    chat.say("bob/pc", Event.CAUGHT_UP)  # of no connection
    chat.say("alice/phone", Event.DISCONNECTED).say("alice/phone", Event.CONNECTED).say("alice/phone", Event.CAUGHT_UP)
    history = chat.end()

    seconds, returning = catch_ups(Evidence(history))

    assert met(history) == {Goal.RECONNECT: 2, Goal.OFFLINE_CATCH_UP: 2}
    assert sorted(seconds.tolist()) == [1.0, 1.0, 3.0]
    assert np.count_nonzero(returning) == 2


def test_a_recall_before_its_target_is_one_where_the_target_comes_later_or_never(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2, "alice/phone")
    chat.operate(Event.RECALLED, "alice-2", "alice-1", 3)  # before its target on both of bob's devices
    chat.show("alice-1", 2, "bob/phone")

    assert met(chat.end()) == {Goal.RECALL_BEFORE_TARGET: 2}


def test_a_recall_after_its_target_or_of_nothing_known_meets_no_goal(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).operate(Event.RECALLED, "alice-2", "alice-1", 3)
    chat.operate(Event.RECALLED, "alice-3", "nothing", 4)

    assert met(chat.end()) == {}
