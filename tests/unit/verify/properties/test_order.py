"""Order: a position means one entry for everybody, and a sender's order is kept."""

from __future__ import annotations

import pytest

from imsim.history import Event
from imsim.verify.finding import Property
from imsim.verify.verdict import Outcome, judge


def test_messages_in_the_order_of_submission_are_in_order(chat):
    chat.send("alice/phone", "alice-1", 2).send("alice/phone", "alice-2", 3).send("bob/pc", "bob-1", 4)
    chat.show("alice-1", 2).show("alice-2", 3, "alice/phone").show("bob-1", 4)
    chat.show("alice-2", 3, "bob/phone", "bob/pc")  # arrival may be in any order

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_a_message_that_overtakes_one_of_the_same_device_is_out_of_order(chat):
    chat.submit("alice/phone", "alice-1").submit("alice/phone", "alice-2")
    for message, seq in (("alice-2", 2), ("alice-1", 3)):
        chat.commit(message, seq).accept(message, seq).resolve("alice/phone", message, seq).show(message, seq)

    verdict = judge(chat.end())

    (violation,) = verdict.violations
    assert verdict.counts == {Property.ORDER: 1}
    assert violation.sentence == (
        "alice/phone submitted alice-1 before alice-2, and the log has it after it, as chat[3]"
    )
    assert [row.event for row in violation.rows] == [Event.SUBMITTED] * 2 + [Event.COMMITTED] * 2


def test_two_devices_of_a_user_are_two_senders(chat):
    chat.submit("bob/phone", "bob-1").submit("bob/pc", "bob-2")
    for message, seq, device in (("bob-2", 2, "bob/pc"), ("bob-1", 3, "bob/phone")):
        chat.commit(message, seq).accept(message, seq).resolve(device, message, seq).show(message, seq)

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_a_failed_message_that_is_tried_again_counts_from_then(chat):
    chat.submit("alice/phone", "alice-1").say("alice/phone", Event.FAILED, message="alice-1")
    chat.send("alice/phone", "alice-2", 2).show("alice-2", 2)
    chat.send("alice/phone", "alice-1", 3).show("alice-1", 3)

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_a_message_that_is_offered_again_after_a_failover_keeps_its_place(chat):
    chat.submit("alice/phone", "alice-1").submit("alice/phone", "alice-2")
    chat.submit("alice/phone", "alice-1")  # pending once more
    for message, seq in (("alice-1", 2), ("alice-2", 3)):
        chat.commit(message, seq).accept(message, seq).resolve("alice/phone", message, seq).show(message, seq)

    assert judge(chat.end()).outcome is Outcome.HOLDS


@pytest.mark.parametrize("event", [Event.ACCEPTED, Event.RESOLVED, Event.COMMITTED, Event.SHOWN])
def test_a_position_that_means_another_entry_to_someone_is_told(chat, event):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).send("alice/phone", "alice-2", 3).show("alice-2", 3)
    chat.say(
        "alice/phone" if event is Event.RESOLVED else "bob/pc", event, conversation="chat", message="alice-2", seq=2
    )

    verdict = judge(chat.end())

    assert verdict.counts == {Property.ORDER: 1}
    assert "chat[2] is alice-1 for server-1, which committed it, and alice-2 for" in verdict.violations[0].sentence
    assert [row.event for row in verdict.violations[0].rows] == [Event.COMMITTED, event]


def test_a_slot_that_is_told_twice_alike_is_one_slot(chat):
    chat.send("alice/phone", "alice-1", 2).commit("alice-1", 2).show("alice-1", 2)

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_positions_of_different_epochs_are_different(chat):
    chat.commit("filler", 2, kind="noop").submit("alice/phone", "alice-1").commit("alice-1", 3)
    chat.show("alice-1", 3).commit("filler-2", 3, epoch=1, kind="noop")
    for message, seq in (("alice-1", 4), ("alice-2", 5)):
        chat.send("alice/phone", message, seq, epoch=1).show(message, seq, epoch=1)

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_between_installs_of_a_device_there_is_no_order(chat):
    chat.submit("alice/phone", "alice-1")  # still under way when the device is wiped
    chat.say("alice/phone", Event.WIPED).say("alice/phone", Event.INSTALLED, detail="alice/phone#1")
    chat.send("alice/phone", "alice-2", 2).show("alice-2", 2)
    chat.commit("alice-1", 3).accept("alice-1", 3).show("alice-1", 3)

    assert Property.ORDER not in judge(chat.end()).counts
