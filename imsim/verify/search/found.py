"""What a search found, and what it tried, for a person and for a program.

A search that met no failure has proved nothing about what it never met. So it says what it met: how many cases, how
many different decisions went otherwise, which kinds of fault and which marks of the algorithms were reached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from imsim.errors import AlgorithmError
from imsim.protocol.marks import MARKS
from imsim.sim.algorithms import REAL, Algorithms
from imsim.verify.goals import Goal
from imsim.verify.search.case import Case
from imsim.verify.search.shrink import Shrunk
from imsim.verify.search.strategy import Strategy
from imsim.verify.verdict import Outcome, as_html

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Coverage", "Depth", "Failure", "Found"]

_CONFIDENCE: Final = 3.0
"""Nothing in n tries: at 95 % it happens in at most 3/n of them (the rule of three)."""


class Failure(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A case that breaks a promise.

    Attributes:
        order: its place in the search; empty for one that was known from earlier.
        case: what fails; `case.breaks` is the promise.
        story: what happened, in a sentence.
        strategy: which one found it; None for one that was known from earlier.
        shrunk: the smallest case that was found, unless it was not looked for.
        algorithms: what ran, where it was not the real ones.
    """

    order: tuple[int, ...]
    case: Case
    story: str
    strategy: Strategy | None = None
    shrunk: Shrunk | None = None
    algorithms: Algorithms = REAL

    @property
    def smallest(self) -> Case:
        """The case to read."""
        return self.case if self.shrunk is None else self.shrunk.case


class Depth(msgspec.Struct, frozen=True):
    """How much of one depth an exhaustive search went through.

    Attributes:
        deviations: how many a case of it has.
        tried: cases that were tried.
        there: cases that there are.
    """

    deviations: int
    tried: int
    there: int

    @property
    def whole(self) -> bool:
        """Whether nothing of it is missing."""
        return self.tried == self.there

    def __str__(self) -> str:
        plural = "" if self.deviations == 1 else "s"
        return f"{self.tried:,} of the {self.there:,} cases with {self.deviations} deviation{plural} were tried"


class Coverage(msgspec.Struct, kw_only=True, eq=False):
    """What a search tried.

    Attributes:
        decisions: decisions that could have gone otherwise, over all cases.
        deviations: how many did.
        distinct: how many different ones did, by their names.
        faults: cases that might use each kind of fault.
        actions: how often each thing was done.
        goals: cases that met each goal.
        marks: cases that passed each place of the algorithms that has a mark (imsim/protocol/marks.py).
        events: cases in which each thing happened that the history, or a decision, has a word for.
        strategies: cases of each strategy.
        depths: what an exhaustive search went through, as far as it can be counted.
    """

    decisions: int = 0
    deviations: int = 0
    distinct: int = 0
    faults: dict[str, int] = msgspec.field(default_factory=dict)
    actions: dict[str, int] = msgspec.field(default_factory=dict)
    goals: dict[str, int] = msgspec.field(default_factory=lambda: {goal.value: 0 for goal in Goal})
    marks: dict[str, int] = msgspec.field(default_factory=lambda: {mark.words: 0 for mark in MARKS})
    events: dict[str, int] = msgspec.field(default_factory=dict)
    strategies: dict[str, int] = msgspec.field(default_factory=dict)
    depths: tuple[Depth, ...] = ()


class Found(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a search found.

    Attributes:
        outcome: violated, unknown, or holds.
        cases: how many were tried.
        seconds: how long that took.
        failures: the lowest case that fails, if any.
        unknown: places of the cases of which nothing is known, as something might still have happened in them.
        unmet: goals that the faults in use could reach, and never did.
        coverage: what was tried.
        everything: bounds within which every case was tried; empty where there are none.
        interrupted: whether somebody ended it before its time.
    """

    outcome: Outcome
    cases: int
    seconds: float
    failures: tuple[Failure, ...]
    unknown: tuple[tuple[int, ...], ...]
    unmet: tuple[str, ...]
    coverage: Coverage
    everything: str = ""
    interrupted: bool = False

    def lines(self) -> tuple[str, ...]:
        """What was found, for a person."""
        rate = self.cases / self.seconds if self.seconds else 0.0
        head = f"{self.outcome.word}: {self.cases:,} cases in {self.seconds:.1f} s ({rate:,.0f} a second)"
        lines = [head]
        if self.interrupted:
            lines.append("the search was interrupted")
        if not self.failures:
            lines += self._depths()
        if self.coverage.strategies.keys() - {Strategy.EXHAUSTIVE} and not self.failures:
            lines.append(f"no case failed: at 95 % at most {_CONFIDENCE / self.cases:.2%} of such cases do")
        if self.unknown:
            first = _number(self.unknown[0])
            lines.append(f"nothing is known of {len(self.unknown):,} cases, the first of them number {first}")
        if self.unmet and not self.failures:
            lines.append(f"never met, though the faults in use could: {', '.join(self.unmet)}")
        lines += self._tried()
        for failure in self.failures:
            lines.extend(_told(failure))
        return tuple(lines)

    def _depths(self) -> Iterator[str]:
        """Which depths an exhaustive search went through, and what it has of the next."""
        whole = [depth.tried for depth in self.coverage.depths if depth.whole]
        if self.everything:
            yield f"all {sum(whole):,} cases hold: {self.everything}"
        yield from map(str, self.coverage.depths[len(whole) :])

    def _tried(self) -> Iterator[str]:
        """What was tried, and what it reached."""
        coverage = self.coverage
        if len(coverage.strategies) > 1:
            yield "cases: " + ", ".join(f"{count:,} × {word}" for word, count in coverage.strategies.items())
        tried = ", ".join(f"{count:,} × {word}" for word, count in sorted(coverage.actions.items()))
        went = (
            f"{coverage.deviations:,} of {coverage.decisions:,} decisions went otherwise, {coverage.distinct:,} of them"
        )
        if coverage.actions:
            yield f"{went} different: {tried}"
        marks, goals = (f"{sum(map(bool, of.values()))} of {len(of)}" for of in (coverage.marks, coverage.goals))
        yield f"reached: {marks} marks in the code, {goals} goals"

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def __repr__(self) -> str:
        return f"Found({self.outcome.word}, {self.cases:,} cases)"

    def _repr_html_(self) -> str:
        return as_html(self.lines())

    def assert_ok(self) -> None:
        """Nothing, if every case holds.

        Raises:
            AlgorithmError: a promise was broken, or it is not known whether one was; the message says how.
        """
        if self.outcome is not Outcome.HOLDS:
            raise AlgorithmError(str(self))


def _number(order: tuple[int, ...]) -> str:
    return ".".join(map(str, order))


def _told(failure: Failure) -> Iterator[str]:
    case, shrunk = failure.smallest, failure.shrunk
    yield f"{case.breaks}: {failure.story if shrunk is None else shrunk.story}"
    number = f"case {_number(failure.order)} ({failure.strategy})" if failure.order else "a case from earlier"
    smaller = "" if shrunk is None else f", shrunk in {shrunk.replays:,} runs"
    yield f"{number}{smaller}, seed {case.seed}:"
    yield from (f"    {line}" for line in str(case).splitlines())
