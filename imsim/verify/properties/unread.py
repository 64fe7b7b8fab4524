"""Unread counts: what a device says is unread equals a recount of its own rows, whenever it says so.

Unread are the messages of others that the device shows, above its user's read mark, not recalled as far as it knows.
All that is in the history, so the judge counts for itself. In the end all devices show what the log holds and agree on
the mark (convergence.py), and then it is a recount of the log as well.

Not judged are words of a device that does not know its log's present epoch, whose slots the history tells by their last
meaning; and of conversations where a failover lost something by name, since only the device knows when it heard.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING, Final

import numpy as np

from imsim.history.schema import Event
from imsim.verify.evidence import SEQ_BITS
from imsim.verify.finding import Charge, Property, Story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imsim.verify.evidence import Evidence

__all__ = ["check"]

_NOBODY: Final = -2
"""The author of what is no message."""


def check(evidence: Evidence) -> Iterator[Charge]:
    """Devices count right."""
    if not evidence.counts[Event.COUNTED]:
        return
    words = evidence.standing.words
    counts = _recount(evidence)
    wrong = [number for number in evidence.standing.judged if counts[number] != words[number].unread]
    if wrong:
        wrong = _judged(evidence, wrong)

    def tell(word: int) -> Story:
        row = evidence.history.row(words[word].place)
        return Story(
            f"{row.node} says that {row.size} messages of {row.conversation} are unread, and shows {counts[word]} of "
            f"others above {row.seq}, up to which its user has read",
            (row.place,),
        )

    if wrong:
        yield Charge(Property.UNREAD, wrong, tell)


def _judged(evidence: Evidence, words: list[int]) -> list[int]:
    """Of which words the history tells enough."""
    log, named = evidence.log, evidence.fates.tail_lost.nonzero()[0]
    lossy = {*log.conversation[np.isin(log.message, named)].tolist(), *evidence.fates.conversation[named].tolist()}
    said = ((number, evidence.standing.words[number]) for number in words)
    return [
        number
        for number, word in said
        if word.conversation not in lossy and log.end(word.conversation, word.epoch) == 1 << SEQ_BITS
    ]


def _recount(evidence: Evidence) -> list[int]:
    """For every word: the messages of others that its device showed above the mark, less those recalled there."""
    said, users = evidence.standing, _users(evidence)
    author = [users[entry.sender] if entry.plain else _NOBODY for entry in evidence.fates.entries]
    own: dict[int, list[int]] = {}
    for rank, user in enumerate(author):
        own.setdefault(user, []).append(rank)
    all_shown, first, recalls = said.all_shown, said.first.data, _recalls(evidence, users)
    shown: dict[int, _Shown] = {}
    counts = [0] * len(said.words)
    for number, begin, low, _, end, shift in said.runs:
        word = said.words[number]
        reader = users[word.node]
        if low == end:
            continue
        if all_shown[end - 1] <= word.place:
            count = end - low
            for others in (own.get(_NOBODY, ()), own.get(reader, ())):
                count -= bisect_left(others, end + shift) - bisect_left(others, low + shift)
        else:
            if begin not in shown:
                skipped = (_NOBODY, reader)
                shown[begin] = _Shown(
                    first, [cell for cell in range(begin, end) if author[cell + shift] not in skipped]
                )
            count = shown[begin].above(low, word.place)
        for rank, (heard, by) in recalls.get((word.node, word.conversation), {}).items():
            cell = rank - shift
            count -= heard < word.place and by != reader and low <= cell < end and first[cell] < word.place
        counts[number] += count
    return counts


class _Shown:
    """Cells of a device that it showed so far, while somebody asks in the order in which it happened."""

    __slots__ = ("_cells", "_coming", "_first")

    def __init__(self, first: memoryview, cells: list[int]) -> None:
        self._first = first
        self._coming = sorted(cells, key=first.__getitem__, reverse=True)
        self._cells: list[int] = []

    def above(self, low: int, place: int) -> int:
        """How many of the cells from `low` on were shown before a row."""
        coming, first = self._coming, self._first
        while coming and first[coming[-1]] < place:
            insort(self._cells, coming.pop())
        return len(self._cells) - bisect_left(self._cells, low)


def _users(evidence: Evidence) -> list[int]:
    """By node: a number of the user whose device it is; nobody's (-1) for the last, which stands for no node."""
    numbers: dict[str, int] = {}
    names = (name.partition("/")[0] for name in evidence.history.nodes.names)
    return [*(numbers.setdefault(name, len(numbers)) for name in names), -1]


def _recalls(evidence: Evidence, users: list[int]) -> dict[tuple[int, int], dict[int, tuple[int, int]]]:
    """By device and conversation: the ranks of messages that their author recalled, when it heard that, the author."""
    rank, slot, entries = evidence.log.rank, evidence.fates.slot, evidence.fates.entries
    find, details = evidence.history.messages.find, evidence.history.details
    recalls: dict[tuple[int, int], dict[int, tuple[int, int]]] = {}
    for place, node, recall, word in evidence.few(Event.RECALLED, "node", "message", "detail"):
        target = find(details.name(word))
        if target is None or slot[target] < 0 or rank[slot[target]] < 0 or place < evidence.readers.installed[node]:
            continue
        entry = entries[rank[slot[target]]]
        author = users[entry.sender]
        if entry.plain and users[evidence.fates.sender[recall]] == author:
            known = recalls.setdefault((node, entry.conversation), {})
            known.setdefault(int(rank[entry.slot]), (place, author))
    return recalls
