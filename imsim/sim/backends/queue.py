"""The ports to the queue: what a server sees of the broker (broker.py).

A **redelivery** that nothing explains is any queue's right, and breaks consumers that count on the visibility
time-out. `ServedQueue` hands out a share of deliveries twice *in the same batch*, and what follows them in their lane
with them, as a broker does whose connection broke in between.

Receiving is no call: the broker brings what is there, and a consumer waits for it as long as it takes. So nothing but
redelivery is decided about it; what a crash between receiving and acknowledging does is decided at the `ack`.

What does not belong here: who gets what, and when again (broker.py).
"""

# ruff: noqa: ARG002 - every call of a port takes its time-out; one that answers at once has no use for it
from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imsim.ports import Queued, Value
    from imsim.sim.backends.broker import Member, TopicBroker
    from imsim.sim.backends.line import Line
    from imsim.sim.runtime import SimRuntime

__all__ = ["DirectConsumer", "DirectQueue", "ServedConsumer", "ServedQueue"]


class DirectQueue:
    """One server's port to a queue that answers at once and never fails (`Queue`)."""

    __slots__ = ("_broker", "_runtime")

    def __init__(self, broker: TopicBroker, runtime: SimRuntime) -> None:
        self._broker = broker
        self._runtime = runtime

    async def publish(self, topic: str, key: str, value: Value, *, timeout: float) -> None:
        """Hand a value over."""
        self._runtime.begin_call()
        self._broker.publish(topic, key, value)

    async def subscribe(self, topic: str, group: str, *, timeout: float) -> DirectConsumer:
        """Join `group`."""
        self._runtime.begin_call()
        return DirectConsumer(self._broker.join(topic, group, self._runtime.incarnation), self._runtime)


class DirectConsumer:
    """One member's view of a topic (`Consumer`)."""

    __slots__ = ("_member", "_runtime")

    def __init__(self, member: Member, runtime: SimRuntime) -> None:
        self._member = member
        self._runtime = runtime

    async def receive(self, limit: int) -> Sequence[Queued]:
        """Wait for at least one delivery."""
        self._runtime.begin_call()
        return self._member.take(limit) or await _next(self._member, self._runtime, limit)

    async def ack(self, tags: Iterable[int], *, timeout: float) -> None:
        """These deliveries are handled."""
        self._runtime.begin_call()
        self._member.ack(tags)


class ServedQueue:
    """One server's port to a queue that takes its time and may fail (`Queue`).

    A publication and a redelivery are known by their key, everything else by its topic.

    Args:
        broker: the queue.
        line: the way of this incarnation.
        redelivery: share of deliveries that come twice in their batch.
    """

    __slots__ = ("_broker", "_line", "_redelivery")

    def __init__(self, broker: TopicBroker, line: Line, *, redelivery: float = 0.0) -> None:
        self._broker = broker
        self._line = line
        self._redelivery = redelivery

    async def publish(self, topic: str, key: str, value: Value, *, timeout: float) -> None:
        """Hand a value over."""
        await self._line.call("publish", key, timeout, lambda: self._broker.publish(topic, key, value))

    async def subscribe(self, topic: str, group: str, *, timeout: float) -> ServedConsumer:
        """Join `group`."""
        who = self._line.runtime.incarnation
        member = await self._line.call("subscribe", topic, timeout, lambda: self._broker.join(topic, group, who))
        return ServedConsumer(member, self._line, topic=topic, redelivery=self._redelivery)


class ServedConsumer:
    """One member's view of a topic (`Consumer`)."""

    __slots__ = ("_line", "_member", "_redelivery", "_topic")

    def __init__(self, member: Member, line: Line, *, topic: str, redelivery: float) -> None:
        self._member = member
        self._line = line
        self._topic = topic
        self._redelivery = redelivery

    async def receive(self, limit: int) -> Sequence[Queued]:
        """Wait for at least one delivery."""
        runtime = self._line.runtime
        runtime.begin_call()
        batch = self._member.take(limit) or await _next(self._member, runtime, limit)
        return self._doubled(batch)[:limit] if self._redelivery else batch

    async def ack(self, tags: Iterable[int], *, timeout: float) -> None:
        """These deliveries are handled."""
        handled = tuple(tags)  # the caller may go on with its own
        await self._line.call("ack", self._topic, timeout, lambda: self._member.ack(handled))

    def _doubled(self, batch: list[Queued]) -> list[Queued]:
        """The batch, and behind it what comes once more: a delivery with all of its lane that follows it."""
        again: dict[int, Queued] = {}
        lanes: set[str] = set()
        for item in batch:
            chance = self._line.desk.chance("redeliver", self._line.runtime.node, item.key)
            if item.key in lanes or chance < self._redelivery:
                lanes.add(item.key)
                again[item.tag] = msgspec.structs.replace(item, delivery=item.delivery + 1)
        return batch + list(again.values())


async def _next(member: Member, runtime: SimRuntime, limit: int) -> list[Queued]:
    future = runtime.future()
    member.park(limit, future.set_result)
    return await future  # type: ignore[no-any-return]
