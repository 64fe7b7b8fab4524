"""The key-value store as a plain state: one map with compare-and-set, expiry, counters, and a replica that lags.

The primary is linearizable because it is one map that one call at a time touches. The **replica** is what
`get(fresh=False)` may read: the same map as it was `replica_lag` seconds ago. Nothing is copied for it; each write
leaves the value that it replaced, and a stale read walks back over those that are younger than the lag.

A key **expires** at a moment of virtual time. Expired means gone for every operation, whether or not anybody has
looked since: there is no sweep whose timing could be observed.

Two ports lead to the same map: `DirectKeyValue` answers at once, `ServedKeyValue` as its desk allows.

What does not belong here: the meaning of a claim or a floor (protocol/server/), and what goes wrong (service.py).
"""

# ruff: noqa: ARG002 - every call of a port takes its time-out; one that answers at once has no use for it
from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING

from imsim.errors import AlgorithmError
from imsim.ports import Swap, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imsim.sim.backends.line import Line
    from imsim.sim.runtime import Incarnation

__all__ = ["DirectKeyValue", "ServedKeyValue", "ValueMap"]

_Superseded = tuple[float, Value | None, float | None]
"""When a value was replaced, the value (None: nothing), and when it would have expired (None: never)."""


class ValueMap:
    """Every key and its value; shared by all servers, and untouched by their crashes.

    Args:
        now: gives the present moment in seconds.
        replica_lag: seconds by which a read that need not be fresh is behind.

    Raises:
        ValueError: `replica_lag` is negative.
    """

    __slots__ = ("_expiry", "_history", "_lag", "_next_to_expire", "_now", "_values")

    def __init__(self, now: Callable[[], float], *, replica_lag: float = 0.0) -> None:
        if not replica_lag >= 0.0:
            msg = f"a replica lag of {replica_lag} s is negative"
            raise ValueError(msg)
        self._now = now
        self._lag = replica_lag
        self._values: dict[str, Value] = {}
        self._expiry: dict[str, float] = {}
        self._next_to_expire: list[tuple[float, str]] = []
        """A heap with one place a key that expires, at a moment that may have been put off since."""
        self._history: dict[str, deque[_Superseded]] = {}

    def get(self, key: str, *, fresh: bool = True) -> Value | None:
        """The value, or None (`KeyValue.get`)."""
        if not fresh and self._lag:
            return self._stale(key)
        if key in self._expiry:
            self._expire(key)
        return self._values.get(key)

    def compare_and_set(
        self, key: str, expected: Value | None, new: Value | None, *, expires_in: float | None = None
    ) -> Swap:
        """Put `new` if `expected` is there (`KeyValue.compare_and_set`).

        Raises:
            ValueError: `expires_in` is not positive.
        """
        if expires_in is not None and not expires_in > 0.0:
            msg = f"{key}: an expiry in {expires_in} s is not in the future"
            raise ValueError(msg)
        if key in self._expiry:
            self._expire(key)
        present = self._values.get(key)
        if present != expected:
            return Swap(done=False, present=present)
        if self._lag:
            self._note(key)
        if new is None:
            self._values.pop(key, None)
        else:
            self._values[key] = new
        if expires_in is not None and new is not None:
            until = self._now() + expires_in
            if key not in self._expiry:
                heapq.heappush(self._next_to_expire, (until, key))
            self._expiry[key] = until
            self._forget_expired()
        elif key in self._expiry:
            del self._expiry[key]
        return Swap(done=True, present=new)

    def increment(self, key: str, by: int = 1) -> int:
        """Add to a counter that starts at 0 (`KeyValue.increment`).

        Raises:
            AlgorithmError: something else than a number is there.
        """
        return self._count(key, self._counter(key) + by)

    def raise_to(self, key: str, least: int) -> int:
        """Raise a counter to at least `least` (`KeyValue.raise_to`).

        Raises:
            AlgorithmError: something else than a number is there.
        """
        present = self._counter(key)
        return self._count(key, least) if least > present else present

    def __iter__(self) -> Iterator[str]:
        """All keys, those of expired values that were not forgotten yet included."""
        return iter(self._values)

    def drop(self, prefix: str) -> None:
        """Forget every value whose key begins with `prefix`: what the world does to a cache."""
        for key in [key for key in self._values if key.startswith(prefix)]:
            if self._lag:
                self._note(key)
            del self._values[key]
            self._expiry.pop(key, None)

    def _counter(self, key: str) -> int:
        if key in self._expiry:
            self._expire(key)
        value = self._values.get(key, 0)
        if type(value) is not int:
            msg = f"{key} holds {value!r}, which is no counter"
            raise AlgorithmError(msg)
        return value

    def _count(self, key: str, value: int) -> int:
        if self._lag:
            self._note(key)
        self._values[key] = value
        return value

    def _expire(self, key: str) -> None:
        """Drop the value if its moment has come."""
        until = self._expiry[key]
        if until <= self._now():
            if self._lag:
                self._note(key, at=until)
            del self._values[key], self._expiry[key]

    def _forget_expired(self) -> None:
        """Drop some of what nobody asks for any more: twice as fast as it can come."""
        now, heap = self._now(), self._next_to_expire
        for _ in range(2):
            if not heap or heap[0][0] > now:
                return
            _, key = heapq.heappop(heap)
            until = self._expiry.get(key)
            if until is None:
                continue
            if until <= now:
                self._expire(key)
            else:
                heapq.heappush(heap, (until, key))

    def _note(self, key: str, *, at: float | None = None) -> None:
        """Keep what is there for the replica; called before it is replaced, or as of its expiry `at`."""
        now = self._now()
        past = self._history.setdefault(key, deque())
        horizon = now - self._lag
        while past and past[0][0] <= horizon:
            past.popleft()
        past.append((now if at is None else at, self._values.get(key), self._expiry.get(key)))

    def _stale(self, key: str) -> Value | None:
        """The value as it was a lag ago."""
        moment = self._now() - self._lag
        for replaced, value, until in self._history.get(key, ()):
            if replaced > moment:
                return value if until is None or until > moment else None
        until = self._expiry.get(key)
        return self._values.get(key) if until is None or until > moment else None


