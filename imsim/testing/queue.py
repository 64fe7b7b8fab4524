"""What every `Queue` promises."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from imsim.testing.promise import Book, expect, in_asyncio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imsim.ports import Consumer, Queue, Queued
    from imsim.testing.promise import Factory, Run, Sleep

__all__ = ["QUEUE", "check_queue"]

QUEUE: Book[Queue] = Book("Queue")

_T = 5.0
"""Seconds that every call may take."""


def check_queue(
    factory: Factory[Queue],
    run: Run = in_asyncio,
    *,
    sleep: Sleep = asyncio.sleep,
    visibility: float = 0.05,
    only: Sequence[str] | None = None,
) -> None:
    """Check that a queue keeps every promise of `imsim.ports.Queue`.

    Args:
        factory: opens an empty queue.
        run: drives a coroutine to its end; by default in a loop of asyncio. A queue that loses a value would wait for
            ever, so it must give up with TimeoutError some day.
        sleep: lets seconds pass in the world of the port; by default as asyncio does.
        visibility: seconds after which the queue hands out again what nobody acknowledged.
        only: names of promises (`QUEUE.sentences`), instead of all.

    Raises:
        AssertionError: a promise is broken; the message says which.
    """
    QUEUE.check(factory, run, sleep, visibility, only=only)


async def _publish(queue: Queue, *pairs: tuple[str, str]) -> None:
    for key, value in pairs:
        await queue.publish("topic", key, value, timeout=_T)


async def _drain(consumer: Consumer, count: int) -> list[Queued]:
    """Receive and acknowledge until `count` different values have come; in the order of coming."""
    seen: dict[int, Queued] = {}
    while len(seen) < count:
        batch = await consumer.receive(2)
        for item in batch:
            seen.setdefault(item.tag, item)
        await consumer.ack([item.tag for item in batch], timeout=_T)
    return list(seen.values())


@QUEUE.promise("every value reaches its group as it was published, counted from delivery 1")
async def delivers(queue: Queue, *_: object) -> None:
    """Topic, key, value and count."""
    consumer = await queue.subscribe("topic", "group", timeout=_T)
    await _publish(queue, ("k", "one"), ("l", "two"), ("m", "three"))
    seen = await _drain(consumer, 3)
    told = sorted((item.topic, item.key, item.value, item.delivery) for item in seen)
    wanted = [("topic", "k", "one", 1), ("topic", "l", "two", 1), ("topic", "m", "three", 1)]
    expect(told, wanted, "what was received")


@QUEUE.promise("receive gives no more than its limit, and something at least")
async def respects_the_limit(queue: Queue, *_: object) -> None:
    """A limit of one, many values."""
    consumer = await queue.subscribe("topic", "group", timeout=_T)
    await _publish(queue, ("k", "one"), ("l", "two"))
    expect(len(await consumer.receive(1)), 1, "how many came for a limit of 1")


@QUEUE.promise("the values of one key come in the order in which they were published")
async def keeps_the_order_of_a_key(queue: Queue, *_: object) -> None:
    """Two keys, mixed."""
    consumer = await queue.subscribe("topic", "group", timeout=_T)
    await _publish(queue, *((key, str(number)) for number in range(4) for key in "kl"))
    seen = await _drain(consumer, 8)
    for key in "kl":
        expect([item.value for item in seen if item.key == key], ["0", "1", "2", "3"], f"the values of key {key}")


@QUEUE.promise("every group receives every value")
async def serves_every_group(queue: Queue, *_: object) -> None:
    """Two groups, each with its own acknowledgements."""
    groups = [await queue.subscribe("topic", name, timeout=_T) for name in ("one", "two")]
    await _publish(queue, ("k", "a"), ("k", "b"))
    for consumer in groups:
        seen = await _drain(consumer, 2)
        expect([item.value for item in seen], ["a", "b"], "what a group received")


@QUEUE.promise("a value goes to one member of a group while that one holds it")
async def hands_to_one_member(queue: Queue, *_: object) -> None:
    """The second member sees only what came later."""
    one = await queue.subscribe("topic", "group", timeout=_T)
    two = await queue.subscribe("topic", "group", timeout=_T)
    await _publish(queue, ("k", "held"))
    expect([item.value for item in await one.receive(9)], ["held"], "what the first member received")
    await _publish(queue, ("l", "free"))
    expect([item.value for item in await two.receive(9)], ["free"], "what the second member received")


@QUEUE.promise("what is not acknowledged comes again, its deliveries counted")
async def redelivers(queue: Queue, sleep: Sleep, visibility: float) -> None:
    """To another member too: the first may be dead."""
    one = await queue.subscribe("topic", "group", timeout=_T)
    two = await queue.subscribe("topic", "group", timeout=_T)
    await _publish(queue, ("k", "value"))
    (first,) = await one.receive(9)
    await sleep(1.5 * visibility)
    (second,) = await two.receive(9)
    expect((second.value, second.delivery), ("value", 2), "value and count of the second delivery")
    expect(first.delivery, 1, "the count of the first delivery")


@QUEUE.promise("what is acknowledged never comes again")
async def forgets_what_is_acknowledged(queue: Queue, sleep: Sleep, visibility: float) -> None:
    """Not even when the rest of its batch does."""
    consumer = await queue.subscribe("topic", "group", timeout=_T)
    await _publish(queue, ("k", "done"), ("k", "open"))
    batch = await consumer.receive(9)
    await consumer.ack([item.tag for item in batch if item.value == "done"], timeout=_T)
    await sleep(1.5 * visibility)
    again = await consumer.receive(9)
    expect([item.value for item in again], ["open"], "what came again")


@QUEUE.promise("what comes again is not overtaken by a later value of its key")
async def redelivers_in_order(queue: Queue, sleep: Sleep, visibility: float) -> None:
    """A later value is published while the first is held."""
    one = await queue.subscribe("topic", "group", timeout=_T)
    two = await queue.subscribe("topic", "group", timeout=_T)
    await _publish(queue, ("k", "first"))
    await one.receive(9)
    await _publish(queue, ("k", "second"))
    await sleep(1.5 * visibility)
    seen = await _drain(two, 2)
    expect([item.value for item in seen], ["first", "second"], "the order after the redelivery")
