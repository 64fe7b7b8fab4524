"""The kernel runs SimPy's programs as SimPy does, and its own light calls in one order with them."""

from __future__ import annotations

import asyncio
import math
import random
from typing import TYPE_CHECKING, Any

import pytest
import simpy
from simpy.core import EmptySchedule, StopSimulation

from imsim.sim.kernel import HORIZON, Kernel, faithful, to_microsecond

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Steps = Generator[simpy.Event, Any, Any]


class OwnInitError(Exception):
    """SimPy cannot rebuild it: its arguments are not its `args`."""

    def __init__(self, code: int, *, place: str) -> None:
        super().__init__(f"code {code} at {place}")
        self.code = code


class DoubledError(Exception):
    """SimPy rebuilds it, wrongly: the text would be wrapped twice."""

    def __init__(self, text: str) -> None:
        super().__init__(f"<{text}>")


# -- light calls


def test_calls_run_in_order_of_time_and_then_of_insertion(kernel: Kernel) -> None:
    seen: list[str] = []
    kernel.call_in(0.2, seen.append, "c")
    kernel.call_at(0.1, seen.append, "a")
    kernel.call_in(0.1, seen.append, "b")
    kernel.run()
    assert seen == ["a", "b", "c"]
    assert kernel.now == 0.2


def test_calls_and_events_share_one_order(kernel: Kernel) -> None:
    seen: list[object] = []

    def note(event: simpy.Event) -> None:
        seen.append(event.value)

    for number in range(6):
        if number % 2:
            kernel.timeout(1, number).callbacks.append(note)
        else:
            kernel.call_in(1, seen.append, number)
    kernel.event().succeed("urgent last made").callbacks.append(note)
    kernel.run()
    assert seen == ["urgent last made", 0, 1, 2, 3, 4, 5]


def test_the_mixture_is_ordered_as_a_stable_sort_by_time_and_priority(kernel: Kernel) -> None:
    draw = random.Random(4)
    seen: list[int] = []
    made: list[tuple[float, int, int]] = []
    for number in range(500):
        delay, kind = draw.randrange(20) / 8, draw.randrange(3)
        if kind == 0:
            kernel.call_in(delay, seen.append, number)
        elif kind == 1:
            kernel.timeout(delay).callbacks.append(lambda _, number=number: seen.append(number))
        else:
            event = kernel.event()
            event._ok, event._value = True, None
            event.callbacks.append(lambda _, number=number: seen.append(number))
            kernel.schedule(event, simpy.events.URGENT, delay)
        made.append((delay, 0 if kind == 2 else 1, number))
    kernel.run()
    assert seen == [number for _, _, number in sorted(made, key=lambda entry: entry[:2])]


def test_a_call_may_be_pushed_by_hand(kernel: Kernel) -> None:
    from heapq import heappush

    seen: list[str] = []
    kernel.call_in(1, seen.append, "before")
    heappush(kernel.heap, (1.0, 1, kernel.next_id(), seen.append, "by hand"))
    kernel.call_in(1, seen.append, "after")
    kernel.run()
    assert seen == ["before", "by hand", "after"]


def test_the_last_digit_of_a_sum_does_not_matter(kernel: Kernel) -> None:
    seen: list[float] = []
    kernel.call_in(0.3, lambda _: seen.append(kernel.now))
    kernel.call_in(0.1, lambda _: kernel.call_in(0.2, lambda _: seen.append(kernel.now)))
    kernel.call_in(3 * 0.1, lambda _: seen.append(kernel.now))
    kernel.run()
    assert 3 * 0.1 > 0.3
    assert seen == [0.3] * 3


def test_rounding_is_stable_and_near(kernel: Kernel) -> None:
    draw = random.Random(1)
    for scale in (1e-6, 1e-3, 1, 1e3, 1e6, 1e9):
        for _ in range(2_000):
            exact = draw.random() * scale
            rounded = to_microsecond(exact)
            assert to_microsecond(rounded) == rounded
            assert abs(rounded - exact) <= 0.5e-6 + math.ulp(exact)
            assert rounded == round(rounded * 1e6) / 1e6
    kernel.call_at(HORIZON, repr)
    assert kernel.peek() == HORIZON


def test_a_call_never_goes_before_a_clock_that_stands_between_two_microseconds(kernel: Kernel) -> None:
    seen: list[float] = []

    def late(_: simpy.Event) -> None:
        kernel.call_in(0, lambda _: seen.append(kernel.now))
        kernel.call_at(kernel.now, lambda _: seen.append(kernel.now))

    kernel.timeout(1.0000004).callbacks.append(late)
    kernel.run()
    assert seen == [1.0000004] * 2


