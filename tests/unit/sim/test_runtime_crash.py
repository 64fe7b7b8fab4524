"""A crash: everything of the dead incarnation is inert first, and only then closed; nothing of it reaches the world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from imsim.errors import AlgorithmError
from imsim.sim.resources import Mailbox
from tests.one_node import node_runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from imsim.sim.kernel import Kernel
    from imsim.sim.runtime import SimRuntime


class World:
    """What a dead node must not reach: a port that notes every call that got through."""

    def __init__(self, runtime: SimRuntime) -> None:
        self.runtime = runtime
        self.reached: list[str] = []

    async def touch(self, what: str) -> None:
        self.runtime.begin_call()
        self.reached.append(what)


async def _future(runtime: SimRuntime, kernel: Kernel) -> None:
    future = runtime.future()
    kernel.call_in(5, future.set_result, None)
    await future


async def _event(runtime: SimRuntime, kernel: Kernel) -> None:
    await runtime.wait(kernel.timeout(5))


Waiting = dict[str, "Callable[[SimRuntime, Kernel], Coroutine[Any, Any, object]]"]

WAITING: Waiting = {
    "sleep": lambda runtime, _: runtime.sleep(5),
    "future": _future,
    "event": _event,
}


@pytest.mark.parametrize("waiting", WAITING)
@pytest.mark.parametrize("at", [0, 2, 5])
def test_nothing_continues_after_a_crash(kernel: Kernel, runtime: SimRuntime, waiting: str, at: int) -> None:
    world, closed = World(runtime), []

    async def task() -> None:
        try:
            await WAITING[waiting](runtime, kernel)
            await world.touch("continued")
        finally:
            closed.append(kernel.now)

    if at == 5:
        kernel.call_in(5, lambda _: runtime.revoke())  # before what the task waits for, at the same instant
    runtime.spawn(task())
    if at != 5:
        kernel.call_in(at, lambda _: runtime.revoke())
    kernel.run()
    assert world.reached == []
    assert closed == [at]
    assert not runtime.incarnation.alive


@pytest.mark.parametrize("waiting", WAITING)
def test_without_a_crash_it_would_continue(kernel: Kernel, runtime: SimRuntime, waiting: str) -> None:
    world = World(runtime)

    async def task() -> None:
        await WAITING[waiting](runtime, kernel)
        await world.touch("continued")

    runtime.spawn(task())
    kernel.run()
    assert world.reached == ["continued"]


def test_a_crash_between_answer_and_continuation_wins(kernel: Kernel, runtime: SimRuntime) -> None:
    world, future = World(runtime), runtime.future()

    async def task() -> None:
        await future
        await world.touch("continued")

    runtime.spawn(task())
    kernel.call_in(1, future.set_result, None)
    kernel.call_in(1, lambda _: runtime.revoke())
    kernel.run()
    assert world.reached == []


def test_a_finally_block_of_the_dead_reaches_nothing(kernel: Kernel, runtime: SimRuntime) -> None:
    world, box = World(runtime), Mailbox(kernel)
    shared = runtime.future()
    tried: list[str] = []

    async def child() -> None:
        await world.touch("child")

    async def cleaning(verb: Callable[[], Coroutine[Any, Any, object]]) -> None:
        try:
            await runtime.sleep(9)
        finally:
            tried.append("spawn and answer")
            runtime.spawn(child())
            shared.set_result("from the dead")
            await verb()
            tried.append("went on")

    async def wait_for_mail() -> None:
        await runtime.wait(box.get())

    async def wait_for_future() -> None:
        await runtime.future()

    verbs = [lambda: world.touch("cleaned"), lambda: runtime.sleep(0), wait_for_mail, wait_for_future]
    for verb in verbs:
        runtime.spawn(cleaning(verb))
    kernel.call_in(1, lambda _: runtime.revoke())
    kernel.call_in(2, box.put, "item")
    kernel.run()
    assert tried == ["spawn and answer"] * len(verbs)
    assert world.reached == []
    assert not shared.done()
    assert len(box) == 1


def test_everything_is_inert_before_the_first_coroutine_is_closed(kernel: Kernel, runtime: SimRuntime) -> None:
    states: list[bool] = []

    async def task() -> None:
        try:
            await runtime.sleep(9)
        finally:
            states.append(runtime.incarnation.alive)

    runtime.spawn(task())
    kernel.call_in(1, lambda _: runtime.revoke())
    kernel.run()
    assert states == [False]


def test_coroutines_are_closed_in_the_order_in_which_they_were_spawned(kernel: Kernel, runtime: SimRuntime) -> None:
    closed: list[int] = []

    async def task(number: int) -> None:
        try:
            await runtime.sleep(10 - number)
        finally:
            closed.append(number)

    for number in range(8):
        runtime.spawn(task(number))
    kernel.call_in(1, lambda _: runtime.revoke())
    kernel.run()
    assert closed == list(range(8))


def test_a_dead_reader_leaves_its_mail(kernel: Kernel, runtime: SimRuntime) -> None:
    box, seen, successor = Mailbox(kernel), [], node_runtime(kernel, 2)

    async def reader(mine: SimRuntime) -> None:
        seen.append((mine.incarnation.number, await mine.wait(box.get())))

    runtime.spawn(reader(runtime))
    kernel.call_in(1, lambda _: runtime.revoke())
    kernel.call_in(2, box.put, "item")
    kernel.call_in(3, lambda _: successor.spawn(reader(successor)))
    kernel.run()
    assert seen == [(2, "item")]


def test_a_task_may_cause_its_own_crash(kernel: Kernel, runtime: SimRuntime) -> None:
    """A deviation crashes the node in the middle of a port call that the node itself makes."""
    world, seen = World(runtime), []

    async def other() -> None:
        try:
            await runtime.sleep(9)
        finally:
            seen.append("other closed")

    async def task() -> None:
        try:
            await world.touch("before")
            runtime.revoke()
            await world.touch("after")
        finally:
            seen.append("closed")
        seen.append("went on")

    runtime.spawn(other())
    kernel.call_in(1, lambda _: runtime.spawn(task()))
    kernel.run()
    assert world.reached == ["before"]
    assert seen == ["other closed", "closed"]


def test_a_task_that_dies_while_it_waits_for_the_living_is_closed(kernel: Kernel, runtime: SimRuntime) -> None:
    living, seen = node_runtime(kernel, 2), []

    async def task() -> None:
        try:
            runtime.revoke()
            await living.future()
            seen.append("went on")
        finally:
            seen.append("closed")

    runtime.spawn(task())
    kernel.run()
    assert seen == ["closed"]


def test_a_finally_block_that_raises_comes_out_of_the_run_and_stops_nobody_else(
    kernel: Kernel, runtime: SimRuntime
) -> None:
    closed: list[str] = []

    async def broken() -> None:
        try:
            await runtime.sleep(9)
        finally:
            raise KeyError("left")

    async def healthy() -> None:
        try:
            await runtime.sleep(9)
        finally:
            closed.append("healthy")

    runtime.spawn(broken())
    runtime.spawn(healthy())
    kernel.run(until=1)
    runtime.revoke()
    assert closed == ["healthy"]
    with pytest.raises(AlgorithmError, match=r"broken of server-1 raised KeyError while it was closed"):
        kernel.run()


def test_a_second_crash_changes_nothing(kernel: Kernel, runtime: SimRuntime) -> None:
    runtime.revoke()
    runtime.revoke()
    runtime.resume()
    assert not runtime.incarnation.running
    with pytest.raises(GeneratorExit):
        runtime.begin_call()
    kernel.run()


def test_the_successor_is_another_incarnation(kernel: Kernel, runtime: SimRuntime) -> None:
    runtime.revoke()
    successor, seen = node_runtime(kernel, 2), []

    async def task() -> None:
        await successor.sleep(1)
        seen.append(successor.incarnation.number)

    successor.spawn(task())
    kernel.run()
    assert seen == [2]
