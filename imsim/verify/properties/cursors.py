"""Cursors and read marks never go back, and hide no gap.

A cursor says that everything up to it is here: rows of its device, none of its reader's business, or missing and shown
as such. So every entry up to it that its reader is entitled to must be there when it is said (*no hidden gap*), and
inside one epoch and install no later word may be lower (*monotonic reads*). The same for the read mark, which belongs
to the user: a device that heard how far they have read on another one (`read`) says no less. Only a mark that
certainly could not be saved (its `read` failed), and one whose own log a failover cut, may be taken back.

What is judged is what devices say (`counted`): now and then at level `messages`, after every row at level `frames`.
"""

from __future__ import annotations

import heapq
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from imsim.history.schema import Event
from imsim.verify.evidence import SEQ_BITS
from imsim.verify.finding import Charge, Property, Story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imsim.verify.evidence import Evidence
    from imsim.verify.standing import Word

__all__ = ["check"]


def check(evidence: Evidence) -> Iterator[Charge]:
    """What is known is known for good, and whole."""
    if evidence.counts[Event.COUNTED]:
        yield from _going_back(evidence)
        if evidence.counts[Event.READ]:
            yield from _unheeded(evidence)
        yield from _gaps(evidence)


# ---------------------------------------------------------------------------------------------- never back


def _going_back(evidence: Evidence) -> Iterator[Charge]:
    install = evidence.readers.install
    latest: dict[tuple[int, int], Word] = {}
    cursors: list[tuple[Word, Word]] = []
    marks: list[tuple[Word, Word]] = []
    for after in evidence.standing.words:
        pair = after.node, after.conversation
        before = latest.get(pair, after)
        latest[pair] = after
        if after.epoch != before.epoch or (after.cursor >= before.cursor and after.mark >= before.mark):
            continue
        if install(after.node, after.place) == install(before.node, before.place):
            if after.cursor < before.cursor:
                cursors.append((before, after))
            if after.mark < before.mark and not _may_be_taken_back(evidence, before, after):
                marks.append((before, after))
    if cursors:
        yield _charge(evidence, cursors, "knew", attrgetter("cursor"))
    if marks:
        yield _charge(evidence, marks, "had read", attrgetter("mark"))


def _charge(evidence: Evidence, pairs: list[tuple[Word, Word]], what: str, upto: Callable[[Word], int]) -> Charge:
    pairs.sort(key=lambda pair: (pair[0].node, pair[0].conversation))

    def tell(number: int) -> Story:
        before, after = pairs[number]
        row = evidence.history.row(after.place)
        return Story(
            f"{row.node} {what} all of {row.conversation} up to {upto(before)}, and then only up to {upto(after)}",
            (before.place, row.place),
        )

    return Charge(Property.NEVER_BACK, range(len(pairs)), tell)


def _unheeded(evidence: Evidence) -> Iterator[Charge]:
    """Words of devices that had heard of a higher mark of their user, in the same epoch and install."""
    said = [(word.place, word.node, word.conversation, word.epoch, word.mark) for word in evidence.standing.words]
    reads = evidence.few(Event.READ, "node", "conversation", "epoch", "seq")
    heard: dict[tuple[int, ...], tuple[int, int]] = {}
    low: list[tuple[tuple[int, ...], int, int, int]] = []
    told = set(evidence.places(Event.READ).tolist())
    for place, node, conversation, epoch, mark in heapq.merge(reads, said):
        where = node, conversation, epoch, evidence.readers.install(node, place)
        most, known = heard.get(where, (0, -1))
        if place in told:
            if mark >= most:
                heard[where] = mark, place
        elif mark < most and not _was_cut(evidence, _user(evidence, node)):
            low.append((where, place, most, known))
    low.sort()

    def tell(number: int) -> Story:
        _, place, most, known = low[number]
        row = evidence.history.row(place)
        return Story(
            f"{row.node} says that {row.conversation} is read up to {row.seq}, and had heard that it was up to {most}",
            (known, place),
        )

    if low:
        yield Charge(Property.NEVER_BACK, range(len(low)), tell)


def _user(evidence: Evidence, device: int) -> str:
    """Whose device it is."""
    return evidence.node(device).partition("/")[0]


def _was_cut(evidence: Evidence, user: str) -> bool:
    """Whether a failover took something of a user's own log, in which the read marks are."""
    own = evidence.history.conversations.find(f"~{user}")
    groups = evidence.log.key >> SEQ_BITS
    return own is not None and len(np.unique(groups[groups // evidence.epochs == own])) > 1


def _may_be_taken_back(evidence: Evidence, before: Word, after: Word) -> bool:
    """Whether a mark could not be saved in its user's own log, or was lost there."""
    user = _user(evidence, after.node)
    if _was_cut(evidence, user):
        return True
    refused = (row for event in (Event.FAILED, Event.CANCELLED) for row in evidence.few(event, "message"))
    return any(
        before.place < place < after.place and _is_own_mark(evidence, message, user) for place, message in refused
    )


def _is_own_mark(evidence: Evidence, message: int, user: str) -> bool:
    submitted = int(evidence.fates.submitted[message])
    return submitted >= 0 and (row := evidence.history.row(submitted)).detail == "read" and row.node.startswith(user)


# ---------------------------------------------------------------------------------------------- no hidden gap


def _gaps(evidence: Evidence) -> Iterator[Charge]:
    said = evidence.standing
    settled = said.all_settled
    hidden = [run for run in said.runs if run.high > run.begin and settled[run.high - 1] > said.words[run.word].place]

    def tell(number: int) -> Story:
        run = hidden[number]
        place = said.words[run.word].place
        cell = run.begin + int(np.argmax(said.settled[run.begin : run.high] > place))
        slot = int(evidence.log.shown[cell + run.shift])
        row, position = evidence.history.row(place), evidence.position(int(evidence.log.key[slot]))
        return Story(
            f"{row.node} says that it knows all of {row.conversation} up to {row.op}, and does not show "
            f"{evidence.message(int(evidence.log.message[slot]))}, which is {position}",
            (int(evidence.log.place[slot]), place),
        )

    if hidden:
        yield Charge(Property.NO_HIDDEN_GAP, range(len(hidden)), tell)
