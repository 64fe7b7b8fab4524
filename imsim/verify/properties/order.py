"""Order: one log a conversation, the same for everyone, with every sender's messages in the order of submission.

Devices order what they show by its position, so all orders agree if a position holds one entry for everybody: the
servers that commit it, the server that promises it, the devices that show it. What one install of a sender
submitted to a conversation must stand in the log in that order, as far as it was accepted; a message that had
failed and was tried again by hand counts from then. Between installs there is no order: what a wiped device sent
last may still be under way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imsim.history.schema import Event
from imsim.verify.finding import Charge, Property, Story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imsim.verify.evidence import Evidence, Numbers

__all__ = ["check"]

_INSTALLS = 1 << 10
"""More installs of one device than this are taken for one."""


def check(evidence: Evidence) -> Iterator[Charge]:
    """Everyone means the same entry by a position, and senders' orders are kept."""
    yield from _disagreeing(evidence, evidence.log.contradictions)
    yield from _disagreeing(evidence, evidence.views.mistaken)
    for event in (Event.ACCEPTED, Event.RESOLVED):
        places = evidence.places(event)
        if event is Event.RESOLVED:  # a device may learn that its message was sent before it learns where
            places = places[evidence.column("seq", places) > 0]
        if len(places):
            at = (evidence.column(name, places) for name in ("conversation", "epoch", "seq"))
            slots = evidence.log.find(evidence.keys(*at))
            yield from _disagreeing(evidence, _mistaken(evidence, places, evidence.column("message", places), slots))
    yield from _overtaking(evidence)


def _mistaken(evidence: Evidence, places: Numbers, messages: Numbers, slots: Numbers) -> Numbers:
    """The places of rows that name a slot which holds another entry."""
    if not len(evidence.log.message):
        return places[:0]
    mistaken: Numbers = places[(slots >= 0) & (evidence.log.message[slots] != messages)]
    return mistaken


def _disagreeing(evidence: Evidence, places: Numbers) -> Iterator[Charge]:
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

    if len(places):
        yield Charge(Property.ORDER, places, tell)


def _install(evidence: Evidence, message: Numbers) -> Numbers:
    """Which install of its sender wanted each message: counted by the wipes before it."""
    fates = evidence.fates
    install = np.zeros(len(message), np.int64)
    wipes: dict[int, list[int]] = {}
    for place, node in evidence.few(Event.WIPED, "node"):
        wipes.setdefault(node, []).append(place)
    for node, places in wipes.items():
        own = fates.sender[message] == node
        install[own] = np.searchsorted(np.array(places), fates.offered[message[own]])
    return np.minimum(install, _INSTALLS - 1)


def _overtaking(evidence: Evidence) -> Iterator[Charge]:
    log, fates = evidence.log, evidence.fates
    slots = log.shown[fates.sender[log.message[log.shown]] >= 0]
    message = log.message[slots]
    group = (log.conversation[slots] * len(evidence.history.nodes) + fates.sender[message]) * _INSTALLS
    group += _install(evidence, message)
    sorting = np.argsort(group, kind="stable")  # slots rise inside a conversation, and so inside a group
    slots, group, offered = slots[sorting], group[sorting], fates.offered[message[sorting]]
    late = np.flatnonzero((group[1:] == group[:-1]) & (offered[1:] < offered[:-1])) + 1

    def tell(number: int) -> Story:
        earlier, later = int(slots[number - 1]), int(slots[number])
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

    if len(late):
        yield Charge(Property.ORDER, late, tell)
