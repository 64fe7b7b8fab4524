"""What the log says: which entry each slot holds, and which slots a change of epoch took away.

The committed prefix is the only truth. Slots go on across epochs: a new epoch begins at its cut + 1, so what an older
epoch held from there on is *dead*, and the slots that live are ordered by their number alone. A message may therefore
stand in a dead slot and in a live one (its sender offered it again), but never in two that live.

What does not belong here: what devices made of it (views.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from imsim.history.schema import Event
from imsim.verify.evidence import SEQ_BITS

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
        conversation, seq = evidence.column("conversation", places), evidence.column("seq", places)
        key = evidence.keys(conversation, evidence.column("epoch", places), seq)
        order = np.argsort(key, kind="stable")
        key = key[order]
        first = np.ones(len(key), np.bool_)
        np.not_equal(key[1:], key[:-1], out=first[1:])
        message = evidence.column("message", places)[order]
        self.contradictions: Numbers = np.zeros(0, np.int64)
        if not first.all():
            held = message[first][np.cumsum(first) - 1]
            self.contradictions = places[order][message != held]
            order, key, message = order[first], key[first], message[first]
        self._evidence = evidence
        self.key: Numbers = key
        self.place: Numbers = places[order]
        self.message: Numbers = message
        self.conversation: Numbers = conversation[order]
        self.seq: Numbers = seq[order]
        self._measure_epochs()
        self._classify()

    def _measure_epochs(self) -> None:
        """For every epoch of a conversation: the lowest slot that it, or a later one, begins with."""
        self._groups: Numbers | None = None
        self.epoch_changes = 0
        if self._evidence.epochs == 1:
            self.live: Flags = np.ones(len(self.key), np.bool_)
            return
        keys = np.sort(np.concatenate([self.key, self._cuts()]))
        groups, firsts = np.unique(keys >> SEQ_BITS, return_index=True)
        self._groups = groups
        begins: list[int] = (keys[firsts] & ((1 << SEQ_BITS) - 1)).tolist()
        conversations: list[int] = (groups // self._evidence.epochs).tolist()
        for number in range(len(begins) - 2, -1, -1):
            if conversations[number] == conversations[number + 1]:
                begins[number] = min(begins[number], begins[number + 1])
                self.epoch_changes += 1
        self._begins: Numbers = np.array([*begins, 0], np.int64)
        self._conversations: Numbers = np.array([*conversations, -1], np.int64)
        self.live = self.seq < self.ends(self.key)

    def _cuts(self) -> Numbers:
        """Where the log itself says that an epoch begins, for one in which nothing is committed yet."""
        places = self._evidence.places(Event.TAIL_LOST)
        epoch = self._evidence.column("epoch", places)
        places, epoch = places[epoch > 0], epoch[epoch > 0]
        conversation, cut = (self._evidence.column(name, places) for name in ("conversation", "seq"))
        return self._evidence.keys(conversation, epoch, cut + 1)

    def ends(self, keys: Numbers) -> Numbers:
        """For positions: the first slot that a later epoch of the conversation took from theirs (or one past all)."""
        if self._groups is None:
            return np.full(len(keys), 1 << SEQ_BITS, np.int64)
        groups = keys >> SEQ_BITS
        following = np.searchsorted(self._groups, groups, side="right")
        same = self._conversations[following] == groups // self._evidence.epochs
        return np.where(same, self._begins[following], 1 << SEQ_BITS)

    def dead(self, keys: Numbers) -> Flags:
        """Whether a later epoch took these positions away."""
        dead: Flags = (keys & ((1 << SEQ_BITS) - 1)) >= self.ends(keys)
        return dead

    def find(self, keys: Numbers) -> Numbers:
        """The slots at these positions, -1 where nothing was committed."""
        if not len(self.key):
            return np.full(len(keys), -1, np.int64)
        slots = np.searchsorted(self.key, keys)
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

    def _classify(self) -> None:
        details = self._evidence.history.details
        kind = self._evidence.column("detail", self.place)
        self.plain: Flags = kind == 0
        visible = self.plain.copy()
        for word in OPERATIONS:
            number = details.find(word)
            if number is not None:
                visible |= kind == number
        visible &= self.live
        if self._evidence.counts[Event.TAIL_LOST]:
            visible &= ~self._evidence.fates.tail_lost[self.message]
        self.visible: Flags = visible
        self.shown: Numbers = np.flatnonzero(visible)
        self.rank: Numbers = np.full(len(visible), -1, np.int64)
        self.rank[self.shown] = np.arange(len(self.shown))
        self.order: Numbers = self.conversation[self.shown] << SEQ_BITS | self.seq[self.shown]
