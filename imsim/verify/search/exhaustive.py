"""Every case of up to so many deviations: what random search may miss, a small model can be gone through.

From a run follow all cases with one deviation: one at each key that it asked, once for each thing that can be done
there. From each of these runs follow those with a second deviation, and so on. A child deviates only at keys that were
asked after its parent's last one: the prefix is the same run, so every set of deviations comes up exactly once.

What is left out is said: delays and pauses take few values, and nothing else is tried about the network (a caller
makes its latency constant).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from imsim.scenario import Scenario
from imsim.sim import deviations as acts
from imsim.sim.algorithms import Algorithms
from imsim.sim.deviations import Deviation, possible
from imsim.verify.search.case import Case
from imsim.verify.search.sampling import faults_of
from imsim.verify.search.strategy import Strategy
from imsim.verify.search.trial import try_case

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imsim.sim.decisions import Key
    from imsim.sim.deviations import Action
    from imsim.verify.search.trial import Told, Trial

__all__ = ["Exhaustive", "bounds", "children"]

_SECONDS: Final[dict[type[Action], tuple[float, ...]]] = {acts.Delay: (0.5, 8.0), acts.Pause: (8.0,)}
"""Longer than a round trip, and longer than most time-outs."""


class Exhaustive(msgspec.Struct, frozen=True, eq=False):
    """All cases of up to so many deviations, the one without any first; see `Source`.

    Attributes:
        scenario, seed, algorithms: what is asked.
        roots: the cases with at most one deviation: at which of the first run's keys it is, and what it does.
        depth: how many more deviations may follow.
    """

    scenario: Scenario
    seed: int
    algorithms: Algorithms
    roots: tuple[tuple[int, tuple[Deviation, ...]], ...]
    depth: int
    largest: int

    @staticmethod
    def of(scenario: Scenario, *, seed: int, algorithms: Algorithms, depth: int, largest: int) -> Exhaustive:
        """All cases of up to `depth` deviations.

        Raises:
            ConfigError: the scenario asks for what there is not.
        """
        base = try_case(Case(scenario=scenario, seed=seed), algorithms=algorithms, recording=True)
        ones = () if base.failures else children(base, -1)
        roots = ((-1, ()), *((place, (one,)) for place, one in ones))
        return Exhaustive(scenario, seed, algorithms, roots, depth - 1, largest if depth == 1 else 1)

    @property
    def strategy(self) -> Strategy:
        """It is one."""
        return Strategy.EXHAUSTIVE

    @property
    def count(self) -> int:
        """How many have at most one deviation."""
        return len(self.roots)

    def tell(self, index: int, order: tuple[int, ...]) -> Iterator[Told]:
        """Try one, and then what follows from it."""
        place, deviations = self.roots[index]
        return self._told(deviations, place, self.depth if index else 0, order)

    def _told(
        self, deviations: tuple[Deviation, ...], place: int, depth: int, order: tuple[int, ...]
    ) -> Iterator[Told]:
        case = Case(scenario=self.scenario, seed=self.seed, deviations=deviations)
        trial = try_case(case, algorithms=self.algorithms, recording=depth > 0)
        yield trial.told(order, faults_of(deviations))
        if depth and not trial.failures:
            for number, (later, child) in enumerate(children(trial, place), start=1):
                yield from self._told((*deviations, child), later, depth - 1, (*order, number))


def bounds(depth: int) -> str:
    """What all cases of up to `depth` deviations are, for a person."""
    plural = "" if depth == 1 else "s"
    return f"up to {depth} deviation{plural}, on links of constant latency, delays of 0.5 or 8 s"


def children(trial: Trial, place: int) -> Iterator[tuple[int, Deviation]]:
    """What may be done once more after the key at `place`: where, and what."""
    met = set(trial.keys[: place + 1])  # a flawed algorithm can be asked the same again
    for later in range(place + 1, len(trial.keys)):
        key = trial.keys[later]
        if key not in met:
            met.add(key)
            for action in _actions(key):
                yield later, Deviation(key, action)


def _actions(key: Key) -> Sequence[Action]:
    made: list[Action] = []
    for kind in possible(key.kind):
        if kind in _SECONDS:
            timed: Any = kind
            made += [timed(seconds) for seconds in _SECONDS[kind]]
        else:
            made.append(kind())  # type: ignore[call-arg]
    return made
