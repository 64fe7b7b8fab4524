"""Goals: each is met by what it names and by nothing else."""

from __future__ import annotations

import pytest

from imsim.history import Event
from imsim.verify.evidence import Evidence
from imsim.verify.goals import Goal, catch_ups, count_goals
from imsim.verify.verdict import judge


def met(history):
    return {Goal(goal): times for goal, times in count_goals(Evidence(history)).items() if times}


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


def test_what_a_new_device_finds_was_not_missed(chat):
    chat.send("alice/phone", "alice-1", 2).say("bob/pc", Event.CONNECTED).show("alice-1", 2)

    assert met(chat.end()) == {}


def test_a_device_that_comes_back_to_nothing_new_catches_nothing_up(chat):
    chat.send("alice/phone", "alice-1", 2).say("bob/pc", Event.CONNECTED).show("alice-1", 2)
    chat.say("bob/pc", Event.CONNECTED).send("alice/phone", "alice-2", 3).show("alice-2", 3)

    assert met(chat.end()) == {Goal.RECONNECT: 1}


def test_a_catch_up_lasts_from_the_return_to_the_last_row_that_was_missed(chat):
    chat.say("bob/pc", Event.CONNECTED).say("bob/phone", Event.CONNECTED).say("alice/phone", Event.CONNECTED)
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2, "alice/phone", "bob/phone")
    chat.send("alice/phone", "alice-2", 3).show("alice-2", 3, "alice/phone", "bob/phone")
    chat.say("bob/pc", Event.CONNECTED).show("alice-2", 3, "bob/pc").show("alice-1", 2, "bob/pc")
    chat.send("alice/phone", "alice-3", 4).show("alice-3", 4)
    history = chat.end()

    assert catch_ups(Evidence(history)).tolist() == [2.0]
    assert met(history) == {Goal.RECONNECT: 1, Goal.OFFLINE_CATCH_UP: 1}


def test_a_recall_before_its_target_is_one_where_the_target_comes_later_or_never(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2, "alice/phone")
    chat.operate(Event.RECALLED, "alice-2", "alice-1", 3)  # before its target on both of bob's devices
    chat.show("alice-1", 2, "bob/phone")

    assert met(chat.end()) == {Goal.RECALL_BEFORE_TARGET: 2}


def test_a_recall_after_its_target_or_of_nothing_known_meets_no_goal(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).operate(Event.RECALLED, "alice-2", "alice-1", 3)
    chat.operate(Event.RECALLED, "alice-3", "nothing", 4)

    assert met(chat.end()) == {}


def _written_and_crashed(chat, node, *, answered):
    chat.submit("alice/phone", "alice-1").commit("alice-1", 2)
    if answered:
        chat.accept("alice-1", 2)
    return chat.say(node, Event.CRASHED).accept("alice-1", 2).resolve("alice/phone", "alice-1", 2)


@pytest.mark.parametrize(("answered", "times"), [(False, 1), (True, 0)])
def test_a_server_that_dies_before_it_answers_dies_between_write_and_acknowledgement(chat, answered, times):
    history = _written_and_crashed(chat, "server-1", answered=answered).show("alice-1", 2).end()

    assert met(history).get(Goal.UNANSWERED, 0) == times


@pytest.mark.parametrize(("after", "times"), [(0.0, 1), (0.5, 0)])
def test_so_does_a_device_that_dies_as_it_writes(chat, after, times):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    chat.t += after - 1.0

    assert met(chat.say("bob/pc", Event.CRASHED).end()).get(Goal.UNANSWERED, 0) == times


def test_what_was_never_answered_is_open_until_the_end(chat):
    chat.submit("alice/phone", "alice-1").commit("alice-1", 2)

    assert met(chat.say("server-1", Event.CRASHED).end())[Goal.UNANSWERED] == 1
