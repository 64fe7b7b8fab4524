"""One trial: run a case and judge it.

Whatever an algorithm does wrong comes out the same way here, as the promises that were broken: an exception that
escapes it, or a call of a port that no contract allows, breaks its *contract*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Unpack

import msgspec

from imsim.errors import AlgorithmError, ConfigError, nearest
from imsim.history import Event, History, Level
from imsim.protocol import marks
from imsim.sim.algorithms import REAL, Algorithms, Instead
from imsim.sim.decisions import Key, name_hash
from imsim.sim.deviations import Deviation
from imsim.sim.world import World
from imsim.verify.evidence import Evidence
from imsim.verify.finding import Property
from imsim.verify.search.case import Case
from imsim.verify.verdict import Outcome, Verdict, as_html, weigh_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imsim.scenario import Scenario
    from imsim.sim.decisions import Improviser

__all__ = ["CONTRACT", "Told", "Trial", "check_promises", "replay", "try_case"]

CONTRACT: Final = "contract"
"""The promise that an algorithm breaks by raising."""

_WORDS: Final = tuple((int(event), event.word.replace("_", " ")) for event in Event)


class Trial(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What became of a case.

    Attributes:
        case: what was run; what was improvised is among its deviations.
        algorithms: what ran, where it was not the real ones.
        history: what happened, up to where an exception ended it.
        verdict: what the judge says; None where an exception ended it.
        failures: the promises that were broken, with the story of the first that broke each.
        decisions: how many decisions could have gone otherwise.
        keys: these decisions in order, where they were to be recorded.
        marks: places of the algorithms that were passed (imsim/protocol/marks.py).
        events: what happened at least once, as the history calls it; while improvising, also what was decided about.
    """

    case: Case
    algorithms: Algorithms
    history: History
    verdict: Verdict | None
    failures: dict[str, str]
    decisions: int
    keys: tuple[Key, ...] = ()
    marks: tuple[str, ...] = ()
    events: tuple[str, ...] = ()

    @property
    def unknown(self) -> bool:
        """Whether nothing is known: what did not happen might still have."""
        return not self.failures and (self.verdict is None or bool(self.verdict.reason))

    @property
    def outcome(self) -> Outcome:
        """Violated, unknown, or holds."""
        return Outcome.VIOLATED if self.failures else Outcome.UNKNOWN if self.unknown else Outcome.HOLDS

    def told(self, order: tuple[int, ...], faults: tuple[str, ...] = (), *, follow: int = 0) -> Told:
        """What a search needs of it: `order` is its place, `faults` are the kinds of fault that it might use.

        `follow` of an exhaustive search are the cases with one deviation more.
        """
        met = {} if self.verdict is None else self.verdict.met
        deviations = self.case.deviations
        return Told(
            order=order,
            case=self.case if self.failures else None,
            failures=self.failures,
            unknown=self.unknown,
            goals=tuple(goal for goal, times in met.items() if times),
            marks=self.marks,
            events=self.events,
            faults=faults,
            actions=tuple(str(type(one.action).__struct_config__.tag).replace("_", " ") for one in deviations),
            deviated=tuple(name_hash(str(one.key)) for one in deviations if one.key is not None),
            decisions=self.decisions,
            follow=follow,
        )

    def __str__(self) -> str:
        if self.verdict is not None:
            return str(self.verdict)
        return "\n".join(f"violated: {promise}: {story}" for promise, story in self.failures.items())

    def __repr__(self) -> str:
        return f"Trial({self.outcome.word}, {len(self.case.deviations)} deviations, {len(self.history):,} facts)"

    def _repr_html_(self) -> str:
        return as_html((self.outcome.word, *str(self.case).splitlines(), "", *str(self).splitlines()))

    def assert_ok(self) -> None:
        """Nothing, if every promise was kept.

        Raises:
            AlgorithmError: one was broken, or it is not known whether one was; the message says how.
        """
        if self.outcome is not Outcome.HOLDS:
            raise AlgorithmError(f"{self}\n\n{self.case}")


