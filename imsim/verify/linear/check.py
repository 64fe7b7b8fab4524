"""The checker: parts by key, two searches for each, one budget; what it says, it can show.

Every part gets the same small number of steps, then twice as many, and so on: one part that is hard does not keep the
verdict from one that is easy, and a history with a broken key is refuted by that key. Inside a part depth-first search
and frontier search take turns. An order that was found is checked again by a function that knows neither (recheck.py).

What does not belong here: the searches, and sentences about a file (verify/stranger.py).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from imsim.errors import ConfigError, InternalError
from imsim.verify.linear.obstacle import Obstacle, obstacle_of
from imsim.verify.linear.operation import Operation, Status
from imsim.verify.linear.part import Part
from imsim.verify.linear.recheck import is_linearization
from imsim.verify.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imsim.verify.linear.model import Model

__all__ = ["Linearity", "Obstacle", "check_linearizable"]

_FIRST: Final = 500
"""Steps of each search in the first round."""


class Linearity(msgspec.Struct, frozen=True, kw_only=True):
    """What the checker says of a history.

    Attributes:
        outcome: holds, violated or unknown.
        operations: how many were judged.
        orders: an order of each part, if it holds; what is not in it never happened.
        obstacle: what is in the way, if it is violated.
        reason: why it is unknown, in words.
    """

    outcome: Outcome
    operations: int
    orders: dict[Any, tuple[Operation, ...]] = {}
    obstacle: Obstacle | None = None
    reason: str = ""


def check_linearizable(operations: Iterable[Operation], model: Model, *, budget: float = 10.0) -> Linearity:
    """Decide whether a history is linearizable.

    Args:
        operations: in any order.
        model: what the object may do, and its first state.
        budget: seconds after which the answer is *unknown*.

    Raises:
        ConfigError: an operation that says it is done and has no return, or one that returned before it was called.
    """
    deadline = time.monotonic() + budget
    given = [_checked(operation) for operation in operations]
    happened = [operation for operation in given if operation.status is not Status.FAIL]
    parts = [Part(key, group, model) for key, group in _parted(happened, model).items()]
    obstacle, undecided = _competed(parts, deadline)
    if obstacle is not None:
        return Linearity(outcome=Outcome.VIOLATED, operations=len(given), obstacle=obstacle)
    if undecided:
        which = f"{undecided:,} of {len(parts):,} parts" if len(parts) > 1 else "the history"
        reason = f"{which} could not be decided in {budget:g} s"
        return Linearity(outcome=Outcome.UNKNOWN, operations=len(given), reason=reason)
    for part in parts:
        if not is_linearization(model, part.operations, part.order or ()):
            raise InternalError(f"linear: the order found for {part.key!r} does not explain its history")
    return Linearity(
        outcome=Outcome.HOLDS, operations=len(given), orders={part.key: part.order or () for part in parts}
    )


def _competed(parts: Sequence[Part], deadline: float) -> tuple[Obstacle | None, int]:
    """The earliest obstacle that a round found, or how many parts are undecided at the deadline."""
    steps, undecided = _FIRST, list(parts)
    while undecided:
        undecided = [part for part in undecided if time.monotonic() >= deadline or not part.run(steps, deadline)]
        found = [obstacle_of(part, deadline) for part in parts if part.refuted is not None]
        if found:
            return min(found, key=_answered), 0
        if time.monotonic() >= deadline:
            break
        steps *= 2
    return None, len(undecided)


def _parted(operations: Iterable[Operation], model: Model) -> dict[Any, list[Operation]]:
    if model.partition is None:
        return {None: list(operations)}
    parts: dict[Any, list[Operation]] = {}
    for operation in operations:
        parts.setdefault(model.partition(operation), []).append(operation)
    return parts


def _checked(operation: Operation) -> Operation:
    if operation.status is Status.OK and (operation.returned is None or operation.returned < operation.call):
        raise ConfigError(
            f"{operation}: called at {operation.call} and done at {operation.returned}: expected a later time"
        )
    return operation


def _answered(obstacle: Obstacle) -> float:
    return obstacle.unplaceable.returned or 0.0
