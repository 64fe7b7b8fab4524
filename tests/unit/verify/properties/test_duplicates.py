"""No duplicate shown: twice in one install; moves and new installs are none."""

from __future__ import annotations

from imsim.history import Event
from imsim.verify.finding import Property
from imsim.verify.verdict import Outcome, judge


def test_a_message_shown_again_in_one_install_is_a_duplicate(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).show("alice-1", 2, "bob/pc")

    verdict = judge(chat.end())

    (violation,) = verdict.violations
    assert verdict.counts == {Property.NO_DUPLICATE: 1}
    assert violation.sentence == "bob/pc shows alice-1 twice in one install"
    assert [(row.event, row.node) for row in violation.rows] == [(Event.SHOWN, "bob/pc")] * 2


def test_every_further_copy_counts_and_an_earlier_install_counts_too(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    chat.show("alice-1", 2, "bob/pc", "bob/pc")
    chat.say("bob/pc", Event.WIPED).say("bob/pc", Event.INSTALLED, detail="bob/pc#1").show("alice-1", 2, "bob/pc")

    assert judge(chat.end()).counts == {Property.NO_DUPLICATE: 2}


def test_what_was_suppressed_is_no_duplicate(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    chat.say("bob/pc", Event.SUPPRESSED, conversation="chat", message="alice-1")

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_a_move_to_a_new_epoch_is_no_duplicate(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    chat.commit("filler", 2, epoch=1, kind="noop").commit("alice-1", 3, epoch=1).accept("alice-1", 3, epoch=1)
    chat.show("alice-1", 3, epoch=1)

    assert judge(chat.end()).outcome is Outcome.HOLDS
