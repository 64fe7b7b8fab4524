"""What the cases of a search told, added up, and what may be said of it.

A search that met no failure has proved nothing about what it never met. So if faults that it used could have reached a
goal and never did, its answer is *unknown*.
"""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING, Final

from imsim.verify.goals import Goal
from imsim.verify.search.exhaustive import bounds
from imsim.verify.search.found import Coverage, Depth, Failure, Found
from imsim.verify.search.strategy import Strategy
from imsim.verify.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imsim.scenario import Scenario
    from imsim.verify.search.trial import Told

__all__ = ["Tally"]


class Tally:
    """A sum over cases.

    Args:
        scenario: what was asked; what can be reached hangs on it too.

    Attributes:
        cases: how many there were.
        interrupted: whether somebody ended the search before its time.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.cases = 0
        self.interrupted = False
        self._scenario = scenario
        self._coverage = Coverage()
        self._counters: dict[str, Counter[str]] = {name: Counter() for name in _COUNTED}
        self._strategies: Counter[Strategy] = Counter()
        self._deviated: set[int] = set()
        self._tried: Counter[int] = Counter()
        self._follow: Counter[int] = Counter()
        self._unknown: list[tuple[int, ...]] = []

    def note(self, one: Told, strategy: Strategy) -> None:
        """Add a case of a strategy."""
        self.cases += 1
        self._strategies[strategy] += 1
        if strategy is Strategy.EXHAUSTIVE:
            self._tried[len(one.actions)] += 1
            self._follow[len(one.actions)] += one.follow
        self._coverage.decisions += one.decisions
        self._coverage.deviations += len(one.actions)
        self._deviated.update(one.deviated)
        for name, counter in self._counters.items():
            counter.update(getattr(one, name))
        if one.unknown:
            self._unknown.append(one.order)

    def depths(self) -> Iterator[Depth]:
        """What an exhaustive search went through: depths that are whole, and how much of the next."""
        there = int(bool(self._tried))
        for deviations in itertools.count():
            if not there:
                return
            depth = Depth(deviations, self._tried[deviations], there)
            yield depth
            there = self._follow[deviations] if depth.whole else 0

    def found(self, failure: Failure | None, seconds: float) -> Found:
        """What came of it."""
        coverage = self._coverage
        coverage.depths = tuple(self.depths())
        whole = max((depth.deviations for depth in coverage.depths if depth.whole), default=0)
        coverage.distinct = len(self._deviated)
        for name in ("faults", "actions", "events"):
            setattr(coverage, name, dict(sorted(self._counters[name].items())))
        coverage.goals |= self._counters["goals"]
        coverage.marks |= self._counters["marks"]
        coverage.strategies = {word.value: self._strategies[word] for word in Strategy if self._strategies[word]}
        unmet = tuple(goal for goal in self._reachable() if not coverage.goals[goal])
        open_ = unmet or self._unknown or not self.cases or self.interrupted
        outcome = Outcome.VIOLATED if failure is not None else Outcome.UNKNOWN if open_ else Outcome.HOLDS
        return Found(
            outcome=outcome,
            cases=self.cases,
            seconds=seconds,
            failures=() if failure is None else (failure,),
            unknown=tuple(sorted(self._unknown)),
            unmet=unmet,
            coverage=coverage,
            everything=bounds(whole) if whole else "",
            interrupted=self.interrupted,
        )

    def _reachable(self) -> Iterator[str]:
        """The goals that the kinds of fault in use can reach."""
        faults = self._counters["faults"]
        for fault, goals in _REACHES.items():
            if faults[fault]:
                yield from (goal.value for goal in goals)
        if faults["drop"] and self._scenario.pushes():
            yield Goal.GAP.value  # whoever is pushed the next message sees that one is missing


_COUNTED: Final = ("faults", "actions", "goals", "marks", "events")
"""Words of `Told` that are counted over all cases."""

_REACHES: Final = {
    "drop": (Goal.RETRY,),
    "cut": (Goal.RECONNECT, Goal.OFFLINE_CATCH_UP),
    "duplicate": (Goal.DUPLICATE_SUPPRESSED,),
    "crash": (Goal.CRASH, Goal.UNANSWERED),
    "pause": (Goal.PAUSE,),
    "partition": (Goal.PARTITION,),
}
"""What each kind of fault can reach whatever the scenario is."""
