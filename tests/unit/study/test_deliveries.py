"""Deliveries: which row is the first one, whatever install and epoch."""

from __future__ import annotations

from imsim.history import Event
from imsim.study.deliveries import cells, first_rows, latencies, owed
from imsim.verify.evidence import Evidence


def test_the_first_row_of_a_cell_is_of_any_install(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2)
    chat.say("bob/pc", Event.WIPED).say("bob/pc", Event.INSTALLED, detail="bob/pc#1").show("alice-1", 2, "bob/pc")
    evidence = Evidence(chat.end())

    due = cells(evidence)

    assert [evidence.node(device) for device in due.device.tolist()] == ["alice/phone", "bob/phone", "bob/pc"]
    assert first_rows(evidence)[due.cell].tolist() == [9.0, 10.0, 11.0]
    assert due.rows.tolist() == [1, 1, 1]


def test_a_row_that_a_change_of_epoch_moved_was_first_where_it_was(chat):
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2).commit("filler", 2, epoch=1, kind="noop")
    chat.commit("alice-1", 3, epoch=1).accept("alice-1", 3, epoch=1).show("alice-1", 3, epoch=1)
    evidence = Evidence(chat.end())

    assert latencies(evidence).tolist() == [5.0, 6.0]
    assert len(cells(evidence).cell) == 3


def test_messages_that_are_in_the_log_owe_nothing(chat):
    assert owed(Evidence(chat.send("alice/phone", "alice-1", 2).end())) == 0


def test_a_promise_about_what_nobody_submitted_owes_nobody(chat):
    assert owed(Evidence(chat.accept("ghost", 2).end())) == 0
