"""Strategies: what they draw is valid, is made of what there is, and runs."""

from __future__ import annotations

import functools

from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from imsim.history import History
from imsim.scenario import load
from imsim.scenario.faults import Partition
from imsim.sim.algorithms import REAL
from imsim.sim.world import World
from imsim.testing.strategies import cases, cases_on, faults, histories, scenarios, workloads
from imsim.verify.search import Case, try_case
from imsim.verify.search.sampling import FAULTS, faults_of, survey
from imsim.verify.verdict import Outcome, judge

FEW = settings(max_examples=15)


@functools.cache
def tiny():
    return load("tiny")


@FEW
@given(scenarios())
def test_a_scenario_can_be_written_down_and_run(scenario):
    assert Case.from_toml(Case(scenario=scenario, seed=1).to_toml()).scenario == scenario
    World(scenario, seed=1)


@given(workloads(("ann", "ben"), ("a", "b"), most=12))
def test_a_workload_is_about_what_was_written_before(steps):
    known = {}
    for step in steps:
        if step.target is not None:
            assert known[step.target] == step.to
        if step.action in {"send", "reply"}:
            known[f"{step.user}-{sum(name.startswith(step.user) for name in known) + 1}"] = step.to
    assert 1 <= len(steps) <= 12
    assert [step.at for step in steps] == sorted(step.at for step in steps)


def test_workloads_have_every_action_that_needs_no_member_to_come_or_go():
    for action in ("send", "reply", "edit", "recall", "read", "cancel"):
        assert find(workloads(), lambda steps, action=action: any(step.action == action for step in steps))


def test_faults_are_between_sites_only_where_there_are_some():
    events = find(faults(sites=("a", "b")), lambda events: any(type(event) is Partition for event in events))
    assert events[0].sites == ("a",)

    @given(faults())
    def never(events):
        assert not any(type(event) is Partition for event in events)

    never()


@FEW
@given(st.data())
def test_a_case_runs_and_the_algorithms_hold(data):
    case = data.draw(cases(tiny(), most=3))
    assert len(case.deviations) <= 3
    assert try_case(case).outcome is not Outcome.VIOLATED


def test_cases_have_every_kind_of_fault_and_things_that_only_faults_make_happen():
    ground, met = survey(tiny(), seed=1, algorithms=REAL), set()
    keys = set(ground.keys)

    @settings(max_examples=100, phases=[Phase.generate])
    @given(cases_on(tiny(), ground, least=10, most=20))
    def collect(case):
        met.update(faults_of(case.deviations))
        met.update(deviation.key in keys for deviation in case.deviations if deviation.key is not None)

    collect()
    assert met == {*FAULTS, True, False}


def test_what_hypothesis_shrinks_is_small():
    ground = survey(tiny(), seed=1, algorithms=REAL)
    found = find(cases_on(tiny(), ground), lambda case: "crash" in faults_of(case.deviations))
    assert len(found.deviations) == 1


@settings(max_examples=5)
@given(histories())
def test_a_history_can_be_judged(history):
    assert isinstance(history, History)
    assert judge(history).facts > 0
