"""The sum over all cases: what is counted, and when nothing may be said."""

from __future__ import annotations

from imsim.protocol.marks import MARKS
from imsim.scenario import load
from imsim.verify.goals import Goal
from imsim.verify.search.found import Depth
from imsim.verify.search.strategy import Strategy
from imsim.verify.search.tally import Tally
from imsim.verify.search.trial import Told
from imsim.verify.verdict import Outcome


def told(*order, **what):
    plain = {
        "case": None, "failures": {}, "unknown": False, "goals": (), "marks": (), "events": (), "faults": (),
        "actions": (), "deviated": (), "decisions": 10, "follow": 0,
    }  # fmt: skip
    return Told(order=order, **plain | what)


def test_different_decisions_are_counted_once():
    tally = Tally(load("tiny"))
    tally.note(told(0, actions=("drop", "delay"), deviated=(7, 8), events=("shown",)), Strategy.RANDOM)
    tally.note(
        told(1, actions=("drop",), deviated=(7,), events=("shown", "read"), marks=("a send is repeated",)), Strategy.PCT
    )
    coverage = tally.found(None, 1.0).coverage
    assert (coverage.decisions, coverage.deviations, coverage.distinct) == (20, 3, 2)
    assert coverage.actions == {"delay": 1, "drop": 2}
    assert coverage.events == {"read": 1, "shown": 2}
    assert {mark: cases for mark, cases in coverage.marks.items() if cases} == {"a send is repeated": 1}
    assert len(coverage.marks) == len(MARKS)
    assert coverage.strategies == {"random": 1, "pct": 1}


def test_a_depth_is_whole_when_all_that_follow_from_the_one_above_were_told():
    tally = Tally(load("tiny"))
    assert tuple(tally.depths()) == ()
    tally.note(told(0, follow=2), Strategy.EXHAUSTIVE)
    tally.note(told(1, actions=("drop",), follow=7), Strategy.EXHAUSTIVE)
    tally.note(told(2, actions=("drop", "cut")), Strategy.RANDOM)
    assert tuple(tally.depths()) == (Depth(0, 1, 1), Depth(1, 1, 2))
    assert tally.found(None, 1.0).everything == ""
    tally.note(told(3, actions=("cut",), follow=3), Strategy.EXHAUSTIVE)
    assert tuple(tally.depths()) == (Depth(0, 1, 1), Depth(1, 2, 2), Depth(2, 0, 10))
    tally.note(told(4, 1, actions=("cut", "drop")), Strategy.EXHAUSTIVE)
    tally.interrupted = True
    found = tally.found(None, 1.0)
    assert found.coverage.depths[2] == Depth(2, 1, 10)
    assert found.everything.startswith("up to 1 deviation, "), "what was whole stays whole"


def test_it_holds_only_if_nothing_is_open():
    def outcome(**what):
        tally = Tally(load("tiny"))
        tally.note(told(0, **what), Strategy.RANDOM)
        return tally.found(None, 1.0).outcome

    assert outcome(faults=("crash",), goals=("a crash", Goal.UNANSWERED.value)) is Outcome.HOLDS
    assert outcome(faults=("crash",)) is Outcome.UNKNOWN
    assert outcome(unknown=True) is Outcome.UNKNOWN
    assert Tally(load("tiny")).found(None, 1.0).outcome is Outcome.UNKNOWN
