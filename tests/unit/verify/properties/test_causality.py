"""Causal order: an answer stands after what it answers."""

from __future__ import annotations

from imsim.history import Event
from imsim.verify.finding import Property
from imsim.verify.verdict import Outcome, judge


def _answer(chat, *, device="bob/pc", target="alice-1", seq, epoch=0):
    chat.submit(device, "bob-1").say(device, Event.REPLIED, conversation="chat", message="bob-1", detail=target)
    chat.commit("bob-1", seq, epoch=epoch).accept("bob-1", seq, epoch=epoch).resolve(device, "bob-1", seq, epoch=epoch)
    return chat.show("bob-1", seq, epoch=epoch)


def test_an_answer_before_what_it_answers_is_told(chat):
    chat.send("alice/phone", "alice-1", 3).show("alice-1", 3)

    verdict = judge(_answer(chat, seq=2).end())

    assert verdict.counts == {Property.CAUSAL_ORDER: 1, Property.SESSIONS: 1}
    assert verdict.violations[0].sentence == ("bob-1 answers alice-1, and stands before it: as chat[2], before chat[3]")
    assert [row.event for row in verdict.violations[0].rows] == [
        Event.COMMITTED, Event.SHOWN, Event.REPLIED, Event.COMMITTED,
    ]  # fmt: skip


def test_an_answer_after_it_is_in_order(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)

    assert judge(_answer(chat, seq=3).end()).outcome is Outcome.HOLDS


def test_who_does_not_see_what_they_answer_may_be_earlier(chat):
    chat.send("alice/phone", "alice-1", 3)

    assert judge(_answer(chat, seq=2).show("alice-1", 3).end()).outcome is Outcome.HOLDS


def test_an_answer_to_what_nobody_knows_has_no_order(chat):
    assert judge(_answer(chat, target="ghost", seq=2).end()).outcome is Outcome.HOLDS


def test_what_a_failover_took_away_may_come_back_after_its_answer(chat):
    chat.send("alice/phone", "alice-1", 2, epoch=1).show("alice-1", 2, epoch=1)
    _answer(chat, seq=2, epoch=2).commit("alice-1", 3, epoch=2)

    assert judge(chat.show("alice-1", 3, epoch=2).end()).outcome is Outcome.HOLDS
