"""One order of placing operations as far as it goes, then the next: quick where the history is fine.

A *configuration* is (level, what is placed, the belief about the object). From each the operations that may be placed
next are tried, the one that must return soonest first; observers are placed as soon as they fit, which loses nothing,
for they change nothing. A configuration is visited once (the memo of Wing, Gong and Lowe), and not at all where one
with the same belief needed fewer of the operations that may never have happened.

What does not belong here: going side by side (frontier.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from imsim.verify.linear.levels import NOTHING
from imsim.verify.linear.steps import IMPOSSIBLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imsim.verify.linear.levels import Level
    from imsim.verify.linear.steps import Steps

__all__ = ["DepthFirst", "Link", "placed"]

Link = tuple[int, "Link"] | None
"""The operations placed so far, the last one first."""

_MOST: Final = 2_000_000
"""Configurations that are remembered, about 400 MB of them; beyond, this search gives up."""


class DepthFirst:
    """A search that can be stopped and go on; it owns its memo."""

    __slots__ = ("_levels", "_remembered", "_seen", "_stack", "_steps", "beliefs", "deepest", "order", "spent")

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
        self.beliefs: set[int] = set()
        """What was believed there."""
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
            for kind, offset, field, called, places, rivals in level.maybes:
                at = ((used >> offset) & field).bit_length()
                if at < called and not rivals & ~sure:
                    after = table[kind].get(belief)
                    if after is None:
                        after = fill(kind, belief)
                    if after not in (IMPOSSIBLE, belief):
                        reach(depth, sure, used | 1 << (offset + at), after, (places[at], link))
            for bit, kind, before, place in reversed(level.wills):
                if not sure & bit and not before & ~sure:
                    after = table[kind].get(belief)
                    if after is None:
                        after = fill(kind, belief)
                    if after != IMPOSSIBLE:
                        reach(depth, sure | bit, used, after, (place, link))
        if self.order is not None:
            return True
        return None if stack else False

    def _reach(self, depth: int, sure: int, used: int, belief: int, link: Link) -> None:  # noqa: C901 (as above)
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
            if not sure & levels[depth].bit:
                break
            sure ^= levels[depth].bit
            depth += 1
            observers = levels[depth].fresh if depth < len(levels) else ()
        ahead = levels[depth].ahead
        if ahead != NOTHING and not self._steps.leads(belief, ahead):
            return
        if depth >= self.deepest:
            if depth > self.deepest:
                self.deepest = depth
                self.beliefs = set()
            self.beliefs.add(belief)
        seen = self._seen.setdefault((depth, sure, belief), [])
        if any(not less & ~used for less in seen):
            return
        seen.append(used)
        self._remembered += 1
        self.spent = self._remembered > _MOST
        self._stack.append((depth, sure, used, belief, link))


def placed(link: Link) -> list[int]:
    """The operations of a path, the first one first."""
    order = []
    while link is not None:
        place, link = link
        order.append(place)
    order.reverse()
    return order
