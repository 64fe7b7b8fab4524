"""What only the level of frames records: how the servers' calls of their backends begin and end."""

from __future__ import annotations

import pytest

from imsim.history import Event, Level
from imsim.scenario import load
from imsim.sim.deviations import parse
from imsim.sim.world import World

CLAIM = "the 1st port call kv.compare_and_set of alice-1 at server-1"


def history(*deviations, level=Level.FRAMES, **changes):
    scenario = load("tiny", [f"{key}={value}" for key, value in changes.items()])
    return World(scenario, seed=1, deviations=tuple(map(parse, deviations)), level=level).run().history


def ends(history):
    """How the calls about alice-1 that claim it ended, in the order of their begin; None: not at all."""
    calls = {row.op: None for row in history.filter(event=Event.INVOKE, message="alice-1") if "compare" in row.detail}
    for event in (Event.OK, Event.FAIL, Event.INFO):
        calls.update({row.op: event for row in history.filter(event=event) if row.op in calls})
    return list(calls.values())


def test_a_call_begins_and_ends_under_one_number_with_its_port_and_its_message():
    facts = history(**{"backends.kv.service": "5ms"})
    begin, *_ = facts.filter(event=Event.INVOKE, message="alice-1")
    end = next(row for row in facts.filter(event=Event.OK) if row.op == begin.op)
    assert (begin.node, begin.incarnation, begin.detail) == ("server-1", 1, "kv.get")
    assert (end.node, end.message, end.detail) == ("server-1", "alice-1", "kv.get")
    assert end.t - begin.t == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("deviation", "end"),
    [
        (f"time out after {CLAIM}", Event.INFO),
        (f"time out before {CLAIM}", Event.INFO),
        (f"crash before {CLAIM}", None),
        (f"crash after {CLAIM}", None),
    ],
)
def test_what_the_caller_does_not_know_is_no_answer_and_what_a_crash_cut_off_has_no_end(deviation, end):
    assert ends(history(deviation))[0] is end


def test_what_is_refused_was_not_done():
    facts = history(**{"backends.kv.unavailable": 0.5})
    assert facts.filter(event=Event.FAIL)


def test_calls_are_recorded_where_nothing_can_fail_too_and_never_at_the_level_of_messages():
    operations = {Event.INVOKE, Event.OK, Event.FAIL, Event.INFO}
    assert operations & {row[3] for row in history().rows()} == {Event.INVOKE, Event.OK}
    assert not operations & {row[3] for row in history(level=Level.MESSAGES, **{"backends.kv.service": "5ms"}).rows()}
