"""The checker of transactions: what is wrong, what it rules out, and each in two sentences.

What does not belong here: how an anomaly is found (observed.py, cycles.py).
"""

from __future__ import annotations

import gc
import time
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from imsim.verify.transactions.anomalies import MESSAGING, Cycle, Level, cycle_name, ruled_out, severity
from imsim.verify.transactions.components import core, strong_components
from imsim.verify.transactions.cycles import ORDERS, Link, Round, rounds_of
from imsim.verify.transactions.edges import Edge, graph_of
from imsim.verify.transactions.observed import observe
from imsim.verify.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imsim.verify.transactions.edges import Graph
    from imsim.verify.transactions.observed import List
    from imsim.verify.transactions.transaction import Transaction

__all__ = ["Consistency", "Explained", "check_transactions"]

_TOLD: Final = 3
"""Of each name that many are explained; the others are counted."""


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """One anomaly.

    Attributes:
        name: `G1a`, `G-single-realtime`, …
        transactions: those that are part of it, by their place in the history; of a cycle in its order.
        sentences: what happened, and what it means to people who chat.
    """

    name: str
    transactions: tuple[int, ...]
    sentences: tuple[str, str]


class Consistency(msgspec.Struct, frozen=True, kw_only=True):
    """What the checker says of a history.

    Attributes:
        outcome: holds, if nothing rules out strict serializability; else violated.
        transactions: how many were judged.
        counts: of each name, how many there are, the worst first; of cycles, one a component.
        explained: the first ones of each name.
        rules_out: the weakest consistency models that are violated.
    """

    outcome: Outcome
    transactions: int
    counts: dict[str, int] = {}
    explained: tuple[Explained, ...] = ()
    rules_out: tuple[str, ...] = ()


def check_transactions(transactions: Sequence[Transaction], *, budget: float = 10.0) -> Consistency:
    """Which consistency a history rules out.

    Args:
        transactions: in any order.
        budget: seconds after which a cycle is named by the first that is found of its component, which may be of a
            lesser kind than the gravest.

    Raises:
        ConfigError: a value that is appended twice to a list, or calls of a process that overlap.
    """
    deadline = time.monotonic() + budget
    with _no_collector():
        observed = observe(transactions)
        graph = graph_of(transactions, observed.lists)
        rounds = list(_rounds(graph, deadline))
    found = [
        Explained(
            name=seen.anomaly.value, transactions=seen.transactions, sentences=_two(seen.sentence, seen.anomaly.value)
        )
        for seen in observed.seen
    ]
    found += [_explained(each, observed.lists, transactions) for each in rounds]
    groups: defaultdict[str, list[Explained]] = defaultdict(list)
    for each in found:
        groups[each.name].append(each)
    names = sorted(groups, key=severity)
    return Consistency(
        outcome=Outcome.VIOLATED if names else Outcome.HOLDS,
        transactions=len(transactions),
        counts={name: len(groups[name]) for name in names},
        explained=tuple(each for name in names for each in groups[name][:_TOLD]),
        rules_out=tuple(ruled_out(names)),
    )


@contextmanager
def _no_collector() -> Iterator[None]:
    """Millions of small objects and no garbage: the collector would only look at them again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _rounds(graph: Graph, deadline: float) -> Iterator[Round]:
    """The cycles of all components, of dependencies alone first, then with sessions, then with real time."""
    left = core(graph.nodes, graph.source, graph.target)
    inside = left[graph.source] & left[graph.target]
    after: dict[int, list[Link]] = {node: [] for node in np.flatnonzero(left).tolist()}
    kinds = [*Edge]
    columns = (graph.source, graph.target, graph.kind, graph.place)
    for source, target, kind, place in zip(*(column[inside].tolist() for column in columns), strict=True):
        after[source].append(Link(source, target, kinds[kind], place))
    known: defaultdict[int, set[Cycle]] = defaultdict(set)
    for level in Level:
        for local in _components(after, level):
            kinds_known = set().union(*(known[node] for node in local if node in known))
            for found in rounds_of(local, level, kinds_known, deadline):
                yield found
                for link in found.links:
                    known[link.source].add(found.cycle)


def _components(after: Mapping[int, Sequence[Link]], level: Level) -> Iterator[Mapping[int, Sequence[Link]]]:
    kinds = {Edge.WW, Edge.WR, Edge.RW, *ORDERS[level]}
    leads = {node: [link.target for link in links if link.kind in kinds] for node, links in after.items()}
    for component in strong_components(leads, leads.__getitem__):
        inside = set(component)
        yield {
            node: [link for link in after[node] if link.kind in kinds and link.target in inside] for node in component
        }


def _two(sentence: str, name: str) -> tuple[str, str]:
    return sentence, MESSAGING[name]


def _explained(found: Round, lists: Sequence[List], transactions: Sequence[Transaction]) -> Explained:
    clauses = [_clause(link, lists, transactions) for link in found.links]
    return Explained(
        name=cycle_name(found.cycle, found.level),
        transactions=tuple(link.source for link in found.links),
        sentences=_two(f"A cycle: {'; '.join(clauses)}.", cycle_name(found.cycle, Level.PLAIN)),
    )


def _clause(link: Link, lists: Sequence[List], transactions: Sequence[Transaction]) -> str:
    one, other = link.source, link.target
    if link.kind is Edge.PROCESS:
        return f"{one} ended before {other} in process {transactions[one].process}"
    if link.kind is Edge.REALTIME:
        return f"{one} ended before {other} was called"
    entry = lists[link.place]
    if link.kind is Edge.WR:
        return f"{other} read what {one} appended to {entry.key!r}"
    value = next(value for value, writer in entry.writers.items() if writer == other)
    if link.kind is Edge.WW:
        return f"{other} appended {value!r} to {entry.key!r} after {one} had"
    return f"{one} did not see the {value!r} that {other} appended to {entry.key!r}"
