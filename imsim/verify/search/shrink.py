"""From a case that fails to a smaller one that fails for the same promise.

What a person must read is what matters, so the order is: fewer deviations first (one long delay for several), then a
smaller scenario (faults of its own, a duller network, conversations, users, devices, messages), then simpler values,
and again from the beginning until nothing more goes. Everything is left out in halves, quarters and so on (*delta
debugging*: Zeller and Hildebrandt, TSE 2002).
Leaving something out never changes how what is left is decided, since every decision has a key of its own; that is why
so simple a search works.

Deterministic: the same case gives the same result, unless time ends it first.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from imsim.errors import ConfigError
from imsim.scenario.faults import Rates
from imsim.scenario.servers import Backends
from imsim.sim.algorithms import REAL, Algorithms
from imsim.sim.deviations import ClockJump, Delay, Deviation, Partition, Pause
from imsim.verify.search.case import Case
from imsim.verify.search.simpler import with_a_dull_network
from imsim.verify.search.trial import try_case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from imsim.history import History
    from imsim.scenario import Scenario

__all__ = ["Shrunk", "shrink"]

_REPLAYS: Final = 500
_SIMPLE_SECONDS: Final = (0.05, 0.5, 2.0, 8.0)
"""Values that a person reads more easily than others, the simplest first."""


class Shrunk(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The smallest case that was found.

    Attributes:
        case: it.
        story: how it breaks its promise, in a sentence.
        replays: runs that it took.
        finished: whether nothing more could be left out; false if the budget ended first.
    """

    case: Case
    story: str
    replays: int
    finished: bool


class _SpentError(Exception):
    """The budget is used up."""


def shrink(case: Case, *, algorithms: Algorithms = REAL, replays: int = _REPLAYS, seconds: float = 60.0) -> Shrunk:
    """Leave out of a failing case what it does not need.

    Args:
        case: it fails for the promise that it names (`case.breaks`).
        algorithms: what runs, where it is not the real ones.
        replays: at most so many runs.
        seconds: at most so much time.

    Raises:
        ConfigError: the case does not fail for that promise.
    """
    shrinker = _Shrinker(case, algorithms, replays, time.monotonic() + seconds)
    if not shrinker.fails(case):
        raise ConfigError(f"the case does not break {case.breaks!r}, so there is nothing to shrink")
    return shrinker.shrink()


class _Shrinker:
    def __init__(self, case: Case, algorithms: Algorithms, replays: int, deadline: float) -> None:
        self.best = case
        self.story = ""
        self.replays = 0
        self._algorithms = algorithms
        self._most = replays
        self._deadline = deadline
        self._tried: dict[str, bool] = {}
        self._history: History

    def shrink(self) -> Shrunk:
        try:
            before = None
            while before != self.best:
                before = self.best
                self._leave_out_deviations()
                self._merge_delays()
                self._simplify_scenario()
                self._simplify_values()
        except _SpentError:
            return self._shrunk(finished=False)
        return self._shrunk(finished=True)

    def _shrunk(self, *, finished: bool) -> Shrunk:
        return Shrunk(case=self.best, story=self.story, replays=self.replays, finished=finished)

    def fails(self, case: Case) -> bool:
        """Whether a case still fails for the same promise; if so, it is the best one so far."""
        text = case.to_toml()
        known = self._tried.get(text)
        if known is None:
            if self.replays >= self._most or (self.replays and time.monotonic() > self._deadline):
                raise _SpentError
            self.replays += 1
            known = self._tried[text] = self._run(case)
        return known

    def _run(self, case: Case) -> bool:
        try:
            trial = try_case(case, algorithms=self._algorithms)
        except ConfigError:
            return False  # what was left out is needed by what is left
        failed = case.breaks in trial.failures
        if failed:
            self.best = case
            self.story = trial.failures[case.breaks]
            self._history = trial.history
        return failed

    def _try(self, **changes: Any) -> bool:  # noqa: ANN401 (fields of a case)
        return self.fails(msgspec.structs.replace(self.best, **changes))

    # ------------------------------------------------------------------------------------------ deviations

    def _leave_out_deviations(self) -> None:
        for low, high in _parts(len(self.best.deviations)):
            deviations = self.best.deviations
            if low < len(deviations):
                self._try(deviations=deviations[:low] + deviations[high:])

    def _merge_delays(self) -> None:
        """What several late things do together, one of them may do alone if it is later: by the sum of them all."""
        count = sum(isinstance(deviation.action, Delay) for deviation in self.best.deviations)
        for low, high in _parts(count):
            for kept in range(low, high):
                delays = [one for one in self.best.deviations if isinstance(one.action, Delay)][low:high]
                if kept - low < len(delays) > 1:
                    self._try(deviations=tuple(_merged(self.best.deviations, delays, delays[kept - low])))

    # ------------------------------------------------------------------------------------------ the scenario

    def _simplify_scenario(self) -> None:
        for simpler in _SIMPLER:
            for scenario in simpler(self.best.scenario):
                self._try(scenario=scenario)
        self._leave_out_parts()

    def _leave_out_parts(self) -> None:
        """Conversations, users, devices, and then messages; the last first, since the first are meant."""
        for named in (_conversations, _users, _devices, _messages):
            names = named(self._history)
            for low, high in _parts(len(names)):
                scenario, there = self.best.scenario, frozenset(named(self._history))
                more = tuple(name for name in names[low:high] if name in there)
                if more:
                    self._try(scenario=msgspec.structs.replace(scenario, without=(*scenario.without, *more)))

    # ------------------------------------------------------------------------------------------ values

    def _simplify_values(self) -> None:
        for place in range(len(self.best.deviations)):
            for simpler in _simpler_values(self.best.deviations[place]):
                deviations = list(self.best.deviations)
                deviations[place] = simpler
                if self._try(deviations=tuple(deviations)):
                    break


