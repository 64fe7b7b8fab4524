"""Receiving: what a device knows of one conversation, as ranges of seq and the holes between them.

The *cursor* `upto` is the upper end of the run that starts at 1: everything below it is here, or is none of this
reader's business, or is missing for good and recorded as such. Ranges `above` it came early (a newer page, a push
past a lost one). `head` is the highest seq that is known to exist; what lies between is asked for by catchup.py.

De-duplication is by slot: a slot that is known is never written again. That a message cannot be in two slots is the
server's promise (server/accept.py); after an epoch changed, rows are upserted by message id.

Unread = rows of others above the own mark, not recalled, known to this device; kept as a counter that equals a
recount of the rows at every moment (timeline.py knows what is recalled).

The *mark* is how far the user has read: the highest of what the user's own log says (`heard`) and of the read marks
that this device still wants to put there. One of an epoch that is not known here yet waits `ahead` for it, since its
seq names a slot of that epoch.
"""

from __future__ import annotations

from imsim.protocol import ranges
from imsim.protocol.frames import Position, Range

__all__ = ["Inbox"]


class Inbox:
    """The state of one conversation on one device; changed by records, and by what frames tell of the head."""

    __slots__ = (
        "above",
        "ahead",
        "conversation",
        "cuts",
        "epoch",
        "head",
        "heard",
        "mark",
        "missing",
        "unread",
        "upto",
    )

    def __init__(self, conversation: str) -> None:
        """An empty conversation in epoch 1."""
        self.conversation = conversation
        self.epoch = 1
        self.cuts: tuple[int, ...] = ()
        self.upto = 0
        self.above: tuple[Range, ...] = ()
        self.head = 0
        self.mark = 0
        self.heard = 0
        self.ahead: tuple[tuple[int, int], ...] = ()
        self.unread = 0
        self.missing: tuple[Range, ...] = ()

    def knows(self, seq: int) -> bool:
        """Whether the slot is known."""
        return seq <= self.upto or (self.above != () and ranges.contains(self.above, seq))

    def covers(self, upto: int) -> bool:
        """Whether every slot up to `upto` is known."""
        return upto <= self.upto

    def learn(self, low: int, high: int) -> None:
        """Every slot of `low..high` is known from now on."""
        if low <= self.upto + 1:
            self.upto = max(self.upto, high)
            above = self.above
            while above and above[0][0] <= self.upto + 1:
                self.upto = max(self.upto, above[0][1])
                above = above[1:]
            self.above = above
        else:
            self.above = ranges.add(self.above, low, high)
        self.head = max(self.head, high)

    def lose(self, low: int, high: int) -> None:
        """`low..high` is trimmed: known to be missing."""
        self.missing = ranges.add(self.missing, low, high)
        self.learn(low, high)

    def enter(self, epoch: int, cut: int) -> None:
        """The next epoch: what was known above `cut` is not known any more."""
        self.epoch = epoch
        self.cuts = (*self.cuts, cut)
        self.upto = min(self.upto, cut)
        self.above = ranges.below(self.above, cut)
        self.missing = ranges.below(self.missing, cut)
        self.head = min(self.head, cut)
        self.mark = min(self.mark, cut)
        self.heard = min(self.heard, cut)
        if self.ahead:
            waiting, self.ahead = self.ahead, ()
            for later, seq in waiting:
                self.hear(later, seq)
            self.mark = max(self.mark, self.heard)

    def hear(self, epoch: int, seq: int) -> None:
        """The user's own log says that the user has read up to this place."""
        if epoch > self.epoch:
            self.ahead = (*self.ahead, (epoch, seq))
        else:
            self.heard = max(self.heard, self.clamp(epoch, seq))

    def clamp(self, epoch: int, seq: int) -> int:
        """A position of an older epoch in the present one: every epoch since may have cut it."""
        return seq if epoch >= self.epoch else min(seq, *self.cuts[epoch - 1 :])

    def place(self, epoch: int, seq: int) -> int:
        """The same for a read mark; 0 for one of an epoch that is not known yet."""
        return 0 if epoch > self.epoch else self.clamp(epoch, seq)

    @property
    def known(self) -> tuple[Range, ...]:
        """Everything that is known, rising."""
        return ((1, self.upto), *self.above) if self.upto else self.above

    @property
    def behind(self) -> bool:
        """Whether something that exists is not known."""
        return self.head > self.upto

    def position(self) -> Position:
        """What Hello tells of this conversation."""
        return Position(self.conversation, self.epoch, self.known)

    def hole(self) -> Range | None:
        """The newest hole: what to ask for next (newest first, the rest filled behind)."""
        if self.head <= self.upto:
            return None
        high = self.head
        for low_known, high_known in reversed(self.above):
            if high_known < high:
                return high_known + 1, high
            high = low_known - 1
        return self.upto + 1, high
