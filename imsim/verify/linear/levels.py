"""A part of a history, made ready for search: one level for each answer that came.

At a level, every operation that was called and has not returned may be placed, and the one that returns there must be.
An operation is a bit: those that returned share few bits, taken again after each return, so that the set of what is
placed stays a small integer however long the history is. Those that may never have happened have bits of their own,
above these, in one field for each kind: of equal ones the first is placed first, so a field is filled from below.

What does not belong here: which to place (the searches).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

from imsim.verify.linear.operation import UNKNOWN, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imsim.verify.linear.model import Growth, Model
    from imsim.verify.linear.operation import Operation
    from imsim.verify.linear.steps import Steps

__all__ = ["NOTHING", "Level", "Maybe", "Observer", "Will", "levels_of"]

NOTHING: Final = -1
"""No kind of operation."""


class Will(NamedTuple):
    """An open operation that returns later."""

    bit: int
    kind: int
    before: int
    """Bits of the equal ones that return earlier: they go first."""
    place: int
    overwrites: bool
    """Whether it leaves the same state, whatever was there."""


class Observer(NamedTuple):
    """An open operation that changes nothing: it is placed as soon as it fits."""

    bit: int
    kind: int
    place: int


class Maybe(NamedTuple):
    """Open operations of one kind that never returned."""

    kind: int
    offset: int
    field: int
    called: int
    """How many of them were called by now."""
    places: Sequence[int]
    rivals: int
    """Bits of equal ones that return later: they go first."""
    overwrites: bool

    def left(self, used: int) -> bool:
        """Whether one of them is not used up."""
        return ((used >> self.offset) & self.field).bit_length() < self.called


class Level(NamedTuple):
    """What may be placed until one answer came. `place` is the number of an operation in the part."""

    place: int
    bit: int
    wills: tuple[Will, ...]
    observers: tuple[Observer, ...]
    fresh: tuple[Observer, ...]
    """The observers that were called since the level before."""
    maybes: tuple[Maybe, ...]
    hidden: int
    """Bits of the open operations that overwrite: of no account right before another one that does."""
    ahead: int = NOTHING
    """The kind of an operation that is called later and sees what has only grown until then."""


class _Open:
    """What is called and not returned, while the levels are made."""

    def __init__(self, operations: Sequence[Operation], model: Model, steps: Steps) -> None:
        self.operations = operations
        self.kinds = [steps.kind(operation) for operation in operations]
        self.observing = [model.observes is not None and model.observes(operation) for operation in operations]
        self.overwriting = [model.overwrites is not None and model.overwrites(operation) for operation in operations]
        self.returning: list[int] = []
        """Open ones that return, the earliest first."""
        self.bits: dict[int, int] = {}
        self._spare: list[int] = []
        self._width = 0
        self._fields = self._laid_out(_most_open(operations))
        self._called: dict[int, int] = {}

    def _laid_out(self, offset: int) -> dict[int, tuple[int, int, list[int]]]:
        alike: defaultdict[int, list[int]] = defaultdict(list)
        for place, operation in enumerate(self.operations):
            if operation.status is Status.INFO and not self.observing[place]:
                alike[self.kinds[place]].append(place)
        fields = {}
        for kind, places in alike.items():
            fields[kind] = (offset, (1 << len(places)) - 1, places)
            offset += len(places)
        return fields

    def call(self, place: int, rank: Sequence[float]) -> None:
        """An operation is called."""
        kind = self.kinds[place]
        if self.operations[place].status is Status.INFO:
            if kind in self._fields and not self.observing[place]:
                self._called[kind] = self._called.get(kind, 0) + 1
            return
        if not self._spare:
            self._spare.append(1 << self._width)
            self._width += 1
        self.bits[place] = self._spare.pop()
        at = len(self.returning)
        while at and rank[self.returning[at - 1]] > rank[place]:
            at -= 1
        self.returning.insert(at, place)

    def finish(self, place: int) -> None:
        """An operation returns: its bit is free again."""
        self.returning.remove(place)
        self._spare.append(self.bits.pop(place))

    def level(self, place: int, fresh: Sequence[int]) -> Level:
        """What may be placed before this operation returns."""
        alike: dict[int, int] = {}
        wills, observers, hidden = [], [], 0
        for other in self.returning:
            kind, bit = self.kinds[other], self.bits[other]
            if self.observing[other]:
                observers.append(Observer(bit, kind, other))
            else:
                before = alike.get(kind, 0)
                wills.append(Will(bit, kind, before, other, self.overwriting[other]))
                hidden |= bit * self.overwriting[other]
                alike[kind] = before | bit
        news = tuple(Observer(self.bits[other], self.kinds[other], other) for other in fresh if self.observing[other])
        maybes = tuple(
            Maybe(kind, offset, field, self._called[kind], places, alike.get(kind, 0), self.overwriting[places[0]])
            for kind, (offset, field, places) in self._fields.items()
            if kind in self._called
        )
        return Level(place, self.bits[place], tuple(wills), tuple(observers), news, maybes, hidden)


def _most_open(operations: Sequence[Operation]) -> int:
    """How many operations that return are open at most."""
    calls = sorted(each.call for each in operations if each.status is Status.OK)
    ends = sorted(each.returned or 0.0 for each in operations if each.status is Status.OK)
    return max((at + 1 - bisect_left(ends, call) for at, call in enumerate(calls)), default=0)


def levels_of(operations: Sequence[Operation], model: Model, steps: Steps) -> list[Level]:
    """The levels of one part of a history.

    Args:
        operations: without those that did not happen.
        model: whose observers are told apart.
        steps: numbers the kinds of operations.
    """
    rank = [float("inf") if operation.returned is None else operation.returned for operation in operations]
    events = [(operation.call, 0, place) for place, operation in enumerate(operations)]
    events += [(rank[place], 1, place) for place, each in enumerate(operations) if each.status is Status.OK]
    events.sort()
    levels: list[Level] = []
    still = _Open(operations, model, steps)
    fresh: list[int] = []
    for _, returns, place in events:
        if returns:
            levels.append(still.level(place, [other for other in fresh if other in still.bits]))
            still.finish(place)
            fresh = []
        else:
            still.call(place, rank)
            if operations[place].status is Status.OK:
                fresh.append(place)
    if model.growth is None:
        return levels
    return list(_foreseeing(levels, operations, rank, model.growth, still))


def _foreseeing(
    levels: Sequence[Level], operations: Sequence[Operation], rank: Sequence[float], growth: Growth, still: _Open
) -> Iterator[Level]:
    """The levels with the observation that each leads to: called after it, and back before anything can reset.

    Such an observation is placed in no configuration of the level, and between the two the object only grows.
    """
    resets = sorted((rank[place], each.call) for place, each in enumerate(operations) if growth.resets(each))
    back = list(accumulate((call for _, call in reversed(resets)), min, initial=float("inf")))[::-1]
    views = [
        (each.call, rank[place], place)
        for place, each in enumerate(operations)
        if still.observing[place] and each.status is Status.OK and each.result is not UNKNOWN
    ]  # by call, as the operations are
    soonest = list(accumulate(((end, place) for _, end, place in reversed(views)), min, initial=(float("inf"), -1)))[
        ::-1
    ]
    for level in levels:
        now = rank[level.place]
        end, place = soonest[bisect_right(views, (now, float("inf"), 0))]
        reset = back[bisect_left(resets, (now, float("-inf")))]
        yield level._replace(ahead=still.kinds[place]) if end < reset and place >= 0 else level
