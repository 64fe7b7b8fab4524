"""Convergence: after the last heal all devices agree with the log, and so with each other.

Rows: what is committed is on every device that may read it, promised to its sender or not; one device that shows it
and one that does not would disagree. Operations: an edit or a recall is about the same message on every device; which
version wins follows from the set of operations alone, so equal sets are equal texts in the end. Nothing is left of what
was recalled, neither then nor, where there is one epoch, whenever a device was asked before. Read marks: all devices of
a user that are in use end with the same mark in every conversation, a mark of an epoch that was cut counting as its
cut, and, where there were no such epochs, they say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from imsim.history.schema import Event
from imsim.verify.finding import Charge, Property, Story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from imsim.verify.evidence import Evidence, Numbers

__all__ = ["check"]

_ONE_EPOCH: Final = 2
"""As `Evidence.epochs` counts: one more than the highest."""
_Operations = tuple[dict[int, int], dict[int, int]]
"""Operations on one message, each with a row: all of them, and the recalls alone."""
_NO_OPERATIONS: Final[_Operations] = ({}, {})


def check(evidence: Evidence) -> Iterator[Charge]:
    """All devices end alike."""
    yield from _rows(evidence)
    yield from _targets(evidence)
    yield from _texts(evidence)
    yield from _marks(evidence)
    yield from _words(evidence)


def _rows(evidence: Evidence) -> Iterator[Charge]:
    if not len(evidence.views.absent):
        return
    devices, slots = evidence.views.lacking(promised=False)
    log = evidence.log

    def tell(number: int) -> Story:
        device, slot = int(devices[number]), int(slots[number])
        return Story(
            f"{evidence.message(int(log.message[slot]))} is in the log as {evidence.position(int(log.key[slot]))}, and "
            f"{evidence.node(device)}, which may read it, does not have it in the end",
            (int(log.place[slot]), int(evidence.readers.installed[device])),
        )

    if len(slots):
        since = evidence.times(log.place[slots])
        yield Charge(Property.CONVERGENCE, range(len(slots)), tell, absence=True, since=since)


def _targets(evidence: Evidence) -> Iterator[Charge]:
    for event in (Event.EDITED, Event.RECALLED):
        first: dict[int, tuple[int, int]] = {}
        strays: list[tuple[int, int]] = []
        for place, operation, target in evidence.few(event, "message", "detail"):
            known, its_target = first.setdefault(operation, (place, target))
            if target != its_target:
                strays.append((known, place))
        if strays:
            yield Charge(Property.CONVERGENCE, range(len(strays)), _target_teller(evidence, strays))


def _target_teller(evidence: Evidence, strays: list[tuple[int, int]]) -> Callable[[int], Story]:
    def tell(number: int) -> Story:
        one, other = map(evidence.history.row, strays[number])
        return Story(
            f"{one.message} is about {one.detail} on {one.node} and about {other.detail} on {other.node}",
            strays[number],
        )

    return tell


def _texts(evidence: Evidence) -> Iterator[Charge]:
    """What users read of messages that were edited or recalled, where the history says so."""
    viewed = evidence.few(Event.VIEWED, "node", "message", "detail")
    if not viewed:
        return
    last = _last_rows(evidence)
    views = {(node, message): (place, text) for place, node, message, text in viewed if place > last[node]}
    operations = _operations(evidence)
    yield from _unrecalled(evidence, viewed, operations)
    first: dict[tuple[int, frozenset[int]], tuple[int, int]] = {}
    apart: list[tuple[int, int]] = []
    for (node, message), (place, text) in views.items():
        known, _ = operations.get((node, evidence.message(message)), _NO_OPERATIONS)
        other, its_text = first.setdefault((message, frozenset(known)), (place, text))
        if its_text != text:
            apart.append((other, place))

    def tell(number: int) -> Story:
        one, other = (evidence.history.row(place) for place in apart[number])
        return Story(
            f"{one.node} and {other.node} know the same of {other.message}, and show different texts", apart[number]
        )

    if apart:
        yield Charge(Property.CONVERGENCE, range(len(apart)), tell)


def _last_rows(evidence: Evidence) -> Numbers:
    """By device: the last row about a message; what it says of texts after that is what it says in the end."""
    last = np.full(len(evidence.history.nodes), -1, np.int64)
    for block in evidence.views.blocks():
        np.maximum.at(last, block.column("node"), block.place)
    return last


def _unrecalled(
    evidence: Evidence, viewed: Sequence[tuple[int, ...]], operations: dict[tuple[int, str], _Operations]
) -> Iterator[Charge]:
    """What a device shows although it knows that it was recalled: in the end, and before, unless a cut took that back.

    A view is compared with what was known when it was told; a cut takes operations back for a while, so where there
    are several epochs only the last view of each message is.
    """
    last = {(node, message): place for place, node, message, _ in viewed}
    shown: list[tuple[int, int]] = []
    for place, node, message, text in viewed:
        if not text or (evidence.epochs > _ONE_EPOCH and last[node, message] != place):
            continue
        _, recalls = operations.get((node, evidence.message(message)), _NO_OPERATIONS)
        recall = next((one for one in recalls.values() if one < place), None)
        if recall is not None:
            shown.append((recall, place))

    def tell(number: int) -> Story:
        recall, view = shown[number]
        row = evidence.history.row(view)
        return Story(f"{row.node} knows that {row.message} was recalled, and still shows it", (recall, view))

    if shown:
        yield Charge(Property.CONVERGENCE, range(len(shown)), tell)


def _operations(evidence: Evidence) -> dict[tuple[int, str], _Operations]:
    """By device and message: the operations on it that its present install knows and no failover lost."""
    found: dict[tuple[int, str], _Operations] = {}
    words, lost, installed = evidence.history.details, evidence.fates.tail_lost, evidence.readers.installed
    for event in (Event.EDITED, Event.RECALLED):
        for place, node, operation, target in evidence.few(event, "node", "message", "detail"):
            if place > installed[node] and not lost[operation]:
                known, recalls = found.setdefault((node, words.name(target)), ({}, {}))
                known[operation] = place
                if event is Event.RECALLED:
                    recalls[operation] = place
    return found


def _marks(evidence: Evidence) -> Iterator[Charge]:
    if not evidence.counts[Event.READ]:
        return
    marks = _final_marks(evidence)
    readers, names = evidence.readers, evidence.history.nodes.names
    apart: list[tuple[int, int, int]] = []
    for user, conversation in dict.fromkeys((names[node].partition("/")[0], where) for node, where in marks):
        levels = [
            (marks.get((device, conversation), (0, -1))[0], device)
            for device in readers.devices.get(user, ())
            if readers.alive[device]
        ]
        most, ahead = max(levels, default=(0, -1))
        apart.extend((conversation, ahead, device) for level, device in levels if level < most)

    def tell(number: int) -> Story:
        conversation, ahead, behind = apart[number]
        most, proof = marks[ahead, conversation]
        least, rival = marks.get((behind, conversation), (0, int(readers.installed[behind])))
        return Story(
            f"{evidence.node(ahead)} has {evidence.conversation(conversation)} read up to {most}, and "
            f"{evidence.node(behind)} up to {least}",
            (proof, rival),
        )

    if apart:
        spread = _spread_marks(evidence)
        since = np.array([spread.get(names[device].partition("/")[0], 0.0) for _, _, device in apart])
        yield Charge(Property.CONVERGENCE, range(len(apart)), tell, absence=True, since=since)


def _words(evidence: Evidence) -> Iterator[Charge]:
    """How far devices say that their users have read, beside the read marks that are rows there."""
    if not (evidence.counts[Event.COUNTED] and evidence.counts[Event.READ]) or evidence.epochs > _ONE_EPOCH:
        return  # nobody says, or no mark is told; or what a cut took of the marks and their logs is not told
    said, marks, names = evidence.standing, _final_marks(evidence), evidence.history.nodes.names
    judged = (said.words[number] for number in said.judged)
    last = {(word.node, word.conversation): word for word in judged}
    apart = [(word, mark) for pair, word in last.items() if word.mark != (mark := marks.get(pair, (0, -1)))[0]]

    def tell(number: int) -> Story:
        word, (level, proof) = apart[number]
        row = evidence.history.row(word.place)
        return Story(
            f"{row.node} says that its user has read {row.conversation} up to {row.seq}, and the read marks that it "
            f"has say {level}",
            (proof, row.place),
        )

    if apart:
        spread = _spread_marks(evidence)
        users = (names[word.node].partition("/")[0] for word, _ in apart)
        since = np.array([spread.get(user, 0.0) for user in users])
        yield Charge(Property.CONVERGENCE, range(len(apart)), tell, absence=True, since=since)


def _spread_marks(evidence: Evidence) -> dict[str, float]:
    """By user: when the last of their read marks was committed to their own log, from which their devices learn it."""
    word = evidence.history.details.find("read")
    places = evidence.places(Event.COMMITTED)
    places = places[evidence.column("detail", places) == word] if word is not None else places[:0]
    logs = evidence.column("conversation", places).tolist()
    latest = dict(zip(logs, evidence.times(places).tolist(), strict=True))
    return {evidence.conversation(log).removeprefix("~"): at for log, at in latest.items()}


def _final_marks(evidence: Evidence) -> dict[tuple[int, int], tuple[int, int]]:
    """By device and conversation: the highest mark of the present install, and the row that raised it."""
    marks: dict[tuple[int, int], tuple[int, int]] = {}
    installed = evidence.readers.installed
    for place, node, conversation, epoch, seq in evidence.few(Event.READ, "node", "conversation", "epoch", "seq"):
        if place > installed[node]:
            mark = min(seq, evidence.log.end(conversation, epoch) - 1), place
            marks[node, conversation] = max(mark, marks.get((node, conversation), mark))
    return dict(sorted(marks.items()))
