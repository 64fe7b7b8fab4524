"""What the reads of a history say: the order of each list, and what is wrong without looking at a graph.

A list only grows, so all that was ever read of it is a beginning of the longest read; that one is its *version order*.
Of a list whose longest read has a value twice nothing follows, and it is left out of the graph. Comparing a read with
the order is one comparison of lists, so the work is linear in what was read.

What does not belong here: dependencies between transactions (edges.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from imsim.errors import ConfigError
from imsim.verify.transactions.anomalies import Anomaly

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imsim.verify.transactions.transaction import Key, Transaction, Value

__all__ = ["List", "Observed", "Seen", "observe"]

_TOLD: Final = 8
"""Values of a read that are told."""


class Seen(NamedTuple):
    """One anomaly: what it is, where, and one sentence."""

    anomaly: Anomaly
    transactions: tuple[int, ...]
    sentence: str


class List:
    """One list: who appended what, and who read how much of it."""

    __slots__ = ("key", "order", "partial", "reads", "sound", "views", "writers")

    def __init__(self, key: Key) -> None:
        self.key = key
        self.writers: dict[Value, int] = {}
        """The transaction that appends a value, whether or not it happened."""
        self.partial: set[Value] = set()
        """Values after which the same transaction appends more to the list."""
        self.views: list[tuple[int, list[Value]]] = []
        """All that was read of it, by transaction."""
        self.reads: list[tuple[int, int]] = []
        """The transaction of a read that came before its own appends, and how many values it saw."""
        self.order: list[Value] = []
        self.sound = True
        """Whether the order is known."""


class Observed(NamedTuple):
    """The lists of a history, and the anomalies that need no graph."""

    lists: list[List]
    seen: list[Seen]


def observe(transactions: Sequence[Transaction]) -> Observed:
    """Read a history once.

    Raises:
        ConfigError: the same value is appended twice to a list, so that nobody can tell whose was read.
    """
    lists: dict[Key, List] = {}
    seen: list[Seen] = []
    for number, transaction in enumerate(transactions):
        ok = transaction.status == "ok"
        mine: dict[Key, Any] = {}  # the value that was appended last, or None after a read
        for function, key, value in transaction.ops:
            entry = lists.get(key)
            if entry is None:
                entry = lists[key] = List(key)
            if function == "append":
                _append(entry, value, number, mine)
            elif ok and value is not None:
                _view(entry, value, number, mine)
        if ok and len(mine) < len(transaction.ops):
            seen += _inside(number, transaction)
    for entry in lists.values():
        seen += _judged(entry, transactions)
    return Observed(list(lists.values()), seen)


def _append(entry: List, value: Any, number: int, mine: dict[Key, Any]) -> None:  # noqa: ANN401 (checked by its reader)
    writers = entry.writers
    if value in writers:
        raise ConfigError(
            f"transactions {writers[value]} and {number} both append {value!r} to {entry.key!r}:"
            " nobody could tell whose was read"
        )
    writers[value] = number
    last = mine.get(entry.key)
    if last is not None:
        entry.partial.add(last)
    mine[entry.key] = value


def _view(entry: List, view: Any, number: int, mine: dict[Key, Any]) -> None:  # noqa: ANN401 (checked by its reader)
    entry.views.append((number, view))
    if len(view) > len(entry.order):
        entry.order = view
    if entry.key not in mine:
        entry.reads.append((number, len(view)))
        mine[entry.key] = None


def _inside(number: int, transaction: Transaction) -> Iterator[Seen]:
    """What a transaction contradicts itself in."""
    known: dict[Key, list[Any]] = {}
    tails: dict[Key, list[Any]] = {}
    for at, (function, key, value) in enumerate(transaction.ops):
        if function == "append":
            (known if key in known else tails).setdefault(key, []).append(value)
            continue
        if not isinstance(value, list):
            continue
        tail = tails.get(key, [])
        if value != known[key] if key in known else tail and value[-len(tail) :] != tail:
            expected = f"{known[key]!r}" if key in known else f"a list that ends in {tail!r}"
            sentence = (
                f"Transaction {number} read {value!r} of {key!r} where its own reads and appends left {expected}."
            )
            yield Seen(Anomaly.INTERNAL, (number,), sentence)
        later = {given for after, of, given in transaction.ops[at:] if after == "append" and of == key}
        for given in value:
            if given in later:
                sentence = f"Transaction {number} read {given!r} of {key!r} before it appended it itself."
                yield Seen(Anomaly.FUTURE_READ, (number,), sentence)
        known[key] = list(value)


def _judged(entry: List, transactions: Sequence[Transaction]) -> Iterator[Seen]:
    """What is wrong with the reads of one list; leaves only those by which its order is known."""
    order, strange = entry.order, set()
    entry.sound = len(set(order)) == len(order)
    for number, view in entry.views:
        if order[: len(view)] != view:
            strange.add(number)
            yield from _contradiction(entry, number, view)
        if entry.partial and view and view[-1] in entry.partial and entry.writers[view[-1]] != number:
            writer = entry.writers[view[-1]]
            sentence = (
                f"Transaction {number} read {entry.key!r} up to {view[-1]!r}, after which transaction {writer} appended"
                " more in one step."
            )
            yield Seen(Anomaly.G1B, (number, writer), sentence)
    entry.reads = [(number, length) for number, length in entry.reads if number not in strange]
    if entry.partial:
        yield from _disordered(entry, transactions)
    if not entry.sound:
        yield from _doubled(entry, *_longest(entry))
    yield from _foreign(entry, transactions)
    yield from _lost_updates(entry)


def _contradiction(entry: List, number: int, view: list[Any]) -> Iterator[Seen]:
    other, order = _longest(entry)
    sentence = (
        f"Transaction {number} read {_brief(view)} of {entry.key!r} and transaction {other} read {_brief(order)}, and"
        " neither begins with the other."
    )
    yield Seen(Anomaly.INCOMPATIBLE_ORDER, (number, other), sentence)
    if len(set(view)) != len(view):
        yield from _doubled(entry, number, view)
    for value in view:
        if value not in entry.writers:
            yield _garbage(entry, number, value)


def _disordered(entry: List, transactions: Sequence[Transaction]) -> Iterator[Seen]:
    """What one transaction appended to a list, and what is not in that order there."""
    places = {value: at for at, value in enumerate(entry.order)}
    before: dict[int, tuple[Any, int]] = {}  # by transaction: what it appended before, and where that is
    for value, writer in entry.writers.items():  # of each transaction in its order
        earlier, last = before.get(writer, (None, -1))
        at = places.get(value, len(places))
        if at < last and transactions[writer].status != "fail":
            reader, _ = _longest(entry)
            sentence = (
                f"Transaction {reader} read {value!r} of {entry.key!r} without the {earlier!r} before it that"
                f" transaction {writer} had appended first."
            )
            yield Seen(Anomaly.INCOMPATIBLE_ORDER, (reader, writer), sentence)
        before[writer] = (value, at)


def _longest(entry: List) -> tuple[int, list[Any]]:
    return next((number, view) for number, view in entry.views if view is entry.order)


def _doubled(entry: List, number: int, view: list[Any]) -> Iterator[Seen]:
    value = next(value for at, value in enumerate(view) if value in view[:at])
    sentence = f"Transaction {number} read {value!r} of {entry.key!r} more than once: {_brief(view)}."
    yield Seen(Anomaly.DUPLICATE_ELEMENTS, (number,), sentence)


def _garbage(entry: List, number: int, value: Any) -> Seen:  # noqa: ANN401 (a value of the history)
    sentence = f"Transaction {number} read {value!r} of {entry.key!r}, which no transaction ever appended."
    return Seen(Anomaly.GARBAGE_READ, (number,), sentence)


def _foreign(entry: List, transactions: Sequence[Transaction]) -> Iterator[Seen]:
    """Values that nobody appended, or whose transaction failed."""
    writers = entry.writers
    for at, value in enumerate(entry.order):
        writer = writers.get(value, -1)
        if writer >= 0 and transactions[writer].status != "fail":
            continue
        reader = next(number for number, view in entry.views if value in view)
        if writer < 0:
            yield _garbage(entry, reader, value)
            continue
        sentence = f"Transaction {reader} read {value!r} of {entry.key!r}, which transaction {writer} failed to append."
        yield Seen(Anomaly.G1A, (reader, writer), sentence)
        later = [writers[next_] for next_ in entry.order[at + 1 :] if next_ in writers]
        kept = next((number for number in later if transactions[number].status == "ok"), None)
        if kept is not None:
            sentence = (
                f"Transaction {kept} appended to {entry.key!r} after the {value!r} of {writer}, which had failed."
            )
            yield Seen(Anomaly.DIRTY_UPDATE, (writer, kept), sentence)


def _lost_updates(entry: List) -> Iterator[Seen]:
    appending = set(entry.writers.values())
    first: dict[int, int] = {}
    for number, length in entry.reads:
        if number in appending and (other := first.setdefault(length, number)) != number:
            sentence = (
                f"Transactions {other} and {number} both read the first {length} values of {entry.key!r} and then both"
                " appended to it."
            )
            yield Seen(Anomaly.LOST_UPDATE, (other, number), sentence)


def _brief(view: list[Any]) -> str:
    return repr(view) if len(view) <= _TOLD else f"[…, {', '.join(map(repr, view[-_TOLD:]))}]"
