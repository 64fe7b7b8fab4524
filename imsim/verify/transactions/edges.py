"""The graph of a history: a node a transaction, and an edge wherever one has to come before another.

    ww  appended next to a list              rw  did not see what was appended next, and so came before it
    wr  read what was appended last          process, realtime  ended before the other was called

All that is read without an answer to "who was next" stays linear by nodes in between, which stand for no transaction:
reads of a whole list lead into a chain of those whose appends nobody saw, and the order of real time is a chain of the
moments at which somebody ended. An edge of such a node is a *pass*: it only leads on.

What does not belong here: cycles.
"""

from __future__ import annotations

import enum
import math
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imsim.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from imsim.verify.transactions.observed import List
    from imsim.verify.transactions.transaction import Transaction

__all__ = ["Edge", "Graph", "graph_of"]


class Edge(enum.IntEnum):
    """What an edge says."""

    WW = 0
    WR = 1
    RW = 2
    PROCESS = 3
    REALTIME = 4
    PASS = 5


class Graph(NamedTuple):
    """Edges as columns.

    Attributes:
        nodes: how many there are; the transactions first.
        source, target, kind: of each edge.
        place: of each dependency, in which list it is; -1 otherwise.
    """

    nodes: int
    source: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int64]
    place: npt.NDArray[np.int64]


class _Edges:
    """Edges while they are collected, as pieces of columns."""

    def __init__(self, nodes: int) -> None:
        self.nodes = nodes
        self._pieces: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Edge, npt.NDArray[np.int64]]] = []

    def add(
        self,
        kind: Edge,
        sources: Sequence[int] | npt.NDArray[np.int64],
        targets: Sequence[int] | npt.NDArray[np.int64],
        places: Sequence[int] | npt.NDArray[np.int64] | None = None,
    ) -> None:
        """Edges between different transactions; those that name none (-1) are left out."""
        tails, heads = np.asarray(sources, dtype=np.int64), np.asarray(targets, dtype=np.int64)
        where = np.full(len(tails), -1, dtype=np.int64) if places is None else np.asarray(places, dtype=np.int64)
        real = (tails >= 0) & (heads >= 0) & (tails != heads)
        self._pieces.append((tails[real], heads[real], kind, where[real]))

    def new(self, count: int) -> int:
        """Nodes in between: the number of the first."""
        self.nodes += count
        return self.nodes - count

    def graph(self) -> Graph:
        sources, targets, kinds, places = zip(*self._pieces, strict=True)
        kind = [np.full(len(piece), word, dtype=np.int64) for piece, word in zip(sources, kinds, strict=True)]
        columns = (sources, targets, kind, places)
        return Graph(self.nodes, *(np.concatenate(column) for column in columns))


def graph_of(transactions: Sequence[Transaction], lists: Sequence[List]) -> Graph:
    """The graph of a history.

    Raises:
        ConfigError: a process calls before its call before that has returned, or a return before its call.
    """
    edges = _Edges(len(transactions))
    _dependencies(edges, transactions, lists)
    _sessions(edges, transactions)
    _real_time(edges, transactions)
    return edges.graph()


def _dependencies(edges: _Edges, transactions: Sequence[Transaction], lists: Sequence[List]) -> None:
    """The orders of all lists laid end to end, each with -1 before and after it, so that a neighbour is a shift."""
    happened = [transaction.status != "fail" for transaction in transactions]
    certain = [transaction.status == "ok" for transaction in transactions]
    for entry in lists:
        for value in entry.order:
            writer = entry.writers.get(value, -1)
            if writer >= 0:
                certain[writer] = happened[writer]
    flat, place = [-1], [-1]
    readers: list[int] = []
    behind: list[int] = []
    for number, entry in enumerate(lists):
        if not entry.sound:
            continue
        begin = len(flat) - 1
        readers += [reader for reader, _ in entry.reads]
        behind += [begin + length for _, length in entry.reads]
        writers = entry.writers
        who = [writers.get(value, -1) for value in entry.order]
        flat += [writer if writer >= 0 and happened[writer] else -1 for writer in who]
        flat.append(-1)
        place += [number] * (len(who) + 1)
        if len(writers) > len(who):
            _unseen(edges, certain, number, entry)
    chain, where = np.array(flat, dtype=np.int64), np.array(place, dtype=np.int64)
    reader, at = np.array(readers, dtype=np.int64), np.array(behind, dtype=np.int64)
    edges.add(Edge.WW, chain[:-1], chain[1:], where[1:])
    edges.add(Edge.WR, chain[at], reader, where[at])
    edges.add(Edge.RW, reader, chain[at + 1], where[np.minimum(at + 1, len(where) - 1)])


