"""What every `KeyValue` promises."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from imsim.ports import Swap, Value
from imsim.testing.promise import CROWD, Book, Sleep, Together, expect, gathered, in_asyncio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imsim.ports import KeyValue
    from imsim.testing.promise import Factory, Run

__all__ = ["KEY_VALUE", "check_key_value"]

KEY_VALUE: Book[KeyValue] = Book("KeyValue")

_T = 5.0
"""Seconds that every call may take."""


class _Given(NamedTuple):
    """What the bodies take besides the store."""

    sleep: Sleep
    together: Together
    expiry: float
    values: tuple[Value, Value, Value]


def check_key_value(
    factory: Factory[KeyValue],
    run: Run = in_asyncio,
    *,
    sleep: Sleep = asyncio.sleep,
    together: Together = gathered,
    expiry: float = 0.2,
    values: tuple[Value, Value, Value] = ("red", 2, "blue"),
    only: Sequence[str] | None = None,
) -> None:
    """Check that a store keeps every promise of `imsim.ports.KeyValue`.

    Args:
        factory: opens an empty store.
        run: drives a coroutine to its end; by default in a loop of asyncio.
        sleep: lets seconds pass in the world of the port; by default as asyncio does.
        together: runs coroutines beside each other in that world; by default as asyncio does.
        expiry: an expiry in seconds that is short to wait for and longer than a few calls take.
        values: three different values of the kinds that will be stored.
        only: names of promises (`KEY_VALUE.sentences`), instead of all.

    Raises:
        AssertionError: a promise is broken; the message says which.
    """
    KEY_VALUE.check(factory, run, _Given(sleep, together, expiry, values), only=only)


async def _put(store: KeyValue, key: str, value: Value, *, expires_in: float | None = None) -> None:
    done = await store.compare_and_set(key, None, value, expires_in=expires_in, timeout=_T)
    expect(done, Swap(done=True, present=value), f"setting the absent key {key}")


@KEY_VALUE.promise("a value is put where nothing is, and read back as it was")
async def puts_where_nothing_is(store: KeyValue, given: _Given) -> None:
    """Every kind of value, each under its own key."""
    expect(await store.get("nothing", timeout=_T), None, "an absent key")
    for index, value in enumerate(given.values):
        await _put(store, f"key-{index}", value)
    for index, value in enumerate(given.values):
        expect(await store.get(f"key-{index}", timeout=_T), value, f"the value of key-{index}")


@KEY_VALUE.promise("compare_and_set changes nothing unless it finds what it expects, and tells what is there")
async def refuses_what_it_does_not_find(store: KeyValue, given: _Given) -> None:
    """Absent expected, other expected, and something expected where nothing is."""
    red, two, blue = given.values
    await _put(store, "key", red)
    for expected in (None, two):
        answer = await store.compare_and_set("key", expected, blue, timeout=_T)
        expect(answer, Swap(done=False, present=red), f"replacing by the wrong expectation {expected!r}")
    expect(await store.get("key", timeout=_T), red, "the value after the refusals")
    answer = await store.compare_and_set("none", red, blue, timeout=_T)
    expect(answer, Swap(done=False, present=None), "replacing what is not there")
    expect(await store.get("none", timeout=_T), None, "the absent key after the refusal")


@KEY_VALUE.promise("compare_and_set replaces what it finds as expected, at once for every fresh read")
async def replaces_what_it_finds(store: KeyValue, given: _Given) -> None:
    """Replace twice, reading between."""
    red, two, blue = given.values
    await _put(store, "key", red)
    for older, newer in ((red, two), (two, blue)):
        answer = await store.compare_and_set("key", older, newer, timeout=_T)
        expect(answer, Swap(done=True, present=newer), "replacing by the right expectation")
        expect(await store.get("key", timeout=_T), newer, "a fresh read after the replacement")


@KEY_VALUE.promise("of many that replace the same value at once, one does, and the others are told by what")
async def lets_one_replace(store: KeyValue, given: _Given) -> None:
    """Looking and setting are one step; apart, two who look before either sets both win."""
    red, two, blue = given.values
    await _put(store, "key", red)
    wanted = [two, blue] * (CROWD // 2)
    answers = await given.together(*(store.compare_and_set("key", red, new, timeout=_T) for new in wanted))
    present = await store.get("key", timeout=_T)
    expect([new for new, answer in zip(wanted, answers, strict=True) if answer.done], [present], "who replaced it")
    expect([answer.present for answer in answers], [present] * CROWD, "what they were told")


@KEY_VALUE.promise("a new value of None deletes")
async def deletes(store: KeyValue, given: _Given) -> None:
    """Deleted means absent, for every operation."""
    red, two, _blue = given.values
    await _put(store, "key", red)
    answer = await store.compare_and_set("key", red, None, timeout=_T)
    expect(answer, Swap(done=True, present=None), "deleting")
    expect(await store.get("key", timeout=_T), None, "the key after the deletion")
    await _put(store, "key", two)


@KEY_VALUE.promise("a value expires when it said it would, and not before")
async def expires(store: KeyValue, given: _Given) -> None:
    """Gone for reading and for comparing; what expires much later is not."""
    red, two, blue = given.values
    for key in ("read", "compared"):
        await _put(store, key, red, expires_in=given.expiry)
    await _put(store, "later", blue, expires_in=100.0 * given.expiry)
    await given.sleep(1.5 * given.expiry)
    expect(await store.get("read", timeout=_T), None, "the value after its expiry")
    answer = await store.compare_and_set("compared", red, two, timeout=_T)
    expect(answer, Swap(done=False, present=None), "comparing with an expired value")
    expect(await store.get("later", timeout=_T), blue, "a value whose expiry is yet to come")


@KEY_VALUE.promise("a value replaced without an expiry stays")
async def stays_without_expiry(store: KeyValue, given: _Given) -> None:
    """The expiry belongs to the value, not to the key."""
    red, two, _ = given.values
    await _put(store, "key", red, expires_in=given.expiry)
    answer = await store.compare_and_set("key", red, two, timeout=_T)
    expect(answer, Swap(done=True, present=two), "replacing a value that would expire")
    await given.sleep(1.5 * given.expiry)
    expect(await store.get("key", timeout=_T), two, "the later value after the earlier one's expiry")


@KEY_VALUE.promise("a counter starts at 0, and increment adds to it and tells the new value")
async def counts(store: KeyValue, _: _Given) -> None:
    """Two counters, apart."""
    expect(await store.increment("slots", timeout=_T), 1, "the first increment")
    expect(await store.increment("slots", 5, timeout=_T), 6, "an increment by 5")
    expect(await store.increment("other", timeout=_T), 1, "another counter")
    expect(await store.get("slots", timeout=_T), 6, "a fresh read of the counter")


@KEY_VALUE.promise("of many increments at once, each counts, and is told a value of its own")
async def counts_everybody(store: KeyValue, given: _Given) -> None:
    """Who reads, adds and writes back forgets what others added meanwhile."""
    told = await given.together(*(store.increment("slots", timeout=_T) for _ in range(CROWD)))
    expect(sorted(told), list(range(1, CROWD + 1)), f"what {CROWD} increments told")
    expect(await store.get("slots", timeout=_T), CROWD, "a fresh read afterwards")


@KEY_VALUE.promise("raise_to never lowers a counter, and tells where it is")
async def raises_only(store: KeyValue, _: _Given) -> None:
    """From nothing, upwards, and not down."""
    expect(await store.raise_to("floor", 4, timeout=_T), 4, "raising an absent counter to 4")
    expect(await store.raise_to("floor", 2, timeout=_T), 4, "raising it to 2 afterwards")
    expect(await store.raise_to("floor", 9, timeout=_T), 9, "raising it to 9")
    expect(await store.increment("floor", timeout=_T), 10, "incrementing it")


@KEY_VALUE.promise("a read that need not be fresh may lag, but gives only what was once there")
async def lags_truthfully(store: KeyValue, given: _Given) -> None:
    """Any earlier value, or none."""
    red, two, blue = given.values
    await _put(store, "other", blue)
    await _put(store, "key", red)
    await store.compare_and_set("key", red, two, timeout=_T)
    seen = await store.get("key", fresh=False, timeout=_T)
    if seen not in (None, red, two):
        msg = f"a stale read gave {seen!r}, which was never there"
        raise AssertionError(msg)
