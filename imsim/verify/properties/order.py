"""Order: one log a conversation, the same for everyone, with every sender's messages in the order of submission.

Devices order what they show by its position, so all orders agree if a position holds one entry for everybody: the
servers that commit it, the server that promises it, the devices that show it. What one install of a sender
submitted to a conversation must stand in the log in that order, as far as it was accepted; a message that had
failed and was tried again by hand counts from then. Between installs there is no order: what a wiped device sent
last may still be under way.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

import numpy as np

from imsim.history.schema import Event
from imsim.verify.evidence import SEQ_BITS
from imsim.verify.finding import Charge, Property, Story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imsim.verify.evidence import Evidence

__all__ = ["check"]


def check(evidence: Evidence) -> Iterator[Charge]:
    """Everyone means the same entry by a position, and senders' orders are kept."""
    yield from _disagreeing(evidence, evidence.log.contradictions.tolist())
    yield from _disagreeing(evidence, evidence.views.mistaken.tolist())
    yield from _disagreeing(evidence, list(_mistaken(evidence)))
    yield from _overtaking(evidence)


def _mistaken(evidence: Evidence) -> Iterator[int]:
    """The places of promises that name a slot which holds another entry."""
    held = dict(zip(evidence.log.key.tolist(), evidence.log.message.tolist(), strict=True))
    names = ("conversation", "epoch", "seq", "message")
    for event in (Event.ACCEPTED, Event.RESOLVED):
        for place, conversation, epoch, seq, message in evidence.few(event, *names):
            key = (conversation * evidence.epochs + epoch) << SEQ_BITS | seq
            # A device may learn that its message was sent before it learns where.
            if held.get(key, message) != message and (seq or event is Event.ACCEPTED):
                yield place


def _disagreeing(evidence: Evidence, places: list[int]) -> Iterator[Charge]:
    def tell(place: int) -> Story:
        row = evidence.history.row(place)
        conversation = evidence.history.conversations.find(row.conversation) or 0
        at = evidence.keys(*(np.array([number]) for number in (conversation, row.epoch, row.seq)))
        first = evidence.history.row(int(evidence.log.place[evidence.log.find(at)[0]]))
        return Story(
            f"{evidence.position(int(at[0]))} is {first.message or 'an entry without a name'} for {first.node}, which "
            f"committed it, and {row.message or 'an entry without a name'} for {row.node} ({row.event.word})",
            (first.place, place),
        )

    if places:
        yield Charge(Property.ORDER, places, tell)


def _overtaking(evidence: Evidence) -> Iterator[Charge]:
    log, fates = evidence.log, evidence.fates
    install = _installs(evidence)
    offered = fates.offered.tolist()
    latest: dict[tuple[int, int, int], tuple[int, int]] = {}
    late: list[tuple[tuple[int, int, int], int, int]] = []
    for slot, message, conversation, _, _, sender, _ in fates.entries:
        if sender >= 0:
            place = offered[message]
            group = conversation, sender, install(sender, place)
            earlier, before = latest.get(group, (slot, place))
            latest[group] = slot, place
            if place < before:
                late.append((group, earlier, slot))
    late.sort()

    def tell(number: int) -> Story:
        _, earlier, later = late[number]
        overtaking, overtaken = int(log.message[earlier]), int(log.message[later])
        return Story(
            f"{evidence.node(int(fates.sender[overtaken]))} submitted {evidence.message(overtaken)} before "
            f"{evidence.message(overtaking)}, and the log has it after it, as "
            f"{evidence.position(int(log.key[later]))}",
            (
                int(fates.offered[overtaken]),
                int(fates.offered[overtaking]),
                int(log.place[earlier]),
                int(log.place[later]),
            ),
        )

    if late:
        yield Charge(Property.ORDER, range(len(late)), tell)


def _installs(evidence: Evidence) -> Callable[[int, int], int]:
    """Which install of its sender wanted a message, by the row that says so: counted by the wipes before it."""
    wipes: dict[int, list[int]] = {}
    for place, node in evidence.few(Event.WIPED, "node"):
        wipes.setdefault(node, []).append(place)
    return lambda node, place: bisect_left(wipes[node], place) if node in wipes else 0
