"""What the queue on SQLite does beyond what every one promises (tests/conformance/)."""

from __future__ import annotations

import asyncio

import pytest

from imsim.adapters.asyncio_runtime import AsyncRuntime
from imsim.adapters.sqlite import SCHEMA, Database, SqliteQueue, queue
from imsim.errors import Unavailable


@pytest.fixture
async def parts(tmp_path):
    database = Database(tmp_path / "a.db", SCHEMA)
    runtime = AsyncRuntime()
    yield database, runtime
    await runtime.close()
    database.close()


async def test_what_was_not_acknowledged_comes_again_after_a_restart(parts):
    database, runtime = parts
    first = SqliteQueue(database, runtime)
    consumer = await first.subscribe("topic", "group", timeout=1.0)
    for number in range(3):
        await first.publish("topic", "key", number, timeout=1.0)
    taken = await consumer.receive(10)
    await consumer.ack([taken[0].tag], timeout=1.0)

    again = await SqliteQueue(database, runtime).subscribe("topic", "group", timeout=1.0)
    assert [(item.value, item.delivery) for item in await again.receive(10)] == [(1, 2), (2, 2)]


async def test_a_key_that_is_out_does_not_hold_up_the_same_key_of_another_topic(parts):
    port = SqliteQueue(*parts)
    consumers = [await port.subscribe(topic, "group", timeout=1.0) for topic in ("one", "two")]
    for topic in ("one", "two"):
        await port.publish(topic, "key", topic, timeout=1.0)
    async with asyncio.timeout(5):
        assert [(await consumer.receive(1))[0].value for consumer in consumers] == ["one", "two"]


async def test_who_waits_gets_what_a_member_that_went_away_had_taken(parts):
    port = SqliteQueue(*parts, visibility=0.05)
    patient = await port.subscribe("topic", "group", timeout=1.0)
    hasty = await port.subscribe("topic", "group", timeout=1.0)
    async with asyncio.timeout(5):
        waiting = asyncio.ensure_future(patient.receive(1))
        await asyncio.sleep(0)
        await port.publish("topic", "key", "x", timeout=1.0)
        assert len(await hasty.receive(1)) == 1  # it is faster than the one that was woken
        assert [(item.value, item.delivery) for item in await waiting] == [("x", 2)]


async def test_waiting_often_arms_one_alarm(parts):
    _, runtime = parts
    port = SqliteQueue(*parts)
    consumer = await port.subscribe("topic", "group", timeout=1.0)
    await port.publish("topic", "key", "x", timeout=1.0)
    await consumer.receive(1)
    waits = [asyncio.ensure_future(consumer.receive(1)) for _ in range(100)]
    await asyncio.sleep(0)
    assert len(runtime._tasks) == 1
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)


async def test_waiting_goes_on_while_the_file_cannot_be_read(parts, monkeypatch):
    database, _ = parts
    monkeypatch.setattr(queue, "_PAUSE", 0.01)
    port = SqliteQueue(*parts)
    consumer = await port.subscribe("topic", "group", timeout=1.0)
    await port.publish("topic", "key", "x", timeout=1.0)
    real, failures = database.transaction, [Unavailable("busy"), Unavailable("busy")]

    def sometimes():
        if failures:
            raise failures.pop()
        return real()

    monkeypatch.setattr(database, "transaction", sometimes)
    async with asyncio.timeout(5):
        assert [item.value for item in await consumer.receive(1)] == ["x"]
    assert not failures
