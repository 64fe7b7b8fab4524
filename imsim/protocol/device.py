"""A device: the client's whole algorithm, sans-IO, as a fold over its own records.

It owns no clock, socket, disk or randomness. Commands and inputs take `now` (monotonic seconds) and `wall`; what is to
be done comes out of `poll()` in order, and `wake_at` says when `handle_wake` is due. The driver carries effects out one
after the other, a `Write` durable before the next, and stops the device if a write fails. So every moment at which a
crash matters lies between two effects; `Device.load` folds the records and is where a restart begins.

The parts, each in its file: fold.py (what lasts), outbox.py (sending), inbox.py (what is known of one conversation),
catchup.py (asking for the rest), timeline.py (edits and recalls), connector.py (being connected), sync/ (when to check).
Here they are composed: frames come in, records are committed, parts are told.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from imsim.errors import ConfigError
from imsim.protocol.catchup import CatchUp
from imsim.protocol.connector import Connector, Phase
from imsim.protocol.effects import (
    Effect,
    HistoryMissing,
    Notice,
    Notify,
    PresenceSeen,
    SendChanged,
    Suppressed,
    TailWasLost,
    Transmit,
    Write,
)
from imsim.protocol.fold import ENDLESS, Fold, Row
from imsim.protocol.frames import (
    Ack,
    Body,
    Check,
    Closed,
    Draft,
    Edit,
    Entry,
    EpochChanged,
    Frame,
    Heads,
    Hello,
    Hint,
    Join,
    Joined,
    Leave,
    Message,
    Outcome,
    Page,
    Presence,
    Push,
    Read,
    Recall,
    Refused,
    Resume,
    Sent,
    TailLost,
    Watch,
    Welcome,
)
from imsim.protocol.outbox import Outbox, row_of
from imsim.protocol.records import Epoch, Installed, Known, Missing, Queued, Record, Resolved, SendState
from imsim.protocol.sync import CheckNow, Timing, View, Wake

if TYPE_CHECKING:
    from collections.abc import Callable

    from imsim.ports import LocalStore, Randomness
    from imsim.protocol.config import DeviceConfig
    from imsim.protocol.inbox import Inbox
    from imsim.protocol.sync.strategy import Step

__all__ = ["Device", "Row"]

_PATIENCE = 4
"""Unanswered checks before the connection is given up."""


class Device(Fold):
    """One installed client of one user. Make it with `Device.load`."""

    __slots__ = (
        "_catchup",
        "_check",
        "_check_attempt",
        "_check_due",
        "_check_hold",
        "_connector",
        "_effects",
        "_quiet",
        "_resumable",
        "_resume",
        "_timing",
        "_timing_due",
        "_wall",
        "config",
        "name",
        "online",
        "random",
        "wake_at",
    )

    def __init__(self, store: LocalStore, config: DeviceConfig, random: Randomness, user: str, name: str) -> None:
        """An empty device; use `Device.load`."""
        super().__init__(store, user)
        self.name = name
        self.config = config
        self.random = random
        self.online = False
        self.wake_at: float | None = None
        self._effects: list[Effect] = []
        self._catchup: CatchUp | None = None
        self._connector = Connector(self)
        self._resume: Resume | None = None
        self._resumable = 0.0
        self._timing: Timing = config.sync.initial()
        self._timing_due = math.inf
        self._check = 0
        self._check_due = math.inf
        self._check_attempt = 0
        self._check_hold = 0.0
        self._quiet = False
        self._wall = 0.0

    @classmethod
    def load(
        cls,
        store: LocalStore,
        config: DeviceConfig,
        random: Randomness,
        install: str,
        *,
        user: str,
        name: str,
        now: float,
    ) -> Device:
        """The device that `store` holds, or a new one.

        Args:
            store: its disk.
            config: how it behaves.
            random: where it draws from.
            install: a value of this installation that no backup carries; another one than in the records means that they
                were restored elsewhere, and a new nonce keeps the two from using one client id twice.
            user: whose device this is.
            name: the device's name, unique among the user's.
            now: monotonic seconds.
        """
        device = cls(store, config, random, user, name)
        for record in store.records():
            device.apply(record, now, fresh=False)
        installed = device._installed
        if installed is None or installed.install != install:
            nonce = f"{int(random.at(f'nonce {install}', 0).random() * (1 << 48)):012x}"
            device.commit((Installed(install, nonce),), now)
        return device

    # ------------------------------------------------------------------------------------------ commands

    def open(self, *, now: float, wall: float) -> None:
        """The app comes to the foreground: connect and stay."""
        self._wall = wall
        self._connector.want(now, open_=True)
        self._rearm()

    def close(self, *, now: float, wall: float) -> None:
        """The app goes away: leave the connection."""
        self._wall = wall
        self._connector.sleep(now)
        self._rearm()

    def send(
        self,
        conversation: str,
        content: str,
        *,
        now: float,
        wall: float,
        reply_to: str | None = None,
        deadline: float | None = None,
    ) -> str:
        """Write a message; returns its client id, which is its name for life.

        Args:
            conversation: where to.
            content: what.
            now: monotonic seconds.
            wall: wall-clock seconds.
            reply_to: the client id of the message that this one answers.
            deadline: seconds after which to give up, instead of the config's.
        """
        return self._offer(conversation, Message(content, reply_to), now, wall, deadline)

    def edit(self, conversation: str, target: str, content: str, *, now: float, wall: float) -> str:
        """Give an own message a new content; returns the operation's client id."""
        return self._offer(conversation, Edit(target, content), now, wall, None)

    def recall(self, conversation: str, target: str, *, now: float, wall: float) -> str:
        """Take an own message back after it was sent; returns the operation's client id."""
        return self._offer(conversation, Recall(target), now, wall, None)

    def join(self, conversation: str, user: str, *, now: float, wall: float) -> str:
        """Ask that `user` be a member from here on; returns the operation's client id."""
        return self._offer(conversation, Join(user), now, wall, None)

    def leave(self, conversation: str, *, now: float, wall: float) -> str:
        """Leave a conversation; returns the operation's client id."""
        return self._offer(conversation, Leave(self.user), now, wall, None)

    def mark_read(self, conversation: str, seq: int, *, now: float, wall: float) -> str | None:
        """The user has read up to `seq`; None if that is no news."""
        inbox = self._inboxes.get(conversation)
        if inbox is None or seq <= inbox.mark:
            return None
        return self._offer(self.own_log, Read(conversation, inbox.epoch, min(seq, inbox.head)), now, wall, None)

    def watch(self, users: tuple[str, ...], *, now: float, wall: float) -> None:  # noqa: ARG002 (one shape for commands)
        """Be told of these users' presence while this session lasts; soft, so it is neither recorded nor repeated."""
        self._wall = wall
        if self.online:
            self.transmit(Watch(users))

    def cancel(self, client_id: str, *, now: float, wall: float) -> bool:
        """Take an own message back before it is accepted; False if it is resolved already."""
        self._wall = wall
        done = self._outbox is not None and self._outbox.cancel(client_id, now)
        self._rearm()
        return done

    def resend(self, client_id: str, *, now: float, wall: float) -> None:
        """Try a failed message again, under its own id.

        Raises:
            ConfigError: it is not a failed message of this device, or its id may be claimed or refused for good.
        """
        self._wall = wall
        failed = self._resolved(client_id)
        if failed is None or failed.state is not SendState.FAILED or failed.draft is None:
            message = f"resend: {client_id!r} cannot be sent again: only a message that failed unclaimed can"
            raise ConfigError(message)
        self._queue(failed.draft.conversation, msgspec.structs.replace(failed.draft, deadline=None), now)

    # ------------------------------------------------------------------------------------------ inputs

    def handle_connected(self, connection: Any, *, now: float, wall: float) -> None:  # noqa: ANN401
        """A connection is open; frames that come from it are handed over with it."""
        self._wall = wall
        if now > self._resumable:
            self._resume = None
        self._connector.handle_connected(connection, now)
        self._rearm()

    def handle_disconnected(self, reason: str, *, now: float, wall: float) -> None:  # noqa: ARG002 (part of the contract)
        """The connection is gone, or could not be made."""
        self._wall = wall
        self._connector.handle_disconnected(now)
        self._rearm()

    def handle_frame(self, connection: Any, frame: Frame, *, now: float, wall: float) -> None:  # noqa: ANN401
        """A frame came; those of an older connection are dropped."""
        connector = self._connector
        if connection is not connector.connection:
            return
        connector.heard = now
        self._wall = wall
        # hot: the push that continues what is known needs no part but the inbox, and moves no timer
        if type(frame) is Push and len(frame.entries) == 1:
            entry = frame.entries[0]
            inbox = self._inboxes.get(frame.conversation)
            if (
                inbox is not None
                and frame.epoch == inbox.epoch
                and entry.seq == inbox.upto + 1
                and inbox.head == inbox.upto
                and type(entry.body) is Message
                and entry.author != self.user
            ):
                inbox.upto = inbox.head = entry.seq
                if entry.seq > inbox.mark and (self._timeline is None or not self._timeline.is_recalled(entry)):
                    inbox.unread += 1
                self._effects += (Write(frame.entries), Transmit(Ack(frame.conversation, frame.epoch, entry.seq)))
                if self._outbox is not None:
                    self._outbox.handle_progress(frame.conversation, now)
                return
        handler = _HANDLERS.get(type(frame))
        if handler is not None:
            handler(self, frame, now)
        self._settle(now)
        self._rearm()

    def handle_hint(self, *, now: float, wall: float) -> None:
        """A platform push came: visit if asleep, else let the strategy decide."""
        self._wall = wall
        if self.online:
            self._step(self.config.sync.on_hint, now)
        else:
            self._connector.want(now, open_=False)
        self._rearm()

    def handle_wake(self, *, now: float, wall: float) -> None:
        """`wake_at` has come; calling early or late is harmless."""
        self._wall = wall
        if self._outbox is not None and self._outbox.due <= now:
            self._outbox.handle_due(now)
        if self._catchup is not None and self._catchup.due <= now:
            self._catchup.handle_due(now)
        if self._check_due <= now:
            self._check_due = math.inf
            if self._check_attempt >= _PATIENCE:
                self.give_up_connection("checks are not answered", now)
            else:
                self._ask_where_behind(now)
        if self._timing_due <= now:
            self._timing_due = math.inf
            if self.online:
                self._step(self.config.sync.on_timer, now)
        if self._connector.due <= now:
            self._connector.handle_due(now)
        self._settle(now)
        self._rearm()

    # ------------------------------------------------------------------------------------------ outputs

    def poll(self) -> list[Effect]:
        """What is to be done, in order; each effect is handed out once."""
        effects = self._effects
        if effects:
            self._effects = []
        return effects

    @property
    def connection(self) -> Any:  # noqa: ANN401
        """The present connection, as the driver named it."""
        return self._connector.connection

    @property
    def phase(self) -> Phase:
        """Whether asleep, waiting, resting, connecting, greeting or online."""
        return self._connector.phase

    # ------------------------------------------------------------------------------------------ what the parts need

    def effect(self, effect: Effect) -> None:
        """Have something done, after what was asked for before."""
        self._effects.append(effect)

    def transmit(self, frame: Frame) -> None:
        """Hand a frame to the connection."""
        self._effects.append(Transmit(frame))

    def notify(self, notice: Notice) -> None:
        """Tell the user."""
        self._effects.append(Notify(notice))

    def commit(self, records: tuple[Record, ...], now: float) -> None:
        """Apply records and have them written: the only way in which the lasting state changes."""
        for record in records:
            self.apply(record, now, fresh=True)
        self._effects.append(Write(records))

    def hello(self) -> Frame:
        """How this device greets: asking to resume while the server may remember, else with all positions."""
        positions = () if self._resume else tuple(inbox.position() for inbox in self._inboxes.values())
        return Hello(
            self.user,
            self.name,
            "" if self._installed is None else self._installed.nonce,
            self.config.sync.name,
            positions,
            self.resolved_below,
            self._resume,
        )

    def is_quiet(self) -> bool:
        """Whether everything known of is here and nothing of the user's waits."""
        return (self._catchup is None or self._catchup.idle) and (self._outbox is None or self._outbox.empty)

    def expect(self, conversation: str, head: int, now: float) -> None:
        """Slots up to `head` exist."""
        inbox = self.inbox(conversation)
        inbox.head = max(inbox.head, head)
        self._look_behind(conversation, now, patient=False)

    def accept_own(self, conversation: str, epoch: int, outcome: Outcome, draft: Draft, now: float) -> None:
        """The server says where an own entry is."""
        row = row_of(conversation, outcome.epoch or epoch, outcome.seq, draft, self.user)
        self.commit((row, Resolved(draft.client_id, SendState.SENT)), now)
        self.notify(SendChanged(draft.client_id, SendState.SENT))
        self._acknowledge(conversation)
        self._learned(conversation, now)
        self._look_behind(conversation, now, patient=True)

    def verdict_below(self, conversation: str, client_id: str, below: int) -> SendState | None:
        """Whether an entry with an expired answer is in the log, once every slot below the bound is known."""
        if self._store.row(client_id) is not None:
            return SendState.SENT
        inbox = self.inbox(conversation)
        if not inbox.covers(below - 1) or any(low < below for low, _ in inbox.missing):
            return None
        return SendState.FAILED

    def give_up_connection(self, reason: str, now: float) -> None:
        """The peer does not answer: try another connection."""
        if self.online:
            self._connector.give_up(reason, now)

    def went_offline(self, now: float) -> None:
        """The session is over; it may be resumed for a while."""
        if self.online:
            self._resumable += now
        self.online = False
        self._quiet = False
        self._check_due = math.inf
        self._timing_due = math.inf
        if self._outbox is not None:
            self._outbox.handle_offline()
        if self._catchup is not None:
            self._catchup.handle_offline()

    def _new_outbox(self) -> Outbox:
        return Outbox(self)

    # ------------------------------------------------------------------------------------------ sending

    def _offer(self, conversation: str, body: Body, now: float, wall: float, deadline: float | None) -> str:
        self._wall = wall
        installed = self._installed
        if installed is None:
            message = "a device is made with Device.load"
            raise ConfigError(message)
        client_id = f"{installed.nonce}-{installed.counter}"
        limit = self.config.send_deadline if deadline is None else deadline
        record = Queued(client_id, conversation, wall, body, limit)
        self._queue(conversation, record, now, msgspec.structs.replace(installed, counter=installed.counter + 1))
        return client_id

    def _queue(self, conversation: str, record: Queued, now: float, installed: Installed | None = None) -> None:
        self.commit((record,) if installed is None else (installed, record), now)
        if self.online and self._outbox is not None:
            self._quiet = False
            self._outbox.go(conversation, now)
        else:
            self._connector.want(now, open_=False)
        self._rearm()

    # ------------------------------------------------------------------------------------------ frames

    def _on_push(self, frame: Push, now: float) -> None:
        inbox = self.inbox(frame.conversation)
        if frame.epoch != inbox.epoch:
            self._expect_epoch(frame.conversation, frame.epoch)
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
            self._expect_epoch(frame.conversation, frame.epoch)
            return
        before = inbox.known, inbox.head
        trimmed = frame.trimmed_below - 1
        self._take(frame.entries, now)
        records: list[Record] = []
        if trimmed > inbox.upto:
            records += [
                Missing(frame.conversation, frame.epoch, low, high) for low, high in self._unknown_below(inbox, trimmed)
            ]
            records += [Known(frame.conversation, frame.epoch, inbox.known)] if not records else []
        low, high = max(frame.low, frame.trimmed_below), frame.high
        if low <= high and len(frame.entries) < high - low + 1:
            records.append(Known(frame.conversation, frame.epoch, (*inbox.known, (low, high))))
        if records:
            self.commit(tuple(records), now)
            for record in records:
                if type(record) is Missing:
                    self.notify(HistoryMissing(record.conversation, record.low, record.high))
        if frame.low > frame.high:  # nothing that was asked for is this reader's: it ends where the server says
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
        self._acknowledge(frame.conversation)
        self._step(self.config.sync.on_hint, now)

    def _on_head(self, conversation: str, epoch: int, head: int, now: float) -> None:
        inbox = self.inbox(conversation)
        if epoch != inbox.epoch:
            self._expect_epoch(conversation, epoch)
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
        if self._resume is not None:
            self._resume = None
            self._connector.greet_again(now)
        else:
            self._connector.handle_refused(frame, now)

    def _on_closed(self, frame: Closed, now: float) -> None:
        if self.online:
            self._connector.give_up(f"closed by the server: {frame.reason}", now)

    def _on_epoch(self, frame: EpochChanged, now: float) -> None:
        """The log failed over: forget what was above the cut, and offer our own part of it again, in order, first."""
        conversation = frame.conversation
        inbox = self.inbox(conversation)
        if frame.epoch != inbox.epoch + 1:
            self._expect_epoch(conversation, frame.epoch)  # each epoch has a cut of its own: none is skipped
            return
        rows = self._store.rows(conversation, frame.cut + 1, ENDLESS)
        lost = [row for row in rows if row.author == self.user and inbox.clamp(row.epoch, row.seq) == row.seq]
        offers = [
            Queued(r.client_id, conversation, r.wall, r.body, offered=r.seq)
            for r in lost
            if not self._is_waiting(r.client_id)
        ]
        self.commit((Epoch(conversation, frame.epoch, frame.cut), *offers), now)
        if self._outbox is not None:
            self._outbox.handle_epoch(conversation, now)
        self._acknowledge(conversation)

    def _on_presence(self, frame: Presence, now: float) -> None:  # noqa: ARG002
        self.notify(PresenceSeen(frame.user, frame.online, frame.expires_in))

    # ------------------------------------------------------------------------------------------ receiving

    def _take(self, entries: tuple[Entry, ...], now: float) -> None:
        """Write the rows that are new, together with what they resolve."""
        records: list[Record] = []
        for entry in entries:
            inbox = self.inbox(entry.conversation)
            if inbox.knows(entry.seq):
                self.notify(Suppressed(entry.conversation, entry.client_id))
                continue
            records.append(entry)
            if entry.author == self.user and self._is_waiting(entry.client_id):
                records.append(Resolved(entry.client_id, SendState.SENT))
        if not records:
            return
        # operations first: a row of this very batch is not in the store yet, and must not be counted before its recall
        records.sort(key=_is_message)
        self.commit(tuple(records), now)
        for record in records:
            if type(record) is Resolved:
                self.notify(SendChanged(record.client_id, SendState.SENT))
            elif type(record) is Entry and isinstance(record.body, TailLost):
                for client_id in record.body.client_ids:
                    self.notify(TailWasLost(record.conversation, client_id))
            elif type(record) is Entry and isinstance(record.body, Joined):
                self._look_behind(record.body.conversation, now, patient=True)
        if self._outbox is not None:
            self._outbox.go(entries[0].conversation, now)

    def _acknowledge(self, conversation: str) -> None:
        inbox = self.inbox(conversation)
        self.transmit(Ack(conversation, inbox.epoch, inbox.upto, inbox.above))

    def _learned(self, conversation: str, now: float) -> None:
        if self._catchup is not None:
            self._catchup.handle_learned(conversation, now)
        if self._outbox is not None:
            self._outbox.handle_progress(conversation, now)

    def _look_behind(self, conversation: str, now: float, *, patient: bool) -> None:
        """Ask for what is known to be missing here."""
        if self.inbox(conversation).behind:
            if self._catchup is None:
                self._catchup = CatchUp(self)
            self._catchup.notice(conversation, now, patient=patient)

    def _expect_epoch(self, conversation: str, epoch: int) -> None:
        """A frame of another epoch is not for us; if it is a newer one, ask, and the server will name the cut."""
        inbox = self.inbox(conversation)
        if epoch > inbox.epoch:
            self.transmit(Ack(conversation, inbox.epoch, inbox.upto, inbox.above))

    def _unknown_below(self, inbox: Inbox, upto: int) -> list[tuple[int, int]]:
        """The holes at or below `upto`."""
        found = []
        expected = inbox.upto + 1
        for low, high in (*inbox.above, (upto + 1, upto + 1)):
            if low > expected and expected <= upto:
                found.append((expected, min(low - 1, upto)))
            expected = max(expected, high + 1)
        return found

    # ------------------------------------------------------------------------------------------ strategy and timers

    def _step(self, moment: Callable[[Timing, View, float], Step], now: float) -> None:
        connector = self._connector
        view = View(self._wall, self._catchup is not None and not self._catchup.idle, connector.troubles)
        self._timing, actions = moment(self._timing, view, now)
        for action in actions:
            if isinstance(action, CheckNow):
                self._check_now(action.hold, now)
            elif isinstance(action, Wake):
                self._timing_due = action.at
            elif self.online:
                connector.rest(action.until, now)

    def _check_now(self, hold: float, now: float) -> None:
        if self.online and self._check_due == math.inf:
            self._check += 1
            self._check_attempt = 0
            self._check_hold = hold
            self._ask_where_behind(now)

    def _ask_where_behind(self, now: float) -> None:
        """Transmit the check that is open, for the first time or again."""
        self._check_attempt += 1
        attempt = self._check_attempt
        policy, draws = self.config.ask, self.random.at(f"check {self._check}", attempt)
        patience = policy.next_delay(attempt, 0.0, draws) or policy.least_delay(attempt, 0.0)
        self._check_due = now + self._check_hold + patience
        self.transmit(Check(self._check, self._check_hold))

    def _settle(self, now: float) -> None:
        """Free the parts that have nothing to do, and tell the strategy once when all is quiet."""
        if self._catchup is not None and self._catchup.idle:
            self._catchup = None
        if self.online and not self._quiet and self._check_due == math.inf and self.is_quiet():
            self._quiet = True
            self._step(self.config.sync.on_quiet, now)

    def _rearm(self) -> None:
        due = min(self._connector.due, self._timing_due, self._check_due)
        if self._outbox is not None:
            due = min(due, self._outbox.due)
        if self._catchup is not None:
            due = min(due, self._catchup.due)
        self.wake_at = None if due == math.inf else due


def _is_message(record: Record) -> bool:
    return type(record) is Entry and type(record.body) is Message


_HANDLERS: dict[type, Callable[[Device, Any, float], None]] = {
    Push: Device._on_push,  # noqa: SLF001
    Page: Device._on_page,  # noqa: SLF001
    Heads: Device._on_heads,  # noqa: SLF001
    Hint: Device._on_hint,  # noqa: SLF001
    Sent: Device._on_sent,  # noqa: SLF001
    Welcome: Device._on_welcome,  # noqa: SLF001
    Refused: Device._on_refused,  # noqa: SLF001
    Closed: Device._on_closed,  # noqa: SLF001
    EpochChanged: Device._on_epoch,  # noqa: SLF001
    Presence: Device._on_presence,  # noqa: SLF001
}
