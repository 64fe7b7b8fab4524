"""Sync rounds progress: answers lead to other questions."""

from __future__ import annotations

import pytest

import imsim
from imsim.history import Event
from imsim.protocol.device import Device
from imsim.verify.finding import Property
from imsim.verify.verdict import Outcome, judge
from tests.small_world import scenario, steps

STUCK = {Property.PROGRESS: 1}


def _ask(chat, low=2, *, answered=True, times=1):
    for _ in range(times):
        chat.say("bob/pc", Event.ASKED, conversation="chat", seq=low, op=9)
        if answered:
            chat.say("bob/pc", Event.ANSWERED, conversation="chat", seq=low, op=9)
    return chat


def test_the_same_question_after_every_answer_is_told(chat):
    verdict = judge(_ask(chat, times=10).end())

    assert verdict.counts == STUCK
    assert verdict.violations[0].sentence == (
        "bob/pc asks for chat[2..9] 10 times over one connection, and is answered every time"
    )
    assert [row.event for row in verdict.violations[0].rows] == [Event.ASKED] * 3


def test_a_few_times_are_honest(chat):
    assert judge(_ask(chat, times=9).end()).outcome is Outcome.HOLDS


def test_a_question_that_nobody_answers_is_no_round(chat):
    assert judge(_ask(chat, answered=False, times=50).end()).outcome is Outcome.HOLDS


def test_another_question_is_progress(chat):
    for low in range(2, 9):
        _ask(chat, low, times=5)

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_a_new_connection_begins_anew(chat):
    for _ in range(5):
        _ask(chat, times=5).say("bob/pc", Event.CONNECTED)

    assert judge(chat.end()).outcome is Outcome.HOLDS


@pytest.mark.parametrize(("detail", "counts"), [("everything", {}), ("", {}), (None, STUCK)])
def test_what_happened_before_the_last_heal_proves_nothing(chat, detail, counts):
    _ask(chat, times=20)
    if detail is not None:
        chat.say("world", Event.HEALED, detail=detail)

    assert judge(_ask(chat, times=3).end()).counts == counts


class Deaf(Device):
    """Takes no page for an answer, and asks at once again."""

    def _on_page(self, frame, now):
        del now
        if self._catchup is not None:
            self._catchup.handle_page(frame.conversation, self._catchup.due, progress=True)


def test_a_device_that_turns_in_a_circle_is_told(monkeypatch):
    from imsim.protocol import receiving

    monkeypatch.setitem(receiving.HANDLERS, receiving.Page, Deaf._on_page)
    late = scenario(
        traffic__steps=steps("2 alice/phone send", "3 alice/phone send"),
        faults__events=[{"kind": "kill", "at": 1, "devices": ["bob/phone"], "for": 100}],
        sync__strategy="poll",
        settle="20s",
    )
    assert Property.PROGRESS in imsim.simulate(late, device=Deaf).verdict.counts
