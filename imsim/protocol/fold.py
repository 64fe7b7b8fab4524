"""The lasting state of a device: a fold of its records, in order, and what may be asked of it.

Live and restart go through the same `apply`; nothing lasting is kept that is not in a record, and nothing here sends,
waits or decides. While it folds, the store already holds records that come later, so a row counts only once its slot is
known; that is what keeps `unread` equal to a recount at every moment, live and in the middle of a restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from imsim.protocol import marks
from imsim.protocol.frames import Edit, Entry, Joined, Message, Read, Recall, TailLost, user_log
from imsim.protocol.inbox import Inbox
from imsim.protocol.records import Epoch, Installed, Known, Missing, Queued, Record, Resolved, SendState
from imsim.protocol.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from imsim.ports import LocalStore
    from imsim.protocol.outbox import Outbox

__all__ = ["ENDLESS", "Fold", "Row"]

ENDLESS = 1 << 60
"""A seq that no log reaches."""


class Row(msgspec.Struct, frozen=True):
    """One line of what the user sees: an entry with its content (None: recalled), or a pending one (`seq = 0`)."""

    client_id: str
    author: str
    content: str | None
    epoch: int
    seq: int
    state: SendState


class Fold:
    """What a device knows and wants, as its records say."""

    __slots__ = ("_again", "_inboxes", "_installed", "_next", "_outbox", "_store", "_timeline", "own_log", "user")

    def __init__(self, store: LocalStore, user: str) -> None:
        """Nothing is known."""
        self.user = user
        self.own_log = user_log(user)
        self._store = store
        self._inboxes: dict[str, Inbox] = {}
        self._installed: Installed | None = None
        self._next = 0
        self._again: set[int] | None = None
        """Own counters of messages that failed and may be sent again."""
        self._outbox: Outbox | None = None
        self._timeline: Timeline | None = None

    # ------------------------------------------------------------------------------------------ what may be asked

    @property
    def install(self) -> str:
        """The install value that the records name."""
        return "" if self._installed is None else self._installed.install

    def stored(self) -> list[Record]:
        """Every record that is durable now."""
        return list(self._store.records())

    def conversations(self) -> list[str]:
        """Every conversation that this device knows, its user's own log left out."""
        return [name for name in self._inboxes if name != self.own_log]

    def position(self, conversation: str) -> tuple[int, int]:
        """The cursor: the present epoch, and the seq below which everything is known."""
        inbox = self._inboxes.get(conversation)
        return (1, 0) if inbox is None else (inbox.epoch, inbox.upto)

    def missing(self, conversation: str) -> tuple[tuple[int, int], ...]:
        """The ranges that the server said are trimmed."""
        inbox = self._inboxes.get(conversation)
        return () if inbox is None else inbox.missing

    def read_mark(self, conversation: str) -> tuple[int, int]:
        """How far the user has read, as this device knows."""
        inbox = self._inboxes.get(conversation)
        return (1, 0) if inbox is None else (inbox.epoch, inbox.mark)

    def unread(self, conversation: str) -> int:
        """Rows of others above the own mark, not recalled, known to this device."""
        inbox = self._inboxes.get(conversation)
        return 0 if inbox is None else inbox.unread

    def recount(self, conversation: str) -> int:
        """The same number, counted from the rows."""
        inbox = self._inboxes.get(conversation)
        if inbox is None:
            return 0
        return sum(1 for row in self._store.rows(conversation, inbox.mark + 1, ENDLESS) if self._is_unread(row, inbox))

    def state(self, client_id: str) -> SendState | None:
        """What the user is told of an own entry; None for a stranger's or an unknown one."""
        state = None if self._outbox is None else self._outbox.state(client_id)
        if state is not None:
            return state
        row = self._store.row(client_id)
        if row is not None and row.author == self.user and not self._is_cut(row):
            return SendState.SENT
        resolved = self._resolved(client_id)
        return None if resolved is None else resolved.state

    def view(self, conversation: str) -> list[Row]:
        """What the user sees: rows in the order of the log, then what is still pending."""
        timeline = self._timeline or Timeline()
        drafts = () if self._outbox is None else self._outbox.pending(conversation)
        pending = {draft.client_id for draft in drafts}
        rows = [
            Row(row.client_id, row.author, timeline.content(row), row.epoch, row.seq, SendState.SENT)
            for row in self._store.rows(conversation, 1, ENDLESS)
            if type(row.body) is Message and not timeline.is_lost(row.client_id) and row.client_id not in pending
        ]
        for draft in drafts:
            if type(draft.body) is Message:
                state = self.state(draft.client_id) or SendState.PENDING
                rows.append(Row(draft.client_id, self.user, draft.body.content, 0, 0, state))
        return rows

    def changed(self) -> list[tuple[Entry, str | None]]:
        """The messages that were edited or recalled, each with what the user reads of it now (None: nothing)."""
        timeline = self._timeline
        if timeline is None:
            return []
        rows = (self._store.row(target) for target in timeline.targets)
        return [(row, timeline.content(row)) for row in rows if row is not None and not self._is_cut(row)]

    def inbox(self, conversation: str) -> Inbox:
        """The conversation's state; an unknown conversation is empty."""
        inbox = self._inboxes.get(conversation)
        if inbox is None:
            inbox = self._inboxes[conversation] = Inbox(conversation)
        return inbox

    def epoch_of(self, conversation: str) -> int:
        """The epoch that this device knows."""
        inbox = self._inboxes.get(conversation)
        return 1 if inbox is None else inbox.epoch

    @property
    def resolved_below(self) -> int:
        """Every own counter below it has its answer, and is not sent again."""
        installed = self._installed
        lowest = min(self._again) if self._again else self._next
        if installed is None or self._outbox is None:
            return lowest
        unresolved = self._outbox.lowest(installed.nonce + "-")
        return lowest if unresolved is None else min(lowest, unresolved)

    def _resolved(self, client_id: str) -> Resolved | None:
        return next((r for r in self._store.records() if type(r) is Resolved and r.client_id == client_id), None)

    def _is_waiting(self, client_id: str) -> bool:
        return self._outbox is not None and client_id in self._outbox

    def _is_cut(self, row: Entry) -> bool:
        """Whether a failover took its slot from this row."""
        inbox = self._inboxes.get(row.conversation)
        return inbox is not None and row.epoch < inbox.epoch and inbox.clamp(row.epoch, row.seq) < row.seq

    # ------------------------------------------------------------------------------------------ the fold

    def apply(self, record: Record, now: float, *, fresh: bool) -> None:
        """Take one record into account; `fresh`: it is being written now, not read back after a restart."""
        _APPLY[type(record)](self, record, now, fresh)

    def _new_outbox(self) -> Outbox:
        """The outbox of this device, which a device that is driven provides."""
        raise TypeError

    def _apply_entry(self, entry: Entry, _now: float, _fresh: bool) -> None:  # noqa: FBT001 (one signature a table)
        inbox = self.inbox(entry.conversation)
        inbox.learn(entry.seq, entry.seq)
        body = entry.body
        if type(body) is Message:
            if entry.seq > inbox.mark and self._is_unread(entry, inbox):
                inbox.unread += 1
        elif isinstance(body, Edit | Recall):
            self._apply_operation(entry, body)
        elif isinstance(body, TailLost):
            self._the_timeline().forget(body.client_ids)
            inbox.unread = self.recount(entry.conversation)
        elif entry.conversation != self.own_log:
            return
        elif isinstance(body, Read):
            read = self.inbox(body.conversation)
            read.hear(body.epoch, body.seq)
            self._raise_mark(read, read.heard)
        elif isinstance(body, Joined):
            joined = self.inbox(body.conversation)
            joined.head = max(joined.head, body.seq)

    def _apply_operation(self, entry: Entry, body: Edit | Recall) -> None:
        target = self._store.row(body.target)
        inbox = None if target is None else self.inbox(target.conversation)
        counted = (
            target is not None and inbox is not None and target.seq > inbox.mark and self._is_unread(target, inbox)
        )
        self._the_timeline().operate(entry)
        if counted and target is not None and inbox is not None and not self._is_unread(target, inbox):
            inbox.unread -= 1

    def _raise_mark(self, inbox: Inbox, seq: int) -> None:
        if seq > inbox.mark:
            if inbox.unread:
                rows = self._store.rows(inbox.conversation, inbox.mark + 1, seq)
                inbox.unread -= sum(1 for row in rows if self._is_unread(row, inbox))
            inbox.mark = seq

    def _hear_again(self) -> None:
        """The user's own log lost something: only what is left in it counts."""
        for inbox in self._inboxes.values():
            inbox.heard, inbox.ahead = 0, ()
        own = self.inbox(self.own_log)
        for row in self._store.rows(self.own_log, 1, ENDLESS):
            if isinstance(row.body, Read) and own.knows(row.seq) and not self._is_cut(row):
                self.inbox(row.body.conversation).hear(row.body.epoch, row.body.seq)
        for inbox in self._inboxes.values():
            self._lower_mark(inbox)

    def _lower_mark(self, inbox: Inbox) -> None:
        """A read mark may not be in the user's own log and never come there: nobody else would ever hear of it."""
        mark = inbox.heard
        for draft in () if self._outbox is None else self._outbox.pending(self.own_log):
            if isinstance(draft.body, Read) and draft.body.conversation == inbox.conversation:
                mark = max(mark, inbox.place(draft.body.epoch, draft.body.seq))
        if mark < inbox.mark:
            marks.MARK_LOWERED()
            inbox.mark = mark
            inbox.unread = self.recount(inbox.conversation)

    def _apply_installed(self, record: Installed, _now: float, _fresh: bool) -> None:  # noqa: FBT001
        self._installed = record
        self._next = 0
        self._again = None

    def _count_own(self, client_id: str) -> None:
        """An id of this install was used: the next one is higher."""
        self._next = max(self._next, self._own_counter(client_id) + 1)

    def _own_counter(self, client_id: str) -> int:
        """The counter in an id of this install; -1 for any other."""
        installed = self._installed
        if installed is None or not client_id.startswith(installed.nonce):
            return -1
        return int(client_id[len(installed.nonce) + 1 :])

    def _apply_queued(self, record: Queued, now: float, fresh: bool) -> None:  # noqa: FBT001
        self._count_own(record.client_id)
        if self._again:
            self._again.discard(self._own_counter(record.client_id))
        if self._outbox is None:
            self._outbox = self._new_outbox()
        self._outbox.apply_queued(record, now, fresh=fresh)
        if isinstance(record.body, Read):
            read = self.inbox(record.body.conversation)
            self._raise_mark(read, read.place(record.body.epoch, record.body.seq))

    def _apply_resolved(self, record: Resolved, _now: float, _fresh: bool) -> None:  # noqa: FBT001
        if not _fresh:
            self._count_own(record.client_id)
        if record.draft is not None and self._own_counter(record.client_id) >= 0:
            self._again = self._again or set()
            self._again.add(self._own_counter(record.client_id))
        if self._outbox is not None:
            body = self._outbox.apply_resolved(record)
            if self._outbox.empty:
                self._outbox = None
            if record.state is not SendState.SENT and isinstance(body, Read):
                self._lower_mark(self.inbox(body.conversation))

    def _apply_known(self, record: Known, _now: float, _fresh: bool) -> None:  # noqa: FBT001
        inbox = self.inbox(record.conversation)
        if record.epoch == inbox.epoch:
            for low, high in record.ranges:
                inbox.learn(low, high)

    def _apply_missing(self, record: Missing, _now: float, _fresh: bool) -> None:  # noqa: FBT001
        self.inbox(record.conversation).lose(record.low, record.high)

    def _apply_epoch(self, record: Epoch, _now: float, _fresh: bool) -> None:  # noqa: FBT001
        inbox = self.inbox(record.conversation)
        inbox.enter(record.epoch, record.cut)
        inbox.unread = self.recount(record.conversation)
        if record.conversation == self.own_log:
            self._hear_again()

    def _the_timeline(self) -> Timeline:
        if self._timeline is None:
            self._timeline = Timeline()
        return self._timeline

    def _is_unread(self, row: Entry, inbox: Inbox) -> bool:
        """Whether the user has this row to read, the mark apart."""
        if type(row.body) is not Message or row.author == self.user or not inbox.knows(row.seq):
            return False
        if row.epoch < inbox.epoch and inbox.clamp(row.epoch, row.seq) < row.seq:
            return False  # a failover took this slot from it
        timeline = self._timeline
        return timeline is None or not (timeline.is_recalled(row) or timeline.is_lost(row.client_id))


_APPLY: dict[type, Callable[[Fold, Any, float, bool], None]] = {
    Entry: Fold._apply_entry,  # noqa: SLF001 (the table of this very class)
    Installed: Fold._apply_installed,  # noqa: SLF001
    Queued: Fold._apply_queued,  # noqa: SLF001
    Resolved: Fold._apply_resolved,  # noqa: SLF001
    Known: Fold._apply_known,  # noqa: SLF001
    Missing: Fold._apply_missing,  # noqa: SLF001
    Epoch: Fold._apply_epoch,  # noqa: SLF001
}
