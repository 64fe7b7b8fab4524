"""Why a part is refuted: the first operation that no order can place before it returned.

It is the one whose answer makes the history impossible: up to the answer before it there is an order, in which what was
still open may have happened or not, with the result that it has later. So it depends on the history alone, not on a
search. A search that was told what
later observations need (`Growth`) gives up too early to say; then it is found by bisection.

What does not belong here: sentences (verify/stranger.py).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from imsim.verify.linear.levels import NOTHING
from imsim.verify.linear.operation import UNKNOWN, Operation, Status
from imsim.verify.linear.part import Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imsim.verify.linear.levels import Observer

__all__ = ["Obstacle", "obstacle_of", "unanswered"]

_TOLD: Final = 8
"""About so many possible states are told; a history of appended texts can have thousands."""

_ENOUGH: Final = 10_000
"""Steps of each search for the possible states where they have to be looked for; beyond, none are told."""


class Obstacle(msgspec.Struct, frozen=True, kw_only=True):
    """Where every order of a part comes to its end.

    Attributes:
        key: the part.
        unplaceable: the first operation that cannot be placed before it returned.
        last: the one that returned before it and could; None if it is the first of all.
        possible: the states in which the object could have been then, the first that were found.
    """

    key: Any
    unplaceable: Operation
    last: Operation | None
    possible: tuple[Any, ...]


def obstacle_of(part: Part, deadline: float) -> Obstacle:
    """What is in the way of a refuted part.

    Args:
        part: that was refuted.
        deadline: on the monotonic clock; later than that, a model with `Growth` is told by the observation at which
            its search gave up, which may be later than the first that is impossible.
    """
    depth = -1 if part.refuted is None else part.refuted.deepest
    refuted = part
    if part.model.growth is not None:
        depth = _bisected(part, deadline)
        probe = _probe(part, depth)
        if probe.run(_ENOUGH, deadline) and probe.refuted is not None:
            refuted = probe
    possible: list[Any] = []
    for belief in sorted(_beliefs(refuted)):
        if len(possible) < _TOLD:
            possible += [state for state in refuted.steps.states(belief) if state not in possible]
    return Obstacle(
        key=part.key,
        unplaceable=part.operations[part.levels[depth].place],
        last=part.operations[part.levels[depth - 1].place] if depth else None,
        possible=tuple(possible),
    )


def _beliefs(part: Part) -> set[int]:
    """What was believed where a search ended, and what else an open overwriting that nobody saw would have left."""
    if part.refuted is None:
        return set()
    level, fill = part.levels[part.refuted.deepest], part.steps.fill
    found = {belief for _, belief in part.refuted.ends}
    for used, belief in part.refuted.ends:
        found |= {fill(will.kind, belief) for will in level.wills if will.overwrites and not used & will.bit}
        found |= {fill(maybe.kind, belief) for maybe in level.maybes if maybe.overwrites and maybe.left(used)}
    return found


def _until(part: Part, depth: int) -> list[Operation]:
    """The history up to the answer of a level: what is open then may have happened or not."""
    answered = {level.place for level in part.levels[: depth + 1]}
    end = part.operations[part.levels[depth].place].returned or 0.0
    return [
        operation if place in answered or operation.status is Status.INFO else unanswered(operation)
        for place, operation in enumerate(part.operations)
        if operation.call <= end
    ]


def unanswered(operation: Operation) -> Operation:
    """The same operation, before its answer came; if it happened, then with the result that it has."""
    return msgspec.structs.replace(operation, returned=None, status=Status.INFO)


def _bisected(part: Part, deadline: float) -> int:
    """The first level up to which there is no order; the last of all is one."""
    low, high = 0, len(part.levels) - 1
    while low < high:
        middle = (low + high) // 2
        shorter = Part(part.key, _until(part, middle), part.model)
        if not _ended(shorter, deadline):
            break
        if shorter.refuted is not None:
            high = middle
        else:
            low = middle + 1
    return high


def _probe(part: Part, depth: int) -> Part:
    """The history up to a level, whose own operation is taken out and replaced by one that fits nowhere."""
    culprit = part.operations[part.levels[depth].place]
    operations: Sequence[Operation] = [
        msgspec.structs.replace(each, result=UNKNOWN) if each is culprit else each for each in _until(part, depth)
    ]
    probe = Part(part.key, operations, part.model)
    last = probe.levels[-1]
    observers, fresh = _without(last.observers, last.bit), _without(last.fresh, last.bit)
    nowhere = 1 << len(operations)
    probe.levels[-1] = last._replace(bit=nowhere, observers=observers, fresh=fresh, ahead=NOTHING)
    probe.begin()
    return probe


def _without(observers: tuple[Observer, ...], bit: int) -> tuple[Observer, ...]:
    return tuple(each for each in observers if each.bit != bit)


def _ended(part: Part, deadline: float) -> bool:
    while not part.decided and time.monotonic() < deadline:
        part.run(1_000, deadline)
    return part.decided
