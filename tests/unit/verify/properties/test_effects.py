"""One effect a key: one live slot for whatever a user submitted."""

from __future__ import annotations

import pytest

from imsim.history import Event
from imsim.verify.finding import Property
from imsim.verify.verdict import Outcome, judge


def test_a_message_with_two_slots_has_two_effects(chat):
    chat.send("alice/phone", "alice-1", 2).commit("alice-1", 3).show("alice-1", 2)

    verdict = judge(chat.end())

    assert verdict.counts[Property.ONE_EFFECT] == 1
    (violation,) = (one for one in verdict.violations if one.property is Property.ONE_EFFECT)
    assert violation.sentence == "alice-1 stands in the log twice, as chat[2] and as chat[3]"
    assert [row.event for row in violation.rows] == [Event.SUBMITTED, Event.COMMITTED, Event.COMMITTED]


@pytest.mark.parametrize("kind", ["read", "edit", "join"])
def test_so_has_anything_else_that_a_user_wants(chat, kind):
    chat.submit("alice/phone", "alice-1", kind=kind).commit("alice-1", 2, kind=kind).commit("alice-1", 3, kind=kind)

    assert judge(chat.resolve("alice/phone", "alice-1").history()).counts == {Property.ONE_EFFECT: 1}


def test_a_message_that_moved_to_a_new_epoch_has_one(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    chat.commit("filler", 2, epoch=1, kind="noop").commit("alice-1", 3, epoch=1).accept("alice-1", 3, epoch=1)

    assert judge(chat.show("alice-1", 3, epoch=1).end()).outcome is Outcome.HOLDS


def test_fillers_may_fill_many_slots(chat):
    chat.commit("", 2, kind="noop").commit("", 3, kind="noop")

    assert judge(chat.end()).outcome is Outcome.HOLDS
