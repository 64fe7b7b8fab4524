"""What replaces what on a disk, and that every record is read back as it was written."""

from __future__ import annotations

import msgspec
import pytest

from imsim.protocol.frames import Entry, Message
from imsim.protocol.records import Epoch, Installed, Known, Missing, Queued, Resolved, SendState, key_of

RECORDS = [
    Entry("room", 1, 1, "a-1", "alice", 1.5, Message("x")),
    Installed("install", "a"),
    Queued("a-1", "room", 1.5, Message("x"), 3.0, cancelling=True, wanted=SendState.CANCELLED, offered=7),
    Resolved("a-1", SendState.FAILED, "deadline", Queued("a-1", "room", 1.5, Message("x"))),
    Known("room", 1, ((1, 4), (6, 9))),
    Missing("room", 1, 2, 3),
    Epoch("room", 2, 4),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_is_read_back_as_it_was_written(record):
    for codec in (msgspec.json, msgspec.msgpack):
        assert codec.decode(codec.encode(record), type=type(record)) == record


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_every_kind_of_record_has_its_own_key(record):
    same = [other for other in RECORDS if key_of(other) == key_of(record)]
    if isinstance(record, Queued | Resolved):  # what became of an entry takes the place of the wish
        assert [type(other) for other in same] == [Queued, Resolved]
    else:
        assert same == [record]


@pytest.mark.parametrize(
    ("older", "newer", "replaces"),
    [
        (RECORDS[0], Entry("room", 2, 9, "a-1", "alice", 1.5, Message("x")), True),
        (RECORDS[0], Entry("room", 1, 1, "b-1", "bob", 1.5, Message("x")), False),
        (RECORDS[4], Known("room", 2, ()), True),
        (RECORDS[4], Known("hall", 1, ()), False),
        (RECORDS[5], Missing("room", 1, 2, 9), True),
        (RECORDS[5], Missing("room", 1, 4, 9), False),
        (RECORDS[6], Epoch("room", 3, 4), False),
        (RECORDS[6], Epoch("hall", 2, 4), False),
    ],
)
def test_a_record_replaces_only_what_it_says_anew(older, newer, replaces):
    assert (key_of(older) == key_of(newer)) == replaces


def test_a_state_is_final_once_no_answer_is_awaited():
    assert [state for state in SendState if not state.final] == [SendState.PENDING, SendState.UNKNOWN]
