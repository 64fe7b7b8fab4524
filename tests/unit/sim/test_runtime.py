"""Coroutines in virtual time: order, failures and pauses (what a crash does: test_runtime_crash.py)."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

import pytest

from imsim.errors import AlgorithmError, Unavailable
from imsim.sim.kernel import Kernel
from imsim.sim.resources import Mailbox
from tests.one_node import node_runtime

if TYPE_CHECKING:
    import simpy

    from imsim.ports import Runtime
    from imsim.sim.runtime import SimRuntime


# -- running


def test_it_is_the_port(runtime: SimRuntime) -> None:
    port: Runtime = runtime
    assert (port.now(), port.wall()) == (0, 1e9)
    assert 0 <= port.random.at("alice-1", 1).random() < 1


def test_a_task_begins_at_this_instant_but_after_its_caller(kernel: Kernel, runtime: SimRuntime) -> None:
    seen: list[object] = []

    async def child() -> None:
        seen.append(("child", runtime.now()))

    async def parent() -> None:
        await runtime.sleep(1)
        runtime.spawn(child())
        seen.append("parent goes on")

    runtime.spawn(parent())
    assert seen == []
    kernel.run()
    assert seen == ["parent goes on", ("child", 1)]


def test_sleepers_wake_in_order_of_time_then_of_falling_asleep(kernel: Kernel, runtime: SimRuntime) -> None:
    seen: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await runtime.sleep(seconds)
        seen.append((name, runtime.now()))

    for name, seconds in (("b", 2), ("a", 1.5), ("c", 2.0), ("d", 0)):
        runtime.spawn(sleeper(name, seconds))
    kernel.run()
    assert seen == [("d", 0), ("a", 1.5), ("b", 2), ("c", 2)]


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf])
def test_absurd_sleeps_are_the_algorithms_fault(kernel: Kernel, runtime: SimRuntime, seconds: float) -> None:
    caught: list[str] = []

    async def sleeper() -> None:
        try:
            await runtime.sleep(seconds)
        except ValueError as error:
            caught.append(str(error))

    runtime.spawn(sleeper())
    kernel.run()
    assert "does not lie between" in caught[0]


def test_a_future_is_awaited_by_any_number_once_or_again(kernel: Kernel, runtime: SimRuntime) -> None:
    future = runtime.future()
    seen: list[tuple[str, str]] = []

    async def waiter(name: str) -> None:
        seen.append((name, await future))
        seen.append((name, await future))

    for name in "ab":
        runtime.spawn(waiter(name))
    kernel.call_in(1, future.set_result, "value")
    kernel.call_in(2, lambda _: runtime.spawn(waiter("c")))
    assert not future.done()
    kernel.run()
    assert future.done()
    assert seen == [(name, "value") for name in "aabbcc"]


def test_setting_a_result_never_runs_the_waiter_inside(kernel: Kernel, runtime: SimRuntime) -> None:
    future = runtime.future()
    seen: list[str] = []

    async def waiter() -> None:
        await future
        seen.append("waiter")

    async def setter() -> None:
        await runtime.sleep(1)
        future.set_result(None)
        seen.append("setter")

    runtime.spawn(waiter())
    runtime.spawn(setter())
    kernel.run()
    assert seen == ["setter", "waiter"]
    assert kernel.now == 1


def test_awaiting_what_is_there_costs_no_event_and_no_turn(kernel: Kernel, runtime: SimRuntime) -> None:
    future = runtime.future()
    future.set_result(3)
    seen: list[object] = []

    async def port_call() -> int:
        return await future

    async def task() -> None:
        for _ in range(6):
            seen.append(await port_call())  # noqa: PERF401 - six awaits, one after the other

    async def other() -> None:
        seen.append("other")

    runtime.spawn(task())
    runtime.spawn(other())
    kernel.run()
    assert seen == [3] * 6 + ["other"]
    assert kernel.processed == 2


def test_a_future_is_settled_once(kernel: Kernel, runtime: SimRuntime) -> None:
    future = runtime.future()
    future.set_result(1)
    future.set_result(2)
    future.set_exception(ValueError())
    seen: list[int] = []

    async def task() -> None:
        seen.append(await future)

    runtime.spawn(task())
    kernel.run()
    assert seen == [1]


def test_an_exception_reaches_whoever_waits(kernel: Kernel, runtime: SimRuntime) -> None:
    future, error = runtime.future(), Unavailable("no")
    seen: list[Exception] = []

    async def waiter() -> None:
        try:
            await future
        except Unavailable as same:
            seen.append(same)

    runtime.spawn(waiter())
    runtime.spawn(waiter())
    kernel.call_in(1, future.set_exception, error)
    kernel.run()
    assert seen == [error, error]


def test_a_simpy_event_can_be_awaited(kernel: Kernel, runtime: SimRuntime) -> None:
    seen: list[object] = []
    failing = kernel.event()

    async def task() -> None:
        timeout = kernel.timeout(2, "rung")
        seen.append((await runtime.wait(timeout), kernel.now))
        seen.append((await runtime.wait(timeout), kernel.now))  # it has happened: at once
        try:
            await runtime.wait(failing)
        except KeyError as error:
            seen.append((error.args, kernel.now))

    runtime.spawn(task())
    kernel.call_in(3, failing.fail, KeyError("k"))
    kernel.run()
    assert seen == [("rung", 2), ("rung", 2), (("k",), 3)]


def test_two_runs_are_the_same_event_by_event() -> None:
    def run() -> list[object]:
        kernel, seen = Kernel(), []
        runtime = node_runtime(kernel)
        box = Mailbox(kernel)

        async def worker(name: int) -> None:
            while (item := await runtime.wait(box.get(timeout=3))) is not None:
                seen.append((name, item, kernel.now))
                await runtime.sleep(runtime.random.at(str(item), 1).random())

        async def source() -> None:
            for number in range(30):
                await runtime.sleep(runtime.random.at("source", number).random() / 4)
                box.put(number)
            for _ in range(3):
                box.put(None)

        for name in range(3):
            runtime.spawn(worker(name))
        runtime.spawn(source())
        kernel.run()
        return [*seen, kernel.now, kernel.processed]

    assert run() == run()
    assert len(run()) > 30


# -- failures


def test_an_escaped_exception_comes_out_of_the_run_with_its_task(kernel: Kernel, runtime: SimRuntime) -> None:
    seen: list[float] = []

    async def broken() -> None:
        await runtime.sleep(1)
        raise KeyError("missing")

    async def healthy() -> None:
        await runtime.sleep(2)
        seen.append(runtime.now())

    runtime.spawn(broken())
    runtime.spawn(healthy())
    with pytest.raises(AlgorithmError, match=r"task .*broken of server-1 raised KeyError at 1\.0 s") as raised:
        kernel.run()
    assert isinstance(raised.value.__cause__, KeyError)
    kernel.run()
    assert seen == [2]


def test_awaiting_something_foreign_is_explained(kernel: Kernel, runtime: SimRuntime) -> None:
    async def task() -> None:
        await asyncio.sleep(0)

    runtime.spawn(task())
    with pytest.raises(AlgorithmError, match=r"task .*task of server-1 awaited None, which is no future"):
        kernel.run()


def test_an_interrupt_of_the_user_is_nobodys_fault(kernel: Kernel, runtime: SimRuntime) -> None:
    async def task() -> None:
        raise KeyboardInterrupt

    runtime.spawn(task())
    with pytest.raises(KeyboardInterrupt):
        kernel.run()


# -- pause


def test_a_paused_node_wakes_late_and_in_order(kernel: Kernel, runtime: SimRuntime) -> None:
    seen: list[tuple[str, float]] = []
    future = runtime.future()

    async def sleeper(name: str, seconds: float) -> None:
        await runtime.sleep(seconds)
        seen.append((name, runtime.now()))

    async def waiter() -> None:
        await future
        seen.append(("answer", runtime.now()))

    for name, seconds in (("late", 3), ("early", 1), ("unharmed", 9)):
        runtime.spawn(sleeper(name, seconds))
    runtime.spawn(waiter())
    kernel.call_in(0.5, lambda _: runtime.pause())
    kernel.call_in(2, future.set_result, None)
    kernel.call_in(5, lambda _: runtime.resume())
    kernel.run()
    assert seen == [("early", 5), ("answer", 5), ("late", 5), ("unharmed", 9)]


def test_a_paused_node_can_crash(kernel: Kernel, runtime: SimRuntime) -> None:
    closed: list[float] = []

    async def sleeper() -> None:
        try:
            await runtime.sleep(1)
        finally:
            closed.append(kernel.now)

    runtime.spawn(sleeper())
    kernel.call_in(0.5, lambda _: runtime.pause())
    kernel.call_in(2, lambda _: runtime.revoke())
    kernel.call_in(3, lambda _: runtime.resume())
    kernel.run()
    assert closed == [2]


# -- beside SimPy


def test_coroutines_and_processes_share_one_order(kernel: Kernel, runtime: SimRuntime) -> None:
    seen: list[str] = []

    async def coroutine() -> None:
        for _ in range(3):
            await runtime.sleep(1)
            seen.append("coroutine")

    def process() -> Any:
        for _ in range(3):
            yield kernel.timeout(1)
            seen.append("process")

    runtime.spawn(coroutine())
    joined: simpy.Event = kernel.process(process())
    kernel.run(until=joined)
    # The process started first (an urgent event), so its timeout is the older one of each instant.
    assert seen == ["process", "coroutine"] * 3
