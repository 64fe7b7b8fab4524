"""Asking again: every call of the log, of the key-value store and of the locks is tried a few times.

A backend that fails one call in three is a bad one and not a broken one, yet a handler that makes ten calls and stops
at the first failure would succeed once in sixty times. So the rest of the server is given ports that ask again, and
`Unavailable` or `Timeout` there means that all tries of one call failed.

That is safe because every one of these calls means the same when it is made twice, also if the first took effect unseen
or lands after the second:

* reads, `state`, `peek`;
* `write` fills a slot that is empty, and then says whose it is; `commit`, `trim` and `raise_to` only rise;
* `compare_and_set` names the value that is there. Repeated after it was done, it fails and names just what it put.
  Should that be gone again meanwhile, it is put again, as by anybody who comes later: whoever puts a claim looks at the
  floor afterwards (claims.py);
* `increment` burns a number, and numbers are reserved to be burnt (server/accept.py);
* `acquire` renews the holder's own lease.

Publishing to a queue is not among them: a value would be there twice (server/delivery.py repeats it knowingly); and
neither are calls of peers, which are forwarded on behalf of a device that asks again itself.

Not here: waiting between tries. What is to be tried much later is somebody's work, and a handler must not wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from imsim.errors import Timeout, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from imsim.ports import Durability, KeyValue, Lease, Locks, LogState, MessageLog, Swap, Taken, Value, Written
    from imsim.protocol.frames import Entry

__all__ = ["PatientKeyValue", "PatientLocks", "PatientLog"]

T = TypeVar("T")


async def _again(tries: int, call: Callable[..., Coroutine[Any, Any, T]], *subject: object, **how: object) -> T:
    for _ in range(tries - 1):
        try:
            return await call(*subject, **how)
        except (Unavailable, Timeout):
            continue
    return await call(*subject, **how)


class PatientLog:
    """A log each of whose calls is tried `tries` times (`MessageLog`)."""

    __slots__ = ("_log", "_tries")

    def __init__(self, log: MessageLog, tries: int) -> None:
        self._log = log
        self._tries = tries

    @property
    def durability(self) -> Durability:
        """What an acknowledged write is worth."""
        return self._log.durability

    def write(
        self, conversation: str, epoch: int, seq: int, entry: Entry, token: int, *, timeout: float
    ) -> Coroutine[Any, Any, Written | Taken]:
        """Fill the slot if it is empty."""
        return _again(self._tries, self._log.write, conversation, epoch, seq, entry, token, timeout=timeout)

    def read(self, conversation: str, low: int, high: int, *, timeout: float) -> Coroutine[Any, Any, Sequence[Entry]]:
        """The entries of committed slots."""
        return _again(self._tries, self._log.read, conversation, low, high, timeout=timeout)

    def peek(self, conversation: str, seq: int, *, timeout: float) -> Coroutine[Any, Any, Entry | None]:
        """What is in the slot."""
        return _again(self._tries, self._log.peek, conversation, seq, timeout=timeout)

    def commit(self, conversation: str, epoch: int, upto: int, *, timeout: float) -> Coroutine[Any, Any, int]:
        """Raise the committed prefix."""
        return _again(self._tries, self._log.commit, conversation, epoch, upto, timeout=timeout)

    def state(self, conversation: str, *, timeout: float) -> Coroutine[Any, Any, LogState]:
        """Where the log ends and begins."""
        return _again(self._tries, self._log.state, conversation, timeout=timeout)

    def trim(self, conversation: str, below: int, *, timeout: float) -> Coroutine[Any, Any, int]:
        """Drop committed slots."""
        return _again(self._tries, self._log.trim, conversation, below, timeout=timeout)


class PatientKeyValue:
    """A key-value store each of whose calls is tried `tries` times (`KeyValue`)."""

    __slots__ = ("_kv", "_tries")

    def __init__(self, kv: KeyValue, tries: int) -> None:
        self._kv = kv
        self._tries = tries

    def get(self, key: str, *, fresh: bool = True, timeout: float) -> Coroutine[Any, Any, Value | None]:
        """The value, or None."""
        return _again(self._tries, self._kv.get, key, fresh=fresh, timeout=timeout)

    def compare_and_set(
        self, key: str, expected: Value | None, new: Value | None, *, expires_in: float | None = None, timeout: float
    ) -> Coroutine[Any, Any, Swap]:
        """Put `new` if `expected` is there; look at the value that is there now, and not at whether it was done."""
        return _again(self._tries, self._kv.compare_and_set, key, expected, new, expires_in=expires_in, timeout=timeout)

    def increment(self, key: str, by: int = 1, *, timeout: float) -> Coroutine[Any, Any, int]:
        """Add to a counter, perhaps several times."""
        return _again(self._tries, self._kv.increment, key, by, timeout=timeout)

    def raise_to(self, key: str, least: int, *, timeout: float) -> Coroutine[Any, Any, int]:
        """Raise a counter."""
        return _again(self._tries, self._kv.raise_to, key, least, timeout=timeout)


class PatientLocks:
    """Leases each call for which is tried `tries` times (`Locks`)."""

    __slots__ = ("_locks", "_tries")

    def __init__(self, locks: Locks, tries: int) -> None:
        self._locks = locks
        self._tries = tries

    def acquire(self, name: str, holder: str, seconds: float, *, timeout: float) -> Coroutine[Any, Any, Lease]:
        """The lease, one's own or another's."""
        return _again(self._tries, self._locks.acquire, name, holder, seconds, timeout=timeout)

    def release(self, lease: Lease, *, timeout: float) -> Coroutine[Any, Any, None]:
        """Give the lease back early."""
        return _again(self._tries, self._locks.release, lease, timeout=timeout)
