"""A model with real processes: the same history, the same judge, and two kills."""

from __future__ import annotations

import pytest

from imsim.errors import ConfigError
from imsim.history import Event
from imsim.live.run import live_history
from imsim.scenario import load
from imsim.study.run import judged
from imsim.verify.verdict import Outcome

pytestmark = pytest.mark.live


def test_tiny_holds_with_real_processes_of_which_two_are_killed():
    scenario = load("tiny")
    history, counters, wall_s = live_history(scenario)
    run = judged(scenario, seed=1, history=history, counters=counters, wall_s=wall_s)

    assert str(run.verdict).startswith("holds"), run.verdict
    assert run.verdict.outcome is Outcome.HOLDS
    assert run.counters.kills == 2
    assert (run.metrics.messages, run.metrics.deliveries, run.metrics.expected) == (6, 18, 18)
    assert {row.node for row in history.filter(event=Event.CRASHED)} == {"server-1", "bob/phone"}
    assert '"kills":2' in run.to_json()
    down, up = (history.filter(event=event)[0].t for event in (Event.CRASHED, Event.RESTARTED))
    written = [fact.message for fact in history.filter(event=Event.SUBMITTED) if down < fact.t < up]
    assert written == ["bob-2"]  # while the server is away, and all 18 deliveries were made


def test_a_model_without_a_list_of_steps_is_refused():
    with pytest.raises(ConfigError, match=r"--live: traffic\.kind: expected list, got daily"):
        live_history(load("enterprise"))
