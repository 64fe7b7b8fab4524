"""The cycles of a strongly connected component, by kind: the gravest of each component, and how it goes round.

A kind is a rule about edges (Adya, 1999): G0 has only ww; G1c has a wr besides; G-single exactly one rw, G-nonadjacent
several, but never one after the other, and G2 any. Each question has an exact answer in about linear time:

    G0, G1c         a component of ww (and wr) edges, closed by any edge of the wanted kind inside of it
    G-single        does the head of an rw edge reach its tail without another? All edges at once, a bit each
    G-nonadjacent   a component of the graph of (transaction, whether an rw was just taken)
    G2              any rw edge, and any way back

What does not belong here: names for people (anomalies.py).
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from imsim.verify.transactions.anomalies import Cycle, Level
from imsim.verify.transactions.components import all_components, strong_components
from imsim.verify.transactions.edges import Edge

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

__all__ = ["ORDERS", "Link", "Round", "rounds_of"]

ORDERS: Final = {
    Level.PLAIN: frozenset({Edge.PASS}),
    Level.PROCESS: frozenset({Edge.PASS, Edge.PROCESS}),
    Level.REALTIME: frozenset({Edge.PASS, Edge.PROCESS, Edge.REALTIME}),
}
"""The edges that a level has besides dependencies."""

_TRIED: Final = 20
"""Edges of which the one with the shortest way back is told."""
_CHUNK: Final = 4096
"""Edges that are followed at once, a bit each."""


class Link(NamedTuple):
    """An edge with its ends; in a round, from transaction to transaction."""

    source: int
    target: int
    kind: Edge
    place: int


class Round(NamedTuple):
    """One cycle, with its kind and what it needs besides dependencies."""

    cycle: Cycle
    level: Level
    links: tuple[Link, ...]


def rounds_of(
    local: Mapping[int, Sequence[Link]], level: Level, known: Collection[Cycle], deadline: float
) -> Iterable[Round]:
    """The cycles of a component: G0 and G1c if there are, and the gravest of those with an rw edge.

    Args:
        local: the component's edges, by source; all lead to nodes of the component.
        level: whose orders are among them.
        known: kinds that the component has without these orders: what they imply is not searched.
        deadline: on the monotonic clock, from when on the quickest answer is taken.
    """
    order = ORDERS[level]
    gravest = min(known, default=Cycle.G2 + 1)
    if gravest > Cycle.G0:
        yield from _dependent(local, order | {Edge.WW}, Edge.WW)
    if gravest > Cycle.G1C:
        yield from _dependent(local, order | {Edge.WW, Edge.WR}, Edge.WR)
    links = [link for links in local.values() for link in links if link.kind is Edge.RW]
    for cycle, search in ((Cycle.G_SINGLE, _single), (Cycle.G_NONADJACENT, _nonadjacent), (Cycle.G2, _any)):
        if not links or gravest <= cycle:
            return
        found = search(local, links, order) if cycle is Cycle.G2 or time.monotonic() < deadline else None
        if found is not None:
            yield found
            return


def _dependent(local: Mapping[int, Sequence[Link]], kinds: Collection[Edge], closing: Edge) -> Iterable[Round]:
    """One cycle of each component of these edges that has an edge of the wanted kind."""
    after = _followed(local, kinds)
    for component in strong_components(local, lambda node: [link.target for link in after(node)]):
        inside = set(component)
        links = [link for node in component for link in after(node) if link.kind is closing and link.target in inside]
        found = _closed(links, lambda node, inside=inside: [each for each in after(node) if each.target in inside])  # type: ignore[misc]
        if found is not None:
            yield found


def _single(local: Mapping[int, Sequence[Link]], links: Sequence[Link], order: Collection[Edge]) -> Round | None:
    after = _followed(local, {Edge.WW, Edge.WR, *order})
    components = all_components(local, lambda node: [link.target for link in after(node)])
    home = {node: number for number, component in enumerate(components) for node in component}
    leads = [
        sorted({home[link.target] for node in component for link in after(node)} - {number})
        for number, component in enumerate(components)
    ]
    for begin in range(0, len(links), _CHUNK):
        chunk = links[begin : begin + _CHUNK]
        reached = [0] * len(components)
        for at, link in enumerate(chunk):
            reached[home[link.target]] |= 1 << at
        for number in range(len(components) - 1, -1, -1):  # whatever leads to a component has a higher number
            if reached[number]:
                for other in leads[number]:
                    reached[other] |= reached[number]
        closed = [link for at, link in enumerate(chunk) if reached[home[link.source]] >> at & 1]
        if closed:
            return _closed(closed, after)
    return None


def _nonadjacent(local: Mapping[int, Sequence[Link]], _: Sequence[Link], order: Collection[Edge]) -> Round | None:
    """A closed walk in which no rw follows another: a cycle of pairs (node, whether an rw came last)."""
    kinds = {Edge.WW, Edge.WR, Edge.RW, *order}

    def after(pair: int) -> list[Link]:
        node, jumped = divmod(pair, 2)
        return [
            Link(pair, 2 * link.target + (link.kind is Edge.RW or (link.kind is Edge.PASS and jumped)), *link[2:])
            for link in local[node]
            if link.kind in kinds and not (jumped and link.kind is Edge.RW)
        ]

    for component in strong_components(
        (2 * node for node in local), lambda pair: [link.target for link in after(pair)]
    ):
        inside = set(component)
        links = [link for pair in component for link in after(pair) if link.kind is Edge.RW and link.target in inside]
        found = _closed(links, after, lambda pair: pair // 2)
        if found is not None:
            return found
    return None


def _any(local: Mapping[int, Sequence[Link]], links: Sequence[Link], order: Collection[Edge]) -> Round | None:
    return _closed(links, _followed(local, {Edge.WW, Edge.WR, Edge.RW, *order}))


def _followed(local: Mapping[int, Sequence[Link]], kinds: Collection[Edge]) -> Callable[[int], Sequence[Link]]:
    chosen = {node: [link for link in links if link.kind in kinds] for node, links in local.items()}
    return chosen.__getitem__


def _closed(
    links: Sequence[Link], after: Callable[[int], Sequence[Link]], node_of: Callable[[int], int] = int
) -> Round | None:
    """The shortest of the rounds that begin with one of the first links."""
    best: list[Link] = []
    for link in links[:_TRIED]:
        back = _way(link.target, link.source, after)
        if back is not None and (not best or len(back) + 1 < len(best)):
            best = [link, *back]
    if not best:
        return None
    steps: list[Link] = []
    for source, target, kind, place in best:
        if kind is Edge.PASS:
            steps[-1] = steps[-1]._replace(target=node_of(target))
        else:
            steps.append(Link(node_of(source), node_of(target), kind, place))
    return Round(_kind(steps), _level(steps), tuple(steps))


def _way(begin: int, end: int, after: Callable[[int], Sequence[Link]]) -> list[Link] | None:
    """A shortest way, breadth first."""
    came: dict[int, Link | None] = {begin: None}
    queue = deque((begin,))
    while queue and end not in came:
        for link in after(queue.popleft()):
            if link.target not in came:
                came[link.target] = link
                queue.append(link.target)
    if end not in came:
        return None
    way: list[Link] = []
    step = came[end]
    while step is not None:
        way.append(step)
        step = came[step.source]
    way.reverse()
    return way


def _kind(links: Sequence[Link]) -> Cycle:
    jumps = [link.kind is Edge.RW for link in links]
    if sum(jumps) == 1:
        return Cycle.G_SINGLE
    if any(jumps):
        adjacent = any(one and next_ for one, next_ in zip(jumps, [*jumps[1:], jumps[0]], strict=True))
        return Cycle.G2 if adjacent else Cycle.G_NONADJACENT
    return Cycle.G1C if any(link.kind is Edge.WR for link in links) else Cycle.G0


def _level(links: Sequence[Link]) -> Level:
    kinds = {link.kind for link in links}
    return Level.REALTIME if Edge.REALTIME in kinds else Level.PROCESS if Edge.PROCESS in kinds else Level.PLAIN
