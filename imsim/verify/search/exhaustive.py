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
from imsim.verify.search.sampling import FAULT_OF
from imsim.verify.search.trial import try_case

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imsim.sim.decisions import Key
    from imsim.sim.deviations import Action
    from imsim.verify.search.trial import Told, Trial

__all__ = ["DELAYS", "Subtree", "children", "subtrees"]

_SECONDS: Final[dict[type[Action], tuple[float, ...]]] = {acts.Delay: (0.5, 8.0), acts.Pause: (8.0,)}
"""Longer than a round trip, and longer than most time-outs."""
DELAYS: Final = "0.5 or 8 s"
"""The same, for people."""


class Subtree(msgspec.Struct, frozen=True, eq=False):
    """One case, and all that follow from it by more deviations, for one process to try.

    Attributes:
        scenario, seed, algorithms: what is asked.
        number: its place among the cases with one deviation, from 1; 0 is the run without any.
        deviations: what it does.
        place: at which of the parent's keys the last of them is.
        depth: how many more deviations there may be.
    """

    scenario: Scenario
    seed: int
    algorithms: Algorithms
    number: int
    deviations: tuple[Deviation, ...]
    place: int
    depth: int

    @property
    def order(self) -> tuple[int, ...]:
        """Its place among the subtrees."""
        return (self.number,)

    def tell(self) -> Iterator[Told]:
        """Try the case, and then what follows from it."""
        return self._told(self.deviations, self.place, self.depth, (self.number,))

    def _told(
        self, deviations: tuple[Deviation, ...], place: int, depth: int, order: tuple[int, ...]
    ) -> Iterator[Told]:
        case = Case(scenario=self.scenario, seed=self.seed, deviations=deviations)
        trial = try_case(case, algorithms=self.algorithms, recording=depth > 0)
        yield trial.told(order, tuple(dict.fromkeys(FAULT_OF[type(one.action)] for one in deviations)))
        if depth and not trial.failures:
            for number, (later, child) in enumerate(children(trial, place), start=1):
                yield from self._told((*deviations, child), later, depth - 1, (*order, number))


def subtrees(scenario: Scenario, *, seed: int, algorithms: Algorithms, depth: int) -> Iterator[Subtree]:
    """All cases of up to `depth` deviations, the one without any first."""
    base = try_case(Case(scenario=scenario, seed=seed), algorithms=algorithms, recording=True)
    yield Subtree(scenario, seed, algorithms, 0, (), -1, 0)
    if depth and not base.failures:
        for number, (place, child) in enumerate(children(base, -1), start=1):
            yield Subtree(scenario, seed, algorithms, number, (child,), place, depth - 1)


def children(trial: Trial, place: int) -> Iterator[tuple[int, Deviation]]:
    """What may be done once more after the key at `place`: where, and what."""
    for later in range(place + 1, len(trial.keys)):
        key = trial.keys[later]
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
