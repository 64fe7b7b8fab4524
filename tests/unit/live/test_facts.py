"""What processes tell, and the history that it becomes."""

from __future__ import annotations

import json

from imsim.history import Event
from imsim.live.facts import (
    Facts,
    history_of,
    of_arrival,
    of_device,
    of_effect,
    of_frame,
    of_record,
    of_views,
    read,
)
from imsim.protocol.effects import Notify, SendChanged, TailWasLost, Transmit, Write
from imsim.protocol.frames import (
    Answer,
    Ask,
    Created,
    Draft,
    Edit,
    Entry,
    Leave,
    Message,
    Outcome,
    Page,
    Ping,
    Push,
    Read,
    Recall,
    Send,
    Sent,
)
from imsim.protocol.records import Installed, Missing, Queued, Resolved, SendState
from imsim.protocol.services.claims import digest
from tests.device_alone import Alone, entry


def row(seq: int, body, client_id: str = "") -> Entry:
    return Entry("team", 1, seq, client_id or f"a-{seq}", "alice", 0.0, body)


def test_a_file_survives_a_line_that_was_torn(tmp_path):
    path = tmp_path / "bob-phone.facts"
    with Facts(path, "bob/phone", lambda: 1.0) as facts:
        facts.tell([{"event": "connected"}])
    with path.open("a") as file:
        file.write('{"t": 2.0, "node": "bob/ph')
    with Facts(path, "bob/phone", lambda: 3.0) as facts:
        facts.tell([{"event": "disconnected"}])
    assert [(fact["t"], fact["event"]) for fact in read(path)] == [(1.0, "connected"), (3.0, "disconnected")]
    assert read(tmp_path / "nowhere.facts") == []


def test_what_an_earlier_process_told_is_not_told_again(tmp_path):
    path = tmp_path / "a.facts"
    shown = of_record(row(1, Message("x")))
    with Facts(path, "a/phone", lambda: 1.0) as facts:
        facts.tell(shown)
    with Facts(path, "a/phone", lambda: 2.0) as facts:
        facts.tell_again([*shown, *of_record(row(2, Message("y")))])
    assert [(fact["t"], fact["message"]) for fact in read(path)] == [(1.0, "a-1"), (2.0, "a-2")]


def test_records_and_effects_are_told_as_what_the_user_sees():
    def told(facts) -> list[tuple]:
        return [(fact["event"], fact.get("message"), fact.get("detail")) for fact in facts]

    assert told(of_record(row(2, Edit("a-1", "y")))) == [("edited", "a-2", "a-1")]
    assert told(of_record(row(3, Read("team", 1, 2)))) == [("read", None, None)]
    assert told(of_record(Queued("a-4", "team", 0.0, Message("x")))) == [("submitted", "a-4", "")]
    assert told(of_record(Queued("a-4", "team", 0.0, Message("x"), cancelling=True))) == []
    assert told(of_record(Resolved("a-4", SendState.FAILED, "expired"))) == [("failed", "a-4", "expired")]
    assert told(of_record(Installed("i", "n"))) == []
    assert told(of_effect(Write((row(1, Message("x")),)))) == [("shown", "a-1", None)]
    assert told(of_effect(Notify(SendChanged("a-1", SendState.UNKNOWN, "asked")))) == [("unknown", "a-1", "asked")]
    assert of_effect(Write((Missing("team", 1, 1, 5),)))[0]["op"] == 5
    assert told(of_effect(Notify(TailWasLost("team", "a-1")))) == [("tail_lost", "a-1", None)]
    assert told(of_effect(Transmit(Ping(1)))) == [("spent", None, None)]


def test_what_a_device_sends_again_is_a_retry_of_each_message():
    drafts = tuple(Draft(name, 0.0, Message("x")) for name in ("a-1", "a-2"))
    first, again = (of_effect(Transmit(Send("team", 1, drafts, attempt))) for attempt in (1, 2))

    assert [fact["event"] for fact in first] == ["spent"]
    assert [(fact["event"], fact["message"], fact["attempt"]) for fact in again[1:]] == [
        ("retried", "a-1", 2),
        ("retried", "a-2", 2),
    ]


