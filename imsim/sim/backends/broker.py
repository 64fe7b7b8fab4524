"""The queue as a plain state: at least once, ordered by key, explicit acknowledgement.

Every group of a topic has its own copy of what is published, split into **lanes**, one a key. A lane is handed to
one consumer at a time, and as a whole: while any delivery of a lane is unacknowledged, nothing more of that key is
handed out, to anybody. That is what "ordered by key" costs, and why redelivery cannot overtake (SQS FIFO queues lock
a message group in the same way).

What is not acknowledged within `visibility` seconds goes back to the front of its lane, and so does at once what a
consumer holds whose connection broke. A tag names the value, not the delivery: the late acknowledgement of an earlier
delivery is as good as any. How often a value was handed out is counted and told; whether it is poison is the
consumer's to say.

Values published before any group exists wait for the first one; a later group receives what is published after it
joined.

What does not belong here: the ports that lead here (queue.py), and what goes wrong with a call (service.py).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from imsim.ports import Queued, Value
from imsim.sim.kernel import to_microsecond

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from imsim.sim.kernel import LightCall

__all__ = ["Living", "Member", "TopicBroker"]


class Living(Protocol):
    """Whoever can die: an incarnation."""

    alive: bool


class _Item:
    __slots__ = ("deliveries", "flying", "lane", "tag", "value")

    def __init__(self, tag: int, value: Value, lane: _Lane) -> None:
        self.tag = tag
        self.value = value
        self.lane = lane
        self.deliveries = 0
        self.flying = False


class _Lane:
    """The values of one key in one group."""

    __slots__ = ("due", "holder", "items", "key", "unacknowledged")

    def __init__(self, key: str) -> None:
        self.key = key
        self.items: deque[_Item] = deque()
        """In order, those that are flying in front."""
        self.unacknowledged = 0
        self.holder: Member | None = None
        self.due = 0.0


class TopicBroker:
    """Every topic and group; shared by all servers, and untouched by their crashes.

    Args:
        now: gives the present moment in seconds.
        call_at: runs a function at a moment (the kernel's).
        visibility: seconds after which a delivery that nobody acknowledged is handed out again.

    Raises:
        ValueError: `visibility` is not positive.
    """

    __slots__ = ("_tag", "_topics", "_waiting", "call_at", "now", "visibility")

    def __init__(self, now: Callable[[], float], call_at: LightCall, *, visibility: float = 30.0) -> None:
        if not visibility > 0.0:
            msg = f"a visibility time-out of {visibility} s is not positive"
            raise ValueError(msg)
        self.now = now
        self.call_at = call_at
        self.visibility = visibility
        self._topics: dict[str, dict[str, _Group]] = {}
        self._waiting: dict[str, list[tuple[str, Value]]] = {}
        self._tag = 0

    def publish(self, topic: str, key: str, value: Value) -> None:
        """Hand a value to every group of `topic` (`Queue.publish`)."""
        groups = self._topics.get(topic)
        if groups is None:
            self._waiting.setdefault(topic, []).append((key, value))
            return
        for group in groups.values():
            self._tag += 1
            group.add(self._tag, key, value)

    def join(self, topic: str, group: str, who: Living) -> Member:
        """A new member of `group` (`Queue.subscribe`)."""
        groups = self._topics.setdefault(topic, {})
        if group not in groups:
            groups[group] = _Group(self, topic)
            for key, value in self._waiting.pop(topic, ()):
                self.publish(topic, key, value)
        return Member(groups[group], who)

    def leave(self, who: Living) -> None:
        """A consumer is gone, and its broken connection tells: what it holds is handed out again at once."""
        for groups in self._topics.values():
            for group in groups.values():
                group.leave(who)

    def depth(self, topic: str) -> int:
        """How many values of `topic` are not acknowledged, over all groups."""
        waiting = len(self._waiting.get(topic, ()))
        return waiting + sum(len(group.open) for group in self._topics.get(topic, {}).values())


class _Group:
    """What one group has not acknowledged yet, and who waits for it."""

    __slots__ = ("_armed", "_broker", "_flights", "_lanes", "_ready", "open", "parked", "topic")

    def __init__(self, broker: TopicBroker, topic: str) -> None:
        self.topic = topic
        self.open: dict[int, _Item] = {}
        self.parked: deque[tuple[Member, int, Callable[[list[Queued]], None]]] = deque()
        self._broker = broker
        self._lanes: dict[str, _Lane] = {}
        self._ready: deque[_Lane] = deque()
        self._flights: deque[tuple[float, _Lane]] = deque()
        """Lanes in the order in which they come back; one that came back early differs from its `due`."""
        self._armed = False

    def add(self, tag: int, key: str, value: Value) -> None:
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane(key)
        item = self.open[tag] = _Item(tag, value, lane)
        lane.items.append(item)
        if len(lane.items) == 1:
            self._ready.append(lane)
            if self.parked:
                self.dispatch()

    def take(self, member: Member, limit: int) -> list[Queued]:
        """Up to `limit` deliveries, whole lanes where they fit; they fly from now on."""
        batch: list[Queued] = []
        ready = self._ready
        if not ready:
            return batch
        due = to_microsecond(self._broker.now() + self._broker.visibility)
        topic = self.topic
        while ready and len(batch) < limit:
            lane = ready.popleft()
            lane.holder = member
            lane.due = due
            for item in lane.items:
                item.flying = True
                item.deliveries += 1
                lane.unacknowledged += 1
                batch.append(Queued(topic, lane.key, item.value, item.tag, item.deliveries))
                if len(batch) == limit:
                    break
            self._flights.append((due, lane))
        self._next_due()
        if not self._armed:
            self._armed = True
            self._broker.call_at(due, self._expire)
        return batch

    def ack(self, tags: Iterable[int]) -> None:
        for tag in tags:
            item = self.open.pop(tag, None)
            if item is None:
                continue
            lane = item.lane
            lane.items.remove(item)  # as a rule the first
            if item.flying:
                lane.unacknowledged -= 1
                if not lane.unacknowledged:
                    self._free(lane)
            elif not lane.items:  # it had come back, and is acknowledged late
                self._ready.remove(lane)
                del self._lanes[lane.key]
        if self._ready and self.parked:
            self.dispatch()

    def leave(self, who: Living) -> None:
        """Take back at once whatever `who` holds."""
        self.parked = deque(waiter for waiter in self.parked if waiter[0].who is not who)
        for lane in list(self._lanes.values()):
            if lane.holder is not None and lane.holder.who is who:
                self._take_back(lane)
        self.dispatch()

    def dispatch(self) -> None:
        """Hand what is ready to those that have waited longest and are still alive."""
        while self._ready and self.parked:
            member, limit, hand_over = self.parked.popleft()
            if member.who.alive:
                hand_over(self.take(member, limit))

    def _free(self, lane: _Lane) -> None:
        """Nothing of the lane is flying any more."""
        lane.holder = None
        if lane.items:
            self._ready.append(lane)
        else:
            del self._lanes[lane.key]

    def _take_back(self, lane: _Lane) -> None:
        for item in lane.items:
            item.flying = False
        lane.unacknowledged = 0
        self._free(lane)

    def _next_due(self) -> float | None:
        """When the next lane comes back; drops those that came back before."""
        flights = self._flights
        while flights:
            due, lane = flights[0]
            if lane.unacknowledged and lane.due == due:
                return due
            flights.popleft()
        return None

    def _expire(self, _: object) -> None:
        """Take back what is due, and come again for the next; a light call, armed once a group."""
        now = self._broker.now()
        while (due := self._next_due()) is not None and due <= now:
            self._take_back(self._flights.popleft()[1])
        self._armed = due is not None
        if due is not None:
            self._broker.call_at(due, self._expire)
        self.dispatch()


class Member:
    """One consumer's place in a group; a dead one is handed nothing more."""

    __slots__ = ("_group", "who")

    def __init__(self, group: _Group, who: Living) -> None:
        self._group = group
        self.who = who

    def take(self, limit: int) -> list[Queued]:
        """What can be handed out at once, perhaps nothing."""
        return self._group.take(self, limit)

    def park(self, limit: int, hand_over: Callable[[list[Queued]], None]) -> None:
        """Have `hand_over` called, once, with the next deliveries."""
        self._group.parked.append((self, limit, hand_over))

    def ack(self, tags: Iterable[int]) -> None:
        """These deliveries are handled (`Consumer.ack`); tags that nobody knows are ignored."""
        self._group.ack(tags)
