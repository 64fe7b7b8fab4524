"""What of a violation matters: the operations that are in each other's way, without the rest.

Leaving an operation out of a history can break it (a read of what nobody writes any more), so operations are not left
out but *freed*: a freed one may have happened at any time after its call, or never, with any result. That only allows
more, so what is still impossible then was impossible before, for the same reason. Larger groups are freed first (delta
debugging, Zeller and Hildebrandt 2002). What does not belong here: how it is told.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import msgspec

from imsim.verify.linear.obstacle import unanswered
from imsim.verify.linear.operation import UNKNOWN, Operation, Status
from imsim.verify.linear.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imsim.verify.linear.check import Linearity
    from imsim.verify.linear.model import Model

__all__ = ["shrunk"]

_STEPS: Final = 5_000
"""Of each search for one smaller history; what needs more is not freed."""


def shrunk(
    operations: Iterable[Operation], model: Model, linearity: Linearity, *, budget: float = 1.0
) -> tuple[Operation, ...]:
    """The operations that cannot all be true, as few as the budget allows to find, in the order of their calls.

    Args:
        operations: that were judged.
        model: by which they were judged.
        linearity: what was found; it must be violated.
        budget: seconds.
    """
    obstacle = linearity.obstacle
    if obstacle is None:
        return ()
    end = obstacle.unplaceable.returned or 0.0
    part = [
        each
        for each in operations
        if each.status is not Status.FAIL
        and each.call <= end
        and (model.partition is None or model.partition(each) == obstacle.key)
    ]
    kept = [True] * len(part)
    deadline = time.monotonic() + budget
    size = len(part)
    while size > 1 and time.monotonic() < deadline:
        size = (size + 1) // 2
        for begin in range(0, len(part), size):
            fewer = [keep and not begin <= at < begin + size for at, keep in enumerate(kept)]
            if fewer != kept and _refuted(_with(part, fewer, end), model, deadline):
                kept = fewer
    needed = [each for each, keep in zip(part, kept, strict=True) if keep and each.status is Status.OK]
    return tuple(sorted(needed, key=_called))


def _with(part: Sequence[Operation], kept: Sequence[bool], end: float) -> list[Operation]:
    """The history up to a moment, of which all is freed that is not kept."""
    return [
        _freed(each) if not keep else each if each.returned is not None and each.returned <= end else unanswered(each)
        for each, keep in zip(part, kept, strict=True)
    ]


def _freed(operation: Operation) -> Operation:
    return msgspec.structs.replace(operation, returned=None, result=UNKNOWN, status=Status.INFO)


def _refuted(operations: Sequence[Operation], model: Model, deadline: float) -> bool:
    part = Part(None, operations, model)
    part.run(_STEPS, deadline)
    return part.refuted is not None


def _called(operation: Operation) -> float:
    return operation.call
