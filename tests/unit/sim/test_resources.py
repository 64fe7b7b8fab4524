"""A mailbox loses nothing to those who no longer listen; a station serves in order, so many at once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import simpy

from imsim.sim.kernel import HORIZON, Kernel
from imsim.sim.resources import EMPTY, Mailbox, Station

if TYPE_CHECKING:
    from collections.abc import Generator

    Steps = Generator[simpy.Event, Any, Any]


@pytest.fixture
def box(kernel: Kernel) -> Mailbox:
    return Mailbox(kernel)


def keep(kernel: Kernel, box: Mailbox, into: list[object], count: int = 1) -> None:
    """Start a process that takes `count` items."""

    def reader() -> Steps:
        item = yield box.get()
        into.append(item)
        if count > 1:
            keep(kernel, box, into, count - 1)

    kernel.process(reader())


# -- mailbox


def test_items_come_in_order_whoever_was_first(kernel: Kernel, box: Mailbox) -> None:
    early: list[object] = []
    late: list[object] = []
    keep(kernel, box, early, 2)
    kernel.call_in(1, box.put, "a")
    kernel.call_in(1, box.put, "b")
    kernel.call_in(2, box.put, "c")
    kernel.call_in(3, lambda _: keep(kernel, box, late))
    kernel.run()
    assert (early, late, len(box)) == (["a", "b"], ["c"], 0)


def test_those_who_wait_are_served_in_turn(kernel: Kernel, box: Mailbox) -> None:
    first: list[object] = []
    second: list[object] = []
    keep(kernel, box, first)
    keep(kernel, box, second)
    for item in (1, 2, 3):
        kernel.call_in(1, box.put, item)
    kernel.run()
    assert (first, second, len(box)) == ([1], [2], 1)


def test_a_store_swallows_an_item_after_a_lost_race() -> None:
    """The trap, as SimPy has it: if this fails, the mailbox has nothing left to do."""
    env = simpy.Environment()
    store, taken = simpy.Store(env), []

    def racer() -> Steps:
        yield store.get() | env.timeout(1)
        yield env.timeout(5)
        taken.append((yield store.get() | env.timeout(1)).todict())

    env.process(racer())
    env.timeout(2).callbacks.append(lambda _: store.put("item"))
    env.run()
    assert store.items == []
    assert all("item" not in result.values() for result in taken)


def test_a_get_that_lost_a_race_leaves_the_item(kernel: Kernel, box: Mailbox) -> None:
    taken: list[object] = []

    def racer() -> Steps:
        question = box.get()
        answer = yield question | kernel.timeout(1)
        assert question not in answer
        yield kernel.timeout(5)
        taken.append((yield box.get()))

    kernel.process(racer())
    kernel.call_in(2, box.put, "item")
    kernel.run()
    assert taken == ["item"]


@pytest.mark.parametrize("timer_first", [True, False])
@pytest.mark.parametrize("put_first", [True, False])
def test_a_tie_between_item_and_timeout_gives_the_item_exactly_once(
    kernel: Kernel, box: Mailbox, *, timer_first: bool, put_first: bool
) -> None:
    taken: list[object] = []

    def racer() -> Steps:
        if timer_first:
            timer, question = kernel.timeout(1), box.get()
        else:
            question, timer = box.get(), kernel.timeout(1)
        answer = yield question | timer
        if question in answer:
            taken.append(answer[question])

    if put_first:
        kernel.call_in(1, box.put, "item")
    kernel.process(racer())
    if not put_first:
        kernel.call_in(0.5, lambda _: kernel.call_in(0.5, box.put, "item"))
    kernel.run()
    assert len(taken) + len(box) == 1


def test_an_interrupted_get_leaves_the_item(kernel: Kernel, box: Mailbox) -> None:
    taken: list[object] = []

    def reader() -> Steps:
        try:
            yield box.get()
        except simpy.Interrupt:
            yield kernel.timeout(5)
        taken.append((yield box.get()))

    process = kernel.process(reader())
    kernel.call_in(1, lambda _: process.interrupt())
    kernel.call_in(2, box.put, "item")
    kernel.run()
    assert taken == ["item"]


def test_an_interrupt_at_the_instant_of_the_item_leaves_it(kernel: Kernel, box: Mailbox) -> None:
    interrupted: list[float] = []

    def reader() -> Steps:
        try:
            yield box.get()
        except simpy.Interrupt:
            interrupted.append(kernel.now)

    process = kernel.process(reader())
    kernel.call_in(1, box.put, "item")
    kernel.call_in(1, lambda _: process.interrupt())
    kernel.run()
    assert interrupted == [1]
    assert len(box) == 1


def test_an_interrupted_condition_is_deaf(kernel: Kernel, box: Mailbox) -> None:
    interrupted: list[float] = []

    def reader() -> Steps:
        try:
            yield (box.get() & kernel.timeout(1)) | kernel.timeout(50)
        except simpy.Interrupt:
            interrupted.append(kernel.now)

    process = kernel.process(reader())
    kernel.call_in(2, lambda _: process.interrupt())
    kernel.call_in(3, box.put, "item")
    kernel.run()
    assert interrupted == [2]
    assert len(box) == 1


def test_the_item_goes_to_the_next_one_who_listens(kernel: Kernel, box: Mailbox) -> None:
    taken: list[object] = []
    box.get()  # nobody will ever listen
    keep(kernel, box, taken, 2)
    kernel.call_in(1, box.put, "a")
    kernel.call_in(1, box.put, "b")
    kernel.run()
    assert taken == ["a", "b"]


def test_waiting_for_an_abandoned_get_says_so(kernel: Kernel, box: Mailbox) -> None:
    def late() -> Steps:
        question = box.get()
        yield kernel.timeout(1)
        yield question

    kernel.process(late())
    box.put("item")
    with pytest.raises(RuntimeError, match="nobody listened"):
        kernel.run()
    assert len(box) == 1


def test_the_same_get_may_race_again(kernel: Kernel, box: Mailbox) -> None:
    seen: list[tuple[object, float]] = []

    def racer() -> Steps:
        question = box.get()
        while not question.processed:
            yield question | kernel.timeout(1)
        seen.append((question.value, kernel.now))

    kernel.call_in(3, box.put, "item")  # at the instant of a timeout, and before it
    kernel.process(racer())
    kernel.run()
    assert [item for item, _ in seen] == ["item"]
    assert 3 <= seen[0][1] < 3.1


def test_a_get_with_a_timeout(kernel: Kernel, box: Mailbox) -> None:
    seen: list[object] = []

    def reader() -> Steps:
        for timeout in (1, 5, 9):
            item = yield box.get(timeout)
            seen.append((item, kernel.now))

    kernel.process(reader())
    kernel.call_in(3, box.put, "item")
    kernel.run()
    assert seen == [(EMPTY, 1), ("item", 3), (EMPTY, 12)]


def test_an_expired_get_takes_nothing(kernel: Kernel, box: Mailbox) -> None:
    seen: list[object] = []
    box.get(1).callbacks.append(lambda event: seen.append(event.value))
    kernel.call_in(1, box.put, "item")
    keep(kernel, box, seen)
    kernel.run()
    assert seen == [EMPTY, "item"]


# -- station


def test_one_server_serves_in_order_of_arrival(kernel: Kernel) -> None:
    station, done = Station(kernel), []
    for name in "abc":
        station.submit(2, lambda name: done.append((name, kernel.now)), name)
    assert station.depth == 2
    kernel.run()
    assert done == [("a", 2), ("b", 4), ("c", 6)]
    assert (station.max_depth, station.max_wait, station.served, station.depth) == (2, 4, 3, 0)


def test_so_many_are_served_at_once(kernel: Kernel) -> None:
    station, done = Station(kernel, servers=3), []
    for number in range(7):
        station.submit(1, lambda number: done.append((number, kernel.now)), number)
    kernel.run()
    assert done == [(number, 1 + number // 3) for number in range(7)]


def test_a_job_that_submits_another_goes_to_the_end_of_the_line(kernel: Kernel) -> None:
    station, done = Station(kernel), []

    def first(_: None) -> None:
        done.append("first")
        station.submit(1, done.append, "third")

    station.submit(1, first)
    station.submit(1, done.append, "second")
    kernel.run()
    assert done == ["first", "second", "third"]


def test_a_free_server_is_used_at_once(kernel: Kernel) -> None:
    station, done = Station(kernel), []
    station.submit(1, done.append, 1)
    kernel.run()
    station.submit(0, lambda _: done.append(kernel.now))
    kernel.run()
    assert done == [1, 1]
    assert station.max_depth == 0


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf, HORIZON * 2])
@pytest.mark.parametrize("busy", [True, False])
def test_absurd_service_times_are_refused(kernel: Kernel, seconds: float, *, busy: bool) -> None:
    station, done = Station(kernel), []
    if busy:
        station.submit(1, done.append, 1)
    with pytest.raises(ValueError, match="does not lie between"):
        station.submit(seconds, done.append, 2)
    station.submit(1, done.append, 3)
    kernel.run()
    assert done == ([1, 3] if busy else [3])


def test_a_station_needs_a_server(kernel: Kernel) -> None:
    with pytest.raises(ValueError, match="at least 1 server, got 0"):
        Station(kernel, servers=0)
