"""Which sources of cases a strategy has.

`all` takes them in turns: what is found by few faults at one place, by many anywhere, and by an unlucky order of
messages is met early, whichever of them a mistake needs. The turns are of fixed lengths, so case i is the same case on
any machine that has Hypothesis, or on any that has not; the failure that is reported is the lowest of all.
"""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Final

from imsim.verify.search.drawn import Drawn, there
from imsim.verify.search.exhaustive import Exhaustive
from imsim.verify.search.priorities import prioritized
from imsim.verify.search.sampling import Sampling, sample, survey
from imsim.verify.search.simpler import with_a_dull_network
from imsim.verify.search.strategy import Strategy

if TYPE_CHECKING:
    from collections.abc import Callable

    from imsim.scenario import Scenario
    from imsim.sim.algorithms import Algorithms
    from imsim.verify.search.sampling import Ground
    from imsim.verify.search.strategy import Source

__all__ = ["sources"]

_PORTION: Final = 20
"""Cases that a process is handed at once, at most."""
_PORTION_SECONDS: Final = 2.0
"""About how long it is then away: a budget and a Ctrl-C wait for that."""
_TURNS: Final = {Strategy.EXHAUSTIVE: 20, Strategy.RANDOM: 20, Strategy.PCT: 10, Strategy.HYPOTHESIS: 10}
"""How many cases of each make up one turn; the very first is the one without any deviation."""


def sources(
    strategy: Strategy, scenario: Scenario, *, seed: int, algorithms: Algorithms, depth: int
) -> list[tuple[Source, int]]:
    """The sources of a strategy, each with the length of its turn.

    How many cases a process is handed at once hangs on how long a run takes here, which changes nothing of the cases.

    Raises:
        ConfigError: the scenario asks for what there is not.
    """
    begin = time.monotonic()
    ground = survey(scenario, seed=seed, algorithms=algorithms)
    largest = max(1, min(_PORTION, int(_PORTION_SECONDS / (time.monotonic() - begin + 1e-9))))
    made: list[tuple[Source, int]] = []
    for one, turn in _TURNS.items():
        if one is Strategy.EXHAUSTIVE and strategy in {one, Strategy.ALL}:
            dull = with_a_dull_network(scenario)
            made.append((Exhaustive.of(dull, seed=seed, algorithms=algorithms, depth=depth, largest=largest), turn))
        elif one is strategy or (strategy is Strategy.ALL and (one is not Strategy.HYPOTHESIS or there())):
            made.append((_by_chance(one)(scenario, ground, seed, algorithms, largest), turn))
    return made


def _by_chance(strategy: Strategy) -> Callable[[Scenario, Ground, int, Algorithms, int], Source]:
    if strategy is Strategy.HYPOTHESIS:
        return Drawn
    return functools.partial(Sampling, strategy=strategy, draft=_DRAFTS[strategy])


_DRAFTS: Final = {Strategy.RANDOM: sample, Strategy.PCT: prioritized}