class Told(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A trial as one process tells another of it: its place, what was done, what came of it.

    Attributes:
        order: its place.
        case: what was run, if it failed.
        failures, unknown, marks, events, decisions: as in `Trial`.
        goals: those that it met.
        faults: the kinds of fault that it might use.
        actions: what was done instead, each time.
        deviated: the decisions at which it was, each by the hash of its name.
        follow: cases with one deviation more that follow from it, where they are counted.
    """

    order: tuple[int, ...]
    case: Case | None
    failures: dict[str, str]
    unknown: bool
    goals: tuple[str, ...]
    marks: tuple[str, ...]
    events: tuple[str, ...]
    faults: tuple[str, ...]
    actions: tuple[str, ...]
    deviated: tuple[int, ...]
    decisions: int
    follow: int


def try_case(
    case: Case,
    *,
    algorithms: Algorithms = REAL,
    improviser: Improviser | None = None,
    level: Level = Level.MESSAGES,
    recording: bool = False,
    steered: bool = False,
) -> Trial:
    """Run a case and judge it.

    Args:
        case: what is run.
        algorithms: what runs, where it is not the real ones.
        improviser: deviates where the case says nothing (imsim/sim/decisions.py).
        level: how much is recorded; it changes nothing of what happens.
        recording: keep the keys of all decisions.
        steered: decide about the order of events too (imsim/sim/steering.py).

    Raises:
        ConfigError: the case asks for what there is not.
    """
    world = World(
        case.scenario,
        seed=case.seed,
        deviations=case.deviations,
        level=level,
        recording=recording,
        steered=steered,
        improviser=improviser,
        algorithms=algorithms,
    )
    before = marks.times()
    history, verdict, failures, events = _judged(world, case.scenario)
    decisions = world.decisions
    made = tuple(Deviation(decisions.key_of(asked), action) for asked, action in decisions.improvised)
    if made:
        case = msgspec.structs.replace(case, deviations=(*case.deviations, *made))
    keys = tuple(map(decisions.key_of, decisions.record or ()))
    return Trial(
        case=case,
        algorithms=algorithms,
        history=history,
        verdict=verdict,
        failures=failures,
        decisions=decisions.asked,
        keys=keys,
        marks=marks.passed_since(before),
        events=(*events, *decisions.met()),
    )


def _judged(world: World, scenario: Scenario) -> tuple[History, Verdict | None, dict[str, str], tuple[str, ...]]:
    """Run a world: what happened, what the judge says of it, the promises that were broken, and the kinds of events."""
    try:
        end = world.run()
    except AlgorithmError as error:
        return world.writer.finish(), None, {CONTRACT: str(error)}, ()
    evidence = Evidence(end.history)
    verdict = weigh_run(evidence, scenario, converged=end.converged, grace=end.grace)
    failures: dict[str, str] = {}
    for violation in verdict.violations:
        failures.setdefault(violation.property.value, violation.sentence)
    return end.history, verdict, failures, tuple(word for event, word in _WORDS if evidence.counts[event])


def check_promises(given_as: str, names: Sequence[str]) -> None:
    """Tell of a promise that is none: a search that counts no other would hold whatever happened.

    Raises:
        ConfigError: a name is not that of a promise.
    """
    known = [*(promise.value for promise in Property), CONTRACT]
    for name in names:
        if name not in known:
            raise ConfigError(f"{given_as} {name}: no such promise{nearest(name, known)}; there are {', '.join(known)}")


def replay(case: Case, **instead: Unpack[Instead]) -> Trial:
    """Run a case again, every frame of it recorded.

    Raises:
        ConfigError: the case asks for what there is not.
    """
    return try_case(case, algorithms=Algorithms(**instead), level=Level.FRAMES)
