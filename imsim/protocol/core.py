"""What the parts of a device share: the effects in order, the strategy's moments, and when to wake.

The outbox, the catch-up and the connector know the device only by what stands here (their `Host` protocols).
Records are committed here and nowhere else: applied to the fold and handed out for writing in one step.

What does not belong here: what a frame means (receiving.py), and what the user and the driver call (device.py).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from imsim.protocol import marks
from imsim.protocol.catchup import CatchUp
from imsim.protocol.connector import Connector
from imsim.protocol.effects import (
    Effect,
    Notice,
    Notify,
    SendChanged,
    Transmit,
    Write,
)
from imsim.protocol.fold import Fold
from imsim.protocol.frames import (
    Ack,
    Check,
    Draft,
    Frame,
    Hello,
    Outcome,
    Resume,
)
from imsim.protocol.outbox import Outbox, row_of
from imsim.protocol.records import Record, Resolved, SendState
from imsim.protocol.sync import CheckNow, Timing, View, Wake

if TYPE_CHECKING:
    from collections.abc import Callable

    from imsim.ports import LocalStore, Randomness
    from imsim.protocol.config import DeviceConfig
    from imsim.protocol.sync.strategy import Step

__all__ = ["Core"]

_FREE = 60.0
"""Seconds after which a retry budget allows one repetition in any case."""


class Core(Fold):
    """A fold with its parts."""

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
        "_tokens",
        "_tokens_at",
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
        self._tokens: float | None = None
        self._tokens_at = 0.0
        self._wall = 0.0

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

    def first_send(self) -> None:
        """Something is sent for the first time: it pays a share of a repetition."""
        budget = self.config.budget
        if budget is not None:
            self._tokens = budget.requested(budget.burst if self._tokens is None else self._tokens)

    def wait_to_repeat(self, now: float) -> float:
        """Pay for a repetition: 0, or the seconds after which it could be paid for.

        One a minute is free. Without that, a message whose answer was lost would wait for ever on a device whose user
        writes no other.
        """
        budget = self.config.budget
        if budget is None:
            return 0.0
        tokens = budget.burst if self._tokens is None else self._tokens
        tokens = min(budget.burst, tokens + (now - self._tokens_at) / _FREE)
        paid = budget.retried(tokens)
        self._tokens, self._tokens_at = tokens if paid is None else paid, now
        return 0.0 if paid is not None else (1.0 - tokens) * _FREE

    def verdict_below(self, conversation: str, client_id: str, below: int) -> SendState | None:
        """Whether an entry with an expired answer is in the log, once every slot below the bound is known.

        If part of these slots is trimmed, nobody can say any more, and it stays unknown for good.
        """
        inbox = self.inbox(conversation)
        row = self._store.row(client_id)
        if row is not None and inbox.clamp(row.epoch, row.seq) == row.seq:
            return SendState.SENT
        if not inbox.covers(below - 1):
            return None
        return SendState.UNKNOWN if any(low < below for low, _ in inbox.missing) else SendState.FAILED

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
        if attempt > 1:
            marks.CHECK_REPEATED()
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
