"""Session guarantees (Terry et al., 1994), as far as one device goes, and across a user's devices.

A session is an install of a device; it reads by showing rows, and writes by submitting entries. All is judged by
positions, since devices show rows by position and may fill a hole that they know of later:

    read your writes      once a device tells its user that something was sent, it shows nothing that stands after
                          it without it
    writes follow reads   what a device submits stands in the log after everything that it showed before
    monotonic writes      what an install submits stands in the log in that order: properties/order.py
    monotonic reads       what a device knows, and how far its user has read, never shrinks: properties/cursors.py

Across the devices of a user these hold as soon as one has heard from the other, which is when it shows what the other
sent: that stands after all that the other had shown and sent before, and what this device submits then after it. A read
mark that it heard of it keeps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imsim.history.schema import Event
from imsim.verify.evidence import SEQ_BITS
from imsim.verify.finding import Charge, Property, Story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imsim.verify.columns import Block
    from imsim.verify.evidence import Evidence, Flags, Numbers

__all__ = ["check"]

_NEVER = np.iinfo(np.int64).max


def check(evidence: Evidence) -> Iterator[Charge]:
    """Devices see what they wrote, and write after what they saw."""
    yield from _unread_writes(evidence)
    yield from _early_writes(evidence)


# ---------------------------------------------------------------------------------------------- read your writes


def _unread_writes(evidence: Evidence) -> Iterator[Charge]:
    late = _late(evidence)
    if not late:
        return
    pairs = []
    for seen in evidence.views.sightings():
        for message, (told, shown) in late.items():
            others = (seen.node == evidence.fates.sender[message]) & (seen.place > told) & (seen.place < shown)
            others &= (seen.slot >= 0) & _stands_after(evidence, message, seen.slot)
            others &= seen.block.rows["t"] > evidence.history.row(told).t
            others &= ~_installed_between(evidence, message, told, seen.place)
            if others.any():
                pairs.append((told, int(seen.place[others][0])))

    def tell(number: int) -> Story:
        told, other = (evidence.history.row(place) for place in pairs[number])
        return Story(
            f"{told.node} told that {told.message} was sent, and then shows {other.message} without it",
            pairs[number],
        )

    if pairs:
        yield Charge(Property.SESSIONS, range(len(pairs)), tell)


def _late(evidence: Evidence) -> dict[int, tuple[int, int]]:
    """By message: the row that told its sender that it was sent, and the later one that shows it there.

    One durable write tells both, in some order, at one moment. What is never shown is a loss, and told there.
    """
    fates, size = evidence.fates, len(evidence.history.messages)
    places = evidence.places(Event.RESOLVED)
    messages = evidence.column("message", places)
    own = evidence.column("node", places) == fates.sender[messages]
    told = np.full(size, _NEVER)
    told[messages[own][::-1]] = places[own][::-1]
    shown, moment = np.full(size, _NEVER), np.full(size, np.inf)
    for block in evidence.views.blocks():
        message = block.column("message")
        mine = np.flatnonzero(block.column("node") == fates.sender[message])
        np.minimum.at(shown, message[mine], block.place[mine])
        np.minimum.at(moment, message[mine], block.rows["t"][mine])
    suspects = np.flatnonzero((told < shown) & (shown != _NEVER))
    late = suspects[moment[suspects] > evidence.times(told[suspects])]
    return {message: (int(told[message]), int(shown[message])) for message in late.tolist()}


def _stands_after(evidence: Evidence, message: int, slots: Numbers) -> Flags:
    """Which slots are of the same log and later."""
    log, own = evidence.log, int(evidence.fates.slot[message])
    after: Flags = (log.conversation[slots] == log.conversation[own]) & (log.seq[slots] > log.seq[own])
    return after if own >= 0 else np.zeros(len(slots), np.bool_)


def _installed_between(evidence: Evidence, message: int, told: int, places: Numbers) -> Flags:
    """Whether a new install of its sender began between a row and some others."""
    begins = evidence.places(Event.INSTALLED)
    begins = begins[(evidence.column("node", begins) == evidence.fates.sender[message]) & (begins > told)]
    between: Flags = np.searchsorted(begins, places) > 0
    return between


# ---------------------------------------------------------------------------------------------- writes follow reads


class _Writes(NamedTuple):
    """What devices submitted and the log holds, by device and conversation, and then by when it was submitted.

    `key` is `group << 32 | seq` of the lowest slot that this or a later submission of the group got, and once more
    than there are submissions, larger than all.
    """

    groups: Numbers
    when: Numbers
    key: Numbers


def _early_writes(evidence: Evidence) -> Iterator[Charge]:
    writes = _writes(evidence)
    if not len(writes.when):
        return
    places = np.concatenate([_overtaken(evidence, writes, block) for block in evidence.views.blocks()])

    def tell(place: int) -> Story:
        read = evidence.history.row(place)
        write = _first_before(evidence, place)
        return Story(
            f"{read.node} submitted {evidence.message(int(evidence.log.message[write]))} after it showed "
            f"{read.message}, and the log has it before that, as {evidence.position(int(evidence.log.key[write]))}",
            (place, int(evidence.fates.submitted[evidence.log.message[write]]), int(evidence.log.place[write])),
        )

    if len(places):
        yield Charge(Property.SESSIONS, places, tell)


def _writes(evidence: Evidence) -> _Writes:
    log, fates = evidence.log, evidence.fates
    message = log.message[log.shown]
    pair = _pair(evidence, log.conversation[log.shown], fates.sender[message])
    sorting = np.lexsort((fates.submitted[message], pair))
    sorting = sorting[fates.sender[message[sorting]] >= 0]
    pair = pair[sorting]
    first = np.ones(len(pair), np.bool_)
    np.not_equal(pair[1:], pair[:-1], out=first[1:])
    group = np.cumsum(first) - 1
    when = group * len(evidence.events) + fates.submitted[message[sorting]]
    key = (group << SEQ_BITS) | log.seq[log.shown[sorting]]
    # A lower group has lower keys, so the minimum from behind is that of the group alone.
    return _Writes(pair[first], when, np.append(np.minimum.accumulate(key[::-1])[::-1], _NEVER))


def _pair(evidence: Evidence, conversation: Numbers, node: Numbers) -> Numbers:
    return conversation * len(evidence.history.nodes) + node


def _overtaken(evidence: Evidence, writes: _Writes, block: Block) -> Numbers:
    """The places of rows that showed something which stands after what the device submitted later."""
    conversation, seq = block.column("conversation"), block.column("seq")
    pair = _pair(evidence, conversation, block.column("node"))
    group = np.minimum(np.searchsorted(writes.groups, pair), len(writes.groups) - 1)
    judged = np.flatnonzero(writes.groups[group] == pair)
    group = group[judged]
    later = np.searchsorted(writes.when, group * len(evidence.events) + block.place[judged], side="right")
    suspects = judged[writes.key[later] < (group << SEQ_BITS | seq[judged])]
    keys = evidence.keys(conversation[suspects], block.column("epoch")[suspects], seq[suspects])
    alive = evidence.log.rank_of(evidence.log.find(keys)) >= 0
    overtaken: Numbers = block.place[suspects[alive]]
    return overtaken


def _first_before(evidence: Evidence, place: int) -> int:
    """The slot of something that the device of this row submitted later and the log has before what it showed."""
    log, fates = evidence.log, evidence.fates
    row = evidence.history.row(place)
    node, conversation = evidence.history.nodes.find(row.node), evidence.history.conversations.find(row.conversation)
    slots = log.shown[(log.conversation[log.shown] == conversation) & (log.seq[log.shown] < row.seq)]
    message = log.message[slots]
    return int(slots[(fates.sender[message] == node) & (fates.submitted[message] > place)][0])
