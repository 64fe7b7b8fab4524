"""Every case of up to so many deviations: what random search may miss, a small model can be gone through.

From a run follow all cases with one deviation: one at each key that it asked, once for each thing that can be done
there. From each of these runs follow those with a second deviation, and so on. A child deviates only at keys that were
asked after its parent's last one: the prefix is the same run, so every set of deviations comes up exactly once.

Among what can be done is the order of events (imsim/sim/steering.py): of what is due at one node at once, anything may
come first, and a frame may be late until its receiver has met something else, until a timer of it has gone off, or
until everything is healed. Other delays and pauses take few values, and nothing else is tried about the network (a
caller makes its latency constant). What a search went through is said with these bounds.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import math
from typing import TYPE_CHECKING, Any, Final

import msgspec

from imsim.scenario import Scenario
from imsim.scenario.network import LinkKind
from imsim.sim import deviations as acts
from imsim.sim.algorithms import Algorithms
from imsim.sim.decisions import Key, Kind
from imsim.sim.deviations import Deviation, possible
from imsim.verify.search.case import Case
from imsim.verify.search.sampling import faults_of
from imsim.verify.search.strategy import Strategy
from imsim.verify.search.trial import try_case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imsim.sim.deviations import Action
    from imsim.verify.search.trial import Told, Trial

__all__ = ["Exhaustive", "bounds", "children"]

_SECONDS: Final[dict[type[Action], tuple[float, ...]]] = {acts.Delay: (0.5, 8.0), acts.Pause: (8.0,)}
"""Longer than a round trip, and longer than most time-outs."""


class Exhaustive(msgspec.Struct, frozen=True, eq=False):
    """All cases of up to so many deviations, the one without any first; see `Source`.

    Attributes:
        scenario, seed, algorithms: what is asked.
        keys: what the run without deviations was asked: at which place of it, and the key, each key once.
        ends: the number of the last case with one deviation at each of them.
        depth: how many more deviations may follow.
    """

    scenario: Scenario
    seed: int
    algorithms: Algorithms
    keys: tuple[tuple[int, Key], ...]
    ends: tuple[int, ...]
    depth: int
    largest: int

    @staticmethod
    def of(scenario: Scenario, *, seed: int, algorithms: Algorithms, depth: int, largest: int) -> Exhaustive:
        """All cases of up to `depth` deviations.

        Raises:
            ConfigError: the scenario asks for what there is not.
        """
        case = Case(scenario=scenario, seed=seed)
        base = try_case(case, algorithms=algorithms, recording=True, steered=True)
        keys = () if base.failures else tuple(_later(base, -1))
        streams = _streams(scenario)
        ends = tuple(itertools.accumulate(len(_actions(key.kind, streams=streams)) for _, key in keys))
        return Exhaustive(scenario, seed, algorithms, keys, ends, depth - 1, largest if depth == 1 else 1)

    @property
    def strategy(self) -> Strategy:
        """It is one."""
        return Strategy.EXHAUSTIVE

    @property
    def count(self) -> int:
        """How many have at most one deviation."""
        return 1 + (self.ends[-1] if self.ends else 0)

    def root(self, index: int) -> tuple[int, tuple[Deviation, ...]]:
        """A case with at most one deviation: at which place of the first run that is, and what is done.

        Neighbours in the order of a search are far apart in the run: one that is cut short has tried something of all.
        """
        if not index:
            return -1, ()
        number = 1 + (index - 1) * _stride(self.count - 1) % (self.count - 1)
        place = bisect.bisect_left(self.ends, number)
        asked, key = self.keys[place]
        actions = _actions(key.kind, streams=_streams(self.scenario))
        return asked, (Deviation(key, actions[number - self.ends[place] - 1]),)

    def tell(self, index: int, order: tuple[int, ...]) -> Iterator[Told]:
        """Try one, and then what follows from it."""
        place, deviations = self.root(index)
        return self._told(deviations, place, self.depth if index else 0, order)

    def _told(
        self, deviations: tuple[Deviation, ...], place: int, depth: int, order: tuple[int, ...]
    ) -> Iterator[Told]:
        case = Case(scenario=self.scenario, seed=self.seed, deviations=deviations)
        trial = try_case(case, algorithms=self.algorithms, recording=depth > 0, steered=depth > 0)
        yield trial.told(order, faults_of(deviations))
        if depth and not trial.failures:
            for number, (later, child) in enumerate(children(trial, place), start=1):
                yield from self._told((*deviations, child), later, depth - 1, (*order, number))


def bounds(depth: int) -> str:
    """What all cases of up to `depth` deviations are, for a person."""
    plural = "" if depth == 1 else "s"
    return (
        f"up to {depth} deviation{plural}, on links of constant latency; any first of what is due at a node at once; "
        "frames held until their receiver's next event, its next timer, or the end of all faults; "
        "calls, writes and connections late by 0.5 or 8 s; pauses of 8 s"
    )


def children(trial: Trial, place: int) -> Iterator[tuple[int, Deviation]]:
    """What may be done once more after the key at `place`: where, and what."""
    streams = _streams(trial.case.scenario)
    for later, key in _later(trial, place):
        for action in _actions(key.kind, streams=streams):
            yield later, Deviation(key, action)


def _later(trial: Trial, place: int) -> Iterator[tuple[int, Key]]:
    """The keys after a place; each once, as a flawed algorithm can be asked the same again."""
    met = set(trial.keys[: place + 1])
    for later in range(place + 1, len(trial.keys)):
        key = trial.keys[later]
        if key not in met:
            met.add(key)
            yield later, key


@functools.cache
def _stride(count: int) -> int:
    """A step that leads to every one of so many numbers, each far from those before it: about a golden section."""
    return next(step for step in range(int(count * 0.618), count + 1) if math.gcd(step, count) == 1)


def _streams(scenario: Scenario) -> bool:
    """Whether every link is a stream."""
    return all(profile.kind is LinkKind.STREAM for profile in scenario.network.profiles.values())


@functools.cache
def _actions(kind: Kind, *, streams: bool) -> tuple[Action, ...]:
    """What may be done at a decision: late frames are held, and a stream does not deliver twice."""
    made: list[Action] = []
    held = acts.Hold in possible(kind)
    for action in possible(kind):
        if action is acts.Hold:
            made += [acts.Hold(until) for until in acts.Release]
        elif (action is acts.Delay and held) or (action is acts.Duplicate and streams):
            continue
        elif action in _SECONDS:
            timed: Any = action
            made += [timed(seconds) for seconds in _SECONDS[action]]
        else:
            made.append(action())  # type: ignore[call-arg]
    return tuple(made)
