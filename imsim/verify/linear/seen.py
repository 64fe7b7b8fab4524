"""Whether an operation that overwrites is worth placing before it has to be.

If nobody sees what it wrote and nothing else follows from it, it may as well be hidden right before the next one that
overwrites, which costs nothing; so it is placed early only where something open fits the state that it leaves. What is
called later may fit too, but then it can still be placed later, until it returns.

What does not belong here: the searches that ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.verify.linear.steps import IMPOSSIBLE

if TYPE_CHECKING:
    from imsim.verify.linear.levels import Level
    from imsim.verify.linear.steps import Steps

__all__ = ["is_seen"]


def is_seen(level: Level, steps: Steps, sure: int, used: int, belief: int) -> bool:
    """Whether something that is open, and no mere overwriting, fits a belief."""
    table, fill = steps.table, steps.fill
    for bit, kind, _ in level.observers:
        if not sure & bit:
            after = table[kind].get(belief)
            if (fill(kind, belief) if after is None else after) == belief:
                return True
    for bit, kind, _, _, overwrites in level.wills:
        if not overwrites and not used & bit:
            after = table[kind].get(belief)
            if (fill(kind, belief) if after is None else after) != IMPOSSIBLE:
                return True
    for kind, offset, field, called, _, _, overwrites in level.maybes:
        if not overwrites and ((used >> offset) & field).bit_length() < called:
            after = table[kind].get(belief)
            if (fill(kind, belief) if after is None else after) not in (IMPOSSIBLE, belief):
                return True
    return False