@pytest.mark.parametrize("seconds", [-1e-9, math.nan, math.inf, -math.inf, HORIZON * 1.001])
@pytest.mark.parametrize("verb", ["call_in", "call_at"])
def test_absurd_times_are_refused(kernel: Kernel, verb: str, seconds: float) -> None:
    with pytest.raises(ValueError, match="does not lie between"):
        getattr(kernel, verb)(seconds, repr)
    assert kernel.heap == []


def test_a_time_before_now_is_refused() -> None:
    kernel = Kernel(initial_time=5)
    with pytest.raises(ValueError, match=r"4\.9 s"):
        kernel.call_at(4.9, repr)


def test_processed_counts_what_left_the_heap(kernel: Kernel) -> None:
    assert kernel.processed == 0
    for _ in range(3):
        kernel.call_in(1, repr)
    kernel.timeout(1)
    kernel.call_in(9, repr)
    kernel.run(until=5)
    assert kernel.processed == 5  # three calls, a timeout, and the event that ends the run
    kernel.run()
    assert kernel.processed == 7  # and once more the event whose callbacks the end of the run cut short


def test_a_superseded_call_is_harmless(kernel: Kernel) -> None:
    """The pattern that replaces cancelling: the owner's generation number."""
    fired: list[float] = []
    generation = 0

    def timer(mine: int) -> None:
        if mine == generation:
            fired.append(kernel.now)

    for delay in (3, 2, 1):
        generation += 1
        kernel.call_in(delay, timer, generation)
    kernel.run()
    assert fired == [1]


def test_an_exception_in_a_call_comes_out_and_the_run_can_go_on(kernel: Kernel) -> None:
    seen: list[int] = []

    def broken(_: object) -> None:
        raise OwnInitError(7, place="here")

    kernel.call_in(1, broken)
    kernel.call_in(2, seen.append, 1)
    with pytest.raises(OwnInitError, match="code 7 at here"):
        kernel.run()
    kernel.run()
    assert seen == [1]


# -- SimPy's interface, compared with SimPy's own answers


ENVIRONMENTS = pytest.mark.parametrize("make", [simpy.Environment, Kernel], ids=["simpy", "kernel"])


@ENVIRONMENTS
def test_run_until_a_time_stops_before_that_instant(make: Callable[[], simpy.Environment]) -> None:
    env, seen = make(), []
    for delay in (1, 2, 3):
        env.timeout(delay, delay).callbacks.append(lambda event: seen.append(event.value))
    assert env.run(until=2) is None
    assert (env.now, seen) == (2, [1])
    env.run()
    assert (env.now, seen) == (3, [1, 2, 3])


@ENVIRONMENTS
@pytest.mark.parametrize("until", [0, -1, 0.0])
def test_run_until_the_past_is_refused(make: Callable[[], simpy.Environment], until: float) -> None:
    with pytest.raises(ValueError, match="must be greater than the current simulation time"):
        make().run(until=until)


@ENVIRONMENTS
def test_run_until_an_event(make: Callable[[], simpy.Environment]) -> None:
    env = make()
    event = env.timeout(3, "value")
    assert env.run(until=event) == "value"
    assert env.run(until=event) == "value"  # it has happened
    with pytest.raises(RuntimeError, match='"until" event was not triggered'):
        env.run(until=env.event())


@ENVIRONMENTS
def test_callbacks_after_the_stop_run_when_the_run_goes_on(make: Callable[[], simpy.Environment]) -> None:
    env, seen = make(), []
    event = env.timeout(1)
    event.callbacks.append(lambda _: seen.append("before"))
    event.callbacks.append(StopSimulation.callback)
    event.callbacks.append(lambda _: seen.append("after"))
    env.timeout(1).callbacks.append(lambda _: seen.append("next"))
    env.run()
    assert seen == ["before"]
    env.run()
    assert seen == ["before", "after", "next"]


@ENVIRONMENTS
def test_step_and_peek(make: Callable[[], simpy.Environment]) -> None:
    env = make()
    assert env.peek() == math.inf
    env.timeout(2)
    assert env.peek() == 2
    env.step()
    assert env.now == 2
    with pytest.raises(EmptySchedule):
        env.step()


@ENVIRONMENTS
def test_a_failed_event_that_nobody_handles_raises_a_copy_with_its_cause(
    make: Callable[[], simpy.Environment],
) -> None:
    env, error = make(), ValueError("spoiled", 3)
    env.event().fail(error)
    with pytest.raises(ValueError, match="spoiled") as raised:
        env.run()
    assert raised.value is not error
    assert raised.value.__cause__ is error
    assert raised.value.args == ("spoiled", 3)


@ENVIRONMENTS
def test_a_defused_failure_is_silent(make: Callable[[], simpy.Environment]) -> None:
    env = make()
    event = env.event().fail(ValueError())
    event.defused = True
    env.run()
    assert event.processed


