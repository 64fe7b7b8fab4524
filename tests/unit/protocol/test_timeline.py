"""Edits and recalls commute: whichever comes first, every device shows the same in the end."""

from __future__ import annotations

from itertools import permutations

import pytest

from imsim.protocol.frames import Edit, Entry, Message, NoOp, Recall
from imsim.protocol.timeline import Timeline, version

ROW = Entry("room", 1, 1, "bob-1", "bob", 1.0, Message("first"))


def edit(name: str, content: str, wall: float, author: str = "bob") -> Entry:
    return Entry("room", 1, 9, name, author, wall, Edit("bob-1", content))


def recall(name: str, author: str = "bob") -> Entry:
    return Entry("room", 1, 9, name, author, 0.0, Recall("bob-1"))


def shown(*operations: Entry, lost: tuple[str, ...] = ()) -> str | None:
    timeline = Timeline()
    for operation in operations:
        timeline.operate(operation)
    timeline.forget(lost)
    return timeline.content(ROW)


@pytest.mark.parametrize(
    ("operations", "content"),
    [
        ([edit("bob-2", "a", 5.0), edit("bob-3", "b", 6.0)], "b"),
        ([edit("bob-2", "a", 6.0), edit("bob-3", "b", 5.0)], "a"),
        ([edit("bob-9", "a", 5.0), edit("bob-10", "b", 5.0)], "b"),
        ([edit("bob-7", "a", 5.0), edit("cob-7", "b", 5.0)], "b"),
        ([edit("bob-2", "a", 9.0), recall("bob-3"), edit("bob-4", "b", 99.0)], None),
        ([edit("eve-2", "a", 9.0, author="eve"), recall("eve-3", author="eve"), edit("bob-2", "b", 2.0)], "b"),
    ],
    ids=["the later clock", "an earlier clock", "the counter", "the id", "a recall", "strangers"],
)
def test_the_order_of_arrival_does_not_matter(operations, content):
    assert {shown(*order) for order in permutations(operations)} == {content}


def test_what_nobody_changed_is_shown_as_it_was_written():
    assert shown() == "first"


def test_what_is_no_message_shows_nothing():
    assert Timeline().content(Entry("room", 1, 1, "bob-1", "bob", 1.0, NoOp())) is None


def test_an_operation_that_is_known_is_no_news_and_takes_its_new_place():
    timeline = Timeline()
    assert timeline.operate(edit("bob-2", "a", 5.0))
    assert not timeline.operate(edit("bob-2", "a", 5.0))
    assert timeline.content(ROW) == "a"


@pytest.mark.parametrize(("lost", "content"), [("bob-2", "first"), ("bob-1", None)], ids=["the edit", "the message"])
def test_what_a_failover_lost_counts_no_more(lost, content):
    assert shown(edit("bob-2", "a", 5.0), lost=(lost,)) == content


def test_a_recall_that_a_failover_lost_counts_no_more():
    assert shown(recall("bob-2"), lost=("bob-2",)) == "first"


def test_only_an_operation_operates():
    with pytest.raises(TypeError, match="not an operation"):
        Timeline().operate(ROW)


def test_an_id_without_a_counter_has_a_version_too():
    assert version(edit("imported", "a", 5.0)) == (5.0, 0, "imported")
