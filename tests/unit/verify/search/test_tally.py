"""The sum over all cases: what is counted, and when nothing may be said."""

from __future__ import annotations

from types import SimpleNamespace

from imsim.scenario import load
from imsim.verify.goals import Goal
from imsim.verify.search.strategy import Strategy
from imsim.verify.search.tally import Tally
from imsim.verify.search.trial import Told
from imsim.verify.verdict import Outcome


def told(*order, **what):
    plain = {
        "case": None, "failures": {}, "unknown": False, "goals": (), "marks": (), "faults": (), "actions": (),
        "deviated": (), "decisions": 10,
    }  # fmt: skip
    return Told(order=order, **plain | what)


def everything(count):
    return [(SimpleNamespace(strategy=Strategy.EXHAUSTIVE, count=count), 1)]


def test_different_decisions_are_counted_once():
    tally = Tally(load("tiny"))
    tally.note(told(0, actions=("drop", "delay"), deviated=(7, 8), marks=("shown",)), Strategy.RANDOM)
    tally.note(told(1, actions=("drop",), deviated=(7,), marks=("shown", "read")), Strategy.PCT)
    coverage = tally.found(None, 1.0, "").coverage
    assert (coverage.decisions, coverage.deviations, coverage.distinct) == (20, 3, 2)
    assert coverage.actions == {"delay": 1, "drop": 2}
    assert coverage.marks == {"read": 1, "shown": 2}
    assert coverage.strategies == {"random": 1, "pct": 1}


def test_all_cases_are_there_when_every_root_was_told():
    tally = Tally(load("tiny"))
    for order in ((0,), (1,), (1, 1), (1, 2)):
        tally.note(told(*order), Strategy.EXHAUSTIVE)
    tally.note(told(2), Strategy.RANDOM)
    assert tally.has_all(everything(2))
    assert not tally.has_all(everything(3))
    assert not tally.has_all([])
    tally.interrupted = True
    assert not tally.has_all(everything(2))


def test_it_holds_only_if_nothing_is_open():
    def outcome(**what):
        tally = Tally(load("tiny"))
        tally.note(told(0, **what), Strategy.RANDOM)
        return tally.found(None, 1.0, "").outcome

    assert outcome(faults=("crash",), goals=("a crash", Goal.UNANSWERED.value)) is Outcome.HOLDS
    assert outcome(faults=("crash",)) is Outcome.UNKNOWN
    assert outcome(unknown=True) is Outcome.UNKNOWN
    assert Tally(load("tiny")).found(None, 1.0, "").outcome is Outcome.UNKNOWN
