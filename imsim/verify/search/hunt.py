"""The search itself: many cases on all cores, the first that fails, and what was tried.

Cases have an order, and which one is where hangs on nothing but scenario, seed and strategy. They are handed out in
small portions, in that order, to as many processes as there are cores. When one fails, nothing above it is handed out
any more, and everything below it is waited for: so the failure that is reported is the lowest, on any number of cores.
Under a budget of time only how many were tried varies.

A search that met no failure has proved nothing about what it never met. So it says what it met, and if faults that it
used could have reached a goal and never did, its answer is *unknown*.
"""

from __future__ import annotations

import contextlib
import enum
import gc
import os
import pickle
import signal
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final, Unpack

import msgspec

from imsim.errors import AlgorithmError, ConfigError, nearest
from imsim.sim.algorithms import Algorithms, Instead
from imsim.sim.deviations import parse
from imsim.verify.goals import Goal
from imsim.verify.search.case import Case
from imsim.verify.search.exhaustive import DELAYS, subtrees
from imsim.verify.search.sampling import portions as random_portions
from imsim.verify.search.shrink import Shrunk, shrink
from imsim.verify.search.simpler import with_a_dull_network
from imsim.verify.search.trial import try_case
from imsim.verify.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from imsim.scenario import Scenario
    from imsim.verify.search.exhaustive import Subtree
    from imsim.verify.search.sampling import Portion
    from imsim.verify.search.trial import Told

__all__ = ["Coverage", "Failure", "Found", "Strategy", "check"]

_DEFAULT_RUNS: Final = 1000
_CONFIDENCE: Final = 3.0
"""Nothing in n tries: at 95 % it happens in at most 3/n of them (the rule of three)."""


