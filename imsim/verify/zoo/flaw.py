"""What a planted bug is: the few lines that were wrong, where they were reported, and where they show.

A flaw changes the one thing that was wrong in a real system and leaves all else of the real algorithm as it is. Its
scenario is small, and has what the mistake needs to show: whatever else would make up for it is gone.

What does not belong here: the flaws (their own files), the scenarios' text (scenes.py), and the hunt (hunt.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from imsim.sim.algorithms import Algorithms, Swap
from imsim.sim.deviations import parse
from imsim.verify.search.case import Case
from imsim.verify.zoo.scenes import scene

if TYPE_CHECKING:
    from imsim.scenario import Scenario

__all__ = ["Flaw"]


class Flaw(msgspec.Struct, frozen=True, kw_only=True):
    """A bug that a real system had, planted in the real algorithm.

    Attributes:
        id: its name in the zoo.
        wrong: what is wrong, in a sentence.
        seen: where it was reported.
        breaks: the promise that it breaks, in the verdict's words.
        place: the scenario in which it shows (scenes.py).
        swaps: the lines that are wrong, and what they stand instead of.
        smallest: the deviations of the smallest case that is known, in words; none where no fault is needed.
        seed: the seed of that case.
    """

    id: str
    wrong: str
    seen: str
    breaks: str
    place: str
    swaps: tuple[Swap, ...]
    smallest: tuple[str, ...] = ()
    seed: int = 1

    @property
    def scenario(self) -> Scenario:
        """Where it shows."""
        return scene(self.place)

    @property
    def algorithms(self) -> Algorithms:
        """The real algorithms with this flaw in them."""
        return Algorithms(swaps=self.swaps)

    @property
    def case(self) -> Case:
        """The smallest case that is known."""
        deviations = tuple(map(parse, self.smallest))
        return Case(scenario=self.scenario, seed=self.seed, deviations=deviations, breaks=self.breaks)