@ENVIRONMENTS
def test_an_odd_yield_is_explained(make: Callable[[], simpy.Environment]) -> None:
    def process() -> Steps:
        yield 17  # type: ignore[misc]

    env = make()
    env.process(process())
    with pytest.raises(RuntimeError, match=r"(?s)test_kernel.*yield 17.*Invalid yield value \"17\"$"):
        env.run()


def machine_shop(env: simpy.Environment) -> list[object]:
    """A program that uses most of SimPy: resources, stores, containers, conditions, interrupts, joins."""
    log: list[object] = []
    draw = random.Random(11)
    shop = simpy.PreemptiveResource(env, capacity=2)
    tank = simpy.Container(env, capacity=20, init=5)
    parts: simpy.FilterStore = simpy.FilterStore(env, capacity=4)

    def job(name: int) -> Steps:
        yield env.timeout(draw.expovariate(1))
        with shop.request(priority=name % 3) as turn:
            won = yield turn | env.timeout(4)
            log.append((round(env.now, 9), name, "turn" if turn in won else "left"))
            try:
                yield env.timeout(draw.expovariate(0.7))
                yield tank.get(1) | env.timeout(2)
                yield parts.put(name)
            except simpy.Interrupt as interrupt:
                log.append((round(env.now, 9), name, type(interrupt.cause).__name__))
        return name

    def filler() -> Steps:
        while True:
            yield env.timeout(1.5)
            yield tank.put(2) | env.timeout(1)
            log.append((env.now, tank.level))

    def buyer() -> Steps:
        while True:
            part = yield parts.get(lambda item: item % 2 == 0) | env.timeout(3)
            log.append((round(env.now, 9), sorted(map(str, part.todict().values()))))

    jobs = [env.process(job(name)) for name in range(25)]
    env.process(filler())
    env.process(buyer())
    env.run(until=env.all_of(jobs) | env.timeout(40))
    return log


def test_a_program_of_every_kind_runs_alike() -> None:
    assert machine_shop(Kernel()) == machine_shop(simpy.Environment())
    assert len(machine_shop(Kernel())) > 40


# -- SimPy's traps


def test_the_trap_is_real_in_simpy() -> None:
    env = simpy.Environment()
    env.event().fail(OwnInitError(1, place="x"))
    with pytest.raises(TypeError):
        env.run()


@pytest.mark.parametrize("error", [OwnInitError(1, place="x"), DoubledError("x")], ids=["arity", "text"])
def test_an_exception_with_an_init_of_its_own_comes_out_as_itself(kernel: Kernel, error: Exception) -> None:
    caught: list[Exception] = []
    event = kernel.event()

    def waiter() -> Steps:
        try:
            yield event
        except type(error) as same:
            caught.append(same)
            raise

    kernel.process(waiter())
    event.fail(error)
    with pytest.raises(type(error)) as raised:
        kernel.run()
    assert caught == [error]
    assert raised.value is error
    assert "<<" not in str(raised.value)


def test_a_copy_keeps_what_python_does_not_put_into_args() -> None:
    lost = FileNotFoundError(2, "gone", "a.txt")
    lost.add_note("noted")
    again = faithful(lost)
    assert isinstance(again, FileNotFoundError)
    assert again is not lost
    assert (again.filename, again.__notes__, again.__cause__) == ("a.txt", ["noted"], lost)
    assert type(faithful(asyncio.CancelledError("c"))) is asyncio.CancelledError


def test_each_waiting_process_gets_its_own_copy(kernel: Kernel) -> None:
    event, caught = kernel.event(), []

    def waiter() -> Steps:
        try:
            yield event
        except KeyError as error:
            caught.append(error)

    kernel.process(waiter())
    kernel.process(waiter())
    kernel.call_in(1, event.fail, KeyError("k"))
    kernel.run()
    assert len(caught) == 2
    assert caught[0] is not caught[1]
    assert [error.args for error in caught] == [("k",)] * 2


def test_a_timeout_that_lost_its_race_fires_into_nothing(kernel: Kernel) -> None:
    resumed: list[float] = []

    def waiter() -> Steps:
        yield kernel.timeout(1) | kernel.timeout(50)
        resumed.append(kernel.now)
        yield kernel.timeout(100)
        resumed.append(kernel.now)

    kernel.process(waiter())
    kernel.run()
    assert resumed == [1, 101]


def test_an_interrupted_timeout_fires_into_nothing(kernel: Kernel) -> None:
    resumed: list[tuple[float, str]] = []

    def waiter() -> Steps:
        try:
            yield kernel.timeout(5)
        except simpy.Interrupt:
            resumed.append((kernel.now, "interrupted"))
        yield kernel.timeout(10)
        resumed.append((kernel.now, "done"))

    process = kernel.process(waiter())
    kernel.call_in(2, lambda _: process.interrupt())
    kernel.run()
    assert resumed == [(2, "interrupted"), (12, "done")]