class Failure(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A case that breaks a promise.

    Attributes:
        order: its place in the search; empty for one that was known from earlier.
        case: what fails; `case.breaks` is the promise.
        story: what happened, in a sentence.
        shrunk: the smallest case that was found, unless it was not looked for.
    """

    order: tuple[int, ...]
    case: Case
    story: str
    shrunk: Shrunk | None = None

    @property
    def smallest(self) -> Case:
        """The case to read."""
        return self.case if self.shrunk is None else self.shrunk.case


class Coverage(msgspec.Struct, kw_only=True, eq=False):
    """What a search tried.

    Attributes:
        decisions: decisions that could have gone otherwise, over all cases.
        deviations: how many did.
        faults: cases that might use each kind of fault.
        actions: how often each thing was done.
        goals: cases that met each goal.
    """

    decisions: int = 0
    deviations: int = 0
    faults: dict[str, int] = msgspec.field(default_factory=dict)
    actions: dict[str, int] = msgspec.field(default_factory=dict)
    goals: dict[str, int] = msgspec.field(default_factory=lambda: {goal.value: 0 for goal in Goal})


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
        everything: what all cases together are, where a strategy went through all of them; else empty.
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
        if self.everything and not self.failures:
            lines.append(f"these were all cases of {self.everything}")
        elif not self.failures and self.cases:
            lines.append(f"no case failed: at 95 % at most {_CONFIDENCE / self.cases:.2%} of such cases do")
        if self.unknown:
            first = _number(self.unknown[0])
            lines.append(f"nothing is known of {len(self.unknown):,} cases, the first of them number {first}")
        if self.unmet:
            lines.append(f"never met, though the faults in use could: {', '.join(self.unmet)}")
        tried = ", ".join(f"{count:,} × {word}" for word, count in sorted(self.coverage.actions.items()))
        lines.append(f"{self.coverage.deviations:,} of {self.coverage.decisions:,} decisions went otherwise: {tried}")
        for failure in self.failures:
            lines.extend(_told(failure))
        return tuple(lines)

    def __str__(self) -> str:
        return "\n".join(self.lines())

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
    number = f"case {_number(failure.order)}" if failure.order else "a case from earlier"
    smaller = "" if shrunk is None else f", shrunk in {shrunk.replays:,} runs"
    yield f"{number}{smaller}, seed {case.seed}:"
    yield from (f"    {line}" for line in str(case).splitlines())


class Strategy(enum.StrEnum):
    """How cases are made."""

    RANDOM = "random"
    EXHAUSTIVE = "exhaustive"


def check(  # noqa: PLR0913 (what a search may be told)
    scenario: Scenario,
    *,
    strategy: Strategy | str = Strategy.RANDOM,
    runs: int | None = None,
    depth: int = 1,
    budget: float | None = None,
    seed: int = 1,
    properties: Sequence[str] = (),
    first: Sequence[Case] = (),
    jobs: int | None = None,
    shrink_seconds: float = 60.0,
    on_progress: Callable[[int, float], bool | None] | None = None,
    **instead: Unpack[Instead],
) -> Found:
    """Search for faults that break a promise.

    Args:
        scenario: what is asked; its own faults happen in every case.
        strategy: `random` cases, or `exhaustive`: all with up to `depth` deviations, on links of constant latency.
        runs: how many random cases; by default 1,000, or as many as the budget allows.
        depth: how many deviations a case of an exhaustive search has at most.
        budget: seconds to spend.
        seed: the same seed gives the same cases.
        properties: promises that count, by their names; by default all.
        first: cases that failed earlier, to be tried before all others.
        jobs: processes; by default one a core, or none where what is `instead` cannot be handed to one.
        shrink_seconds: time for making a failure smaller; 0 leaves it as it is.
        on_progress: told now and then how many cases were tried, and for how many seconds; a true answer ends the
            search there.
        instead: what runs instead of the real algorithms, such as `device=MyDevice` (`imsim.sim.algorithms`).

    Raises:
        ConfigError: the scenario asks for what there is not, or a number or name is none that is allowed.

    Example:
        >>> import imsim
        >>> imsim.check(imsim.load("tiny"), runs=20).failures
        ()
    """
    _validate(seed=seed, runs=runs, depth=depth, budget=budget, jobs=jobs)
    chosen, algorithms = _strategy(strategy), Algorithms(**instead)
    if chosen is Strategy.EXHAUSTIVE:
        scenario = with_a_dull_network(scenario)
    hunt = _Hunt(scenario, algorithms, frozenset(properties))
    failure, everything = hunt.try_first(first), ""
    if failure is None:
        portions: Iterator[Portion | Subtree]
        if chosen is Strategy.EXHAUSTIVE:
            portions = subtrees(scenario, seed=seed, algorithms=algorithms, depth=depth)
            everything = f"up to {depth} deviations, on links of constant latency, delays of {DELAYS}"
        else:
            limit = runs if runs is not None else _DEFAULT_RUNS if budget is None else None
            portions = random_portions(scenario, seed=seed, algorithms=algorithms, runs=limit)
        failure = hunt.search(portions, budget, _jobs(jobs, algorithms), on_progress)
    seconds = time.monotonic() - hunt.begin
    if failure is not None and failure.order and shrink_seconds > 0:
        shrunk = shrink(failure.case, algorithms=algorithms, seconds=shrink_seconds)
        failure = msgspec.structs.replace(failure, shrunk=shrunk)
    return hunt.found(failure, seconds, everything)


def _validate(*, seed: int, budget: float | None, **counts: int | None) -> None:
    if seed < 0:
        raise ConfigError(f"seed: expected an integer >= 0, got {seed}")
    for name, value in counts.items():
        if value is not None and value < 1:
            raise ConfigError(f"{name}: expected an integer >= 1, got {value}")
    if budget is not None and not budget > 0:
        raise ConfigError(f"budget: expected seconds > 0, got {budget}")


def _strategy(name: Strategy | str) -> Strategy:
    try:
        return Strategy(name)
    except ValueError:
        known = list(map(str, Strategy))
        raise ConfigError(f"strategy: expected {' or '.join(known)}, got {name!r}{nearest(str(name), known)}") from None


def _jobs(jobs: int | None, algorithms: Algorithms) -> int:
    if jobs is None:
        try:
            pickle.dumps(algorithms)
        except (pickle.PicklingError, AttributeError):
            return 1
        return os.cpu_count() or 1
    return jobs


# ---------------------------------------------------------------------------------------------- many cases


class _Hunt:
    def __init__(self, scenario: Scenario, algorithms: Algorithms, properties: frozenset[str]) -> None:
        self.begin = time.monotonic()
        self._scenario = scenario
        self._algorithms = algorithms
        self._properties = properties
        self._coverage = Coverage()
        self._counters: dict[str, Counter[str]] = {"faults": Counter(), "actions": Counter(), "goals": Counter()}
        self._unknown: list[tuple[int, ...]] = []
        self._cases = 0
        self._complete = True
        self._interrupted = False

    def try_first(self, cases: Sequence[Case]) -> Failure | None:
        """What failed earlier, while it still fails."""
        for case in cases:
            trial = try_case(case, algorithms=self._algorithms)
            self._cases += 1
            broken = case.breaks if case.breaks in trial.failures else self._broken(trial.failures)
            if broken is not None:
                known = msgspec.structs.replace(case, breaks=broken)
                return Failure(order=(), case=known, story=trial.failures[broken])
        return None

    def search(
        self,
        portions: Iterator[Portion | Subtree],
        budget: float | None,
        jobs: int,
        on_progress: Callable[[int, float], bool | None] | None,
    ) -> Failure | None:
        """The lowest case that fails."""
        lowest: Told | None = None
        with contextlib.closing(self._results(portions, budget, jobs)) as results:
            for told in results:
                for one in told:
                    if self._broken(one.failures) is not None and (lowest is None or one.order < lowest.order):
                        lowest = one
                    self._note(one)
                if on_progress is not None and on_progress(self._cases, time.monotonic() - self.begin):
                    self._interrupted = True
                    break
        return None if lowest is None else self._failure(lowest)

    def _failure(self, told: Told) -> Failure:
        broken = self._broken(told.failures)
        assert broken is not None  # noqa: S101 (it is why it is told)
        deviations = tuple(map(parse, told.deviations))
        case = Case(scenario=self._scenario, seed=told.seed, deviations=deviations, breaks=broken)
        return Failure(order=told.order, case=case, story=told.failures[broken])

    def _results(
        self, portions: Iterator[Portion | Subtree], budget: float | None, jobs: int
    ) -> Generator[list[Told], None, None]:
        """Portions in order of completion; after a failure, only those below it."""
        if jobs == 1:
            for portion in portions:
                if self._cases and self._over(budget):
                    self._complete = False
                    return
                told = _try(portion)
                yield told
                if self._any_broken(told):
                    return
            return
        executor = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_leave_interrupts_alone)
        try:
            yield from self._spread(executor, portions, budget, 2 * jobs)
        finally:
            executor.shutdown(cancel_futures=True)

    def _spread(
        self, executor: Executor, portions: Iterator[Portion | Subtree], budget: float | None, most: int
    ) -> Generator[list[Told], None, None]:
        waiting: dict[Future[list[Told]], tuple[int, ...]] = {}
        more = True
        while True:
            while more and len(waiting) < most:
                late = bool(waiting) and self._over(budget)
                portion = None if late else next(portions, None)
                if portion is None:
                    more, self._complete = False, not late
                    break
                waiting[executor.submit(_try, portion)] = portion.order
            if not waiting:
                return
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                order = waiting.pop(future)
                told = future.result()
                yield told
                if self._any_broken(told):
                    more = False
                    for other, its in list(waiting.items()):
                        if its > order and other.cancel():
                            del waiting[other]

    def _over(self, budget: float | None) -> bool:
        return budget is not None and time.monotonic() - self.begin >= budget

    def _any_broken(self, told: list[Told]) -> bool:
        return any(self._broken(one.failures) is not None for one in told)

    def _broken(self, failures: dict[str, str]) -> str | None:
        """The first promise that was broken, of those that count."""
        return next((name for name in failures if not self._properties or name in self._properties), None)

    def _note(self, one: Told) -> None:
        self._cases += 1
        self._coverage.decisions += one.decisions
        self._coverage.deviations += len(one.deviations)
        for name, values in (("faults", one.faults), ("actions", one.actions), ("goals", one.goals)):
            self._counters[name].update(values)
        if one.unknown:
            self._unknown.append(one.order)

    def found(self, failure: Failure | None, seconds: float, everything: str) -> Found:
        """What came of it."""
        coverage = self._coverage
        coverage.faults = dict(sorted(self._counters["faults"].items()))
        coverage.actions = dict(sorted(self._counters["actions"].items()))
        coverage.goals |= self._counters["goals"]
        unmet = tuple(goal for goal in self._reachable() if not coverage.goals[goal])
        open_ = unmet or self._unknown or not self._cases or self._interrupted
        outcome = Outcome.VIOLATED if failure is not None else Outcome.UNKNOWN if open_ else Outcome.HOLDS
        return Found(
            outcome=outcome,
            cases=self._cases,
            seconds=seconds,
            failures=() if failure is None else (failure,),
            unknown=tuple(sorted(self._unknown)),
            unmet=unmet,
            coverage=coverage,
            everything=everything if self._complete and not self._interrupted else "",
            interrupted=self._interrupted,
        )

    def _reachable(self) -> Iterator[str]:
        """The goals that the kinds of fault in use can reach."""
        faults = self._counters["faults"]
        for fault, goals in _REACHES.items():
            if faults[fault]:
                yield from (goal.value for goal in goals)


_REACHES: Final = {
    "drop": (Goal.RETRY,),
    "cut": (Goal.RECONNECT, Goal.OFFLINE_CATCH_UP),
    "duplicate": (Goal.DUPLICATE_SUPPRESSED,),
    "crash": (Goal.CRASH,),
    "pause": (Goal.PAUSE,),
    "partition": (Goal.PARTITION,),
}
"""What each kind of fault can reach whatever the scenario is."""


def _leave_interrupts_alone() -> None:
    """A Ctrl-C at a terminal reaches every process; one of them decides what it means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _try(portion: Portion | Subtree) -> list[Told]:
    """Try what a portion holds. Worlds are webs of cycles: they pile up meanwhile, and then go at once."""
    was_on = gc.isenabled()
    gc.disable()
    gc.freeze()  # what was there before is not looked through each time
    try:
        return list(portion.tell())
    finally:
        gc.collect()
        gc.unfreeze()
        if was_on:
            gc.enable()
