"""One order of placing operations as far as it goes, then the next: quick where the history is fine.

A *configuration* is (level, what is placed, the belief about the object). From each the operations that may be placed
next are tried, the one that must return soonest first; observers are placed as soon as they fit, which loses nothing,
for they change nothing. An operation that overwrites hides every other open one that does, if that is placed right
before: from then on the other needs no place any more, but may still take one until it returns.

A configuration is visited once (the memo of Wing, Gong and Lowe), and not at all where one with the same belief has
used up fewer of the operations that need no place.

What does not belong here: going side by side (frontier.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from imsim.verify.linear.levels import NOTHING
from imsim.verify.linear.seen import is_seen
from imsim.verify.linear.steps import IMPOSSIBLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imsim.verify.linear.levels import Level
    from imsim.verify.linear.steps import Steps

__all__ = ["DepthFirst", "Link", "covering", "placed"]

Link = tuple[int, "Link"] | None
"""The operations placed so far, the last one first."""

_MOST: Final = 2_000_000
"""Configurations that are remembered, about 400 MB of them; beyond, this search gives up."""


class DepthFirst:
    """A search that can be stopped and go on; it owns its memo."""

    __slots__ = ("_levels", "_remembered", "_seen", "_stack", "_steps", "deepest", "ends", "order", "spent")

    def __init__(self, levels: Sequence[Level], steps: Steps, first: int) -> None:
        self._levels = levels
        self._steps = steps
        self._seen: dict[tuple[int, int, int], list[int]] = {}
        self._stack: list[tuple[int, int, int, int, Link]] = []
        self._remembered = 0
        self.spent = False
        """Whether it remembers too much to go on."""
        self.deepest = -1
        """The last level that was reached."""
        self.ends: set[tuple[int, int]] = set()
        """What was used up there, and believed."""
        self.order: list[int] | None = None
        """The operations in order, once all are placed."""
        self._reach(0, 0, 0, first, None)

    def run(self, steps: int) -> bool | None:  # noqa: C901 (the hot loop: a call a candidate would double it)
        """Go on for a number of configurations: True if there is an order, False if there is none, else None."""
        table, fill, reach, levels, stack = self._steps.table, self._steps.fill, self._reach, self._levels, self._stack
        while self.order is None and stack and steps > 0:
            steps -= 1
            depth, sure, used, belief, link = stack.pop()
            level = levels[depth]
            for kind, offset, field, called, places, rivals, overwrites in level.maybes:
                at = ((used >> offset) & field).bit_length()
                if at < called and not rivals & ~(sure & used):
                    after = table[kind].get(belief)
                    if after is None:
                        after = fill(kind, belief)
                    if after not in (IMPOSSIBLE, belief) and not (
                        overwrites and not is_seen(level, self._steps, sure, used, after)
                    ):
                        covered = level.hidden if overwrites else 0
                        way = covering(level, covered & ~sure, link) if covered & ~sure else link
                        reach(depth, sure | covered, used | 1 << (offset + at), after, (places[at], way))
            for bit, kind, before, place, overwrites in reversed(level.wills):
                if not used & bit and not before & ~(used if sure & bit else sure):
                    after = table[kind].get(belief)
                    if after is None:
                        after = fill(kind, belief)
                    if after != IMPOSSIBLE and not (
                        overwrites and bit != level.bit and not is_seen(level, self._steps, sure, used, after)
                    ):
                        covered = level.hidden & ~bit if overwrites else 0
                        way = covering(level, covered & ~sure, link) if covered & ~sure else link
                        reach(depth, sure | bit | covered, used | bit, after, (place, way))
        if self.order is not None:
            return True
        return None if stack else False

    def _reach(self, depth: int, sure: int, used: int, belief: int, link: Link) -> None:
        """Arrive in a configuration: place what changes nothing, pass the answers that are served, remember it."""
        levels, table = self._levels, self._steps.table
        observers = levels[depth].observers if depth < len(levels) else ()
        while True:
            for bit, kind, place in observers:
                if not sure & bit:
                    after = table[kind].get(belief)
                    if after is None:
                        after = self._steps.fill(kind, belief)
                    if after == belief:
                        sure |= bit
                        link = (place, link)
            if depth == len(levels):
                self.order = placed(link)
                return
            bit = levels[depth].bit
            if not sure & bit:
                break
            sure ^= bit
            if levels[depth].hidden & bit & ~used:  # it was hidden: this is its last chance to be seen after all
                self._keep(depth, sure, used, belief, link)
            used &= ~bit
            depth += 1
            observers = levels[depth].fresh if depth < len(levels) else ()
        self._keep(depth, sure, used, belief, link)

    def _keep(self, depth: int, sure: int, used: int, belief: int, link: Link) -> None:
        """Remember a configuration that is to be led on, unless one was here that can do whatever it can."""
        ahead = self._levels[depth].ahead
        if ahead != NOTHING and not self._steps.leads(belief, ahead):
            return
        if depth >= self.deepest:
            if depth > self.deepest:
                self.deepest = depth
                self.ends = set()
            self.ends.add((used, belief))
        seen = self._seen.setdefault((depth, sure, belief), [])
        if any(not less & ~used for less in seen):
            return
        seen.append(used)
        self._remembered += 1
        self.spent = self._remembered > _MOST
        self._stack.append((depth, sure, used, belief, link))


def covering(level: Level, bits: int, link: Link) -> Link:
    """Place operations that are overwritten at once."""
    for will in level.wills:
        if will.bit & bits:
            link = (will.place, link)
    return link


def placed(link: Link) -> list[int]:
    """The operations of a path, the first one first; of one that was hidden and then used after all, its use."""
    order: dict[int, None] = {}
    while link is not None:
        place, link = link
        order.setdefault(place)
    return list(order)[::-1]
