"""Recording: what is stored, what is refused, and what a level leaves out."""

from __future__ import annotations

import gc
import struct
import weakref
from typing import Any

import pytest

from imsim.errors import ConfigError, InternalError
from imsim.history import Event, Level, Writer
from imsim.history.store import Store, recorder


def test_the_hot_call_and_the_checked_one_pack_the_same_row() -> None:
    hot, checked = Writer(), Writer()
    for writer in (hot, checked):
        writer.nodes.index("n")
        writer.conversations.index("c")
        writer.messages.index("m")
        writer.details.index("d")
    hot.row(1.5, 1, 2, Event.SHOWN, 1, 1, 3, 4, 5, 6, 7, 1)
    checked.fact(
        1.5, "n", Event.SHOWN, incarnation=2, conversation="c", message="m", epoch=3, seq=4, op=5, attempt=6,
        size=7, detail="d",
    )  # fmt: skip
    first, second = hot.finish(), checked.finish()
    assert list(first.rows()) == [(1.5, 1, 2, 5, 0, 1, 1, 3, 4, 5, 6, 7, 1)]
    assert first.sha256 == second.sha256


def test_a_finer_fact_is_not_recorded_at_the_coarser_level() -> None:
    coarse, fine = Writer(), Writer(Level.FRAMES)
    for writer in (coarse, fine):
        writer.fact(0, "n", Event.SENT)
        writer.fact(0, "n", Event.SHOWN)
    assert (coarse.frames, fine.frames) == (False, True)
    assert [row[3] for row in coarse.finish().rows()] == [Event.SHOWN]
    assert [row[3] for row in fine.finish().rows()] == [Event.SENT, Event.SHOWN]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"t": float("nan")}, "t: expected a finite number of seconds >= 0, got nan"),
        ({"t": float("inf")}, "t: expected a finite number of seconds >= 0, got inf"),
        ({"t": -0.5}, "t: expected a finite number of seconds >= 0, got -0.5"),
        ({"t": True}, "t: expected a finite number of seconds >= 0, got True"),
        ({"t": 10**400}, "t: expected a finite number of seconds >= 0, got 100000000000000000...0000000000000000000"),
        ({"seq": -1}, "seq: expected an integer from 0 to 4294967295, got -1"),
        ({"seq": 2**32}, "seq: expected an integer from 0 to 4294967295, got 4294967296"),
        ({"seq": 1.0}, "seq: expected an integer from 0 to 4294967295, got 1.0"),
        ({"seq": True}, "seq: expected an integer from 0 to 4294967295, got True"),
        ({"seq": 10**5000}, "seq: expected an integer from 0 to 4294967295, got an absurdly large number"),
        ({"epoch": 2**16}, "epoch: expected an integer from 0 to 65535, got 65536"),
        ({"incarnation": 2**16}, "incarnation: expected an integer from 0 to 65535, got 65536"),
        ({"attempt": "2"}, "attempt: expected an integer from 0 to 65535, got '2'"),
        ({"node": 3}, "node: expected a text, got 3"),
        ({"detail": None}, "detail: expected a text, got None"),
        ({"event": 99}, "event: expected an imsim.history.Event, got 99"),
        ({"event": "shown"}, "event: expected an imsim.history.Event, got 'shown'"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(given: dict[str, Any], message: str) -> None:
    writer = Writer()
    with pytest.raises(ConfigError) as caught:
        writer.fact(**{"t": 0.0, "node": "n", "event": Event.SHOWN, **given})
    assert str(caught.value) == message
    assert len(writer.finish()) == 0


def test_the_hot_call_refuses_a_number_wider_than_its_column_and_stores_nothing_of_it() -> None:
    writer = Writer()
    with pytest.raises(struct.error):
        writer.row(0.0, 0, 2**16, Event.SHOWN, 0, 0, 0, 0)
    writer.row(0.0, 0, 1, Event.SHOWN, 0, 0, 0, 0)
    assert len(writer.finish()) == 1


def test_nothing_is_recorded_after_the_end() -> None:
    writer = Writer()
    writer.finish()
    with pytest.raises(InternalError, match="recorded after the history was finished"):
        writer.row(0.0, 0, 0, Event.SHOWN, 0, 0, 0, 0)
    with pytest.raises(InternalError, match="recorded after the history was finished"):
        writer.fact(0.0, "n", Event.SHOWN)
    with pytest.raises(InternalError, match="finished twice"):
        writer.finish()


def test_a_kept_hot_call_cannot_grow_a_finished_history() -> None:
    writer = Writer()
    row = writer.row
    history = writer.finish()
    with pytest.raises(InternalError, match="recorded after the history was finished"):  # noqa: PT012 - a block
        for _ in range(5000):
            row(0.0, 0, 0, Event.SHOWN, 0, 0, 0, 0)
    assert len(history) == 0


def test_a_dropped_recorder_needs_no_collector() -> None:
    """A search makes a history a case with the collector off, so a cycle would be a leak."""

    class Watched(Store):
        __slots__ = ("__weakref__",)

    gc.disable()
    try:
        store = Watched(1000, None)
        calls = recorder(store.append)
        watch = weakref.ref(store)
        del store, calls
        assert watch() is None
    finally:
        gc.enable()
