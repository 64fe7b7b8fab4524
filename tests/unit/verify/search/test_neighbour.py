"""The last neighbour that passes: without the last fault that is needed, and where the two part."""

from __future__ import annotations

import msgspec
import pytest

from imsim.scenario import load
from imsim.sim.deviations import parse
from imsim.verify.search import Case, neighbour, replay
from tests.flawed_devices import Hasty

NEEDED = "crash before the 1st write of alice-2+edit at alice/phone"
LATER = "delay the 1st push of bob-3 to alice/pc by 2 s"
BREAKS = "nothing out of nowhere"


@pytest.fixture(scope="module")
def tiny():
    return load("tiny")


def test_what_is_left_out_is_the_last_fault_that_is_needed_and_both_part_where_it_happens(tiny):
    case = Case(scenario=tiny, seed=1_000_161, deviations=(parse(NEEDED), parse(LATER)), breaks=BREAKS)
    found = neighbour(replay(case, device=Hasty))
    assert found.without == NEEDED
    assert BREAKS not in found.trial.failures
    assert (found.parting.first.event.word, found.parting.first.node) == ("crashed", "alice/phone")
    assert found.parting.second.event.word == "submitted"
    assert str(found).splitlines()[0] == f"passes without: {NEEDED}"


def test_a_case_without_faults_has_a_neighbour_without_a_message(tiny):
    class Stubborn(Hasty):
        __slots__ = ()

        def edit(self, *args, **kwargs):
            raise ValueError("what is written is written")

    trial = replay(Case(scenario=tiny, seed=1, breaks="contract"), device=Stubborn)
    assert trial.failures
    assert neighbour(trial).without == "alice-2"


def test_there_may_be_none(tiny):
    class Broken(Hasty):
        __slots__ = ()

        def open(self, *, now, wall):
            raise ValueError("never")

    trial = replay(Case(scenario=tiny, seed=1, breaks="contract"), device=Broken)
    assert neighbour(trial) is None
    assert neighbour(msgspec.structs.replace(trial, case=msgspec.structs.replace(trial.case, breaks=""))) is None
