"""What every `Locks` promises."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from imsim.testing.promise import CROWD, Book, Sleep, Together, expect, gathered, in_asyncio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imsim.ports import Lease, Locks
    from imsim.testing.promise import Factory, Run

__all__ = ["LOCKS", "check_locks"]

LOCKS: Book[Locks] = Book("Locks")

_T = 5.0
"""Seconds that every call may take."""


class _Given(NamedTuple):
    """What the bodies take besides the locks."""

    sleep: Sleep
    together: Together
    lease: float


def check_locks(
    factory: Factory[Locks],
    run: Run = in_asyncio,
    *,
    sleep: Sleep = asyncio.sleep,
    together: Together = gathered,
    lease: float = 0.2,
    only: Sequence[str] | None = None,
) -> None:
    """Check that locks keep every promise of `imsim.ports.Locks`.

    Args:
        factory: opens locks that nobody holds.
        run: drives a coroutine to its end; by default in a loop of asyncio.
        sleep: lets seconds pass in the world of the port; by default as asyncio does.
        together: runs coroutines beside each other in that world; by default as asyncio does.
        lease: a lease in seconds that is short to wait for and longer than a few calls take.
        only: names of promises (`LOCKS.sentences`), instead of all.

    Raises:
        AssertionError: a promise is broken; the message says which.
    """
    LOCKS.check(factory, run, _Given(sleep, together, lease), only=only)


def _later(lease: Lease, than: Lease, what: str) -> None:
    if not lease.token > than.token:
        msg = f"{what}: the token {lease.token} is not above {than.token}"
        raise AssertionError(msg)


@LOCKS.promise("one holds the lease, and everybody else is told who, and under which token")
async def holds_for_one(locks: Locks, _: _Given) -> None:
    """Two names do not concern each other."""
    mine = await locks.acquire("room", "one", 60.0, timeout=_T)
    expect((mine.name, mine.holder), ("room", "one"), "acquiring a free lease")
    told = await locks.acquire("room", "two", 60.0, timeout=_T)
    expect((told.holder, told.token), ("one", mine.token), "acquiring a lease that another holds")
    other = await locks.acquire("hall", "two", 60.0, timeout=_T)
    expect(other.holder, "two", "acquiring another lease")


@LOCKS.promise("of many that ask at once, one gets the lease, and the others are told who")
async def lets_one_in(locks: Locks, given: _Given) -> None:
    """Looking and taking are one step."""
    asked = (locks.acquire("room", f"holder-{one}", 60.0, timeout=_T) for one in range(CROWD))
    told = await given.together(*asked)
    expect(len({(lease.holder, lease.token) for lease in told}), 1, f"how many of {CROWD} hold it")


@LOCKS.promise("a holder renews its lease under the same token")
async def renews(locks: Locks, given: _Given) -> None:
    """Renewed leases run on."""
    first = await locks.acquire("room", "one", given.lease, timeout=_T)
    again = await locks.acquire("room", "one", 60.0, timeout=_T)
    expect((again.holder, again.token), ("one", first.token), "renewing")
    if not again.until > first.until:
        msg = f"renewing moved the end from {first.until} to {again.until}"
        raise AssertionError(msg)
    await given.sleep(1.5 * given.lease)
    told = await locks.acquire("room", "two", given.lease, timeout=_T)
    expect(told.holder, "one", "acquiring a renewed lease after its first end")


@LOCKS.promise("a lease that ran out goes to the next, under a larger token")
async def expires_to_the_next(locks: Locks, given: _Given) -> None:
    """Three holders in a row."""
    held = await locks.acquire("room", "one", given.lease, timeout=_T)
    for holder in ("two", "three"):
        await given.sleep(1.5 * given.lease)
        after = await locks.acquire("room", holder, given.lease, timeout=_T)
        expect(after.holder, holder, "acquiring a lease that ran out")
        _later(after, held, "the next holder")
        held = after


@LOCKS.promise("a released lease is free at once, and tokens rise over releases too")
async def releases(locks: Locks, _: _Given) -> None:
    """Also when the same holder comes again."""
    held = await locks.acquire("room", "one", 60.0, timeout=_T)
    for holder in ("two", "one"):
        await locks.release(held, timeout=_T)
        after = await locks.acquire("room", holder, 60.0, timeout=_T)
        expect(after.holder, holder, "acquiring a released lease")
        _later(after, held, "the holder after a release")
        held = after


@LOCKS.promise("releasing a lease that is no longer held does nothing")
async def ignores_late_releases(locks: Locks, given: _Given) -> None:
    """The next holder keeps it."""
    old = await locks.acquire("room", "one", given.lease, timeout=_T)
    await given.sleep(1.5 * given.lease)
    held = await locks.acquire("room", "two", 60.0, timeout=_T)
    await locks.release(old, timeout=_T)
    told = await locks.acquire("room", "three", 60.0, timeout=_T)
    expect((told.holder, told.token), ("two", held.token), "acquiring after a late release")
