"""The hunt: each flaw by every strategy on one core, and the correct algorithms through the same cases.

A search is worth what it finds. So each flaw is looked for in its scenario until it is found or its budget is spent,
and what was found is shrunk, and replayed twice: on the flawed variant, where the promise must be broken again, and on
the correct algorithms, where it must hold. And these go through as many cases of the same scenario, seed and strategy
as the hunt took: a checker that cries wolf would find every flaw too.
"""

from __future__ import annotations

import functools
import os
import signal
from typing import TYPE_CHECKING

import msgspec

from imsim.errors import ConfigError
from imsim.verify.search import Case, check, replay
from imsim.verify.search.drawn import there
from imsim.verify.search.pool import Pool
from imsim.verify.search.strategy import Strategy
from imsim.verify.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imsim.verify.search import Found
    from imsim.verify.zoo.flaw import Flaw

__all__ = ["Hunted", "Tally", "hunt", "hunt_all"]


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What one strategy needed.

    Attributes:
        found: whether it found the flaw.
        cases, seconds: how many it tried, and for how long.
        false_alarms: whether (1) or not (0) a case of as many broke a promise of the correct algorithms.
    """

    found: bool
    cases: int
    seconds: float
    false_alarms: int


class Hunted(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one flaw.

    Attributes:
        id: the flaw.
        breaks: the promise that it broke; empty if it was not found.
        tallies: what each strategy needed, by its name.
        case: the shrunk case that the strategy `all` found; None if it found none.
        replays: runs that shrinking took.
        flawed, correct: the verdicts of replaying it on the flawed variant, and on the correct algorithms.
    """

    id: str
    breaks: str
    tallies: dict[str, Tally]
    case: Case | None = None
    replays: int = 0
    flawed: str = ""
    correct: str = ""

    @property
    def found(self) -> bool:
        """Whether all strategies together found it, and what they found breaks the flawed variant alone."""
        return (self.flawed, self.correct) == (Outcome.VIOLATED.word, Outcome.HOLDS.word)

    @property
    def false_alarms(self) -> int:
        """How often the correct algorithms were accused."""
        replayed = bool(self.correct) and self.correct != Outcome.HOLDS.word
        return sum(tally.false_alarms for tally in self.tallies.values()) + replayed


def hunt(flaw: Flaw, *, budget: float = 60.0, seed: int = 1) -> Hunted:
    """Look for a flaw by every strategy, each for at most `budget` seconds, in this process."""
    tallies: dict[str, Tally] = {}
    for strategy in Strategy:
        if strategy is Strategy.HYPOTHESIS and not there():
            continue
        found = _search(flaw, strategy, budget, seed)
        correct = check(flaw.scenario, strategy=strategy, runs=found.cases, seed=seed, jobs=1, shrink_seconds=0)
        tallies[strategy.value] = Tally(
            found=bool(found.failures),
            cases=found.cases,
            seconds=round(found.seconds, 3),
            false_alarms=len(correct.failures),
        )
    if not found.failures:  # of the last strategy, which is all of them together
        return Hunted(id=flaw.id, breaks="", tallies=tallies)
    (failure,) = found.failures
    return Hunted(
        id=flaw.id,
        breaks=failure.case.breaks,
        tallies=tallies,
        case=failure.smallest,
        replays=0 if failure.shrunk is None else failure.shrunk.replays,
        flawed=replay(failure.smallest, swaps=flaw.swaps).outcome.word,
        correct=replay(failure.smallest).outcome.word,
    )


def _search(flaw: Flaw, strategy: Strategy, budget: float, seed: int) -> Found:
    return check(
        flaw.scenario,
        strategy=strategy,
        budget=budget,
        seed=seed,
        jobs=1,
        properties=(flaw.breaks,),
        shrink_seconds=budget if strategy is Strategy.ALL else 0,
        swaps=flaw.swaps,
    )


# ---------------------------------------------------------------------------------------------- many of them


def hunt_all(
    flaws: Sequence[Flaw], *, budget: float = 60.0, seed: int = 1, jobs: int | None = None
) -> Iterator[Hunted]:
    """Look for each of the flaws, in their order; several at once, each on one core.

    Args:
        flaws: which.
        budget: seconds for each strategy and flaw.
        seed: the same seed gives the same cases.
        jobs: how many at once; by default one a core.

    Raises:
        ConfigError: a number is none that is allowed.
    """
    if seed < 0:
        raise ConfigError(f"seed: expected an integer >= 0, got {seed}")
    if jobs is not None and jobs < 1:
        raise ConfigError(f"jobs: expected an integer >= 1, got {jobs}")
    work = functools.partial(hunt, budget=budget, seed=seed)
    at_once = min(jobs or os.cpu_count() or 1, len(flaws))
    if at_once == 1:
        yield from map(work, flaws)
        return
    executor = Pool(at_once, _end_when_interrupted)
    try:
        yield from executor.map(work, flaws)
    finally:
        executor.shutdown(cancel_futures=True)


def _end_when_interrupted() -> None:
    """A Ctrl-C at a terminal reaches every process: this one ends there and then, without a word."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
