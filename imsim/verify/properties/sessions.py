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

from itertools import accumulate
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

_NEVER = int(np.iinfo(np.int64).max)


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
            others &= seen.block.times > evidence.history.row(told).t
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
    sender, told = evidence.fates.sender, dict[int, int]()
    of = sender.tolist()
    for place, message, node in evidence.few(Event.RESOLVED, "message", "node"):
        if node == of[message]:
            told.setdefault(message, place)
    table = np.full(len(of), _NEVER)
    for block in evidence.views.blocks():
        messages = block.column("message")
        mine = (block.column("node") == sender[messages]).nonzero()[0]
        np.minimum.at(table, messages[mine], block.place[mine])
    shown = table.tolist()
    late = {message: (place, shown[message]) for message, place in told.items() if place < shown[message] < _NEVER}
    if not late:
        return {}
    moments = _moments(evidence, list(late))
    row = evidence.history.row
    return {message: rows for message, rows in sorted(late.items()) if row(rows[0]).t < moments[message]}


def _moments(evidence: Evidence, messages: list[int]) -> dict[int, float]:
    """When the devices of their senders first showed some messages."""
    sender = evidence.fates.sender
    wanted = np.zeros(len(sender), np.bool_)
    wanted[messages] = True
    moments: dict[int, float] = {}
    for block in evidence.views.blocks():
        message = block.column("message")
        some = (wanted[message] & (block.column("node") == sender[message])).nonzero()[0]
        for number, moment in zip(message[some].tolist(), block.times[some].tolist(), strict=True):
            moments[number] = min(moment, moments.get(number, moment))
    return moments


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

    `pair` is the device and conversation of each group; `when` orders submissions by group and row. `key` is
    `group << 32 | seq` of the lowest slot that this or a later submission of the group got. `pair` and `key` end with
    what is larger than all.
    """

    pair: Numbers
    when: Numbers
    key: Numbers


def _early_writes(evidence: Evidence) -> Iterator[Charge]:
    writes = _writes(evidence)
    places = [place for block in evidence.views.blocks() for place in _overtaken(evidence, writes, block)]

    def tell(place: int) -> Story:
        read = evidence.history.row(place)
        write = _first_before(evidence, place)
        return Story(
            f"{read.node} submitted {evidence.message(int(evidence.log.message[write]))} after it showed "
            f"{read.message}, and the log has it before that, as {evidence.position(int(evidence.log.key[write]))}",
            (place, int(evidence.fates.submitted[evidence.log.message[write]]), int(evidence.log.place[write])),
        )

    if places:
        yield Charge(Property.SESSIONS, places, tell)


def _writes(evidence: Evidence) -> _Writes:
    nodes = len(evidence.history.nodes)
    rows = sorted(
        (conversation * nodes + sender, submitted, seq)
        for _, _, conversation, seq, _, sender, submitted in evidence.fates.entries
        if sender >= 0
    )
    groups, when, key = list[int](), list[int](), list[int]()
    for pair, submitted, seq in rows:
        if not groups or groups[-1] != pair:
            groups.append(pair)
        when.append((len(groups) - 1) * len(evidence.events) + submitted)
        key.append((len(groups) - 1) << SEQ_BITS | seq)
    # A lower group has lower keys, so the minimum from behind is that of the group alone.
    lowest = [*accumulate(reversed([*key, _NEVER]), min)][::-1]
    return _Writes(np.array([*groups, _NEVER]), np.array(when, np.int64), np.array(lowest))


def _overtaken(evidence: Evidence, writes: _Writes, block: Block) -> list[int]:
    """The places of rows that showed something which stands after what the device submitted later."""
    conversation, seq = block.column("conversation"), block.column("seq")
    pair = conversation * len(evidence.history.nodes) + block.column("node")
    group = writes.pair.searchsorted(pair)
    later = writes.when.searchsorted(group * len(evidence.events) + block.place, side="right")
    some = ((writes.key[later] < (group << SEQ_BITS | seq)) & (writes.pair[group] == pair)).nonzero()[0]
    if not len(some):
        return []
    keys = evidence.keys(conversation[some], block.column("epoch")[some], seq[some])
    alive = evidence.log.rank_of(evidence.log.find(keys)) >= 0
    overtaken: list[int] = block.place[some[alive]].tolist()
    return overtaken


def _first_before(evidence: Evidence, place: int) -> int:
    """The slot of something that the device of this row submitted later and the log has before what it showed."""
    log, fates = evidence.log, evidence.fates
    row = evidence.history.row(place)
    node, conversation = evidence.history.nodes.find(row.node), evidence.history.conversations.find(row.conversation)
    slots = log.shown[(log.conversation[log.shown] == conversation) & (log.seq[log.shown] < row.seq)]
    message = log.message[slots]
    return int(slots[(fates.sender[message] == node) & (fates.submitted[message] > place)][0])