def test_only_what_was_accepted_is_a_promise():
    sent = Sent("team", 1, (Outcome("a-1", Answer.OK, 1, 7), Outcome("a-2", Answer.CANCELLED)))
    assert [(fact["event"], fact["message"], fact["seq"]) for fact in of_frame("bob/phone", sent)] == [
        ("accepted", "a-1", 7)
    ]
    pushes = [Push("team", 1, (row(1, Message("x")),), attempt=attempt) for attempt in (1, 2)]
    assert [of_frame("bob/phone", push)[0]["event"] for push in pushes] == ["pushed", "retried"]


def test_what_the_log_holds_is_committed_before_anybody_speaks_of_it(tmp_path):
    facts = [
        {"t": 12.0, "node": "alice/phone", **of_record(Queued("n-0", "team", 0.0, Message("x")))[0]},
        {"t": 13.0, "node": "bob/phone", **of_record(row(2, Message("x"), "n-0"))[0]},
        {"t": 14.0, "node": "server-1", "event": "accepted", "message": "n-0", "peer": "alice/phone"},
    ]
    log = [row(1, Created(("alice", "bob")), "n-c"), row(2, Message("x"), "n-0"), row(3, Leave("bob"), "n-l")]
    history = history_of(facts, log, {"n-0": "alice-1"}, begin=10.0, end=20.0)
    events = [(round(fact.t, 3), fact.event, fact.message) for fact in history.filter(message="alice-1")]
    assert events == [
        (2.0, Event.SUBMITTED, "alice-1"),
        (3.0, Event.COMMITTED, "alice-1"),
        (3.0, Event.SHOWN, "alice-1"),
        (4.0, Event.ACCEPTED, "alice-1"),
    ]
    assert [fact.detail for fact in history.filter(event=Event.JOINED)] == ["alice", "bob"]
    assert [fact.detail for fact in history.filter(event=Event.LEFT)] == ["bob"]
    assert json.dumps(facts)


def test_what_one_write_tells_is_true_at_one_moment(tmp_path):
    clock = iter([1.0, 2.0])
    with Facts(tmp_path / "a.facts", "a/phone", lambda: next(clock)) as facts:
        facts.tell(of_effect(Write((Resolved("a-1", SendState.SENT), row(1, Message("x"), "a-1")))))
    assert {(fact["event"], fact["t"]) for fact in read(tmp_path / "a.facts")} == {("resolved", 1.0), ("shown", 1.0)}


def test_an_answer_is_told_with_what_it_answers():
    facts = of_record(Queued("a-2", "team", 0.0, Message("x", "b-7")))
    assert [(fact["event"], fact["message"], fact["detail"]) for fact in facts] == [
        ("submitted", "a-2", ""),
        ("replied", "a-2", "b-7"),
    ]


def test_a_device_tells_where_it_stands():
    device = Alone().device
    device.commit((entry(1, Message("x"), where="team"), entry(2, Message("y"), where="team")), 0.0)
    assert of_device(device) == [{"event": "counted", "conversation": "team", "epoch": 1, "seq": 0, "op": 2, "size": 2}]


def test_a_question_and_its_answer_name_the_range():
    _, asked = of_effect(Transmit(Ask("team", 1, 3, 9, 50)))
    assert asked == {"event": "asked", "conversation": "team", "epoch": 1, "seq": 3, "op": 9}
    (answered,) = of_arrival(Page("team", 1, 3, 9, (), 1, 9))
    assert answered == {**asked, "event": "answered"}
    assert of_arrival(Ping(1)) == []


def test_what_a_user_reads_of_a_message_that_was_edited_or_recalled():
    alone = Alone().connect()
    alone.take(Push("room", 1, (entry(1, Message("x")), entry(2, Message("y")))))
    assert of_views(alone.device) == []
    alone.take(Push("room", 1, (entry(3, Edit("bob-1001", "z")), entry(4, Recall("bob-1002")))))
    assert [(fact["event"], fact["seq"], fact["detail"]) for fact in of_views(alone.device)] == [
        ("viewed", 1, digest("z").hex()),
        ("viewed", 2, ""),
    ]


def test_what_devices_spent_is_added_up_over_all_their_processes():
    spent = [
        {"t": t, "node": node, "event": "spent", "op": 1} for t, node in ((1.0, "a/pc"), (2.0, "b/pc"), (3.0, "a/pc"))
    ]
    history = history_of(spent, (), {}, 0.0, 9.0)
    assert [(row.node, row.op, row.t) for row in history.filter(event=Event.SPENT)] == [
        ("a/pc", 2, 9.0),
        ("b/pc", 1, 9.0),
    ]
