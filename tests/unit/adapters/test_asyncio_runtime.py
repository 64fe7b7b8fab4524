"""The runtime of production."""

from __future__ import annotations

import asyncio
import random

import pytest

from imsim.adapters.asyncio_runtime import AsyncRuntime, SharedRandomness


async def test_an_exception_that_escapes_is_told_and_only_the_first():
    runtime = AsyncRuntime()

    async def wrong(error: Exception) -> None:
        raise error

    runtime.spawn(wrong(KeyError("first")))
    runtime.spawn(wrong(ValueError("second")))
    with pytest.raises(KeyError, match="first"):
        await asyncio.wait_for(runtime.failed, 5)
    await runtime.close()


async def test_closing_ends_what_still_runs():
    runtime = AsyncRuntime()
    ended = []

    async def patient() -> None:
        try:
            await runtime.future()
        finally:
            ended.append(True)

    runtime.spawn(patient())
    await runtime.sleep(0)
    await runtime.close()
    assert ended == [True]
    assert not runtime.failed.done()


async def test_a_future_is_answered_once_and_outlives_one_who_gave_up():
    future = AsyncRuntime().future()

    async def waits() -> int:
        return await future

    impatient, patient = (asyncio.ensure_future(waits()) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.sleep(0)
    assert not future.done()
    future.set_result(1)
    future.set_result(2)
    future.set_exception(ValueError())
    assert await patient == 1
    assert await future == 1


async def test_clocks_go_forward():
    runtime = AsyncRuntime()
    before, wall = runtime.now(), runtime.wall()
    await runtime.sleep(0.001)
    assert runtime.now() >= before + 0.001
    assert wall > 1.7e9


def test_randomness_is_the_systems_or_a_seeds():
    seeded = [SharedRandomness(7).at("x", 1).random() for _ in range(2)]
    assert seeded[0] == seeded[1] == random.Random(7).random()
    assert isinstance(SharedRandomness().at("x", 1), random.SystemRandom)
