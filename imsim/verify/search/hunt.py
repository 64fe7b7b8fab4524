"""The search itself: many cases on all cores, the first that fails, and what was tried.

Cases are numbered, and what number *i* is hangs on nothing but scenario, seed and *i*. They are handed out in order, in
small portions, to as many processes as there are cores. When one fails, nothing above it is handed out any more, and
everything below it is waited for: so the failure that is reported is the lowest, on any number of cores. Under a budget
of time only how many were tried varies.

A search that met no failure has proved nothing about what it never met. So it says what it met, and if faults that it
used could have reached a goal and never did, its answer is *unknown*.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Final

import msgspec

from imsim.errors import AlgorithmError, ConfigError
from imsim.protocol.device import Device
from imsim.scenario import Scenario
from imsim.verify.goals import Goal
from imsim.verify.search.case import Case
from imsim.verify.search.sampling import Ground, sample, survey
from imsim.verify.search.shrink import Shrunk, shrink
from imsim.verify.search.trial import Trial, try_case
from imsim.verify.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Coverage", "Failure", "Found", "check"]

_PORTION: Final = 20
"""Cases that a process is handed at once."""
_DEFAULT_RUNS: Final = 1000
_CONFIDENCE: Final = 3.0
"""Nothing in n tries: at 95 % it happens in at most 3/n of them (the rule of three)."""


class Failure(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A case that breaks a promise.

    Attributes:
        index: its number in the search; -1 for one that was known from earlier.
        case: what fails; `case.breaks` is the promise.
        story: what happened, in a sentence.
        shrunk: the smallest case that was found, unless it was not looked for.
    """

    index: int
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
        unknown: numbers of cases of which nothing is known, as something might still have happened in them.
        unmet: goals that the faults in use could reach, and never did.
        coverage: what was tried.
    """

    outcome: Outcome
    cases: int
    seconds: float
    failures: tuple[Failure, ...]
    unknown: tuple[int, ...]
    unmet: tuple[str, ...]
    coverage: Coverage

    def lines(self) -> tuple[str, ...]:
        """What was found, for a person."""
        rate = self.cases / self.seconds if self.seconds else 0.0
        head = f"{self.outcome.word}: {self.cases:,} cases in {self.seconds:.1f} s ({rate:,.0f} a second)"
        lines = [head]
        if not self.failures and self.cases:
            lines.append(f"no case failed: at 95 % at most {_CONFIDENCE / self.cases:.2%} of such cases do")
        if self.unknown:
            lines.append(f"nothing is known of {len(self.unknown):,} cases, the first of them number {self.unknown[0]}")
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


def _told(failure: Failure) -> Iterator[str]:
    case, shrunk = failure.smallest, failure.shrunk
    yield f"{case.breaks}: {failure.story if shrunk is None else shrunk.story}"
    number = "a case from earlier" if failure.index < 0 else f"case {failure.index}"
    smaller = "" if shrunk is None else f", shrunk in {shrunk.replays:,} runs"
    yield f"{number}{smaller}, seed {case.seed}:"
    yield from (f"    {line}" for line in str(case).splitlines())


def check(  # noqa: PLR0913 (what a search may be told)
    scenario: Scenario,
    *,
    runs: int | None = None,
    budget: float | None = None,
    seed: int = 1,
    device: type[Device] = Device,
    properties: Sequence[str] = (),
    first: Sequence[Case] = (),
    jobs: int | None = None,
    shrink_seconds: float = 60.0,
    on_progress: Callable[[int, float], object] | None = None,
) -> Found:
    """Search for faults that break a promise.

    Args:
        scenario: what is asked; its own faults happen in every case.
        runs: how many cases; by default 1,000, or as many as the budget allows.
        budget: seconds to spend.
        seed: the same seed gives the same cases.
        device: what runs on every device: a class with the methods of `imsim.protocol.device.Device`.
        properties: promises that count, by their names; by default all.
        first: cases that failed earlier, to be tried before all others.
        jobs: processes; by default one a core, or none where `device` cannot be handed to one.
        shrink_seconds: time for making a failure smaller; 0 leaves it as it is.
        on_progress: told now and then how many cases were tried, and for how many seconds.

    Raises:
        ConfigError: the scenario asks for what there is not, or a number is out of range.

    Example:
        >>> import imsim
        >>> imsim.check(imsim.load("tiny"), runs=20).failures
        ()
    """
    _validate(seed, runs, budget, jobs)
    hunt = _Hunt(scenario, seed, device, frozenset(properties), time.monotonic())
    failure = hunt.try_first(first)
    if failure is None:
        limit = runs if runs is not None else _DEFAULT_RUNS if budget is None else None
        failure = hunt.search(limit, budget, _jobs(jobs, device), on_progress)
    seconds = time.monotonic() - hunt.begin
    if failure is not None and failure.index >= 0 and shrink_seconds > 0:
        shrunk = shrink(failure.case, device=device, seconds=shrink_seconds)
        failure = msgspec.structs.replace(failure, shrunk=shrunk)
    return hunt.found(failure, seconds)


def _validate(seed: int, runs: int | None, budget: float | None, jobs: int | None) -> None:
    if seed < 0:
        raise ConfigError(f"seed: expected an integer >= 0, got {seed}")
    for name, value in (("runs", runs), ("jobs", jobs)):
        if value is not None and value < 1:
            raise ConfigError(f"{name}: expected an integer >= 1, got {value}")
    if budget is not None and not budget > 0:
        raise ConfigError(f"budget: expected seconds > 0, got {budget}")


def _jobs(jobs: int | None, device: type[Device]) -> int:
    if jobs is None:
        try:
            pickle.dumps(device)
        except (pickle.PicklingError, AttributeError):
            return 1
        return os.cpu_count() or 1
    return jobs


# ---------------------------------------------------------------------------------------------- many cases


class _Told(msgspec.Struct, frozen=True, eq=False):
    """What a process tells of one case."""

    index: int
    failures: dict[str, str]
    unknown: bool
    goals: tuple[str, ...]
    faults: tuple[str, ...]
    deviations: tuple[str, ...]
    actions: tuple[str, ...]
    decisions: int


class _Hunt:
    def __init__(
        self, scenario: Scenario, seed: int, device: type[Device], properties: frozenset[str], begin: float
    ) -> None:
        self.begin = begin
        self._scenario = scenario
        self._seed = seed
        self._device = device
        self._properties = properties
        self._coverage = Coverage()
        self._counters: dict[str, Counter[str]] = {"faults": Counter(), "actions": Counter(), "goals": Counter()}
        self._unknown: list[int] = []
        self._cases = 0
        self._sites = 0

    def try_first(self, cases: Sequence[Case]) -> Failure | None:
        """What failed earlier, while it still fails."""
        for case in cases:
            trial = try_case(case, device=self._device)
            self._cases += 1
            found = case.breaks if case.breaks in trial.failures else self._broken(trial.failures)
            if found is not None:
                return Failure(index=-1, case=_breaking(trial, found), story=trial.failures[found])
        return None

    def search(
        self, runs: int | None, budget: float | None, jobs: int, on_progress: Callable[[int, float], object] | None
    ) -> Failure | None:
        ground = survey(self._scenario, seed=self._seed, device=self._device)
        self._sites = len(ground.sites)
        lowest: _Told | None = None
        for told in self._results(ground, runs, budget, jobs):
            for one in told:
                if self._broken(one.failures) is not None and (lowest is None or one.index < lowest.index):
                    lowest = one
                self._note(one)
            if on_progress is not None:
                on_progress(self._cases, time.monotonic() - self.begin)
        return None if lowest is None else self._failure(ground, lowest.index)

    def _failure(self, ground: Ground, index: int) -> Failure:
        draft = sample(self._scenario, ground, seed=self._seed, index=index)
        trial = try_case(draft.case, device=self._device, improviser=draft.improviser)
        found = self._broken(trial.failures)
        assert found is not None  # noqa: S101 (the same case, run again)
        return Failure(index=index, case=_breaking(trial, found), story=trial.failures[found])

    def _results(self, ground: Ground, runs: int | None, budget: float | None, jobs: int) -> Iterator[list[_Told]]:
        """Portions in order of completion; after a failure, only those below it."""
        task = _Task(self._scenario, ground, self._seed, self._device)
        if jobs == 1:
            for low, high in _portions(runs):
                if low and self._over(budget):
                    return
                told = _portion(task, low, high)
                yield told
                if any(self._broken(one.failures) is not None for one in told):
                    return
            return
        with _executor(jobs) as executor:
            yield from self._spread(executor, task, runs, budget, jobs)

    def _spread(
        self, executor: Executor, task: _Task, runs: int | None, budget: float | None, jobs: int
    ) -> Iterator[list[_Told]]:
        portions = _portions(runs)
        waiting: dict[Future[list[_Told]], int] = {}
        open_ = True
        while True:
            while open_ and len(waiting) < 2 * jobs:
                portion = None if waiting and self._over(budget) else next(portions, None)
                if portion is None:
                    open_ = False
                    break
                waiting[executor.submit(_portion, task, *portion)] = portion[0]
            if not waiting:
                return
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                low = waiting.pop(future)
                told = future.result()
                yield told
                if any(self._broken(one.failures) is not None for one in told):
                    open_ = False
                    for other, begin in list(waiting.items()):
                        if begin > low and other.cancel():
                            del waiting[other]

    def _over(self, budget: float | None) -> bool:
        return budget is not None and time.monotonic() - self.begin >= budget

    def _broken(self, failures: dict[str, str]) -> str | None:
        """The first promise that was broken, of those that count."""
        return next((name for name in failures if not self._properties or name in self._properties), None)

    def _note(self, one: _Told) -> None:
        self._cases += 1
        self._coverage.decisions += one.decisions
        self._coverage.deviations += len(one.deviations)
        for name, values in (("faults", one.faults), ("actions", one.actions), ("goals", one.goals)):
            self._counters[name].update(values)
        if one.unknown:
            self._unknown.append(one.index)

    def found(self, failure: Failure | None, seconds: float) -> Found:
        coverage = self._coverage
        coverage.faults = dict(sorted(self._counters["faults"].items()))
        coverage.actions = dict(sorted(self._counters["actions"].items()))
        coverage.goals |= self._counters["goals"]
        unmet = tuple(goal for goal in self._reachable() if not coverage.goals[goal])
        outcome = (
            Outcome.VIOLATED
            if failure is not None
            else Outcome.UNKNOWN
            if unmet or self._unknown or not self._cases
            else Outcome.HOLDS
        )
        return Found(
            outcome=outcome,
            cases=self._cases,
            seconds=seconds,
            failures=() if failure is None else (failure,),
            unknown=tuple(sorted(self._unknown)),
            unmet=unmet,
            coverage=coverage,
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


class _Task(msgspec.Struct, frozen=True, eq=False):
    """What every process needs."""

    scenario: Scenario
    ground: Ground
    seed: int
    device: Any


def _portions(runs: int | None) -> Iterator[tuple[int, int]]:
    low = 0
    while runs is None or low < runs:
        high = low + _PORTION if runs is None else min(low + _PORTION, runs)
        yield low, high
        low = high


def _portion(task: _Task, low: int, high: int) -> list[_Told]:
    """Try the cases `low..high - 1`, up to the first that fails."""
    told = []
    with _collected_after():
        for index in range(low, high):
            draft = sample(task.scenario, task.ground, seed=task.seed, index=index)
            trial = try_case(draft.case, device=task.device, improviser=draft.improviser)
            told.append(_tell(index, draft.faults, trial))
    return told


def _tell(index: int, faults: tuple[str, ...], trial: Trial) -> _Told:
    met = {} if trial.verdict is None else trial.verdict.met
    deviations = trial.case.deviations
    return _Told(
        index,
        trial.failures,
        trial.unknown,
        tuple(goal for goal, times in met.items() if times),
        faults,
        tuple(map(str, deviations)),
        tuple(str(type(deviation.action).__struct_config__.tag).replace("_", " ") for deviation in deviations),
        trial.decisions,
    )


def _breaking(trial: Trial, name: str) -> Case:
    return msgspec.structs.replace(trial.case, breaks=name)


@contextlib.contextmanager
def _collected_after() -> Iterator[None]:
    """Worlds are webs of cycles: let them pile up for a portion, and then go at once."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.collect()
        if was_on:
            gc.enable()


def _executor(jobs: int) -> Executor:
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
