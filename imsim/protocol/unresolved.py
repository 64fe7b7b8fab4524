"""The unresolved entries of one conversation, in the order in which they are offered.

The first `flight` items are on their way; what is judged waits apart for the slots that tell what became of it. Order
is all that is kept here: an install's entries by their counters, what a failover took before anything new.

What does not belong here: when an entry is sent, repeated or given up (outbox.py).
"""

from __future__ import annotations

import enum
import math

import msgspec

from imsim.protocol.frames import Body, Draft, Edit, Message
from imsim.protocol.records import Queued, SendState

__all__ = ["Item", "Lane", "Phase"]


class Phase(enum.Enum):
    """Where an entry stands; see the picture in outbox.py."""

    WAITING = 1
    SENDING = 2
    CANCELLING = 3


class Item(msgspec.Struct, gc=False):
    """One unresolved entry; mutable, owned by its lane."""

    client_id: str
    wall: float
    body: Body
    deadline: float
    touched: bool
    phase: Phase
    wanted: SendState
    offered: int
    nonce: str
    counter: int
    below: int = 0

    @property
    def letters(self) -> int:
        """How long its content is."""
        return len(self.body.content) if isinstance(self.body, Message | Edit) else 0

    def draft(self) -> Draft:
        """As it is offered."""
        return Draft(self.client_id, self.wall, self.body)

    def queued(self, conversation: str) -> Queued:
        """As it is recorded, its deadline apart."""
        return Queued(self.client_id, conversation, self.wall, self.body, offered=self.offered)


class Lane:
    """The unresolved entries of one conversation; the first `flight` of them are on their way."""

    __slots__ = (
        "again",
        "attempt",
        "begun",
        "conversation",
        "delay",
        "drawn",
        "due",
        "exhausted",
        "flight",
        "items",
        "judged",
        "since",
    )

    def __init__(self, conversation: str) -> None:
        """Nothing is wanted."""
        self.conversation = conversation
        self.items: list[Item] = []
        self.judged: list[Item] = []
        self.land()

    def land(self) -> None:
        """Nothing is in flight any more."""
        self.flight = 0
        self.again = False
        self.attempt = 0
        self.begun = 0.0
        self.delay = 0.0
        self.due: float | None = None
        self.since = 0.0
        self.drawn = True
        self.exhausted = False

    def insert(self, item: Item) -> None:
        """Put an entry where it belongs: one install's in the order of their counters, what is offered again first.

        Neither records nor slots say it all: the record of what is being cancelled is a later one, and after a second
        failover a slot of the first says nothing.
        """
        items, nonce, counter = self.items, item.nonce, item.counter
        index = next((i for i, other in enumerate(items) if other.counter > counter and other.nonce == nonce), None)
        if index is None:
            index = len(items)
            if item.offered:
                older = sum(1 for other in items if other.offered and other.offered < item.offered)
                mine = (i for i, other in enumerate(items, start=1) if other.nonce == nonce)
                index = max(older, *mine, 0)  # an older one of this install may have had no answer yet
        items.insert(index if item.offered else max(index, self.flight), item)

    def in_order(self) -> list[Item]:
        """Everything that is unresolved; what is judged stands where it would be offered again."""
        items = list(self.items)
        for item in self.judged:
            items.insert(_place_of(item, items), item)
        return items

    def take_back(self) -> None:
        """What was judged waits again."""
        self.items, self.judged = self.in_order(), []
        for item in self.items:
            item.below = 0

    def next_due(self) -> float:
        """When something here is to be done."""
        due = math.inf if self.due is None else self.due
        for item in self.items:
            if item.deadline < due and item.phase is not Phase.CANCELLING:
                due = item.deadline
        return due


def _place_of(judged: Item, items: list[Item]) -> int:
    """By its counter among its install's own, before what was written since, behind what is offered again."""
    nonce, counter, offered = judged.nonce, judged.counter, judged.offered
    older = max((i for i, o in enumerate(items, start=1) if o.nonce == nonce and o.counter < counter), default=0)
    for index, other in enumerate(items[older:], start=older):
        if other.nonce == nonce or not other.offered or (offered and other.offered > offered):
            return index
    return len(items)
