"""Within budget: each figure beside its bound, and nothing where there is none."""

from __future__ import annotations

import pytest

import imsim
from imsim.history import Event
from imsim.scenario.budget import Budget
from imsim.verify.evidence import Evidence
from imsim.verify.finding import Property
from imsim.verify.verdict import Outcome, weigh
from tests.small_world import scenario, steps

ABOVE = {Property.BUDGET: 1}


def judged(history, **budget):
    return weigh(Evidence(history), budget=Budget(**budget))


def _repeat(chat, *times):
    """Two messages, a crash, and repetitions of the first at these moments after it."""
    chat.submit("alice/phone", "alice-1").say("server-1", Event.CRASHED)
    begin = chat.t
    for moment in times:
        chat.t = begin + moment
        chat.say("alice/phone", Event.RETRIED, conversation="chat", message="alice-1", attempt=2)
    chat.t = begin + 100.0
    chat.commit("alice-1", 2).resolve("alice/phone", "alice-1", 2).show("alice-1", 2)
    return chat.send("alice/phone", "alice-2", 3).show("alice-2", 3)


def test_repetitions_count_for_each_message(chat):
    history = _repeat(chat, 1, 2, 3).end()

    verdict = judged(history, retries=1.0)

    assert verdict.counts == ABOVE
    assert verdict.violations[0].sentence == (
        "there were 3 repeated sends and pushes for 2 messages, and the budget is 1"
    )
    assert [row.event for row in verdict.violations[0].rows] == [Event.RETRIED] * 3
    assert judged(history, retries=1.5).outcome is Outcome.HOLDS
    assert judged(history).outcome is Outcome.HOLDS
    assert weigh(Evidence(history)).outcome is Outcome.HOLDS


def test_what_the_log_held_already_is_a_duplicate_when_a_device_sends_it_again(chat):
    _repeat(chat, 1, 2, 3).say("alice/phone", Event.RETRIED, conversation="chat", message="alice-2", attempt=2)
    history = chat.say("server-1", Event.RETRIED, conversation="chat", message="alice-2", attempt=2).end()

    verdict = judged(history, duplicates=0.0)

    assert verdict.counts == ABOVE
    assert verdict.violations[0].sentence == (
        "there were 1 repeated sends of what the log held already for 2 messages, and the budget is 0"
    )
    assert [row.message for row in verdict.violations[0].rows] == ["alice-2"]
    assert judged(history, duplicates=0.5).outcome is Outcome.HOLDS


def test_requests_are_what_devices_spent(chat):
    _repeat(chat)
    history = chat.say("alice/phone", Event.SPENT, op=7).say("bob/pc", Event.SPENT, op=4).end()

    verdict = judged(history, requests=5.0)

    assert verdict.violations[0].sentence == "there were 11 requests for 2 messages, and the budget is 5"
    assert [row.op for row in verdict.violations[0].rows] == [7, 4]
    assert judged(history, requests=5.5).outcome is Outcome.HOLDS


def test_a_storm_is_the_busiest_second_after_something_broke(chat):
    history = _repeat(chat, 0.0, 1.5, 1.75, 2.25, 4.0).end()

    verdict = judged(history, storm=0.9)

    assert verdict.counts == ABOVE
    assert verdict.violations[0].sentence == (
        "there were 3 repetitions and reconnections of 3 devices in one second, and the budget is 0.9"
    )
    assert len(verdict.violations[0].rows) == 3
    assert judged(history, storm=1.0).outcome is Outcome.HOLDS


def test_a_device_that_comes_back_adds_to_the_storm_and_one_that_comes_first_does_not(chat):
    chat.say("bob/pc", Event.CONNECTED).say("server-1", Event.CRASHED)
    chat.say("bob/pc", Event.CONNECTED).say("bob/phone", Event.CONNECTED)

    assert judged(chat.end(), storm=0.0).violations[0].rows[0].node == "bob/pc"


@pytest.mark.parametrize("broken", [True, False])
def test_before_anything_broke_there_is_no_storm(chat, broken):
    for _ in range(3):
        chat.say("bob/pc", Event.CONNECTED)
    if broken:
        chat.say("server-1", Event.CRASHED)

    assert judged(chat.history(), storm=0.0).counts == {}


def test_a_model_states_its_budget():
    said = steps("2 alice/phone send", "3 bob send")
    counts = {
        bound: imsim.simulate(scenario(traffic__steps=said, budget__requests=bound)).verdict.counts
        for bound in (1.0, 100.0)
    }
    assert counts == {1.0: ABOVE, 100.0: {}}
