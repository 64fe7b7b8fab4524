"""Cases that Hypothesis draws: it generates, and whatever fails is shrunk as any other case is (shrink.py).

Cases are drawn in blocks. A block is one run of Hypothesis with a seed of its own, no database and no test: what it
draws hangs on nothing but that seed, the scenario, and the version of Hypothesis. (What a test makes of a case could
steer it, but then case i would hang on all before it, and no second process could draw it.)

Hypothesis is no dependency of imsim: where it is missing, this strategy says so, and `all` goes without it.
"""

from __future__ import annotations

import functools
import importlib.util
from typing import TYPE_CHECKING, Final

import msgspec

from imsim.errors import ConfigError
from imsim.scenario import Scenario
from imsim.sim.algorithms import Algorithms
from imsim.sim.decisions import MASK, draw, name_hash
from imsim.verify.search.sampling import Ground, faults_of
from imsim.verify.search.strategy import Strategy
from imsim.verify.search.trial import try_case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imsim.verify.search.case import Case
    from imsim.verify.search.trial import Told

__all__ = ["BLOCK", "Drawn", "there"]

BLOCK: Final = 20
"""Cases that are drawn at once; the first of them is always the simplest one."""


def there() -> bool:
    """Whether Hypothesis is installed."""
    return importlib.util.find_spec("hypothesis") is not None


class Drawn(msgspec.Struct, frozen=True, eq=False):
    """Cases that Hypothesis draws; see `Source`."""

    scenario: Scenario
    ground: Ground
    seed: int
    algorithms: Algorithms
    largest: int

    def __post_init__(self) -> None:
        if not there():
            raise ConfigError("strategy hypothesis: Hypothesis (the package `hypothesis`) is not installed")

    @property
    def strategy(self) -> Strategy:
        """It is one."""
        return Strategy.HYPOTHESIS

    @property
    def count(self) -> None:
        """There is no end."""
        return

    def at_once(self, _index: int) -> int:
        """The same everywhere."""
        return self.largest

    def tell(self, index: int, order: tuple[int, ...]) -> Iterator[Told]:
        """Try one."""
        block, place = divmod(index, BLOCK)
        cases = _block(self, block)
        case = cases[place % len(cases)]
        yield try_case(case, algorithms=self.algorithms).told(order, faults_of(case.deviations))


@functools.lru_cache(maxsize=2)
def _block(source: Drawn, number: int) -> list[Case]:
    """The cases of a block."""
    import hypothesis

    from imsim.testing.strategies import cases_on

    drawn: list[Case] = []

    @hypothesis.seed(draw(name_hash("hypothesis"), source.seed, number + 1) & MASK)
    @hypothesis.settings(
        max_examples=BLOCK,
        phases=(hypothesis.Phase.generate,),
        database=None,
        deadline=None,
        derandomize=False,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(cases_on(source.scenario, source.ground, least=1))
    def keep(case: Case) -> None:
        drawn.append(case)

    keep()
    return drawn
