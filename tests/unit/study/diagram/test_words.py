"""What facts and frames are called."""

from __future__ import annotations

import pytest

from imsim.history import Event
from imsim.study.diagram.words import Shape, frame_words, ordinal, shape_of, span_words, words_of


def words(story, event, *, brought="", **columns):
    story.say("bob/pc", event, **columns)
    history = story.writer.finish()
    return words_of(history.row(len(history) - 1), brought=brought)


@pytest.mark.parametrize(
    ("event", "columns", "said"),
    [
        (Event.SUBMITTED, {"message": "alice-1"}, "submits alice-1"),
        (Event.COMMITTED, {"message": "alice-1", "conversation": "chat", "seq": 3}, "alice-1 becomes chat[3]"),
        (Event.COMMITTED, {"message": "a", "conversation": "c", "seq": 3, "epoch": 2}, "a becomes c[3] of epoch 2"),
        (Event.RECALLED, {"message": "alice-1+recall", "detail": "alice-1"}, "alice-1 recalled"),
        (Event.RESOLVED, {"message": "alice-1"}, "told that alice-1 is sent"),
        (Event.DISCONNECTED, {"detail": "cut"}, "disconnected: cut"),
        (Event.CONNECTED, {}, "connected"),
        (Event.PUSHED, {"message": "alice-1", "attempt": 1}, "pushes alice-1"),
        (Event.PUSHED, {"message": "alice-1", "attempt": 2}, "pushes alice-1, the 2nd time"),
        (Event.REPLIED, {"message": "bob-1", "detail": "alice-1"}, "answers alice-1"),
        (Event.COUNTED, {"seq": 2, "op": 5, "size": 1}, "says: all known up to 5, read up to 2, 1 unread"),
        (Event.HEALED, {"detail": "a | b"}, "healed: a | b"),
        (Event.HEALED, {"detail": "end"}, "the run ends"),
        (Event.PARTITIONED, {"detail": "a | b"}, "partition: a | b"),
        (Event.PARTITIONED, {"detail": "kv unavailable for 3 s"}, "kv unavailable for 3 s"),
        (Event.PARTITIONED, {}, "partition"),
        (Event.TIMER, {"message": "alice-1"}, "timer alice-1"),
    ],
)
def test_a_fact_is_a_few_words(story, event, columns, said):
    assert words(story, event, **columns) == said


@pytest.mark.parametrize(
    ("event", "said"),
    [(Event.SHOWN, "shown"), (Event.COMMITTED, "becomes chat[1]"), (Event.RESOLVED, "told that it is sent")],
)
def test_the_message_that_the_frame_names_is_not_named_again(story, event, said):
    assert words(story, event, brought="alice-1", message="alice-1", conversation="chat", seq=1) == said


@pytest.mark.parametrize("event", Event)
def test_every_fact_has_words_and_a_shape(story, event):
    assert words(story, event)
    assert isinstance(shape_of(event), Shape)


def test_a_frame_is_called_as_in_the_words_of_a_case():
    assert frame_words("push", "alice-3", 1) == "push alice-3"
    assert frame_words("push", "alice-3", 2) == "2nd push alice-3"
    assert frame_words("hello", "", 1) == "hello"
    assert frame_words("", "", 0) == "frame"


@pytest.mark.parametrize(
    ("number", "said"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd")]
)
def test_occurrences_are_ordinals(number, said):
    assert ordinal(number) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.0, "0 ms"), (0.0474, "47 ms"), (4.5405, "4.54 s"), (3600.0, "3,600 s")]
)
def test_durations_have_the_unit_that_fits(seconds, said):
    assert span_words(seconds) == said
