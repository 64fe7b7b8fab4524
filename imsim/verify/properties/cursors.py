"""Cursors and read marks never go back, and hide no gap.

A cursor says that everything up to it is here: rows of its device, none of its reader's business, or missing and shown
as such. So every entry up to it that its reader is entitled to must be there when it is said (*no hidden gap*), and
inside one epoch and install no later word may be lower (*monotonic reads*). The same for the read mark, which belongs
to the user: a device that heard how far they have read on another one (`read`) says no less. Only a mark that
certainly could not be saved (its `read` failed), and one whose own log a failover cut, may be taken back.

What is judged is what devices say (`counted`): now and then at level `messages`, after every row at level `frames`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imsim.history.schema import Event
from imsim.verify.evidence import SEQ_BITS
from imsim.verify.finding import Charge, Property, Story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imsim.verify.evidence import Evidence, Numbers

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
    said = evidence.standing
    order = np.lexsort((said.place, said.conversation, said.node))
    one, other = order[:-1], order[1:]
    same = (said.node[one] == said.node[other]) & (said.conversation[one] == said.conversation[other])
    same &= (said.epoch[one] == said.epoch[other]) & (said.install[one] == said.install[other])
    cursors = np.flatnonzero(same & (said.cursor[other] < said.cursor[one]))
    marks = np.flatnonzero(same & (said.mark[other] < said.mark[one]))
    if len(cursors):
        yield _charge(evidence, one[cursors], other[cursors], "knew", said.cursor)
    if len(marks):
        kept = [number for number in marks.tolist() if not _may_be_taken_back(evidence, one[number], other[number])]
        if kept:
            yield _charge(evidence, one[kept], other[kept], "had read", said.mark)


def _charge(evidence: Evidence, one: Numbers, other: Numbers, what: str, upto: Numbers) -> Charge:
    def tell(number: int) -> Story:
        before, after = int(one[number]), int(other[number])
        row = evidence.history.row(int(evidence.standing.place[after]))
        return Story(
            f"{row.node} {what} all of {row.conversation} up to {upto[before]}, and then only up to {upto[after]}",
            (int(evidence.standing.place[before]), row.place),
        )

    return Charge(Property.NEVER_BACK, range(len(one)), tell)


def _unheeded(evidence: Evidence) -> Iterator[Charge]:
    """Words of devices that had heard of a higher mark of their user, in the same epoch and install."""
    said, reads = evidence.standing, evidence.places(Event.READ)
    node, conversation, epoch, seq = (evidence.column(name, reads) for name in ("node", "conversation", "epoch", "seq"))
    place = np.append(reads, said.place)
    who = (
        np.append(said.installs(node, reads), said.install),
        np.append(epoch, said.epoch),
        np.append(conversation, said.conversation),
        np.append(node, said.node),
    )
    order = np.lexsort((place, *who))
    same = np.logical_and.reduce([column[order][1:] == column[order][:-1] for column in who])
    group = np.append(0, np.cumsum(~same)) << SEQ_BITS
    # A later group has higher numbers, so the maximum so far is that of the group alone.
    heard = np.maximum.accumulate(group | np.append(seq, 0 * said.mark)[order]) - group
    words = order - len(reads)
    below = np.flatnonzero((words >= 0) & (heard > said.mark[np.maximum(words, 0)])).tolist()
    low = [number for number in below if not _was_cut(evidence, _user(evidence, int(words[number])))]

    def tell(number: int) -> Story:
        row = evidence.history.row(int(place[order[number]]))
        known = next(at for at in order[number::-1].tolist() if at < len(reads) and seq[at] == heard[number])
        return Story(
            f"{row.node} says that {row.conversation} is read up to {row.seq}, and had heard that it was up to "
            f"{heard[number]}",
            (int(reads[known]), row.place),
        )

    if low:
        yield Charge(Property.NEVER_BACK, low, tell)


def _user(evidence: Evidence, word: int) -> str:
    """Whose device says something."""
    return evidence.node(int(evidence.standing.node[word])).partition("/")[0]


def _was_cut(evidence: Evidence, user: str) -> bool:
    """Whether a failover took something of a user's own log, in which the read marks are."""
    own = evidence.history.conversations.find(f"~{user}")
    groups = evidence.log.key >> SEQ_BITS
    return own is not None and len(np.unique(groups[groups // evidence.epochs == own])) > 1


def _may_be_taken_back(evidence: Evidence, before: int, after: int) -> bool:
    """Whether a mark could not be saved in its user's own log, or was lost there."""
    said = evidence.standing
    user = _user(evidence, after)
    if _was_cut(evidence, user):
        return True
    refused = (row for event in (Event.FAILED, Event.CANCELLED) for row in evidence.few(event, "message"))
    return any(
        place < said.place[after] and _is_own_mark(evidence, message, user)
        for place, message in refused
        if place > said.place[before]
    )


def _is_own_mark(evidence: Evidence, message: int, user: str) -> bool:
    submitted = int(evidence.fates.submitted[message])
    return submitted >= 0 and (row := evidence.history.row(submitted)).detail == "read" and row.node.startswith(user)


# ---------------------------------------------------------------------------------------------- no hidden gap


def _gaps(evidence: Evidence) -> Iterator[Charge]:
    said = evidence.standing
    runs = said.runs
    some = np.flatnonzero(runs.high > runs.begin)
    hidden = some[said.all_settled[runs.high[some] - 1] > said.place[runs.word[some]]]

    def tell(number: int) -> Story:
        word = int(runs.word[number])
        begin, place = int(runs.begin[number]), int(said.place[word])
        cell = begin + int(np.argmax(said.settled[begin : int(runs.high[number])] > place))
        slot = int(evidence.views.owners(np.array([cell]))[1][0])
        row, position = evidence.history.row(place), evidence.position(int(evidence.log.key[slot]))
        return Story(
            f"{row.node} says that it knows all of {row.conversation} up to {row.op}, and does not show "
            f"{evidence.message(int(evidence.log.message[slot]))}, which is {position}",
            (int(evidence.log.place[slot]), place),
        )

    if len(hidden):
        yield Charge(Property.NO_HIDDEN_GAP, hidden, tell)