def _unseen(edges: _Edges, certain: Sequence[bool], number: int, entry: List) -> None:
    """What was appended for certain and was in no read comes after all that was read, in an order that nobody knows.

    Two chains lead to all of them, one from the first on and one from the last back; whoever both read everything and
    appended something goes round itself by taking each chain beside it.
    """
    shown = set(entry.order)
    unseen = dict.fromkeys(writer for value, writer in entry.writers.items() if value not in shown and certain[writer])
    last = entry.writers.get(entry.order[-1], -1) if entry.order else -1
    unseen.pop(last, None)
    writers = list(unseen)
    if not writers:
        return
    count = len(writers)
    onward, back = edges.new(count), edges.new(count)
    steps = np.arange(count - 1)
    edges.add(Edge.PASS, onward + np.arange(count), writers)
    edges.add(Edge.PASS, back + np.arange(count), writers)
    edges.add(Edge.PASS, onward + steps, onward + steps + 1)
    edges.add(Edge.PASS, back + steps + 1, back + steps)
    if last >= 0 and certain[last]:
        edges.add(Edge.WW, [last] * count, writers, [number] * count)
    position = {writer: at for at, writer in enumerate(writers)}
    whole = [reader for reader, length in entry.reads if length == len(entry.order)]
    others = [reader for reader in whole if reader not in position]
    edges.add(Edge.RW, others, [onward] * len(others), [number] * len(others))
    for reader in whole:
        at = position.get(reader, -1)
        if at >= 0:
            beside = [onward + at + 1] * (at + 1 < count) + [back + at - 1] * (at > 0)
            edges.add(Edge.RW, [reader] * len(beside), beside, [number] * len(beside))


def _sessions(edges: _Edges, transactions: Sequence[Transaction]) -> None:
    """Of one process, each transaction that ended comes before the next."""
    sessions: defaultdict[int | str, list[int]] = defaultdict(list)
    for number, transaction in enumerate(transactions):
        if transaction.status != "fail":
            sessions[transaction.process].append(number)
    sources, targets = [], []
    for process, numbers in sessions.items():
        numbers.sort(key=lambda number: (transactions[number].call, transactions[number].return_ or math.inf))
        for one, next_ in pairwise(numbers):
            before, after = transactions[one], transactions[next_]
            if before.status != "ok":
                continue
            if before.return_ is None or before.return_ > after.call:
                raise ConfigError(
                    f"transaction {next_}: process {process} calls at {after.call} before transaction {one}, called at"
                    f" {before.call}, has returned"
                )
            sources.append(one)
            targets.append(next_)
    edges.add(Edge.PROCESS, sources, targets)


def _real_time(edges: _Edges, transactions: Sequence[Transaction]) -> None:
    """Whatever returned comes before whatever is called later: by a chain of the moments of return."""
    ended = [number for number, transaction in enumerate(transactions) if transaction.status == "ok"]
    begun = [number for number, transaction in enumerate(transactions) if transaction.status != "fail"]
    returns = np.array([transactions[number].return_ for number in ended], dtype=np.float64)
    calls = np.array([transactions[number].call for number in begun], dtype=np.float64)
    moments = np.unique(returns)
    first = edges.new(len(moments))
    edges.add(Edge.REALTIME, ended, first + np.searchsorted(moments, returns))
    steps = first + np.arange(max(len(moments) - 1, 0))
    edges.add(Edge.PASS, steps, steps + 1)
    before = np.searchsorted(moments, calls, side="left") - 1
    edges.add(Edge.PASS, np.where(before >= 0, first + before, -1), begun)
