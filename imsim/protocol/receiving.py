"""What a frame from the server does to a device: rows are written, acknowledged and counted; parts are told.

Every handler ends in a consistent state of its own; none waits for another frame. Frames of another epoch than the
device's are never applied: they only make it say which one it knows, so that whoever is behind learns the cut.

What does not belong here: asking and repeating (catchup.py, outbox.py), and the connection (connector.py).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from imsim.protocol import marks, ranges
from imsim.protocol.core import Core
from imsim.protocol.effects import (
    HistoryMissing,
    PresenceSeen,
    SendChanged,
    Suppressed,
    TailWasLost,
)
from imsim.protocol.fold import ENDLESS
from imsim.protocol.frames import (
    NOT_RESUMED,
    Closed,
    Edit,
    Entry,
    EpochChanged,
    Heads,
    Hint,
    Joined,
    Message,
    Page,
    Presence,
    Push,
    Recall,
    Refused,
    Resume,
    Sent,
    TailLost,
    Welcome,
)
from imsim.protocol.records import Epoch, Known, Missing, Queued, Record, Resolved, SendState

if TYPE_CHECKING:
    from collections.abc import Callable


__all__ = ["HANDLERS", "Receiver"]


class Receiver(Core):
    """A device's half of every frame."""

    __slots__ = ()

    # ------------------------------------------------------------------------------------------ frames

    def _on_push(self, frame: Push, now: float) -> None:
        inbox = self.inbox(frame.conversation)
        if frame.epoch != inbox.epoch:
            marks.FRAME_OF_OTHER_EPOCH()
            self._acknowledge(frame.conversation)
            return
        upto = inbox.upto
        self._take(frame.entries, now)
        self._acknowledge(frame.conversation)
        if inbox.upto > upto:
            self._learned(frame.conversation, now)
        self._look_behind(frame.conversation, now, patient=True)

    def _on_page(self, frame: Page, now: float) -> None:
        inbox = self.inbox(frame.conversation)
        if frame.epoch != inbox.epoch:
            marks.FRAME_OF_OTHER_EPOCH()
            self._acknowledge(frame.conversation)
            return
        before = inbox.known, inbox.head
        trimmed = frame.trimmed_below - 1
        self._take(frame.entries, now)
        records: list[Record] = []
        if trimmed > inbox.upto:
            holes = ranges.holes(inbox.known, trimmed)
            records += [Missing(frame.conversation, frame.epoch, low, high) for low, high in holes]
        low, high = max(frame.low, frame.trimmed_below), frame.high
        if low <= high and len(frame.entries) < high - low + 1:
            records.append(Known(frame.conversation, frame.epoch, (*inbox.known, (low, high))))
        if records:
            self.commit(tuple(records), now)
            for record in records:
                if type(record) is Missing:
                    marks.HISTORY_MISSING()
                    self.notify(HistoryMissing(record.conversation, record.low, record.high))
        if frame.low > frame.high:  # nothing that was asked for is this reader's: it ends where the server says
            marks.NOTHING_TO_READ()
            inbox.head = max(frame.head, inbox.known[-1][1] if inbox.known else 0)
        else:
            inbox.head = max(inbox.head, frame.head)
        self._acknowledge(frame.conversation)
        self._learned(frame.conversation, now)
        if self._catchup is not None:
            self._catchup.handle_page(frame.conversation, now, progress=(inbox.known, inbox.head) != before)

    def _on_heads(self, frame: Heads, now: float) -> None:
        for head in frame.heads:
            self._on_head(head.conversation, head.epoch, head.head, now)
        if frame.number and frame.number == self._check:
            self._check_due = math.inf
            self._quiet = False
            self._step(self.config.sync.on_heads, now)

    def _on_hint(self, frame: Hint, now: float) -> None:
        self._on_head(frame.conversation, frame.epoch, frame.head, now)
        self._step(self.config.sync.on_hint, now)

    def _on_head(self, conversation: str, epoch: int, head: int, now: float) -> None:
        inbox = self.inbox(conversation)
        if epoch != inbox.epoch:
            marks.FRAME_OF_OTHER_EPOCH()
            self._acknowledge(conversation)
            return
        inbox.head = max(inbox.head, head)
        self._look_behind(conversation, now, patient=False)
        self._acknowledge(conversation)  # the server told because it did not hear the last one, or to be heard itself

    def _on_sent(self, frame: Sent, now: float) -> None:
        if self._outbox is not None:
            self._outbox.handle_sent(frame, now)

    def _on_welcome(self, frame: Welcome, now: float) -> None:
        if not self._connector.handle_welcome(frame, now):
            return
        self.online = True
        self._resume = Resume(frame.session, frame.incarnation)
        self._resumable = frame.limits.resume
        for conversation in list(self._inboxes):
            self._look_behind(conversation, now, patient=False)
        if self._catchup is not None:
            self._catchup.handle_online(now)
        if self._outbox is not None:
            self._outbox.handle_online(now)
        self._step(self.config.sync.on_start, now)

    def _on_refused(self, frame: Refused, now: float) -> None:
        if self.online:
            return  # that would be the answer to an earlier greeting, come late
        if self._resume is not None:
            self._resume = None
            self._connector.greet_again(now)
        elif frame.reason != NOT_RESUMED:  # that would be the answer to an earlier greeting, come twice
            self._connector.handle_refused(frame, now)

    def _on_closed(self, frame: Closed, now: float) -> None:
        if self.online:
            self._connector.give_up(f"closed by the server: {frame.reason}", now)

    def _on_epoch(self, frame: EpochChanged, now: float) -> None:
        """The log failed over: forget what was above the cut, and offer our own part of it again, in order, first."""
        conversation = frame.conversation
        inbox = self.inbox(conversation)
        if frame.epoch != inbox.epoch + 1:
            if frame.epoch > inbox.epoch:  # each epoch has a cut of its own: none is skipped
                marks.EPOCH_SKIPPED()
                self._acknowledge(conversation)
            return
        rows = self._store.rows(conversation, frame.cut + 1, ENDLESS)
        # Rows of the user's other devices are offered too, for these may be gone, but only as far as nothing is missing
        # before them: whoever offered a later one first would change the order of its sender.
        own = "" if self._installed is None else self._installed.nonce + "-"
        lost = [
            row
            for row in rows
            if row.author == self.user
            and inbox.clamp(row.epoch, row.seq) == row.seq
            and (row.seq <= inbox.upto or row.client_id.startswith(own))
        ]
        offers = [
            Queued(r.client_id, conversation, r.wall, r.body, offered=r.seq)
            for r in lost
            if not self._is_waiting(r.client_id)
        ]
        marks.EPOCH_ENTERED()
        if offers:
            marks.OFFERED_AGAIN()
        self.commit((Epoch(conversation, frame.epoch, frame.cut), *offers), now)
        if self._outbox is not None:
            self._outbox.handle_epoch(conversation, now)
        self._acknowledge(conversation)
        if self._catchup is not None:
            self._catchup.handle_page(conversation, now, progress=True)  # no other page will come of an older epoch

    def _on_presence(self, frame: Presence, now: float) -> None:  # noqa: ARG002
        self.notify(PresenceSeen(frame.user, frame.online, frame.expires_in))

    # ------------------------------------------------------------------------------------------ receiving

    def _take(self, entries: tuple[Entry, ...], now: float) -> None:
        """Write the rows that are new, together with what they resolve."""
        records: list[Record] = []
        taken: set[int] = set()
        for entry in entries:
            inbox = self.inbox(entry.conversation)
            if inbox.knows(entry.seq) or entry.seq in taken:
                marks.ENTRY_TWICE()
                self.notify(Suppressed(entry.conversation, entry.client_id))
                continue
            taken.add(entry.seq)
            records.append(entry)
            if entry.author == self.user and self._is_waiting(entry.client_id):
                marks.OWN_BEFORE_ANSWER()
                records.append(Resolved(entry.client_id, SendState.SENT))
        if not records:
            return
        # operations first: a row of this very batch is not in the store yet, and must not be counted before its recall
        records.sort(key=_is_message)
        if not _is_message(records[0]):
            self._mark_early(records)
        self.commit(tuple(records), now)
        for record in records:
            self._tell(record, now)
        if self._outbox is not None:
            self._outbox.go(entries[0].conversation, now)

    def _mark_early(self, records: list[Record]) -> None:
        """Mark an operation on a message that is neither here nor comes with it."""
        entries = [record for record in records if type(record) is Entry]
        coming = {entry.client_id for entry in entries}
        targets = {entry.body.target for entry in entries if isinstance(entry.body, Edit | Recall)}
        if any(self._store.row(target) is None for target in targets - coming):
            marks.OPERATION_BEFORE_TARGET()

    def _tell(self, record: Record, now: float) -> None:
        """What follows from a record besides the row that the user sees."""
        if type(record) is Resolved:
            self.notify(SendChanged(record.client_id, SendState.SENT))
        elif type(record) is Entry and isinstance(record.body, TailLost):
            for client_id in record.body.client_ids:
                marks.TAIL_LOST()
                self.notify(TailWasLost(record.conversation, client_id))
        elif type(record) is Entry and isinstance(record.body, Joined):
            self._look_behind(record.body.conversation, now, patient=True)


def _is_message(record: Record) -> bool:
    return type(record) is Entry and type(record.body) is Message


HANDLERS: dict[type, Callable[[Receiver, Any, float], None]] = {
    Push: Receiver._on_push,  # noqa: SLF001
    Page: Receiver._on_page,  # noqa: SLF001
    Heads: Receiver._on_heads,  # noqa: SLF001
    Hint: Receiver._on_hint,  # noqa: SLF001
    Sent: Receiver._on_sent,  # noqa: SLF001
    Welcome: Receiver._on_welcome,  # noqa: SLF001
    Refused: Receiver._on_refused,  # noqa: SLF001
    Closed: Receiver._on_closed,  # noqa: SLF001
    EpochChanged: Receiver._on_epoch,  # noqa: SLF001
    Presence: Receiver._on_presence,  # noqa: SLF001
}
