"""The verdict: whether users got what they were promised, with the rows that prove it where they did not.

Three answers and a half: *holds*, *violated*, *unknown*, and *could not run* for a run that was none. What happened
proves a violation at once. What did not happen (a message that is not there, a send that never ended) proves one only
once nothing more would have come: the history says that its world is healed and at its end, the last disturbance is
longer ago than the settings can need, and what a device lacks was committed longer ago than its strategy's stated
bound. Before that the answer is unknown, never a guess.

    verdict = judge(history)
    print(verdict)
    verdict.assert_ok()

What does not belong here: what is promised (properties/), figures (imsim/study/), printing in colour (the command
line).
"""

from __future__ import annotations

import enum
import html
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from imsim.errors import AlgorithmError
from imsim.history.schema import Event
from imsim.verify.finding import Property, Violation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imsim.history import History
    from imsim.scenario import Scenario
    from imsim.scenario.budget import Budget
    from imsim.verify.evidence import Evidence
    from imsim.verify.finding import Charge

__all__ = ["END", "WORLD", "Outcome", "Verdict", "judge", "weigh", "weigh_run"]

WORLD: Final = "world"
END: Final = "end"
"""A `healed` row of the node `world` with the detail `end` says that the run ended, all healed and connected."""

_GRAIN: Final = 1e-6
"""Seconds: the grain of a simulated clock, below which a difference is the float's."""
_TOLD: Final = 10
"""Violations of one property that are told; the others are counted."""

_DISTURBANCES: Final = (
    Event.SUBMITTED, Event.INSTALLED, Event.WIPED, Event.PARTITIONED, Event.HEALED, Event.CRASHED, Event.RESTARTED,
    Event.PAUSED, Event.RESUMED,
)  # fmt: skip


