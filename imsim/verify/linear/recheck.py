"""Whether a claimed order is one: independent of every search, and short enough to be read.

What does not belong here: anything that the searches use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.verify.linear.operation import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imsim.verify.linear.model import Model
    from imsim.verify.linear.operation import Operation

__all__ = ["is_linearization"]


def is_linearization(model: Model, operations: Sequence[Operation], order: Sequence[Operation]) -> bool:
    """Whether `order` explains `operations`: all that is claimed, and nothing else.

    Everything that returned is in it and nothing twice; nothing comes after what was called later than it returned;
    and the model allows each step.
    """
    there = {id(operation) for operation in order}
    needed = {id(operation) for operation in operations if operation.status is Status.OK}
    allowed = {id(operation) for operation in operations if operation.status is not Status.FAIL}
    if len(there) != len(order) or not needed <= there <= allowed:
        return False
    states, latest = [model.init], float("-inf")
    for operation in order:
        latest = max(latest, operation.call)
        if operation.status is Status.OK and (operation.returned is None or operation.returned < latest):
            return False
        after: list[object] = []
        for state in states:
            after += [new for new in model.step(state, operation) if new not in after]
        states = after
        if not states:
            return False
    return True
