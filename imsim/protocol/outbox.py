"""Sending: client ids, order, retry, deadline, cancel and the local echo.

Per conversation there is one *lane* with one unresolved batch in flight; that, and that a batch stops at its first
draft that is not accepted, is what keeps the order of one sender. The life of an item:

    WAITING ──transmit──▶ SENDING ──ok────────────────────────▶ sent
       │                     ├─────conflict, refused───────────▶ failed
       │ cancelled or        ├─────expired──▶ JUDGED ──slots───▶ sent | failed
       │ overdue, never      └─────gave up, deadline, cancel───▶ CANCELLING ──ok────────▶ sent
       ▼ transmitted                                                 └──────cancelled───▶ failed | cancelled
    cancelled | failed

Giving up is not failing: a transmitted item whose answer is missing may be in the log. So giving up sends `Cancel`,
again and again until it is answered, and meanwhile the user is told *unknown*. Nothing overtakes a cancelling item.

`JUDGED`: the server no longer remembers the id (`expired`, with a bound): the verdict is in the slots below the bound.

A budget, where there is one, pays for what is sent again, after a `later` too. What it cannot pay for waits until it
can.

State changes only through records (`apply_queued`, `apply_resolved`), so a restart folds to the same lanes; what is not
recorded (attempts, what is in flight) starts over, which costs a repetition and no promise.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import msgspec

from imsim.protocol import marks
from imsim.protocol.effects import Notice, SendChanged
from imsim.protocol.frames import Answer, Body, Cancel, Draft, Entry, Frame, Outcome, Read, Send, Sent
from imsim.protocol.records import Queued, Record, Resolved, SendState
from imsim.protocol.unresolved import Item, Lane, Phase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imsim.ports import Randomness
    from imsim.protocol.config import DeviceConfig

__all__ = ["Outbox", "OutboxHost"]

_BATCH = 50
_BATCH_LETTERS = 1 << 16
"""A batch ends with the entry that reaches so many letters: a slow network must bring it before it is repeated."""
_IMPATIENCE = 1.0
"""Seconds to wait for the answer to a last attempt where the policy names no delay."""


class OutboxHost(Protocol):
    """What the outbox needs of its device."""

    online: bool
    random: Randomness
    config: DeviceConfig

    @property
    def resolved_below(self) -> int:
        """Every own counter below it has its answer."""
        ...

    def commit(self, records: tuple[Record, ...], now: float) -> None:
        """Apply the records and have them written."""
        ...

    def transmit(self, frame: Frame) -> None:
        """Hand a frame to the connection."""
        ...

    def notify(self, notice: Notice) -> None:
        """Tell the user."""
        ...

    def epoch_of(self, conversation: str) -> int:
        """The epoch that this device knows."""
        ...

    def accept_own(self, conversation: str, epoch: int, outcome: Outcome, draft: Draft, now: float) -> None:
        """The server says where an own entry is: write its row."""
        ...

    def expect(self, conversation: str, head: int, now: float) -> None:
        """Slots up to `head` exist."""
        ...

    def first_send(self) -> None:
        """Something is sent for the first time: it pays a share of a repetition."""
        ...

    def wait_to_repeat(self, now: float) -> float:
        """Pay for a repetition: 0, or the seconds after which it could be paid for."""
        ...

    def verdict_below(self, conversation: str, client_id: str, below: int) -> SendState | None:
        """`SENT`, `FAILED` or, for good, `UNKNOWN` once every slot below is known or trimmed, else None."""
        ...


class Outbox:
    """All unresolved entries of one device."""

    __slots__ = ("_host", "_lanes", "due")

    def __init__(self, host: OutboxHost) -> None:
        """An empty outbox; `due` is when `handle_due` wants to be called (infinity: never)."""
        self._host = host
        self._lanes: dict[str, Lane] = {}
        self.due = math.inf

    # ------------------------------------------------------------------------------------------ what may be asked

    @property
    def empty(self) -> bool:
        """Whether nothing is unresolved."""
        return not self._lanes

    def __contains__(self, client_id: str) -> bool:
        """Whether this entry is unresolved."""
        return any(item.client_id == client_id for item in self._all())

    def lowest(self, prefix: str) -> int | None:
        """The lowest counter of what is unresolved and has client ids of this prefix; None if there is none."""
        lowest: int | None = None
        for lane in self._lanes.values():
            for item in (*lane.judged, *lane.items) if lane.judged else lane.items:
                if item.client_id.startswith(prefix):
                    counter = int(item.client_id[len(prefix) :])
                    if lowest is None or counter < lowest:
                        lowest = counter
        return lowest

    def state(self, client_id: str) -> SendState | None:
        """What the user is told of an unresolved entry."""
        for item in self._all():
            if item.client_id == client_id:
                uncertain = item.phase is Phase.CANCELLING or item.below
                return SendState.UNKNOWN if uncertain else SendState.PENDING
        return None

    def pending(self, conversation: str) -> list[Draft]:
        """The local echo: what is not in the log yet, in order."""
        lane = self._lanes.get(conversation)
        if lane is None:
            return []
        return [item.draft() for item in (lane.in_order() if lane.judged else lane.items)]

    def unsent_marks(self, own_log: str, conversation: str) -> list[str]:
        """Read marks of a conversation that were never transmitted; a later one makes them needless."""
        lane = self._lanes.get(own_log)
        return [
            item.client_id
            for item in (() if lane is None else lane.items)
            if isinstance(item.body, Read) and item.body.conversation == conversation and not item.touched
        ]

    # ------------------------------------------------------------------------------------------ the fold

    def apply_queued(self, record: Queued, now: float, *, fresh: bool) -> None:
        """An entry is wanted, or is being cancelled; `fresh`: it was never transmitted."""
        lane = self._lanes.get(record.conversation)
        if lane is None:
            lane = self._lanes[record.conversation] = Lane(record.conversation)
        phase = Phase.CANCELLING if record.cancelling else Phase.WAITING
        for item in lane.items:
            if item.client_id == record.client_id:
                item.phase, item.wanted = phase, record.wanted
                return
        deadline = math.inf if record.deadline is None else now + record.deadline
        nonce, _, counter = record.client_id.rpartition("-")
        lane.insert(
            Item(
                record.client_id,
                record.wall,
                record.body,
                deadline,
                not fresh,
                phase,
                record.wanted,
                record.offered,
                nonce,
                int(counter) if counter.isdecimal() else 0,
            )
        )

    def apply_resolved(self, record: Resolved) -> Body | None:
        """An entry has a final state: it leaves its lane; what it said, if it was there."""
        body: Body | None = None
        for lane in self._lanes.values():
            for index, item in enumerate(lane.items):
                if item.client_id == record.client_id:
                    body = item.body
                    del lane.items[index]
                    if index < lane.flight:
                        lane.flight -= 1
                        if not lane.flight:
                            lane.land()
                    break
            for item in [item for item in lane.judged if item.client_id == record.client_id]:
                body = item.body
                lane.judged.remove(item)
        self._sweep()
        return body

    # ------------------------------------------------------------------------------------------ moments

    def go(self, conversation: str, now: float) -> None:
        """Something changed in a lane: start what can start."""
        lane = self._lanes.get(conversation)
        if lane is not None:
            self._pump(lane, now)
        self._rearm()

    def handle_online(self, now: float) -> None:
        """A session is open: repeat what is in flight, start what waits."""
        for lane in list(self._lanes.values()):
            lane.due = None
            if lane.flight:
                self._transmit(lane, now)
            else:
                self._pump(lane, now)
        self._rearm()

    def handle_offline(self) -> None:
        """The connection is gone: nothing is repeated until the next one."""
        for lane in self._lanes.values():
            lane.due = None
        self._rearm()

    def handle_due(self, now: float) -> None:
        """Repeat, give up, or let a deadline pass."""
        for lane in list(self._lanes.values()):
            self._let_deadlines_pass(lane, now)
            if lane.flight and not lane.drawn and lane.due is not None and lane.due <= now:
                self._draw(lane)
            if lane.due is not None and lane.due <= now:
                lane.due = None
                if not lane.flight:
                    self._pump(lane, now)
                elif lane.exhausted:
                    self._give_up(lane, lane.items[: lane.flight], SendState.FAILED, now)
                else:
                    self._transmit(lane, now)
        self._rearm()

    def handle_sent(self, frame: Sent, now: float) -> None:
        """The server's answer to a batch or a cancel."""
        lane = self._lanes.get(frame.conversation)
        if lane is None:
            return
        if frame.epoch != self._host.epoch_of(frame.conversation):
            marks.ANSWER_OF_OTHER_EPOCH()
            return
        later: float | None = None
        answered = False
        for outcome in frame.outcomes:
            item = next((i for i in lane.items if i.client_id == outcome.client_id), None)
            if item is None:
                continue
            answered = True
            if outcome.answer is Answer.LATER:
                marks.ASKED_TO_WAIT()
                later = now + (outcome.retry_after or _IMPATIENCE)
            else:
                self._settle(lane, item, outcome, now)
        if answered:
            lane.land()
            lane.due, lane.again = later, later is not None
            self._pump(lane, now)
        self._rearm()

    def handle_progress(self, conversation: str, now: float) -> None:
        """More slots are known: judge what waits for them."""
        lane = self._lanes.get(conversation)
        if lane is None or not lane.judged:
            return
        for item in list(lane.judged):
            state = self._host.verdict_below(conversation, item.client_id, item.below)
            if state is not None:
                marks.SEND_JUDGED()
                self._resolve(item, state, "its answer had expired", now)
        self._rearm()

    def handle_epoch(self, conversation: str, now: float) -> None:
        """A new epoch: what is in flight was offered to the old one, and its bounds hold no more; offer all again."""
        lane = self._lanes.get(conversation)
        if lane is not None:
            marks.SENT_AGAIN_IN_NEW_EPOCH()
            lane.land()
            lane.take_back()
            self._pump(lane, now)
        self._rearm()

    def cancel(self, client_id: str, now: float) -> bool:
        """Take an unresolved entry back; False if there is no such entry."""
        for lane in list(self._lanes.values()):
            for item in lane.items:
                if item.client_id == client_id:
                    if item.touched:
                        self._give_up(lane, [item], SendState.CANCELLED, now)
                    else:
                        marks.TAKEN_BACK_UNSENT()
                        self._resolve(item, SendState.CANCELLED, "", now)
                        self._pump(lane, now)
                    self._rearm()
                    return True
        return False

    # ------------------------------------------------------------------------------------------ inside

    def _all(self) -> Iterator[Item]:
        for lane in self._lanes.values():
            yield from lane.judged
            yield from lane.items

    def _pump(self, lane: Lane, now: float) -> None:
        """Start the next batch: a run of waiting items, or the one that is being cancelled."""
        if lane.flight or lane.due is not None or not lane.items or not self._host.online:
            return
        if lane.items[0].phase is Phase.CANCELLING:
            lane.flight = 1
        else:
            letters = 0
            for item in lane.items[:_BATCH]:
                if item.phase is Phase.CANCELLING or letters >= _BATCH_LETTERS:
                    break
                item.phase, item.touched = Phase.SENDING, True
                lane.flight += 1
                letters += item.letters
        self._transmit(lane, now)

    def _transmit(self, lane: Lane, now: float) -> None:
        host = self._host
        if host.config.budget is not None and not self._is_paid(lane, now):
            return
        lane.attempt += 1
        if lane.attempt == 1:
            lane.begun = now
        batch = lane.items[: lane.flight]
        first, epoch = batch[0], host.epoch_of(lane.conversation)
        if lane.attempt > 1:
            marks.SEND_REPEATED()
        frame: Frame
        if first.phase is Phase.CANCELLING:
            frame = Cancel(lane.conversation, epoch, first.client_id, lane.attempt)
        else:
            if len(batch) > 1:
                marks.BATCH_SENT()
            drafts = tuple(item.draft() for item in batch)
            frame = Send(lane.conversation, epoch, drafts, lane.attempt, host.resolved_below)
        host.transmit(frame)
        lane.since = now
        # most answers come sooner than any delay could end, and then it need not be drawn
        least = host.config.send.least_delay(lane.attempt, lane.delay)
        lane.drawn = False
        lane.due = now + least
        if least <= 0.0:
            self._draw(lane)

    def _is_paid(self, lane: Lane, now: float) -> bool:
        """Whether the budget lets this be sent now; if not, it waits."""
        if not lane.attempt and not lane.again:
            self._host.first_send()
            return True
        wait = self._host.wait_to_repeat(now)
        if wait > 0.0:
            marks.REPETITION_NOT_PAID()
            lane.due, lane.drawn, lane.exhausted = now + wait, True, False
            return False
        return True

    def _draw(self, lane: Lane) -> None:
        """How long the answer to what is in flight is waited for."""
        host, first, policy = self._host, lane.items[0], self._host.config.send
        delay = policy.next_delay(lane.attempt, lane.delay, host.random.at(first.client_id, lane.attempt))
        delay = policy.within(delay, lane.since - lane.begun)
        # a Cancel is repeated until it is answered: only the server can say what became of the entry; and a read mark
        # is raised here already, so that giving it up would part this device from the user's others
        lane.exhausted = delay is None and first.phase is not Phase.CANCELLING and type(first.body) is not Read
        lane.delay = delay if delay is not None else lane.delay or _IMPATIENCE
        lane.drawn = True
        lane.due = lane.since + lane.delay

    def _settle(self, lane: Lane, item: Item, outcome: Outcome, now: float) -> None:
        host = self._host
        answer = outcome.answer
        if answer is Answer.OK:
            host.accept_own(lane.conversation, host.epoch_of(lane.conversation), outcome, item.draft(), now)
        elif answer is Answer.CANCELLED:
            marks.SEND_CANCELLED()
            self._resolve(item, item.wanted, outcome.reason, now)
        elif answer is Answer.EXPIRED:
            marks.SEND_EXPIRED()
            lane.items.remove(item)
            lane.judged.append(item)
            item.below = outcome.seq
            host.notify(SendChanged(item.client_id, SendState.UNKNOWN, "its answer had expired"))
            host.expect(lane.conversation, outcome.seq - 1, now)
            self.handle_progress(lane.conversation, now)
        else:
            # refused or in conflict for good: the server sees to it that this id never appears
            marks.SEND_REFUSED()
            self._resolve(item, SendState.FAILED, outcome.reason or answer.value, now)

    def _resolve(self, item: Item, state: SendState, reason: str, now: float, unclaimed: Lane | None = None) -> None:
        draft = None if unclaimed is None else item.queued(unclaimed.conversation)
        self._host.commit((Resolved(item.client_id, state, reason, draft),), now)
        self._host.notify(SendChanged(item.client_id, state, reason))

    def _give_up(self, lane: Lane, items: list[Item], wanted: SendState, now: float) -> None:
        for item in items:
            if item.phase is Phase.CANCELLING and item.wanted is wanted:
                continue
            marks.SEND_GIVEN_UP()
            record = item.queued(lane.conversation)
            self._host.commit((msgspec.structs.replace(record, cancelling=True, wanted=wanted),), now)
            self._host.notify(SendChanged(item.client_id, SendState.UNKNOWN))
        lane.land()
        self._pump(lane, now)

    def _let_deadlines_pass(self, lane: Lane, now: float) -> None:
        overdue = [i for i in lane.items if i.deadline <= now and i.phase is not Phase.CANCELLING]
        for item in overdue:
            item.deadline = math.inf
            if item.touched:
                self._give_up(lane, [item], SendState.FAILED, now)
            else:
                marks.SEND_TOO_LATE()
                self._resolve(item, SendState.FAILED, "deadline", now, lane)

    def _sweep(self) -> None:
        for conversation in [c for c, lane in self._lanes.items() if not lane.items and not lane.judged]:
            del self._lanes[conversation]

    def _rearm(self) -> None:
        due = math.inf
        for lane in self._lanes.values():
            lane_due = lane.next_due()
            due = min(due, lane_due)
        self.due = due


def row_of(conversation: str, epoch: int, seq: int, draft: Draft, author: str) -> Entry:
    """The row of an own entry whose slot the server named."""
    return Entry(conversation, epoch, seq, draft.client_id, author, draft.wall, draft.body)