class Outcome(enum.Enum):
    """What a judge may say; the value is the exit code."""

    HOLDS = 0
    VIOLATED = 1
    COULD_NOT_RUN = 2
    UNKNOWN = 3

    @property
    def word(self) -> str:
        """The outcome as people and `--json` spell it."""
        return self.name.lower().replace("_", " ")


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the judge says of one run.

    Attributes:
        outcome: the answer.
        violations: the first of each property, with the rows that prove them.
        counts: how many violations of each property there are, those that were not told included.
        reason: why nothing is known, in a sentence; empty unless the outcome is unknown.
        met: how often each goal was met, by the goal's words, in a fixed order.
        facts: rows that were judged.
    """

    outcome: Outcome
    violations: tuple[Violation, ...] = ()
    counts: dict[Property, int] = {}
    reason: str = ""
    met: dict[str, int] = {}
    facts: int = 0

    @property
    def not_exercised(self) -> tuple[str, ...]:
        """The goals that the run never met."""
        return tuple(goal for goal, times in self.met.items() if not times)

    def lines(self) -> tuple[str, ...]:
        """The verdict for a person, line by line, without colour."""
        head = f"{self.outcome.word}: {self.facts:,} facts, {len(Property)} properties"
        if self.counts:
            head += "; " + ", ".join(f"{property_.value}: {count:,}" for property_, count in self.counts.items())
        if self.reason:
            head += f"; {self.reason}"
        told = [line for violation in self.violations for line in str(violation).splitlines()]
        more = sum(self.counts.values()) - len(self.violations)
        if more > 0 and self.violations:
            told.append(f"and {more:,} more")
        goals = [f"not exercised: {', '.join(self.not_exercised)}"] if self.not_exercised else []
        return (head, *told, *goals)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def assert_ok(self) -> None:
        """Nothing, if everything holds.

        Raises:
            AlgorithmError: a promise was broken, or it is not known whether one was; the message is the verdict.
        """
        if self.outcome is not Outcome.HOLDS:
            raise AlgorithmError(str(self))

    def __repr__(self) -> str:
        return f"Verdict({self.outcome.word}, {sum(self.counts.values()):,} violations)"

    def _repr_html_(self) -> str:
        return as_html(self.lines())


def as_html(lines: tuple[str, ...]) -> str:
    """What was found, for a notebook: the first line says it."""
    head, *rest = lines
    return f"<p><strong>{html.escape(head)}</strong></p><pre>{html.escape(chr(10).join(rest))}</pre>"


def judge(history: History, *, worst_staleness: float | None = None) -> Verdict:
    """Judge a run, or a log of one's own, by what happened.

    Args:
        history: the facts.
        worst_staleness: seconds after the last disturbance in which every device may still lack something, as the sync
            strategies in use state it; None where they state no bound, so that the run's own end decides.

    Raises:
        ConfigError: the history is too wide to be judged.
    """
    from imsim.verify.evidence import Evidence  # NumPy, which a program that only writes histories does not need

    return weigh(Evidence(history), worst_staleness=worst_staleness)


def weigh_run(
    evidence: Evidence, scenario: Scenario, *, converged: bool, interrupted: bool = False, grace: float = 0.0
) -> Verdict:
    """Judge a run of a scenario.

    Args:
        evidence: the facts.
        scenario: says how long its settings can take, and what the run may cost.
        converged: the run ended because all devices were quiet and held everything, so nothing more would have come.
        interrupted: somebody ended it before.
        grace: seconds that what ran instead of the scenario's own strategy can take besides.
    """
    return weigh(
        evidence,
        worst_staleness=None if converged else scenario.worst_staleness() + grace,
        patience=None if converged else scenario.needed_seconds() + grace,
        interrupted=interrupted,
        budget=scenario.budget,
    )


def weigh(
    evidence: Evidence,
    *,
    worst_staleness: float | None = None,
    patience: float | None = None,
    interrupted: bool = False,
    budget: Budget | None = None,
) -> Verdict:
    """Judge what was read already.

    Args:
        evidence: the facts.
        worst_staleness: as `judge`; it counts from the commit of what a device lacks too.
        patience: seconds after the last disturbance in which everything can still come to its end, where that is more
            than `worst_staleness`.
        interrupted: somebody ended the run before its time: it proves no more than violations.
        budget: what the run may cost.
    """
    from imsim.verify.goals import count_goals

    charges = _charges(evidence, budget)
    reason = "the run was interrupted" if interrupted else ""
    if not reason and (not len(evidence.events) or any(charge.absence for charge in charges)):
        reason = _unfinished(evidence, worst_staleness if patience is None else patience)
    if reason:
        proven = [charge for charge in charges if not charge.absence]
    else:
        proven = [
            charge for charge in (_due(evidence, charge, worst_staleness) for charge in charges) if len(charge.culprits)
        ]
    pending = _count(charges) - _count(proven)
    if pending:
        reason = reason or f"the run ended less than {worst_staleness:.3f} s after the commit of what is not there"
        reason += f", and {pending:,} things were still to happen"
    counts: dict[Property, int] = {}
    for charge in proven:
        counts[charge.property] = counts.get(charge.property, 0) + len(charge.culprits)
    return Verdict(
        outcome=Outcome.VIOLATED if proven else Outcome.UNKNOWN if reason else Outcome.HOLDS,
        violations=_told(evidence, proven) if proven else (),
        counts=counts,
        reason=reason,
        met=count_goals(evidence),
        facts=len(evidence.events),
    )


def _charges(evidence: Evidence, budget: Budget | None) -> list[Charge]:
    from imsim.verify.properties import PROPERTIES, costs

    charges = [charge for check in PROPERTIES for charge in check(evidence)]
    if budget is not None:
        charges += costs.check(evidence, budget)
    return charges


def _count(charges: Iterable[Charge]) -> int:
    return sum(len(charge.culprits) for charge in charges)


def _due(evidence: Evidence, charge: Charge, worst_staleness: float | None) -> Charge:
    """The charge with those culprits only that had the time that a strategy may need."""
    if charge.since is None or worst_staleness is None:
        return charge
    latest = evidence.history.row(-1).t - worst_staleness + _GRAIN
    moments = zip(charge.culprits, charge.since.tolist(), strict=True)
    return charge._replace(culprits=[int(culprit) for culprit, since in moments if since <= latest], since=None)


def _told(evidence: Evidence, charges: Iterable[Charge]) -> tuple[Violation, ...]:
    left = dict.fromkeys(Property, _TOLD)
    violations = []
    for charge in charges:
        for culprit in islice(charge.culprits, left[charge.property]):
            left[charge.property] -= 1
            sentence, places = charge.tell(int(culprit))
            rows = tuple(evidence.history.row(place) for place in sorted({place for place in places if place >= 0}))
            violations.append(Violation(property=charge.property, sentence=sentence, rows=rows, absence=charge.absence))
    return tuple(violations)


def _unfinished(evidence: Evidence, patience: float | None) -> str:
    """Why what did not happen might still have; empty if it would not."""
    places = evidence.places(Event.HEALED)
    last = evidence.history.row(int(places[-1])) if len(places) else None
    if last is None or (last.node, last.detail) != (WORLD, END):
        return "the history does not say that its run came to the end"
    if patience is None:
        return ""
    disturbed = max(
        (
            float(evidence.times(places[places < last.place][-1:]).max(initial=0.0))
            for places in map(evidence.places, _DISTURBANCES)
        ),
        default=0.0,
    )
    quiet = last.t - disturbed
    if quiet >= patience - _GRAIN:
        return ""
    return f"the run ended {quiet:.3f} s after the last disturbance, and its settings may need {patience:.3f} s"
