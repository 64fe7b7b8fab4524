"""A server of a few lines, for one device: it answers as the architecture says, and nothing in it waits or fails.

What it has is what a test compares with: every log as it is now, what failovers took from it, and who is barred.
"""

from __future__ import annotations

from imsim.protocol.frames import (
    NOT_RESUMED,
    Answer,
    Ask,
    Body,
    Cancel,
    Check,
    Draft,
    Entry,
    EpochChanged,
    Frame,
    Head,
    Heads,
    Hello,
    Joined,
    Limits,
    NoOp,
    Outcome,
    Page,
    Recall,
    Refused,
    Send,
    Sent,
    Welcome,
)
from imsim.protocol.timeline import version

__all__ = ["OWN", "PLACES", "ROOMS", "Log", "Server", "content"]

ROOMS = ("room", "hall")
OWN = "~alice"
PLACES = (*ROOMS, OWN)


class Log:
    """One conversation as the server has it: slots from 1 on, and what failovers took from it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.epoch = 1
        self.cuts: tuple[int, ...] = ()
        self.slots: dict[int, Entry] = {}
        self.trimmed_below = 1
        self.lost: dict[str, Entry] = {}
        self.barred: set[str] = set()
        """Client ids that are cancelled, or were lost for good: never accepted any more."""

    @property
    def head(self) -> int:
        return len(self.slots)

    def find(self, client_id: str) -> Entry | None:
        return next((entry for entry in self.slots.values() if entry.client_id == client_id), None)

    def append(self, client_id: str, author: str, wall: float, body: Body) -> Entry:
        entry = Entry(self.name, self.epoch, self.head + 1, client_id, author, wall, body)
        self.slots[entry.seq] = entry
        return entry

    def fail_over(self, cut: int) -> None:
        self.epoch += 1
        self.cuts = (*self.cuts, cut)
        for seq in range(cut + 1, self.head + 1):
            entry = self.slots.pop(seq)
            self.lost[entry.client_id] = entry

    def epochs_after(self, known: int) -> list[Frame]:
        return [EpochChanged(self.name, e, cut) for e, cut in enumerate(self.cuts[known - 1 :], start=known + 1)]

    def there(self) -> list[Entry]:
        return [entry for seq, entry in self.slots.items() if seq >= self.trimmed_below]


class Server:
    """Answers what a device asks, as the architecture says; nothing here waits or fails."""

    def __init__(self) -> None:
        self.logs = {name: Log(name) for name in PLACES}
        self.forgotten: set[str] = set()
        """Nonces below whose floor everything is that has no slot yet, and whose claims are gone."""
        for seq, room in enumerate(ROOMS, start=1):
            self.logs[room].append(f"@{room}", "", 0.0, NoOp())
            self.logs[OWN].append(f"@{OWN}/{seq}", "", 0.0, Joined(room, 1))

    def answer(self, frame: Frame) -> list[Frame]:
        if isinstance(frame, Hello):
            if frame.resume is not None:
                return [Refused(NOT_RESUMED, 0.0)]
            held = {position.conversation: position.epoch for position in frame.positions}
            told = [f for log in self.logs.values() for f in log.epochs_after(held.get(log.name, 1))]
            return [Welcome("session", 1, Limits(ping=0.0)), *told, self.heads()]
        if isinstance(frame, Check):
            return [self.heads(frame.number)]
        log = self.logs.get(getattr(frame, "conversation", ""))
        if log is None:
            return []
        if frame.epoch != log.epoch:  # type: ignore[union-attr]
            return log.epochs_after(frame.epoch)  # type: ignore[union-attr]
        if isinstance(frame, Ask):
            return [self.page(log, frame.low, frame.high, frame.limit)]
        if isinstance(frame, Send):
            return [Sent(log.name, log.epoch, tuple(self.accept(log, frame.drafts)))]
        return [Sent(log.name, log.epoch, (self.cancel(log, frame.client_id),))] if isinstance(frame, Cancel) else []

    def heads(self, number: int = 0) -> Heads:
        found = (Head(log.name, log.epoch, log.head, log.trimmed_below) for log in self.logs.values())
        return Heads(tuple(found), number)

    def page(self, log: Log, low: int, high: int, limit: int) -> Page:
        high = min(high, log.head)
        low = max(low, high - limit + 1)
        entries = tuple(entry for entry in log.there() if low <= entry.seq <= high)
        return Page(log.name, log.epoch, low, high, entries, log.head, log.trimmed_below)

    def accept(self, log: Log, drafts: tuple[Draft, ...]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for draft in drafts:
            outcomes.append(self.accept_one(log, draft))
            if outcomes[-1].answer is not Answer.OK:
                break
        return outcomes

    def accept_one(self, log: Log, draft: Draft) -> Outcome:
        if draft.client_id.rpartition("-")[0] in self.forgotten:
            return Outcome(draft.client_id, Answer.EXPIRED, seq=log.head + 1)
        if draft.client_id in log.barred:
            return Outcome(draft.client_id, Answer.CANCELLED)
        entry = log.find(draft.client_id) or log.append(draft.client_id, "alice", draft.wall, draft.body)
        return Outcome(draft.client_id, Answer.OK, entry.epoch, entry.seq)

    def cancel(self, log: Log, client_id: str) -> Outcome:
        if client_id.rpartition("-")[0] in self.forgotten:
            return Outcome(client_id, Answer.EXPIRED, seq=log.head + 1)
        entry = log.find(client_id)
        if entry is not None:
            return Outcome(client_id, Answer.OK, entry.epoch, entry.seq)
        log.barred.add(client_id)
        return Outcome(client_id, Answer.CANCELLED)


def content(log: Log, row: Entry) -> str | None:
    """What the operations in a log leave of a message."""
    operations = [e for e in log.slots.values() if getattr(e.body, "target", "") == row.client_id]
    operations = [e for e in operations if e.author == row.author]
    if any(isinstance(e.body, Recall) for e in operations):
        return None
    latest = max(operations, key=version, default=row)
    return latest.body.content  # type: ignore[union-attr]
