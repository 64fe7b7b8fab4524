"""The server's half of one connection, sans-IO: what was pushed, what was acknowledged, what is repeated.

Per conversation there is a *lane*: `acked <= sent <= head`. A commit is pushed at once when the lane is level and
the window is open; otherwise the lane is behind, and what it lacks is fetched in pages as acknowledgements open the
window. Whatever is on its way is a *flight*, repeated by the push policy until the device's cumulative
acknowledgement covers it: pushed entries, pages, and the heads or hints that only tell that there is something.
When the policy gives up, the session closes: nothing is lost, because the next session starts from what the device
then says it holds.

A lane exists only once something happened in it (or where the strategy checks positions), so an idle device costs
nothing here. The session reads no log and knows no port: what it wants (`Fetch`, `Submit`, …) comes out of `poll()`
between the frames to transmit, in order, and the gateway carries it out. After the connection is lost, a *detached*
session keeps counting heads for a while; resuming it only saves the device from telling its positions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from imsim.ports import FIRST_EPOCH
from imsim.protocol import marks
from imsim.protocol.frames import (
    Ack,
    Answer,
    Ask,
    Cancel,
    Check,
    Closed,
    Frame,
    Head,
    Heads,
    Hint,
    Limits,
    Page,
    Ping,
    Pong,
    Position,
    Push,
    Send,
    Sent,
    Watch,
    Welcome,
)
from imsim.protocol.lane import Cuts, Flight, Lane, Lanes, cursor, weight
from imsim.protocol.requests import Close, Fetch, Observe, Output, ReadPage, Submit, Survey, Withdraw
from imsim.protocol.sync import Delivery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from imsim.ports import LogState, Randomness
    from imsim.protocol.contract import AnyRetryPolicy
    from imsim.protocol.frames import Hello
    from imsim.protocol.sync import Strategy

__all__ = ["Session"]

_BACKLOG_PAGES = 4
"""A longer backlog than this is not pushed: the device is told the head and pulls the newest page first."""


class Session(Lanes):
    """One device's session; `link` is the driver's own, and `outputs` is what `poll` will hand out."""

    __slots__ = (
        "_first",
        "_heard",
        "_policy",
        "_random",
        "_told",
        "_waiting",
        "armed",
        "connected",
        "device",
        "id",
        "install",
        "limits",
        "link",
        "strategy",
        "user",
    )

    def __init__(
        self,
        session_id: str,
        hello: Hello,
        strategy: Strategy,
        limits: Limits,
        policy: AnyRetryPolicy,
        random: Randomness,
    ) -> None:
        """A session that is being opened: commits are counted, nothing is pushed before `open`."""
        super().__init__()
        self.id = session_id
        self.user = hello.user
        self.device = hello.device
        self.install = hello.install
        self.strategy = strategy
        self.limits = limits
        self.link: Any = None
        self.armed = math.inf
        self.connected = False
        self._policy = policy
        self._random = random
        self._told = strategy.on_commit()
        self._first = policy.least_delay(1, 0.0)
        self._heard = 0.0
        self._waiting: dict[str, None] | None = None
        """Lanes that wait for a place in the window, which acknowledgements of any lane open."""
        for position in hello.positions if strategy.checks else ():
            self._lanes[position.conversation] = Lane(position.conversation, position.epoch, cursor(position))

    # ------------------------------------------------------------------------------------------ opening and leaving

    def open(
        self,
        incarnation: int,
        heads: Iterable[tuple[Head, Cuts]],
        positions: Iterable[Position],
        now: float,
        *,
        resumed: bool,
    ) -> None:
        """The session starts.

        Args:
            incarnation: of the server that holds it.
            heads: where each conversation of the user ends and the cuts of its epochs, own log first.
            positions: what the device holds.
            now: monotonic seconds.
            resumed: whether this session existed before, and knows better than heads and positions.
        """
        self.connected = True
        self.outputs.append(Welcome(self.id, incarnation, self.limits, resumed))
        self._inflight = self._flying = 0
        for lane in self._lanes.values():
            lane.flights.clear()
            lane.fetching = lane.reserved = 0
            lane.sent = lane.acked
        if not resumed:
            held = {position.conversation: position for position in positions}
            for head, cuts in heads:
                self._begin(head, cuts, held.get(head.conversation, Position(head.conversation, FIRST_EPOCH)))
        for lane in list(self._lanes.values()):
            self._offer_backlog(lane, now)

    def welcome(self, incarnation: int) -> Welcome:
        """Repeat the welcome, for a device that did not hear it."""
        return Welcome(self.id, incarnation, self.limits)

    def detach(self) -> None:
        """The connection is gone; commits are still counted until the session is resumed or forgotten."""
        self.connected, self.link = False, None
        self.wake_at, self._held = math.inf, None
        self.outputs.clear()

    # ------------------------------------------------------------------------------------------ inputs

    def handle_commit(self, push: Push, now: float, *, large: bool = False) -> None:
        """An entry was committed in a conversation of this user; `large`: the group is too large to push to."""
        seq = push.entries[0].seq
        lane = self._lanes.get(push.conversation)
        if lane is None:
            lane = self._lanes[push.conversation] = Lane(push.conversation, push.epoch, seq - 1)
        if seq > lane.head:
            if push.epoch < lane.epoch:
                marks.COMMIT_OF_OLD_EPOCH()
                return  # a failover took this slot, and the queue is late
            lane.head = seq
        elif push.epoch > lane.epoch and self._told is Delivery.PUSH and self.connected:
            self._ask_for_cuts(lane)
            return
        if not self.connected or seq <= lane.sent:
            return
        told = Delivery.HINT if large and self._told is Delivery.PUSH else self._told
        if told is Delivery.PUSH:
            # hot: the lane is level and the window open
            if (
                lane.sent == seq - 1
                and self._inflight < self.limits.window
                and lane.epoch == push.epoch
                and not lane.fetching
            ):
                lane.sent = seq
                self._inflight += 1
                self._flying += 1
                due = now + self._first
                lane.flights.append(Flight(push, seq, seq, now, due, 1))
                self.wake_at = min(self.wake_at, due)
                self.outputs.append(push)
            else:
                self._pump(lane, now)
        elif told is Delivery.HINT:
            self._hint(lane, now)
        if self._held is not None:
            self._answer_held((Head(lane.conversation, lane.epoch, lane.head),))

    def handle_frame(self, frame: Frame, now: float) -> None:
        """A frame came from the device."""
        self._heard = now
        if type(frame) is Ack:
            self._on_ack(frame, now)
            return
        if (request := _REQUESTS.get(type(frame))) is not None:
            self.outputs.append(request(frame))

    def handle_fetched(self, page: Page, cuts: Cuts, now: float) -> None:
        """What `Fetch` asked for."""
        lane = self._lanes.get(page.conversation)
        if lane is None or not self.connected:
            return
        self._answered(lane)
        entered = self._follow(lane, page.epoch, page.head, cuts, now)
        if not entered and page.epoch == lane.epoch and page.low <= lane.sent + 1:
            if page.low > page.high:  # whoever asked again would be told the same
                self._serve(None, now)
                return
            if page.high > lane.sent:
                self._launch_page(lane, page, now)
        self._serve(lane, now)

    def handle_page(self, page: Page, cuts: Cuts, epoch_of_device: int, now: float) -> None:
        """The answer to a question: transmit it, or tell the device that it is in an older epoch."""
        if not self.connected:
            return
        lane = self._lanes.get(page.conversation)
        if lane is not None:
            entered = self._follow(lane, page.epoch, page.head, cuts, now)
            if page.epoch == lane.epoch and page.low > page.high:
                self._shorten(lane, page.head)
            if entered:
                return
        if epoch_of_device < page.epoch:
            self._tell_epochs(page.conversation, epoch_of_device, cuts)
        else:
            self.outputs.append(page)

    def handle_failed(self, conversation: str, now: float) -> None:
        """A `Fetch` could not be carried out: try again as if a push had been lost."""
        lane = self._lanes.get(conversation)
        if lane is not None and lane.fetching:
            marks.FETCH_FAILED()
            self._answered(lane)
            lane.flights.append(Flight(None, lane.sent + 1, lane.sent, now, now + self._first, 0))
            self._flying += 1
            self._serve(None, now)
            self._rearm()

    def handle_survey(self, survey: Survey, heads: Iterable[tuple[Head, Cuts]], now: float) -> None:
        """The heads that a check asked for."""
        behind = []
        for head, cuts in heads:
            lane = self._lanes.get(head.conversation)
            if lane is None:
                lane = self._lanes[head.conversation] = Lane(head.conversation, FIRST_EPOCH, 0)
                lane.begun = weight(head.epoch, head.head)
            self._follow(lane, head.epoch, head.head, cuts, now)
            if lane.head > lane.acked:
                behind.append(head)
        hold = self.strategy.on_check(survey.hold)
        if behind or hold <= 0:
            self.outputs.append(Heads(tuple(behind), survey.number))
        else:
            marks.CHECK_HELD()
            self._held = (survey.number, now + hold)
            self._rearm()

    def handle_sent(self, sent: Sent, now: float) -> None:
        """The answer to a batch of this device: transmit it; for its own entries it is as good as a push."""
        if not self.connected:
            return
        self.outputs.append(sent)
        lane = self._lanes.get(sent.conversation)
        for outcome in sent.outcomes:
            if outcome.answer is not Answer.OK:
                continue
            if lane is None:
                lane = self._lanes[sent.conversation] = Lane(sent.conversation, sent.epoch, outcome.seq - 1)
            if sent.epoch != lane.epoch:
                break
            lane.head = max(lane.head, outcome.seq)
            if lane.sent == outcome.seq - 1 and not lane.fetching:
                lane.sent = outcome.seq
                self._launch(lane, None, outcome.seq, outcome.seq, now)

    def handle_state(self, conversation: str, epoch_of_device: int, state: LogState, now: float) -> None:
        """The log's present epoch, where a frame named `epoch_of_device`."""
        lane = self._lanes.get(conversation)
        if lane is not None:
            self._follow(lane, state.epoch, state.committed, state.cuts, now)
        elif epoch_of_device < state.epoch:
            # nothing is offered before the device has said, by acknowledging the epoch, what it holds
            lane = self._lanes[conversation] = Lane(conversation, state.epoch, 0)
            lane.cuts, lane.head = state.cuts, state.committed
        if epoch_of_device < state.epoch:
            self._tell_epochs(conversation, epoch_of_device, state.cuts)

    def handle_wake(self, now: float) -> None:
        """Repeat what was not acknowledged, or give up; answer a check that was held long enough."""
        if not self.connected:
            self.wake_at = math.inf
            return
        if self._held is not None and self._held[1] <= now:
            self._answer_held(())
        for lane in list(self._lanes.values()):
            for flight in list(lane.flights):
                if flight.due <= now and not self._repeat(lane, flight, now):
                    marks.SESSION_GIVEN_UP()
                    self.outputs += (Closed("gave up"), Close("gave up"))
                    self.wake_at = math.inf
                    return
        if self._waiting:
            self._serve(None, now)
        self._rearm()

    def poll(self) -> list[Output]:
        """Frames to transmit and things to do, in order; each is handed out once."""
        outputs = self.outputs
        if outputs:
            self.outputs = []
        return outputs

    # ------------------------------------------------------------------------------------------ inside

    def _on_ack(self, ack: Ack, now: float) -> None:
        lane = self._lanes.get(ack.conversation)
        if lane is None:
            if not self.strategy.checks:
                return
            lane = self._lanes[ack.conversation] = Lane(ack.conversation, ack.epoch, ack.upto)
        if ack.epoch != lane.epoch:
            self._settle_epochs(lane, ack.epoch)
            return
        upto = ack.upto
        if upto > lane.acked:
            lane.acked = upto
            lane.sent = max(lane.sent, upto)
            lane.head = max(lane.head, upto)
        flights = lane.flights
        if len(flights) == 1 and flights[0].high <= upto:  # hot
            self._inflight -= flights[0].size
            self._flying -= 1
            flights.clear()
            if not self._flying and self._held is None:
                self.wake_at = math.inf
        elif flights:
            self._land(lane, ack, now)
        if lane.sent < lane.head or self._waiting:
            self._serve(lane, now)

    def _land(self, lane: Lane, ack: Ack, now: float) -> None:
        """Drop the flights that the acknowledgement covers; the others get a fresh chance, for the device is alive."""
        remaining = []
        for flight in lane.flights:
            if flight.high <= ack.upto or any(low <= flight.low and flight.high <= high for low, high in ack.above):
                self._inflight -= flight.size
                self._flying -= 1
            else:
                flight.attempt = min(flight.attempt, 2)
                remaining.append(flight)
        lane.flights = remaining
        if any(type(flight.frame) is Hint for flight in remaining) or lane.head <= ack.upto:
            return
        if not remaining and self._told is Delivery.HINT:
            self._hint(lane, now)

    def _follow(self, lane: Lane, epoch: int, head: int, cuts: Cuts, now: float) -> bool:
        """What the log says of its epoch and its end; True if the epoch is new: then what is not held is offered."""
        entered = self._enter(lane, epoch, cuts)
        if epoch == lane.epoch:
            lane.cuts = cuts
            lane.head = max(lane.head, head)
        if entered and self._told is not Delivery.NOTHING:
            self._offer_backlog(lane, now)
        return entered

    def _offer_backlog(self, lane: Lane, now: float) -> None:
        backlog = lane.head - lane.acked
        if backlog <= 0:
            return
        if self._told is Delivery.PUSH and backlog <= self.limits.page * _BACKLOG_PAGES:
            self._pump(lane, now)
        else:
            marks.BACKLOG_NAMED()
            lane.sent = lane.head
            heads = Heads((Head(lane.conversation, lane.epoch, lane.head),))
            self._launch(lane, heads, lane.head, lane.head, now)

    def _pump(self, lane: Lane, now: float) -> None:  # noqa: ARG002 (one signature for all that moves a lane)
        """Fetch what the lane lacks, as far as the window allows."""
        room = self.limits.window - self._inflight
        if not self.connected or lane.fetching or lane.sent >= lane.head or self._told is not Delivery.PUSH:
            return
        if room <= 0:
            marks.WINDOW_FULL()
            self._waiting = self._waiting or {}
            self._waiting[lane.conversation] = None
            return
        lane.fetching += 1
        lane.reserved = min(room, self.limits.page, lane.head - lane.sent)
        self._inflight += lane.reserved
        high = lane.sent + lane.reserved
        self.outputs.append(Fetch(lane.conversation, lane.sent + 1, high))

    def _answered(self, lane: Lane) -> None:
        """A question to the log is over, and so is the place in the window that was kept for its answer."""
        lane.fetching = max(lane.fetching - 1, 0)  # it may be one of an earlier connection
        if not lane.fetching:
            self._inflight -= lane.reserved
            lane.reserved = 0

    def _serve(self, lane: Lane | None, now: float) -> None:
        """There may be a place: let those that wait for one go on, the first that came first, and then a lane."""
        waiting, self._waiting = self._waiting or {}, None
        for conversation in waiting:
            self._pump(self._lanes[conversation], now)
        if lane is not None:
            self._pump(lane, now)

    def _hint(self, lane: Lane, now: float) -> None:
        """Tell that there is something; if something is being told already, its acknowledgement moves the rest."""
        if not any(type(flight.frame) is Hint for flight in lane.flights):
            lane.sent = lane.head
            self._launch(lane, Hint(lane.conversation, lane.epoch, lane.head), lane.head, lane.head, now)

    def _launch_page(self, lane: Lane, page: Page, now: float) -> None:
        """Push what was fetched; a page that leaves something out or is trimmed says more than its entries."""
        frame: Push | Page = page
        if len(page.entries) == page.high - page.low + 1 and page.trimmed_below <= page.low:
            frame = Push(page.conversation, page.epoch, page.entries)
        else:
            marks.PUSH_HAS_HOLES()
        lane.sent = page.high
        self._launch(lane, frame, page.low, page.high, now)

    def _launch(self, lane: Lane, frame: Push | Page | Heads | Hint | None, low: int, high: int, now: float) -> None:
        """Transmit a frame (None: it was transmitted as an answer) and watch it."""
        size = 0 if isinstance(frame, Heads | Hint) else high - low + 1
        flight = Flight(frame, low, high, now, now + self._first, size)
        lane.flights.append(flight)
        self._flying += 1
        self._inflight += flight.size
        if frame is not None:
            self.outputs.append(frame)
        self.wake_at = min(self.wake_at, flight.due)

    def _repeat(self, lane: Lane, flight: Flight, now: float) -> bool:
        """A flight may be due: draw its delay, or repeat it; False if the policy gives up."""
        if not flight.drawn:
            delay = self._policy.next_delay(
                flight.attempt,
                flight.delay,
                self._random.at(f"{self.device} {lane.conversation}/{flight.high}", flight.attempt),
            )
            if delay is None and not flight.size and self._heard > flight.since:
                # it knows, and pulls as fast as its network lets it
                flight.attempt = 1
                delay = self._first
            if delay is None:
                return False
            flight.delay, flight.drawn = delay, True
            flight.due = flight.since + delay
            if flight.due > now:
                return True
        flight.attempt += 1
        flight.since, flight.drawn = now, False
        flight.due = now + self._policy.least_delay(flight.attempt, flight.delay)
        frame = flight.frame
        if frame is None:
            lane.flights.remove(flight)
            self._flying -= 1
            self._inflight -= flight.size
            lane.sent = min(lane.sent, flight.low - 1)
            if lane.sent < lane.head:
                self._pump(lane, now)
            else:
                self._ask_for_cuts(lane)  # what failed was such a question
        elif type(frame) is Push:
            marks.PUSH_REPEATED()
            self.outputs.append(Push(frame.conversation, frame.epoch, frame.entries, flight.attempt))
        else:
            self.outputs.append(frame)
        return True

    def _answer_held(self, heads: tuple[Head, ...]) -> None:
        if self._held is not None:
            self.outputs.append(Heads(heads, self._held[0]))
            self._held = None


_REQUESTS: dict[type, Callable[[Any], Output]] = {
    Send: Submit,
    Cancel: Withdraw,
    Ask: ReadPage,
    Check: lambda check: Survey(check.number, check.hold),
    Ping: lambda ping: Pong(ping.number),
    Watch: lambda watch: Observe(watch.users),
}