def _merged(deviations: Sequence[Deviation], delays: Sequence[Deviation], kept: Deviation) -> Iterator[Deviation]:
    """The same with one delay instead of several."""
    for deviation in deviations:
        if deviation is kept:
            seconds = sum(one.action.seconds for one in delays if isinstance(one.action, Delay))
            yield Deviation(kept.key, Delay(round(seconds, 3)))
        elif deviation not in delays:
            yield deviation


def _simpler_values(deviation: Deviation) -> Iterator[Deviation]:
    action = deviation.action
    if isinstance(action, Delay | Pause):
        for seconds in _SIMPLE_SECONDS:
            if seconds < action.seconds:
                yield Deviation(deviation.key, type(action)(seconds))
    elif isinstance(action, Partition):
        at, until = float(int(action.at)), float(int(action.until) + 1)
        if (at, until) != (action.at, action.until):
            yield Deviation(None, msgspec.structs.replace(action, at=at, until=until))
        if action.one_way:
            yield Deviation(None, msgspec.structs.replace(action, one_way=False))
    elif isinstance(action, ClockJump) and action.at != int(action.at):
        yield Deviation(None, msgspec.structs.replace(action, at=float(int(action.at))))


def _parts(size: int) -> Iterator[tuple[int, int]]:
    """All of a list, its halves and so on to each single thing, from the end: what comes later depends on it."""
    width = size
    while width:
        for high in range(size, 0, -width):
            yield max(0, high - width), high
        width //= 2


# ---------------------------------------------------------------------------------------------- what there is


def _conversations(history: History) -> list[str]:
    """Their names; not the users' own logs, which are there as long as the users are."""
    return [name for name in history.conversations.names if name and not name.startswith("~")]


def _users(history: History) -> list[str]:
    return list(dict.fromkeys(name.partition("/")[0] for name in _devices(history)))


def _devices(history: History) -> list[str]:
    return [name for name in history.nodes.names if "/" in name]


def _messages(history: History) -> list[str]:
    """What users wanted; not the entries that a conversation begins with."""
    return [name for name in history.messages.names if name and not name.startswith("@")]


# ---------------------------------------------------------------------------------------------- simpler scenarios


def _without_faults(scenario: Scenario) -> Iterator[Scenario]:
    faults = scenario.faults
    if faults.random != Rates():
        yield msgspec.structs.replace(scenario, faults=msgspec.structs.replace(faults, random=Rates()))
    for place in reversed(range(len(faults.events))):
        events = faults.events[:place] + faults.events[place + 1 :]
        yield msgspec.structs.replace(scenario, faults=msgspec.structs.replace(faults, events=events))


def _without_weak_backends(scenario: Scenario) -> Iterator[Scenario]:
    healthy = msgspec.structs.replace(
        Backends(), log=msgspec.structs.replace(Backends().log, durability=scenario.backends.log.durability)
    )
    if scenario.backends != healthy:
        yield msgspec.structs.replace(scenario, backends=healthy)


def _with_a_dull_network(scenario: Scenario) -> Iterator[Scenario]:
    dull = with_a_dull_network(scenario)
    if dull != scenario:
        yield dull


_SIMPLER: Final[Sequence[Callable[[Scenario], Iterator[Scenario]]]] = (
    _without_faults,
    _without_weak_backends,
    _with_a_dull_network,
)
