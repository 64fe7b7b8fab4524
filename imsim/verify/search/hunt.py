"""The search itself: many cases on all cores, the first that fails, and what was tried.

Cases have an order, and which one is where hangs on nothing but scenario, seed and strategy. They are handed out in
small portions, in that order, to as many processes as there are cores. When one fails, nothing above it is handed out
any more, and everything below it is waited for: so the failure that is reported is the lowest, on any number of cores.
Under a budget of time only how many were tried varies.

What does not belong here: what may be said of it in the end (tally.py).
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Final, Unpack

import msgspec

from imsim.errors import ConfigError, WorldError, nearest
from imsim.history.parting import parting
from imsim.scenario.values import seconds_of
from imsim.sim.algorithms import Algorithms, Instead
from imsim.verify.search.found import Failure, Found
from imsim.verify.search.pool import Pool, can_load, is_of_main
from imsim.verify.search.portfolio import sources
from imsim.verify.search.shrink import shrink
from imsim.verify.search.strategy import Strategy, interleaved
from imsim.verify.search.tally import Tally
from imsim.verify.search.trial import check_promises, try_case

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from imsim.scenario import Scenario
    from imsim.verify.search.case import Case
    from imsim.verify.search.strategy import Portion, Source
    from imsim.verify.search.trial import Told

__all__ = ["check"]

_RUNS: Final = 1000
_EXHAUSTIVE_RUNS: Final = 10_000
_OF_MAIN: Final = (
    "jobs: what is to run is defined in your script, which a process could not load beside this one: put it into a "
    'module, or what the script does under `if __name__ == "__main__":`, or leave out jobs'
)
_DIED: Final = "a process of the search died, perhaps of too little memory; fewer jobs need less"


def check(  # noqa: PLR0913 (what a search may be told)
    scenario: Scenario,
    *,
    strategy: Strategy | str = Strategy.RANDOM,
    runs: int | None = None,
    depth: int | None = None,
    budget: float | str | None = None,
    seed: int = 1,
    properties: Sequence[str] = (),
    first: Sequence[Case] = (),
    jobs: int | None = None,
    shrink_seconds: float = 60.0,
    on_failure: Callable[[Failure], None] | None = None,
    on_progress: Callable[[int, float], bool | None] | None = None,
    **instead: Unpack[Instead],
) -> Found:
    """Search for faults that break a promise.

    Args:
        scenario: what is asked; its own faults happen in every case.
        strategy: `random` cases; `pct`: by priorities between nodes; `hypothesis`: what that draws; `exhaustive`: all
            with up to `depth` deviations, on links of constant latency; or `all`: these in turns.
        runs: how many cases; by default as many as the budget allows, and without one 1,000, or of an exhaustive
            search the first 10,000.
        depth: how many deviations a case of an exhaustive search has at most; by default 2, or 1 among `all`.
        budget: how long to search: seconds, or a text such as `"60s"`.
        seed: the same seed gives the same cases.
        properties: promises that count, by their names; by default all.
        first: cases that failed earlier, to be tried before all others.
        jobs: processes; by default one a core, or none where what is `instead` cannot be handed to one or is
            defined in a script or notebook: put it into a module to use all cores.
        shrink_seconds: time for making a failure smaller; 0 leaves it as it is.
        on_failure: told of the failure at once, before it is made smaller.
        on_progress: told now and then how many cases were tried, and for how many seconds; a true answer ends the
            search there.
        instead: what runs instead of the real algorithms, such as `device=MyDevice` (`imsim.sim.algorithms`).

    Raises:
        ConfigError: the scenario asks for what there is not, or a number or name is none that is allowed.
        WorldError: a process died.

    Example:
        >>> import imsim
        >>> imsim.check(imsim.load("tiny"), runs=20).failures
        ()
    """
    _validate(seed=seed, runs=runs, depth=depth, jobs=jobs)
    check_promises("properties", properties)
    granted = None if budget is None else seconds_of("budget", budget)
    chosen, algorithms = _strategy(strategy), Algorithms(**instead)
    hunt = _Hunt(scenario, algorithms, frozenset(properties))
    failure = hunt.try_first(first)
    if failure is None:
        deepest = depth or (1 if chosen is Strategy.ALL else 2)
        chances = sources(chosen, scenario, seed=seed, algorithms=algorithms, depth=deepest)
        usual = _EXHAUSTIVE_RUNS if chosen is Strategy.EXHAUSTIVE else _RUNS
        limit = usual if runs is None and granted is None else runs
        failure = hunt.search(chances, limit, granted, _jobs(jobs, algorithms), on_progress)
    seconds = time.monotonic() - hunt.begin
    if failure is not None and failure.order:
        if on_failure is not None:
            on_failure(failure)
        if shrink_seconds > 0:
            failure = _shrunk(failure, algorithms, shrink_seconds)
    return hunt.tally.found(failure, seconds)


def _shrunk(failure: Failure, algorithms: Algorithms, seconds: float) -> Failure:
    """With the smallest case that fails, unless a second run of this one already goes another way."""
    case = failure.case
    again = try_case(case, algorithms=algorithms)
    if case.breaks in again.failures:
        shrunk = shrink(case, algorithms=algorithms, seconds=seconds)
        return msgspec.structs.replace(failure, shrunk=shrunk)
    part = parting(again.history, try_case(case, algorithms=algorithms).history)
    where = "" if part is None else f", and two more part at {part.first or part.second}"
    story = f"{failure.story}; scenario and seed do not determine it: another run of the same case keeps it{where}"
    return msgspec.structs.replace(failure, story=story)


def _validate(*, seed: int, **counts: int | None) -> None:
    if seed < 0:
        raise ConfigError(f"seed: expected an integer >= 0, got {seed}")
    for name, value in counts.items():
        if value is not None and value < 1:
            raise ConfigError(f"{name}: expected an integer >= 1, got {value}")


def _strategy(name: Strategy | str) -> Strategy:
    try:
        return Strategy(name)
    except ValueError:
        known = list(map(str, Strategy))
        raise ConfigError(f"strategy: expected {', '.join(known)}, got {name!r}{nearest(str(name), known)}") from None


def _jobs(jobs: int | None, algorithms: Algorithms) -> int:
    if jobs == 1:
        return 1
    try:
        alone = is_of_main(algorithms) or not all(map(can_load, algorithms.modules()))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        if jobs is not None:
            raise ConfigError(f"jobs: what is to run cannot be handed to another process: {error}") from None
        alone = True
    return jobs or (1 if alone else os.cpu_count() or 1)


# ---------------------------------------------------------------------------------------------- many cases


class _Hunt:
    def __init__(self, scenario: Scenario, algorithms: Algorithms, properties: frozenset[str]) -> None:
        self.begin = time.monotonic()
        self._algorithms = algorithms
        self._properties = properties
        self.tally = Tally(scenario)
        self._sources: list[Source] = []

    def try_first(self, cases: Sequence[Case]) -> Failure | None:
        """What failed earlier, while it still fails."""
        for case in cases:
            trial = try_case(case, algorithms=self._algorithms)
            self.tally.cases += 1
            broken = case.breaks if case.breaks in trial.failures else self._broken(trial.failures)
            if broken is not None:
                known = msgspec.structs.replace(case, breaks=broken)
                return Failure(order=(), case=known, story=trial.failures[broken], algorithms=self._algorithms)
        return None

    def search(
        self,
        chances: list[tuple[Source, int]],
        runs: int | None,
        budget: float | None,
        jobs: int,
        on_progress: Callable[[int, float], bool | None] | None,
    ) -> Failure | None:
        """The lowest case that fails."""
        self._sources = [source for source, _ in chances]
        begun = self.tally.cases
        with contextlib.closing(self._results(interleaved(chances, runs=runs), budget, jobs)) as results:
            for portion, told in results:
                strategy = self._sources[portion.source].strategy
                for one in told:
                    if runs is not None and self.tally.cases - begun >= runs:
                        return None
                    self.tally.note(one, strategy)
                    if self._broken(one.failures) is not None:
                        return self._failure(one, strategy)
                if on_progress is not None and on_progress(self.tally.cases, time.monotonic() - self.begin):
                    self.tally.interrupted = True
                    break
        return None

    def _failure(self, told: Told, strategy: Strategy) -> Failure:
        broken = self._broken(told.failures)
        assert broken is not None and told.case is not None  # noqa: S101, PT018 (it is why it is told)
        case = msgspec.structs.replace(told.case, breaks=broken)
        story = told.failures[broken]
        return Failure(order=told.order, case=case, story=story, strategy=strategy, algorithms=self._algorithms)

    def _results(
        self, portions: Iterator[Portion], budget: float | None, jobs: int
    ) -> Generator[tuple[Portion, list[Told]], None, None]:
        """Portions in their order, up to the first with a failure."""
        if jobs == 1:
            for portion in portions:
                if self.tally.cases and self._over(budget):
                    return
                told = _tried(portion, self._sources)
                yield portion, told
                if self._any_broken(told):
                    return
            return
        executor = Pool(jobs, _begin, self._sources)
        try:
            yield from self._spread(executor, portions, budget, 2 * jobs)
        except BrokenProcessPool:
            raise ConfigError(_OF_MAIN) if executor.loads_main else WorldError(_DIED) from None
        finally:
            executor.shutdown(cancel_futures=True)

    def _spread(
        self, executor: Executor, portions: Iterator[Portion], budget: float | None, most: int
    ) -> Generator[tuple[Portion, list[Told]], None, None]:
        line: deque[tuple[Portion, Future[list[Told]]]] = deque()
        running: set[Future[list[Told]]] = set()
        more = True
        while more or line:
            while more and len(running) < most:
                late = bool(line) and self._over(budget)
                portion = None if late else next(portions, None)
                if portion is None:
                    more = False
                    break
                line.append((portion, executor.submit(_try, portion)))
                running.add(line[-1][1])
            done, running = wait(running, return_when=FIRST_COMPLETED) if running else (set(), running)
            if any(self._any_broken(future.result()) for future in done):
                more = False
            while line and line[0][1].done():
                portion, future = line.popleft()
                yield portion, future.result()
                if self._any_broken(future.result()):
                    return

    def _over(self, budget: float | None) -> bool:
        return budget is not None and time.monotonic() - self.begin >= budget

    def _any_broken(self, told: list[Told]) -> bool:
        return any(self._broken(one.failures) is not None for one in told)

    def _broken(self, failures: dict[str, str]) -> str | None:
        """The first promise that was broken, of those that count."""
        return next((name for name in failures if not self._properties or name in self._properties), None)


_sources: Sequence[Source] = ()
"""In a process that tries cases: what was handed to it once, for all portions."""


def _begin(those: Sequence[Source]) -> None:
    """A process begins. A Ctrl-C at a terminal reaches every one; the first of them decides what it means."""
    global _sources  # noqa: PLW0603 (a process of a pool has nothing else to keep it in)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _sources = those


def _try(portion: Portion) -> list[Told]:
    return _tried(portion, _sources)


def _tried(portion: Portion, those: Sequence[Source]) -> list[Told]:
    """Try what a portion holds. Worlds are webs of cycles: they pile up meanwhile, and then go at once."""
    was_on = gc.isenabled()
    gc.disable()
    gc.freeze()  # what was there before is not looked through each time
    try:
        return list(portion.tell(those))
    finally:
        gc.collect()
        gc.unfreeze()
        if was_on:
            gc.enable()
