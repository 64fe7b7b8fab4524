"""Tables of a run: every row and column against what was told."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from imsim.history import Event
from imsim.study.frames import deliveries, messages, timeline
from imsim.verify.evidence import Evidence


@pytest.fixture
def history(chat):
    """alice-1 reaches everybody but bob's pc; alice-2 fails; alice-3 edits alice-1."""
    chat.send("alice/phone", "alice-1", 2).show("alice-1", 2, "alice/phone", "bob/phone")
    chat.submit("alice/phone", "alice-2").say("alice/phone", Event.FAILED, message="alice-2")
    return chat.operate(Event.EDITED, "alice-3", "alice-1", 3).end()


def test_messages_are_a_row_a_submission(history):
    frame = messages(Evidence(history))

    assert list(frame.index) == ["alice-1", "alice-2", "alice-3"]
    assert list(frame["state"]) == ["sent", "failed", "sent"]
    assert list(frame["kind"]) == ["", "", "edit"]
    assert list(frame["sender"]) == ["alice/phone"] * 3
    assert list(frame["conversation"]) == ["chat"] * 3
    assert list(frame["expected"]) == [3, 0, 0]
    assert list(frame["delivered"]) == [2, 0, 0]
    assert frame["accepted"].tolist()[0] - frame["submitted"].tolist()[0] == 2
    assert math.isnan(frame["accepted"].tolist()[1])
    assert frame["seq"].tolist() == [2, pd.NA, 3]
    assert frame["epoch"].tolist() == [0, pd.NA, 0]
    assert frame["latency_p50_ms"].tolist()[0] == frame["latency_max_ms"].tolist()[0] == 5000
    assert frame["latency_max_ms"].isna().tolist() == [False, True, True]


def test_deliveries_are_a_row_a_pair(history):
    frame = deliveries(Evidence(history)).set_index("device")

    assert sorted(frame.index) == ["alice/phone", "bob/pc", "bob/phone"]
    assert frame.loc["alice/phone", "own"]
    assert frame.loc["bob/phone", "latency_ms"] == 5000
    assert frame.loc["bob/phone", ["message", "conversation", "sender"]].tolist() == ["alice-1", "chat", "alice/phone"]
    assert math.isnan(frame.loc["bob/pc", "shown"])
    assert frame["lost"].to_dict() == {"alice/phone": False, "bob/pc": True, "bob/phone": False}
    assert frame["rows"].to_dict() == {"alice/phone": 1, "bob/pc": 0, "bob/phone": 1}


def test_tables_of_a_run_in_which_nothing_was_sent_are_empty(chat):
    evidence = Evidence(chat.end())

    assert len(messages(evidence)) == len(deliveries(evidence)) == 0


def test_a_timeline_holds_the_facts_about_one_thing(history):
    about = timeline(history, message="alice-1", node=None)
    there = timeline(history, message="alice-1", node="bob/phone")

    assert about["event"].tolist() == ["submitted", "committed", "accepted", "resolved", "shown", "shown"]
    assert there[["t", "event", "seq"]].to_numpy().tolist() == [[10.0, "shown", 2]]
    assert [history.row(place).message for place in about.index] == ["alice-1"] * 6


def test_a_timeline_of_nothing_in_particular_holds_everything(history):
    everything = timeline(history, message=None, node=None)

    assert len(everything) == len(history)
    assert list(everything.columns) == list(timeline(history, message="alice-1", node=None).columns)
