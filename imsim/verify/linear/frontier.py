"""All orders side by side, one answer after the other: quick where the history is not fine, and frugal with memory.

At each level every configuration that passed the one before is led on until the answer is served, those that needed the
fewest of the operations that may never have happened first: then whoever comes later with the same belief and has used
what somebody before him has used, and more, is dropped at once. Only two levels are ever kept.

What does not belong here: the meaning of a configuration (depth_first.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.verify.linear.depth_first import covering, placed
from imsim.verify.linear.levels import NOTHING
from imsim.verify.linear.seen import is_seen
from imsim.verify.linear.steps import IMPOSSIBLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imsim.verify.linear.depth_first import Link
    from imsim.verify.linear.levels import Level, Observer
    from imsim.verify.linear.steps import Steps

__all__ = ["Frontier"]

_Found = tuple[int, int, int, "Link"]
"""What is sure, what is used, the belief, and the path."""


class Frontier:
    """A search that can be stopped and go on; it owns its two levels."""

    __slots__ = ("_levels", "_next", "_now", "_seen", "_steps", "deepest", "ends", "order")

    def __init__(self, levels: Sequence[Level], steps: Steps, first: int) -> None:
        self._levels = levels
        self._steps = steps
        self._now: dict[int, list[_Found]] = {}
        """Of this level, by how many that may never have happened were used."""
        self._seen: dict[tuple[int, int], list[int]] = {}
        self._next: list[_Found] = [(0, 0, first, None)]
        """Of the level after it, as they came."""
        self.deepest = -1
        self.ends: set[tuple[int, int]] = set()
        self.order: list[int] | None = None

    def run(self, steps: int) -> bool | None:
        """Go on for a number of configurations: True if there is an order, False if there is none, else None."""
        while self.order is None and steps > 0:
            if not self._now:
                steps -= 1
                if not self._advance():
                    break
                continue
            least = min(self._now)
            group = self._now[least]
            while group and steps > 0:
                steps -= 1
                self._lead_on(*group.pop())
            if not group:
                del self._now[least]
        if self.order is not None:
            return True
        return None if self._now or self._next else False

    def _advance(self) -> bool:
        """Enter the next level with what passed this one."""
        arrived, self._next = self._next, []
        if not arrived:
            return False
        self.deepest += 1
        if self.deepest == len(self._levels):
            self.order = placed(arrived[0][3])
            return False
        self._seen, self.ends = {}, set()
        fresh = self._levels[self.deepest].fresh
        arrived.sort(key=_thrift, reverse=True)
        while arrived:
            self._reach(fresh, *arrived.pop())
        return True

    def _lead_on(self, sure: int, used: int, belief: int, link: Link) -> None:
        table, fill, reach = self._steps.table, self._steps.fill, self._reach
        level = self._levels[self.deepest]
        observers = level.observers
        for bit, kind, before, place, overwrites in level.wills:
            if not used & bit and not before & ~(used if sure & bit else sure):
                after = table[kind].get(belief)
                if after is None:
                    after = fill(kind, belief)
                if after != IMPOSSIBLE and not (
                    overwrites and bit != level.bit and not is_seen(level, self._steps, sure, used, after)
                ):
                    covered = level.hidden & ~bit if overwrites else 0
                    way = covering(level, covered & ~sure, link) if covered & ~sure else link
                    reach(observers, sure | bit | covered, used | bit, after, (place, way))
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
                    reach(observers, sure | covered, used | 1 << (offset + at), after, (places[at], way))

    def _reach(self, observers: Sequence[Observer], sure: int, used: int, belief: int, link: Link) -> None:
        """Arrive in a configuration of this level: place what changes nothing; if the answer is served, pass on."""
        table = self._steps.table
        for bit, kind, place in observers:
            if not sure & bit:
                after = table[kind].get(belief)
                if after is None:
                    after = self._steps.fill(kind, belief)
                if after == belief:
                    sure |= bit
                    link = (place, link)
        level = self._levels[self.deepest]
        if level.hidden & level.bit & sure & ~used:  # it was hidden: this is its last chance to be seen after all
            self._keep(sure ^ level.bit, used, belief, link)
        self._keep(sure, used, belief, link)

    def _keep(self, sure: int, used: int, belief: int, link: Link) -> None:
        """Remember a configuration of this level, unless one was here that can do whatever it can."""
        ahead = self._levels[self.deepest].ahead
        if ahead != NOTHING and not self._steps.leads(belief, ahead):
            return
        seen = self._seen.setdefault((sure, belief), [])
        for less in seen:
            if not less & ~used:
                return
        seen.append(used)
        bit = self._levels[self.deepest].bit
        if sure & bit:
            self._next.append((sure ^ bit, used & ~bit, belief, link))
        else:
            self.ends.add((used, belief))
            self._now.setdefault(used.bit_count(), []).append((sure, used, belief, link))


def _thrift(found: _Found) -> int:
    return found[1].bit_count()
