"""How a case breaks its promise: drawn if it can be, and the last facts where an exception ended it."""

from __future__ import annotations

from imsim.scenario import load
from imsim.sim.deviations import parse
from imsim.study.explain import explain
from imsim.verify.search import Case, replay
from tests.flawed_devices import Hasty, Raises

GUILTY = "crash before the 1st write of alice-2+edit at alice/phone"


def test_a_broken_promise_is_drawn_beside_the_last_neighbour_that_passes():
    case = Case(scenario=load("tiny"), seed=1_000_161, deviations=(parse(GUILTY),), breaks="nothing out of nowhere")
    drawn, _, passing = explain(replay(case, device=Hasty), width=100).partition("\n\npasses without: ")
    assert "▲" in drawn
    assert passing.startswith(GUILTY)


def test_what_an_algorithm_raised_is_told_by_the_last_facts_before_it():
    trial = replay(Case(scenario=load("tiny"), seed=1, breaks="contract"), device=Raises)
    lines = explain(trial).splitlines()
    assert lines[:3] == ["nothing but seed 1", "", "the last facts before it:"]
    assert lines[3:11] == [f"    {trial.history.row(place)}" for place in range(-8, 0)]


def test_a_case_that_holds_is_its_words():
    assert explain(replay(Case(scenario=load("tiny"), seed=1, deviations=(parse(GUILTY),)))) == GUILTY
