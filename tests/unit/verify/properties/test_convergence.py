"""Convergence: rows, operations and read marks are the same everywhere in the end."""

from __future__ import annotations

import pytest

from imsim.history import Event
from imsim.verify.finding import Property
from imsim.verify.verdict import Outcome, judge

APART = {Property.CONVERGENCE: 1}


def read(chat, device, seq, epoch=0):
    return chat.say(device, Event.READ, conversation="chat", epoch=epoch, seq=seq)


def test_an_entry_that_some_devices_have_and_others_do_not_is_told(chat):
    chat.submit("alice/phone", "alice-1").commit("alice-1", 2).say("alice/phone", Event.WIPED)
    chat.say("alice/phone", Event.INSTALLED, detail="alice/phone#1").show("alice-1", 2, "alice/phone", "bob/pc")

    verdict = judge(chat.end())

    assert verdict.counts == APART
    assert "alice-1 is in the log as chat[2], and bob/phone" in verdict.violations[0].sentence


def test_an_entry_that_was_never_acknowledged_and_reached_all_is_fine(chat):
    chat.submit("alice/phone", "alice-1").commit("alice-1", 2).say("alice/phone", Event.WIPED)
    chat.say("alice/phone", Event.INSTALLED, detail="alice/phone#1").show("alice-1", 2)

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_equal_marks_of_a_users_devices_converge_whatever_the_way(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).send("alice/phone", "alice-2", 3).show("alice-2", 3)
    read(chat, "bob/phone", 2)
    read(chat, "bob/pc", 3)
    read(chat, "bob/phone", 3)

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_marks_that_stay_apart_are_told(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).send("alice/phone", "alice-2", 3).show("alice-2", 3)
    read(chat, "bob/phone", 3)
    read(chat, "bob/pc", 2)

    verdict = judge(chat.end())

    assert verdict.counts == APART
    assert verdict.violations[0].sentence == "bob/phone has chat read up to 3, and bob/pc up to 2"
    assert [(row.node, row.seq) for row in verdict.violations[0].rows] == [("bob/phone", 3), ("bob/pc", 2)]


def test_a_device_without_any_mark_is_behind(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    read(chat, "bob/pc", 2)

    assert judge(chat.end()).counts == APART


def test_users_read_for_themselves(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    read(chat, "alice/phone", 2)

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_marks_of_an_install_that_is_gone_do_not_count(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    read(chat, "bob/phone", 2)
    read(chat, "bob/pc", 2)
    chat.say("bob/pc", Event.WIPED).say("bob/pc", Event.INSTALLED, detail="bob/pc#1").show("alice-1", 2, "bob/pc")

    assert judge(chat.end()).counts == APART


def test_a_mark_above_a_cut_counts_as_the_cut(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    chat.commit("lost", 3).commit("filler", 3, epoch=1, kind="noop")
    read(chat, "bob/phone", 3)  # of epoch 0, whose cut is 2
    read(chat, "bob/pc", 2)

    verdict = judge(chat.end())

    assert Property.CONVERGENCE not in verdict.counts


def test_an_operation_is_about_one_message_everywhere(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).send("alice/phone", "alice-2", 3).show("alice-2", 3)
    chat.operate(Event.EDITED, "alice-3", "alice-1", 4, "alice/phone", "bob/phone")
    chat.say("bob/pc", Event.EDITED, conversation="chat", message="alice-3", seq=4, detail="alice-2")

    verdict = judge(chat.end())

    assert verdict.counts == APART
    assert verdict.violations[0].sentence == ("alice-3 is about alice-1 on alice/phone and about alice-2 on bob/pc")


def _edited(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    return chat.operate(Event.EDITED, "alice-2", "alice-1", 3)


def _view(chat, device, text):
    return chat.say(device, Event.VIEWED, conversation="chat", message="alice-1", seq=2, detail=text)


def test_who_knows_the_same_operations_reads_the_same(chat):
    _view(_view(_edited(chat), "alice/phone", "new"), "bob/phone", "old")

    verdict = judge(chat.end())

    assert verdict.counts == APART
    assert verdict.violations[0].sentence == (
        "alice/phone and bob/phone know the same of alice-1, and show different texts"
    )


def test_what_was_read_before_the_last_row_came_is_compared_with_nobody(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    _view(chat, "bob/pc", "old").operate(Event.EDITED, "alice-2", "alice-1", 3)
    _view(_view(chat, "alice/phone", "new"), "bob/phone", "new")

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_who_knows_another_operation_may_read_something_else(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    chat.operate(Event.EDITED, "alice-2", "alice-1", 3, "alice/phone", "bob/phone")
    _view(_view(chat, "alice/phone", "new"), "bob/pc", "old")

    assert "show different texts" not in str(judge(chat.end()))


def test_what_was_recalled_is_shown_to_nobody_who_knows(chat):
    _edited(chat).operate(Event.RECALLED, "alice-3", "alice-1", 4)
    for device in ("alice/phone", "bob/phone", "bob/pc"):
        _view(chat, device, "new")

    verdict = judge(chat.end())

    assert verdict.counts == {Property.CONVERGENCE: 3}
    assert "alice/phone knows that alice-1 was recalled, and still shows it" in str(verdict)


def test_what_was_recalled_stays_so_from_then_on(chat):
    _view(_edited(chat), "bob/pc", "new").operate(Event.RECALLED, "alice-3", "alice-1", 4)
    for device in ("alice/phone", "bob/phone", "bob/pc"):
        _view(chat, device, "")
    _view(_view(chat, "bob/pc", "new"), "bob/pc", "")

    verdict = judge(chat.end())

    assert verdict.counts == APART
    assert verdict.violations[0].sentence == "bob/pc knows that alice-1 was recalled, and still shows it"


def test_equal_texts_after_operations_converge(chat):
    _edited(chat).operate(Event.RECALLED, "alice-3", "alice-1", 4)
    for device in ("alice/phone", "bob/phone", "bob/pc"):
        _view(chat, device, "")

    assert judge(chat.end()).outcome is Outcome.HOLDS


def test_operations_on_all_devices_converge(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    chat.operate(Event.EDITED, "alice-2", "alice-1", 3).operate(Event.RECALLED, "alice-3", "alice-1", 4)

    assert judge(chat.end()).outcome is Outcome.HOLDS


@pytest.mark.parametrize(("mark", "counts"), [(3, {}), (0, APART | {Property.NEVER_BACK: 1}), (4, APART)])
def test_a_device_says_that_the_marks_are_its_own(chat, mark, counts):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).send("alice/phone", "alice-2", 3).show("alice-2", 3)
    read(read(chat, "bob/phone", 3), "bob/pc", 3)

    unread = 0 if mark else 2
    verdict = judge(chat.count("bob/phone", 3, mark=3).count("bob/pc", 3, mark=mark, unread=unread).end())

    assert verdict.counts == counts
    if counts:
        assert verdict.violations[-1].sentence == (
            f"bob/pc says that its user has read chat up to {mark}, and the read marks that it has say 3"
        )


def test_what_a_device_said_last_is_what_it_says(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).count("bob/pc", 2, unread=1)

    read(read(chat, "bob/phone", 2), "bob/pc", 2)

    assert judge(chat.count("bob/pc", 2, mark=2).end()).outcome is Outcome.HOLDS
