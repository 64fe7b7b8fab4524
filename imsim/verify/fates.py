"""What became of every message: who submitted it, who was promised what, and what its user was told last.

One element a message, by its number among the history's names. Edits, recalls, read marks and changes of membership are
submitted like messages and are in these tables too.

What does not belong here: where it was seen (views.py).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from imsim.history.schema import Event

if TYPE_CHECKING:
    from imsim.verify.evidence import Evidence, Flags, Numbers

__all__ = ["FINAL", "Entry", "Fates"]

FINAL: Final = (Event.RESOLVED, Event.FAILED, Event.CANCELLED)
"""What a user may be told last."""


class Entry(NamedTuple):
    """A visible slot, the message in it, its place in its conversation, and who submitted it in which row, or -1."""

    slot: int
    message: int
    conversation: int
    seq: int
    plain: bool
    sender: int
    submitted: int


class Fates:
    """Tables by message number; -1 where there is no such row.

    Attributes:
        submitted: the place of the first `submitted` row.
        sender, conversation: of that row.
        acknowledged: the place of the row that promises it: where a server first accepted it, else where its device
            learnt so.
        tail_lost: whether a `tail_lost` row names it.
        slot: the live slot that holds it, of several the last.
        told: for those that were submitted, the last row in which its device told the user its state, `submitted`
            included, and the event of that row.
        offered: when its user last wanted it sent. One that had failed and is tried again, or that a restored backup
            still wants, counts from then.
        entries: not by message, but what the visible slots hold, by rank.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._none: Numbers = np.full(len(evidence.history.messages), -1)
        self.submitted: Numbers = self._first(Event.SUBMITTED)
        message, node, conversation = evidence.columns(Event.SUBMITTED, "message", "node", "conversation")
        self.sender: Numbers = self._none.copy()
        self.sender[message[::-1]] = node[::-1]
        self.conversation: Numbers = self._none.copy()
        self.conversation[message[::-1]] = conversation[::-1]
        self.acknowledged: Numbers = self._first(Event.RESOLVED, Event.ACCEPTED)
        self.tail_lost: Flags = self._first(Event.TAIL_LOST) >= 0
        self.slot: Numbers = self._none.copy()
        live = evidence.log.live.nonzero()[0]
        self.slot[evidence.log.message[live]] = live
        self.entries: list[Entry] = self._entries()
        self.told: dict[int, tuple[int, Event]] = self._told()
        self.offered: Numbers = self._offered()

    def _first(self, *events: Event) -> Numbers:
        """By message: the first row about it, of the last of these events that has any."""
        table = self._none.copy()
        for event in events:
            if self._evidence.counts[event]:
                (message,) = self._evidence.columns(event, "message")
                table[message[::-1]] = self._evidence.places(event)[::-1]  # of several the first is written last
        return table

    def _entries(self) -> list[Entry]:
        log, shown = self._evidence.log, self._evidence.log.shown
        message = log.message[shown]
        columns = (
            shown, message, log.conversation[shown], log.seq[shown], log.plain[shown], self.sender[message],
            self.submitted[message],
        )  # fmt: skip
        return list(map(Entry._make, zip(*[column.tolist() for column in columns], strict=True)))

    def _told(self) -> dict[int, tuple[int, Event]]:
        told: dict[int, tuple[int, Event]] = {}
        sender, last = self.sender.tolist(), self._none.tolist()
        for event in (Event.SUBMITTED, *FINAL, Event.UNKNOWN):
            for place, message, node in self._evidence.few(event, "message", "node"):
                if node == sender[message] and place > last[message]:
                    last[message] = place
                    told[message] = place, event
        return told

    def _offered(self) -> Numbers:
        evidence, table = self._evidence, self.submitted
        failures = {message: place for place, message in evidence.few(Event.FAILED, "message")}
        wipes = {node: place for place, node in evidence.few(Event.WIPED, "node")}
        if failures or wipes:
            table = table.copy()
            for place, message, node in evidence.few(Event.SUBMITTED, "message", "node"):
                anew = max(failures.get(message, -1), wipes.get(node, -1))
                if place > anew >= table[message]:
                    table[message] = place
        return table

    @functools.cached_property
    def cancelled(self) -> Flags:
        """By message: whether its user was told in the end that it is cancelled."""
        cancelled = self._none >= 0
        cancelled[[message for message, (_, event) in self.told.items() if event is Event.CANCELLED]] = True
        return cancelled
