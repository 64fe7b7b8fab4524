"""How a case breaks its promise: drawn if it can be, and the last facts where an exception ended it."""

from __future__ import annotations

from imsim.scenario import load
from imsim.sim.deviations import parse
from imsim.study.explain import explain
from imsim.verify.search import Case, check, replay
from tests.flawed_devices import Hasty, Raises

GUILTY = "crash before the 1st write of alice-2+edit at alice/phone"


def test_a_broken_promise_is_drawn_beside_the_last_neighbour_that_passes():
    case = Case(scenario=load("tiny"), seed=1_000_161, deviations=(parse(GUILTY),), breaks="nothing out of nowhere")
    drawn, _, passing = explain(replay(case, device=Hasty)).text(width=100).partition("\n\npasses without: ")
    assert "▲" in drawn
    assert passing.startswith(GUILTY)


def test_what_an_algorithm_raised_is_told_by_the_last_facts_before_it():
    trial = replay(Case(scenario=load("tiny"), seed=1, breaks="contract"), device=Raises)
    lines = explain(trial).text().splitlines()
    assert lines[:3] == ["nothing but seed 1", "", "the last facts before it:"]
    assert lines[3:11] == [f"    {trial.history.row(place)}" for place in range(-8, 0)]


def test_a_case_that_holds_is_its_words():
    assert str(explain(Case(scenario=load("tiny"), seed=1, deviations=(parse(GUILTY),)))) == GUILTY


def test_a_notebook_shows_a_failure_as_a_picture_beside_its_neighbour():
    case = Case(scenario=load("tiny"), seed=1_000_161, deviations=(parse(GUILTY),), breaks="nothing out of nowhere")
    found = check(load("tiny"), first=[case], device=Hasty, jobs=1)
    assert found._repr_html_().startswith("<p><strong>violated: 1 cases")
    assert repr(found) == "Found(violated, 1 cases)"
    shown = explain(found.failures[0])
    assert repr(shown) == "Explanation(Trial(violated, 1 deviations, 500 facts))".replace(
        "500", str(len(shown.trial.history))
    )
    page = shown._repr_html_()
    assert page.startswith("<pre>violated: ")
    assert "<svg" in page
    assert f"passes without: {GUILTY}" in page
