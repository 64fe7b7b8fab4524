"""Unread counts: what a device says is unread equals a recount of its own rows, whenever it says so.

Unread are the messages of others that the device shows, above its user's read mark, not recalled as far as it knows.
All that is in the history, so the judge counts for itself. In the end all devices show what the log holds and agree on
the mark (convergence.py), and then it is a recount of the log as well.

Not judged are words of a device that does not know its log's present epoch, whose slots the history tells by their last
meaning; and of conversations where a failover lost something by name, since only the device knows when it heard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imsim.history.schema import Event
from imsim.verify.evidence import SEQ_BITS
from imsim.verify.finding import Charge, Property, Story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imsim.verify.columns import Flags
    from imsim.verify.evidence import Evidence, Numbers

__all__ = ["check"]


def check(evidence: Evidence) -> Iterator[Charge]:
    """Devices count right."""
    if not evidence.counts[Event.COUNTED]:
        return
    said = evidence.standing
    counts = np.zeros(len(said.place), np.int64)
    np.add.at(counts, said.runs.word, _recount(evidence))
    wrong = np.flatnonzero(counts != said.unread)
    wrong = wrong[_judged(evidence, wrong)]

    def tell(word: int) -> Story:
        row = evidence.history.row(int(said.place[word]))
        return Story(
            f"{row.node} says that {row.size} messages of {row.conversation} are unread, and shows {counts[word]} of "
            f"others above {row.seq}, up to which its user has read",
            (row.place,),
        )

    if len(wrong):
        yield Charge(Property.UNREAD, wrong, tell)


def _judged(evidence: Evidence, words: Numbers) -> Flags:
    """Of which words the history tells enough."""
    said, log = evidence.standing, evidence.log
    judged = said.judged[words] & said.current(words)
    if len(words) and evidence.counts[Event.TAIL_LOST]:
        named = np.flatnonzero(evidence.fates.tail_lost)
        lossy = np.union1d(log.conversation[np.isin(log.message, named)], evidence.fates.conversation[named])
        judged &= ~np.isin(said.conversation[words], lossy)
    return judged


def _recount(evidence: Evidence) -> Numbers:
    """For every run: the messages of others that its device showed above the mark, less those recalled there."""
    said, runs = evidence.standing, evidence.standing.runs
    users = _users(evidence)
    reader = users[said.node[runs.word]]
    counts = _written_by_others(evidence, users, reader)
    place = said.place[runs.word]
    waiting = np.flatnonzero((runs.end > runs.low) & (said.all_shown[runs.end - 1] > place))
    plain, author = _plain(evidence), users[evidence.fates.sender[evidence.log.message[evidence.log.shown]]]
    for run in waiting.tolist():
        low, end = int(runs.low[run]), int(runs.end[run])
        shift = int(runs.rank[run]) - int(runs.begin[run])
        ranks = slice(low + shift, end + shift)
        shown = said.first[low:end] < place[run]
        counts[run] = np.count_nonzero(shown & plain[ranks] & (author[ranks] != reader[run]))
    for run, taken_back in _recalled(evidence, users, reader):
        counts[run] -= taken_back
    return counts


def _users(evidence: Evidence) -> Numbers:
    """By node: a number of the user whose device it is; nobody's (-1) for the last, which stands for no node."""
    numbers: dict[str, int] = {}
    names = (name.partition("/")[0] for name in evidence.history.nodes.names)
    return np.array([*(numbers.setdefault(name, len(numbers)) for name in names), -1])


def _plain(evidence: Evidence) -> Flags:
    return evidence.log.plain[evidence.log.shown]


def _written_by_others(evidence: Evidence, users: Numbers, reader: Numbers) -> Numbers:
    """For every run: the messages of others between its mark and the end of its membership."""
    log, runs = evidence.log, evidence.standing.runs
    plain = np.flatnonzero(_plain(evidence))
    author = users[evidence.fates.sender[log.message[log.shown[plain]]]]
    low, high = runs.rank + runs.low - runs.begin, runs.rank + runs.end - runs.begin
    own = np.sort(author << SEQ_BITS | plain)
    all_, mine = (
        np.searchsorted(ranks, above) - np.searchsorted(ranks, below)
        for ranks, below, above in ((plain, low, high), (own, reader << SEQ_BITS | low, reader << SEQ_BITS | high))
    )
    counts: Numbers = all_ - mine
    return counts


def _recalled(evidence: Evidence, users: Numbers, reader: Numbers) -> Iterator[tuple[int, int]]:
    """Runs, and how many of the messages that they would count were recalled as far as their device knew."""
    recalls = _recalls(evidence, users)
    if not recalls:
        return
    said, runs = evidence.standing, evidence.standing.runs
    for run, word in enumerate(runs.word.tolist()):
        place, base = said.place[word], int(runs.begin[run]) - int(runs.rank[run])
        known = recalls.get((int(said.node[word]), int(said.conversation[word])), {})
        cells = (
            base + rank
            for rank, (heard, author) in known.items()
            if heard < place and author != reader[run] and runs.low[run] <= base + rank < runs.end[run]
        )
        yield run, sum(said.first[cell] < place for cell in cells)


def _recalls(evidence: Evidence, users: Numbers) -> dict[tuple[int, int], dict[int, tuple[int, int]]]:
    """By device and conversation: the ranks of messages that their author recalled, when it heard that, the author."""
    log, fates = evidence.log, evidence.fates
    find, details = evidence.history.messages.find, evidence.history.details
    recalls: dict[tuple[int, int], dict[int, tuple[int, int]]] = {}
    for place, node, recall, word in evidence.few(Event.RECALLED, "node", "message", "detail"):
        target = find(details.name(word))
        slot = -1 if target is None else int(fates.slot[target])
        if place < evidence.readers.installed[node] or slot < 0 or log.rank[slot] < 0 or not log.plain[slot]:
            continue
        author = int(users[fates.sender[log.message[slot]]])
        if users[fates.sender[recall]] == author:
            known = recalls.setdefault((node, int(log.conversation[slot])), {})
            known.setdefault(int(log.rank[slot]), (place, author))
    return recalls
