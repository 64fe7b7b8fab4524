from __future__ import annotations

import pytest

from imsim.protocol.server.mailbox import Mailbox
from tests.ports_memory import MemoryRuntime


@pytest.fixture
def runtime():
    return MemoryRuntime()


def work(runtime, seen, name, seconds=1.0):
    async def one():
        seen.append(f"{name} begins")
        await runtime.sleep(seconds)
        seen.append(f"{name} ends")
        return name

    return one


def test_work_is_done_one_at_a_time_in_the_order_of_arrival(runtime):
    mailbox, seen = Mailbox(runtime), []
    for name in "abc":
        runtime.spawn(mailbox.do(work(runtime, seen, name, seconds=3.0 if name == "a" else 1.0)))
    runtime.settle()
    assert len(mailbox) == 2
    runtime.advance(10.0)
    assert seen == [f"{name} {what}" for name in "abc" for what in ("begins", "ends")]
    assert len(mailbox) == 0


def test_everyone_gets_the_result_of_their_own_work(runtime):
    mailbox, results = Mailbox(runtime), []

    async def ask(name):
        results.append(await mailbox.do(work(runtime, [], name)))

    for name in "abc":
        runtime.spawn(ask(name))
    runtime.settle()
    runtime.advance(10.0)
    assert results == ["a", "b", "c"]


def test_work_that_fails_fails_for_who_asked_and_not_for_the_next(runtime):
    mailbox, seen = Mailbox(runtime), []

    async def failing():
        await runtime.sleep(1.0)
        raise KeyError("mine")

    async def ask(coroutine_function):
        try:
            seen.append(await mailbox.do(coroutine_function))
        except KeyError as error:
            seen.append(error.args[0])

    for function in (failing, work(runtime, [], "a"), failing, work(runtime, [], "b")):
        runtime.spawn(ask(function))
    runtime.settle()
    runtime.advance(10.0)
    assert seen == ["mine", "a", "mine", "b"]
    assert runtime.run(mailbox.do(work(runtime, [], "c"))) == "c"
