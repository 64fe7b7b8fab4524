"""Strongly connected components, in time linear in the edges, on integers.

Most histories have none, so what cannot be part of a cycle is peeled off first, from both sides: whatever nobody comes
before, or after, is gone (Kahn, 1962). What is left, if anything, is Tarjan's (1972), without recursion.

What does not belong here: what an edge means (edges.py).
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

__all__ = ["adjacency", "core", "strong_components"]


def adjacency(nodes: int, sources: npt.NDArray[np.int64], targets: npt.NDArray[np.int64]) -> list[list[int]]:
    """By node, where its edges lead."""
    order = np.argsort(sources, kind="stable")
    ends = np.cumsum(np.bincount(sources, minlength=nodes)).tolist()
    flat: list[int] = targets[order].tolist()
    return [flat[begin:end] for begin, end in zip(chain((0,), ends), ends, strict=False)]


def core(nodes: int, sources: npt.NDArray[np.int64], targets: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which nodes are left when all are peeled off that have nothing before them, or nothing after."""
    left = np.ones(nodes, dtype=np.bool_)
    for tails, heads in ((sources, targets), (targets, sources)):
        inside = left[tails] & left[heads]
        left &= _unpeeled(nodes, tails[inside], heads[inside])
        if not left.any():
            break
    return left


def _unpeeled(nodes: int, sources: npt.NDArray[np.int64], targets: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    after = adjacency(nodes, sources, targets)
    counts = np.bincount(targets, minlength=nodes)
    ready: list[int] = np.flatnonzero(counts == 0).tolist()
    before: list[int] = counts.tolist()
    while ready:
        for node in after[ready.pop()]:
            before[node] -= 1
            if not before[node]:
                ready.append(node)
    return np.array(before, dtype=np.int64) > 0


def strong_components(nodes: Iterable[int], after: Callable[[int], Sequence[int]]) -> list[list[int]]:
    """The components of more than one node; whatever one leads to comes before it.

    Args:
        nodes: where to begin, in a fixed order.
        after: where the edges of a node lead.
    """
    return [component for component in all_components(nodes, after) if len(component) > 1]


def all_components(nodes: Iterable[int], after: Callable[[int], Sequence[int]]) -> list[list[int]]:
    """The components, those of one node too; whatever one leads to comes before it."""
    number: dict[int, int] = {}
    low: dict[int, int] = {}
    open_: list[int] = []
    inside: set[int] = set()
    found: list[list[int]] = []
    for root in nodes:
        if root in number:
            continue
        path = [(root, iter(after(root)))]
        number[root] = low[root] = len(number)
        open_.append(root)
        inside.add(root)
        while path:
            node, rest = path[-1]
            for other in rest:
                if other not in number:
                    number[other] = low[other] = len(number)
                    open_.append(other)
                    inside.add(other)
                    path.append((other, iter(after(other))))
                    break
                if other in inside:
                    low[node] = min(low[node], number[other])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == number[node]:
                    at = _position(open_, node)
                    found.append(open_[at:])
                    inside.difference_update(open_[at:])
                    del open_[at:]
    return found


def _position(open_: list[int], node: int) -> int:
    """Where a node is on a stack, from its top."""
    at = len(open_) - 1
    while open_[at] != node:
        at -= 1
    return at
