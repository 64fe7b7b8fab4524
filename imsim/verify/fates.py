"""What became of every message: who submitted it, who was promised what, and what its user was told last.

One element a message, by its number among the history's names. Edits, recalls, read marks and changes of membership are
submitted like messages and are in these tables too.

What does not belong here: where it was seen (views.py).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import numpy as np

from imsim.history.schema import Event

if TYPE_CHECKING:
    from imsim.verify.evidence import Evidence, Flags, Numbers

__all__ = ["FINAL", "Fates"]

FINAL: Final = (Event.RESOLVED, Event.FAILED, Event.CANCELLED)
"""What a user may be told last."""


class Fates:
    """Tables by message number; -1 where there is no such row.

    Attributes:
        submitted: the place of the first `submitted` row.
        sender, conversation: of that row.
        acknowledged: the place of the row that promises it: where a server first accepted it, else where its device
            learnt so.
        tail_lost: whether a `tail_lost` row names it.
        slot: the live slot that holds it.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._size = len(evidence.history.messages)
        submissions = evidence.places(Event.SUBMITTED)
        self.submitted: Numbers = self._first(submissions)
        known = np.flatnonzero(self.submitted >= 0)
        first = self.submitted[known]
        self.sender: Numbers = np.full(self._size, -1, np.int64)
        self.sender[known] = evidence.column("node", first)
        self.conversation: Numbers = np.full(self._size, -1, np.int64)
        self.conversation[known] = evidence.column("conversation", first)
        promises = (evidence.places(Event.ACCEPTED), evidence.places(Event.RESOLVED))
        self.acknowledged: Numbers = self._first(np.concatenate(promises))
        self.tail_lost: Flags = self._first(evidence.places(Event.TAIL_LOST)) >= 0

    def _first(self, places: Numbers) -> Numbers:
        """By message: the first of `places` that is about it."""
        table = np.full(self._size, -1, np.int64)
        table[self._evidence.column("message", places)[::-1]] = places[::-1]
        return table

    @functools.cached_property
    def slot(self) -> Numbers:
        """By message: the live slot that holds it, of several the last."""
        log = self._evidence.log
        table = np.full(self._size, -1, np.int64)
        live = np.flatnonzero(log.live)
        table[log.message[live]] = live
        return table

    @functools.cached_property
    def last_told(self) -> Numbers:
        """By message: the last row in which its device told the user its state, `submitted` included."""
        evidence = self._evidence
        told = (Event.SUBMITTED, *FINAL, Event.UNKNOWN)
        places = np.sort(np.concatenate([evidence.places(event) for event in told]))
        messages = evidence.column("message", places)
        own = evidence.column("node", places) == self.sender[messages]
        table = np.full(self._size, -1, np.int64)
        table[messages[own]] = places[own]
        return table

    @functools.cached_property
    def told(self) -> Numbers:
        """By message: the event of `last_told`, 0 where there is none."""
        events = np.zeros(self._size, np.int64)
        known = np.flatnonzero(self.last_told >= 0)
        events[known] = self._evidence.events[self.last_told[known]]
        return events

    @functools.cached_property
    def offered(self) -> Numbers:
        """By message: when its user last wanted it sent.

        One that had failed and is tried again, or that a restored backup still wants, counts from then.
        """
        table = self.submitted.copy()
        evidence = self._evidence
        failures = {message: place for place, message in evidence.few(Event.FAILED, "message")}
        wipes = {node: place for place, node in evidence.few(Event.WIPED, "node")}
        if failures or wipes:
            for place, message, node in evidence.few(Event.SUBMITTED, "message", "node"):
                anew = max(failures.get(message, -1), wipes.get(node, -1))
                if place > anew >= table[message]:
                    table[message] = place
        return table