class DirectKeyValue:
    """One server's port to a store that answers at once and never fails (`KeyValue`)."""

    __slots__ = ("_me", "_values")

    def __init__(self, values: ValueMap, me: Incarnation) -> None:
        self._values = values
        self._me = me

    async def get(self, key: str, *, fresh: bool = True, timeout: float) -> Value | None:
        """The value, or None."""
        if not self._me.alive:
            raise GeneratorExit
        return self._values.get(key, fresh=fresh)

    async def compare_and_set(
        self, key: str, expected: Value | None, new: Value | None, *, expires_in: float | None = None, timeout: float
    ) -> Swap:
        """Put `new` if `expected` is there."""
        if not self._me.alive:
            raise GeneratorExit
        return self._values.compare_and_set(key, expected, new, expires_in=expires_in)

    async def increment(self, key: str, by: int = 1, *, timeout: float) -> int:
        """Add to a counter."""
        if not self._me.alive:
            raise GeneratorExit
        return self._values.increment(key, by)

    async def raise_to(self, key: str, least: int, *, timeout: float) -> int:
        """Raise a counter."""
        if not self._me.alive:
            raise GeneratorExit
        return self._values.raise_to(key, least)


class ServedKeyValue:
    """One server's port to a store that takes its time and may fail (`KeyValue`); a call is known by its key."""

    __slots__ = ("_call", "_values")

    def __init__(self, values: ValueMap, line: Line) -> None:
        self._values = values
        self._call = line.call

    async def get(self, key: str, *, fresh: bool = True, timeout: float) -> Value | None:
        """The value, or None."""
        return await self._call("get", key, timeout, lambda: self._values.get(key, fresh=fresh))

    async def compare_and_set(
        self, key: str, expected: Value | None, new: Value | None, *, expires_in: float | None = None, timeout: float
    ) -> Swap:
        """Put `new` if `expected` is there."""
        return await self._call(
            "compare_and_set",
            key,
            timeout,
            lambda: self._values.compare_and_set(key, expected, new, expires_in=expires_in),
        )

    async def increment(self, key: str, by: int = 1, *, timeout: float) -> int:
        """Add to a counter."""
        return await self._call("increment", key, timeout, lambda: self._values.increment(key, by))

    async def raise_to(self, key: str, least: int, *, timeout: float) -> int:
        """Raise a counter."""
        return await self._call("raise_to", key, timeout, lambda: self._values.raise_to(key, least))
