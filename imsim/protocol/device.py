"""A device: the client's whole algorithm, sans-IO, as a fold over its own records.

It owns no clock, socket, disk or randomness. Commands and inputs take `now` (monotonic seconds) and `wall`; what is to
be done comes out of `poll()` in order, and `wake_at` says when `handle_wake` is due. The driver carries effects out one
after the other, a `Write` durable before the next, and stops the device if a write fails. So every moment at which a
crash matters lies between two effects; `Device.load` folds the records and is where a restart begins.

The device is built in four steps: fold.py (what lasts), core.py (what its parts share), receiving.py (what frames
do), and here what the user and the driver call. Its parts: outbox.py and unresolved.py (sending), inbox.py (what is
known of one conversation), catchup.py (asking for the rest), timeline.py (edits and recalls), connector.py (being
connected), sync/ (when to check).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from imsim.errors import ConfigError
from imsim.protocol.effects import (
    Effect,
    SendChanged,
    Transmit,
    Write,
)
from imsim.protocol.fold import Row
from imsim.protocol.frames import (
    Ack,
    Body,
    Created,
    Edit,
    Frame,
    Join,
    Leave,
    Message,
    Push,
    Read,
    Recall,
    Watch,
)
from imsim.protocol.receiving import HANDLERS, Receiver
from imsim.protocol.records import Installed, Queued, Resolved, SendState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imsim.ports import LocalStore, Randomness
    from imsim.protocol.config import DeviceConfig
    from imsim.protocol.connector import Phase

__all__ = ["Device", "Row"]

_PATIENCE = 4
"""Unanswered checks before the connection is given up."""


class Device(Receiver):
    """One installed client of one user. Make it with `Device.load`."""

    __slots__ = ()

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
            install: a value of this installation that no backup carries; another one than in the records means that
                they were restored elsewhere, and a new nonce keeps the two from using one client id twice.
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
        if device._outbox is not None:
            device._outbox.handle_offline()
            device._rearm()
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

    def create(self, conversation: str, members: tuple[str, ...], *, now: float, wall: float) -> str:
        """Begin a conversation of these members, the user among them; returns the operation's client id."""
        return self._offer(conversation, Created(members), now, wall, None)

    def join(self, conversation: str, user: str, *, now: float, wall: float) -> str:
        """Ask that `user` be a member from here on; returns the operation's client id."""
        return self._offer(conversation, Join(user), now, wall, None)

    def leave(self, conversation: str, *, now: float, wall: float) -> str:
        """Leave a conversation; returns the operation's client id."""
        return self._offer(conversation, Leave(self.user), now, wall, None)

    def mark_read(self, conversation: str, seq: int, *, now: float, wall: float) -> str | None:
        """The user has read up to `seq`; None if that is no news. Takes the place of earlier marks that still wait."""
        inbox = self._inboxes.get(conversation)
        if inbox is None or min(seq, inbox.head) <= inbox.mark:
            return None
        older = [] if self._outbox is None else self._outbox.unsent_marks(self.own_log, conversation)
        body = Read(conversation, inbox.epoch, min(seq, inbox.head))
        return self._offer(self.own_log, body, now, wall, None, instead_of=older)

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
        handler = HANDLERS.get(type(frame))
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

    # ------------------------------------------------------------------------------------------ sending

    def _offer(
        self,
        conversation: str,
        body: Body,
        now: float,
        wall: float,
        deadline: float | None,
        *,
        instead_of: Sequence[str] = (),
    ) -> str:
        self._wall = wall
        installed = self._installed
        if installed is None:
            message = "a device is made with Device.load"
            raise ConfigError(message)
        client_id = f"{installed.nonce}-{self._next}"
        limit = self.config.send_deadline if deadline is None else deadline
        if type(body) is Read:
            limit = None  # the mark is raised here already: other devices must hear of it, however late
        record = Queued(client_id, conversation, wall, body, limit)
        self._queue(conversation, record, now, instead_of)
        return client_id

    def _queue(self, conversation: str, record: Queued, now: float, instead_of: Sequence[str] = ()) -> None:
        withdrawn = [Resolved(older, SendState.CANCELLED, "superseded") for older in instead_of]
        self.commit((record, *withdrawn), now)
        for older in withdrawn:
            self.notify(SendChanged(older.client_id, older.state, older.reason))
        if self._outbox is not None:
            self._outbox.go(conversation, now)  # its deadline runs, connected or not
        if self.online:
            self._quiet = False
        else:
            self._connector.want(now, open_=False)
        self._rearm()
