"""One part of a history with its two searches, which take turns.

What does not belong here: the budget of several parts (check.py), and why a part is refuted (obstacle.py).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from imsim.verify.linear.depth_first import DepthFirst
from imsim.verify.linear.frontier import Frontier
from imsim.verify.linear.levels import levels_of
from imsim.verify.linear.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imsim.verify.linear.model import Model
    from imsim.verify.linear.operation import Operation

__all__ = ["Part"]

_MOST: Final = 20_000
"""Steps between two looks at the clock: some tens of milliseconds."""


class Part:
    """Operations that only their like can influence."""

    __slots__ = ("_searches", "key", "levels", "model", "operations", "order", "refuted", "steps")

    def __init__(self, key: Any, operations: Sequence[Operation], model: Model) -> None:  # noqa: ANN401 (a user's own)
        self.key = key
        self.model = model
        self.operations = sorted(operations, key=_called)
        self.steps = Steps(model)
        self.levels = levels_of(self.operations, model, self.steps)
        self._searches: list[DepthFirst | Frontier] = []
        self.order: tuple[Operation, ...] | None = None
        """An order of all operations, once it is found."""
        self.refuted: DepthFirst | Frontier | None = None
        """The search that found that there is none."""
        self.begin()

    def begin(self) -> None:
        """Search from the beginning, in the levels as they are now."""
        first = self.steps.first()
        self._searches = [search(self.levels, self.steps, first) for search in (DepthFirst, Frontier)]
        self.order = self.refuted = None

    @property
    def decided(self) -> bool:
        """Whether there is an answer."""
        return self.order is not None or self.refuted is not None

    def run(self, steps: int, deadline: float) -> bool:
        """Let both searches take turns for so many steps each; whether the part is decided now."""
        while steps > 0 and not self.decided:
            for search in list(self._searches):
                answer = search.run(min(steps, _MOST))
                if answer is not None:
                    self._decide(search, answer=answer)
                    break
                if isinstance(search, DepthFirst) and search.spent:
                    self._searches.remove(search)
            steps -= _MOST
            if time.monotonic() >= deadline:
                break
        return self.decided

    def _decide(self, search: DepthFirst | Frontier, *, answer: bool) -> None:
        self._searches = []  # and what they remember
        if answer:
            self.order = tuple(self.operations[place] for place in search.order or ())
        else:
            self.refuted = search


def _called(operation: Operation) -> float:
    return operation.call
