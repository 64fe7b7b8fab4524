"""Leases as a plain state: the right to act until a moment, with a token that rises with each new holder.

A lease protects nothing by itself: its holder may be paused beyond its end and act all the same. What protects is
the token, which the log compares (Kleppmann, "How to do distributed locking", 2016). So the one thing that must
never happen here is that a token is given twice, and tokens outlive every lease and every release.

The table counts in its own time. Its answer says how many seconds are left; the ports turn that into
the holder's monotonic time, counting from *before* the question was sent, so that a holder never believes in
its lease for longer than the table does.

What does not belong here: what a lease is good for (protocol/services/), and what goes wrong with a call (service.py).
"""

# ruff: noqa: ARG002 - every call of a port takes its time-out; one that answers at once has no use for it
from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from imsim.ports import Lease

if TYPE_CHECKING:
    from collections.abc import Callable

    from imsim.sim.backends.line import Line
    from imsim.sim.runtime import SimRuntime

__all__ = ["DirectLocks", "Grant", "LeaseTable", "ServedLocks"]


class Grant(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Who holds the lease, under which token, and for how many seconds from now."""

    holder: str
    token: int
    seconds: float


class LeaseTable:
    """Every lease and the last token of each name; shared by all servers, and untouched by their crashes.

    Args:
        now: gives the present moment in seconds.
    """

    __slots__ = ("_leases", "_now")

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._leases: dict[str, tuple[str, int, float]] = {}

    def acquire(self, name: str, holder: str, seconds: float) -> Grant:
        """The lease of `name`: the holder's own, renewed or new, or another's that is still running (`Locks.acquire`).

        Raises:
            ValueError: `seconds` is not positive.
        """
        if not seconds > 0.0:
            msg = f"a lease of {seconds} s on {name} would never be held"
            raise ValueError(msg)
        now = self._now()
        present, token, until = self._leases.get(name, ("", 0, now))
        if until > now and present != holder:
            return Grant(holder=present, token=token, seconds=until - now)
        if until <= now:
            token += 1
        self._leases[name] = (holder, token, now + seconds)
        return Grant(holder=holder, token=token, seconds=seconds)

    def release(self, name: str, holder: str, token: int) -> None:
        """End the lease if it is still this one (`Locks.release`)."""
        now = self._now()
        if self._leases.get(name, ("", 0, now))[:2] == (holder, token):
            self._leases[name] = (holder, token, now)


class DirectLocks:
    """One server's port to leases that are granted at once (`Locks`)."""

    __slots__ = ("_leases", "_runtime")

    def __init__(self, leases: LeaseTable, runtime: SimRuntime) -> None:
        self._leases = leases
        self._runtime = runtime

    async def acquire(self, name: str, holder: str, seconds: float, *, timeout: float) -> Lease:
        """The lease, one's own or another's."""
        self._runtime.begin_call()
        grant = self._leases.acquire(name, holder, seconds)
        return _lease(name, grant, since=self._runtime.now())

    async def release(self, lease: Lease, *, timeout: float) -> None:
        """Give the lease back early."""
        self._runtime.begin_call()
        self._leases.release(lease.name, lease.holder, lease.token)


class ServedLocks:
    """One server's port to leases that take their time and may fail (`Locks`); a call is known by the lease's name."""

    __slots__ = ("_call", "_leases", "_runtime")

    def __init__(self, leases: LeaseTable, line: Line) -> None:
        self._leases = leases
        self._runtime = line.runtime
        self._call = line.call

    async def acquire(self, name: str, holder: str, seconds: float, *, timeout: float) -> Lease:
        """The lease, one's own or another's."""
        since = self._runtime.now()
        grant = await self._call("acquire", name, timeout, lambda: self._leases.acquire(name, holder, seconds))
        return _lease(name, grant, since=since)

    async def release(self, lease: Lease, *, timeout: float) -> None:
        """Give the lease back early."""
        await self._call(
            "release", lease.name, timeout, lambda: self._leases.release(lease.name, lease.holder, lease.token)
        )


def _lease(name: str, grant: Grant, *, since: float) -> Lease:
    return Lease(name, grant.holder, grant.token, since + grant.seconds)
