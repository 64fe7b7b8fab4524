"""What the log says: which entry each slot holds, and which slots a change of epoch took away.

The committed prefix is the only truth. Slots go on across epochs: a new epoch begins at its cut + 1, so what an older
epoch held from there on is *dead*, and the slots that live are ordered by their number alone. A message may therefore
stand in a dead slot and in a live one (its sender offered it again), but never in two that live.

What does not belong here: what devices made of it (views.py).
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

import numpy as np

from imsim.history.schema import Event
from imsim.verify.columns import SEQ_BITS

if TYPE_CHECKING:
    from imsim.verify.evidence import Evidence, Flags, Numbers

__all__ = ["OPERATIONS", "Log"]

OPERATIONS: Final = ("edit", "recall")
"""Kinds of entries that devices show through the message that they are about."""


class Log:
    """One element a slot, sorted by position.

    Attributes:
        key: the positions, rising.
        place: the row that first committed the slot.
        message, conversation, seq: what is there, and where.
        live: no later epoch took the slot away.
        plain: an ordinary message, no operation and nothing of the server's own.
        visible: a live message or operation that devices must hold; entries named by `tail_lost` are not.
        rank: the number of a visible slot among the visible ones, -1 for the others.
        shown: the slots that are visible, by rank.
        order: `conversation << 32 | seq` of the visible slots, rising.
        epoch_changes: how often a conversation entered a later epoch.
        contradictions: places of rows that commit to a filled slot another entry than the first.
    """

    def __init__(self, evidence: Evidence) -> None:
        places = evidence.places(Event.COMMITTED)
        key = evidence.positions(Event.COMMITTED)
        message, conversation, seq, kind = evidence.columns(Event.COMMITTED, "message", "conversation", "seq", "detail")
        order = key.argsort(kind="stable")
        key = key[order]
        again = key[1:] == key[:-1]
        self.contradictions: Numbers = key[:0]
        if np.count_nonzero(again):
            first = np.append(True, ~again)
            held = message[order[first]][first.cumsum() - 1]
            self.contradictions = places[order][message[order] != held]
            order, key = order[first], key[first]
        self._evidence = evidence
        self.key: Numbers = key
        self.place: Numbers = places[order]
        self.message: Numbers = message[order]
        self.conversation: Numbers = conversation[order]
        self.seq: Numbers = seq[order]
        self._measure_epochs()
        self._classify(kind[order])

    def _measure_epochs(self) -> None:
        """For every epoch of a conversation: the lowest slot that it, or a later one, begins with."""
        keys, epochs = self.key, self._evidence.epochs
        if self._evidence.counts[Event.TAIL_LOST]:
            keys = np.sort(np.concatenate([keys, self._cuts()]))
        groups = keys >> SEQ_BITS
        firsts = [0, *((groups[1:] != groups[:-1]).nonzero()[0] + 1).tolist()][: len(groups)]
        self._groups: Numbers = groups[firsts]
        begins: list[int] = (keys[firsts] & ((1 << SEQ_BITS) - 1)).tolist()
        conversations = [group // epochs for group in self._groups.tolist()]
        self.epoch_changes = len(conversations) - len(set(conversations))
        if self.epoch_changes:
            for number in range(len(begins) - 2, -1, -1):
                if conversations[number] == conversations[number + 1]:
                    begins[number] = min(begins[number], begins[number + 1])
        self._epochs = self._groups.tolist(), [*begins, 0], [*conversations, -1]
        self._begins: Numbers = np.array(self._epochs[1])
        self._conversations: Numbers = np.array(self._epochs[2])
        self.live: Flags = self.seq < self.ends(self.key) if self.epoch_changes else self.seq >= 0  # all

    def _cuts(self) -> Numbers:
        """Where the log itself says that an epoch begins, for one in which nothing is committed yet."""
        conversation, epoch, cut = self._evidence.columns(Event.TAIL_LOST, "conversation", "epoch", "seq")
        return self._evidence.keys(conversation, epoch, cut + 1)[epoch > 0]

    def ends(self, keys: Numbers) -> Numbers:
        """For positions: the first slot that a later epoch of the conversation took from theirs (or one past all)."""
        groups = keys >> SEQ_BITS
        following = self._groups.searchsorted(groups, side="right")
        same = self._conversations[following] == groups // self._evidence.epochs
        return np.where(same, self._begins[following], 1 << SEQ_BITS)

    def end(self, conversation: int, epoch: int) -> int:
        """The same for one epoch of a conversation."""
        groups, begins, conversations = self._epochs
        following = bisect_right(groups, conversation * self._evidence.epochs + epoch)
        return begins[following] if conversations[following] == conversation else 1 << SEQ_BITS

    def dead(self, keys: Numbers) -> Flags:
        """Whether a later epoch took these positions away."""
        dead: Flags = (keys & ((1 << SEQ_BITS) - 1)) >= self.ends(keys)
        return dead

    def find(self, keys: Numbers) -> Numbers:
        """The slots at these positions, -1 where nothing was committed."""
        if not len(self.key):
            return np.full(len(keys), -1, np.int64)
        slots = self.key.searchsorted(keys)
        np.minimum(slots, len(self.key) - 1, out=slots)
        slots[self.key[slots] != keys] = -1
        return slots

    def place_of(self, slots: Numbers) -> Numbers:
        """The rows that committed slots; arbitrary for what is no slot."""
        return self.place[slots] if len(self.place) else slots

    def rank_of(self, slots: Numbers) -> Numbers:
        """The ranks of slots, -1 for what is no slot."""
        if not len(self.rank):
            return slots
        rank = self.rank[slots]
        rank[slots < 0] = -1
        return rank

    def _classify(self, kind: Numbers) -> None:
        self.plain: Flags = kind == 0
        visible = self.plain & self.live
        for word in OPERATIONS:
            number = self._evidence.history.details.find(word)
            if number is not None:
                visible |= (kind == number) & self.live
        if self._evidence.counts[Event.TAIL_LOST]:
            visible &= ~np.isin(self.message, self._evidence.columns(Event.TAIL_LOST, "message")[0])
        self.visible: Flags = visible
        self.shown: Numbers = visible.nonzero()[0]
        self.rank: Numbers = visible.cumsum() - 1
        self.rank[~visible] = -1
        self.order: Numbers = self.conversation[self.shown] << SEQ_BITS | self.seq[self.shown]
