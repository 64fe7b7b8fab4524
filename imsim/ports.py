"""The few small interfaces between the algorithms and a world, each with a written promise.

protocol/ knows only these. sim/backends.py keeps the promises in virtual time and breaks on purpose what may break;
adapters/ keeps them with SQLite, Redis, Kafka and the rest. Both pass the same conformance suite.

Two errors matter and only two (errors.py): `Unavailable` says *not done*; `Timeout` says *unknown*, and it may
still land later. Every awaitable call of a port takes `timeout` in seconds. Values are immutable and passed as they
are: strings, integers or frozen msgspec structs, which an adapter encodes so that equal values give equal bytes.

Nothing here has behaviour.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator, Iterable, Sequence

    from imsim.protocol.frames import Entry, Frame  # noqa: TC004 (ports stand below; `Taken` is never decoded)

__all__ = [
    "FENCED",
    "FIRST_EPOCH",
    "OK",
    "Clock",
    "Consumer",
    "Draws",
    "Durability",
    "EpochState",
    "Future",
    "KeyValue",
    "Lease",
    "Link",
    "LocalStore",
    "Locks",
    "LogState",
    "MessageLog",
    "Peers",
    "PlatformPush",
    "Queue",
    "Queued",
    "Randomness",
    "Runtime",
    "Swap",
    "Taken",
    "Value",
    "Written",
]

T = TypeVar("T")

Value = Any
"""A string, an integer or a frozen msgspec struct."""


# ---------------------------------------------------------------------------------------------- time and concurrency


class Clock(Protocol):
    """Monotonic seconds, and wall time apart from them: wall clocks skew and jump."""

    def now(self) -> float:
        """Monotonic seconds since some fixed moment of this node's life."""
        ...

    def wall(self) -> float:
        """Seconds since the Unix epoch, as this node believes."""
        ...


class Draws(Protocol):
    """Random numbers for one decision; `random.Random` is one."""

    def random(self) -> float:
        """Uniform in [0, 1)."""
        ...

    def uniform(self, a: float, b: float, /) -> float:
        """Uniform in [a, b]."""
        ...


class Randomness(Protocol):
    """Where an algorithm gets its randomness: by the name of what is decided, so that a simulation can answer alike."""

    def at(self, subject: str, occurrence: int) -> Draws:
        """The numbers for the `occurrence`-th decision about `subject` (production: one shared generator)."""
        ...


class Future(Protocol[T]):
    """A value that arrives once; awaitable by any number of coroutines."""

    def __await__(self) -> Generator[Any, Any, T]:
        """Wait for the value, or raise the exception."""
        ...

    def done(self) -> bool:
        """Whether the value or the exception is there."""
        ...

    def set_result(self, value: T) -> None:
        """Hand the value over; a second call is ignored."""
        ...

    def set_exception(self, error: BaseException) -> None:
        """Hand an exception over; a second call is ignored."""
        ...


class Runtime(Clock, Protocol):
    """The server's whole vocabulary of concurrency. What may go wrong: the node dies, and then nothing continues."""

    random: Randomness

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run `coroutine` beside its caller; an exception that escapes it is a bug and stops the world."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` of monotonic time pass."""
        ...

    def future(self) -> Future[Any]:
        """A new, empty future."""
        ...


# ---------------------------------------------------------------------------------------------- the log


class Durability(enum.Enum):
    """What a log promises about an acknowledged write."""

    QUORUM = "quorum"
    """Acknowledged is never lost; epochs never change."""
    ASYNC = "async"
    """A failover may lose the tail, and begins a new epoch."""


class Written(enum.Enum):
    """The plain answers to `MessageLog.write`."""

    OK = "ok"
    FENCED = "fenced"
    """A newer token has written, or the epoch is sealed."""


OK = Written.OK
FENCED = Written.FENCED

FIRST_EPOCH: Final = 1
"""The epoch of a log that never failed over; each failover begins the next one."""


class Taken(msgspec.Struct, frozen=True, gc=False):
    """The slot was filled before, by `entry`."""

    entry: Entry


class EpochState(msgspec.Struct, frozen=True, gc=False):
    """The present epoch of a conversation and the last slot that the epoch before it kept."""

    epoch: int
    cut: int


class LogState(msgspec.Struct, frozen=True, gc=False):
    """Where a conversation's log ends and begins, and where its epochs did.

    Attributes:
        epoch: the present one, counted from 1.
        cut: the last slot that it took over from the one before.
        committed: the end of the committed prefix.
        trimmed_below: the lowest slot that is still there.
        cuts: the cut of every epoch from the second on; the last one is `cut`.
    """

    epoch: int
    cut: int
    committed: int
    trimmed_below: int = 1
    cuts: tuple[int, ...] = ()


class MessageLog(Protocol):
    """The only truth: numbered slots a conversation, each filled once (put-if-empty).

    What may go wrong: `Unavailable`, `Timeout`; with `Durability.ASYNC` a failover.
    """

    @property
    def durability(self) -> Durability:
        """What an acknowledged write is worth."""
        ...

    async def write(
        self, conversation: str, epoch: int, seq: int, entry: Entry, token: int, *, timeout: float
    ) -> Written | Taken:
        """Fill the slot if it is empty; repeating an unknown write is safe.

        `FENCED` where the epoch is sealed or a larger token wrote.
        """
        ...

    async def read(self, conversation: str, low: int, high: int, *, timeout: float) -> Sequence[Entry]:
        """The entries of committed slots in `low..high`, rising; trimmed slots are left out."""
        ...

    async def peek(self, conversation: str, seq: int, *, timeout: float) -> Entry | None:
        """What is in the slot of the present epoch, committed or not."""
        ...

    async def commit(self, conversation: str, epoch: int, upto: int, *, timeout: float) -> int:
        """Raise the committed prefix towards `upto`, never past an empty slot; returns where it is now."""
        ...

    async def state(self, conversation: str, *, timeout: float) -> LogState:
        """Epoch, cut, committed prefix and the lowest slot that is still there."""
        ...

    async def trim(self, conversation: str, below: int, *, timeout: float) -> int:
        """Drop the committed slots below `below`; returns the lowest slot that is still there."""
        ...


# ---------------------------------------------------------------------------------------------- key-value


class Swap(msgspec.Struct, frozen=True, gc=False):
    """The answer of `compare_and_set`: whether it was done, and the value that is there now."""

    done: bool
    present: Value


class KeyValue(Protocol):
    """A map with compare-and-set. What may go wrong: the same; `get(fresh=False)` may lag."""

    async def get(self, key: str, *, fresh: bool = True, timeout: float) -> Value | None:
        """The value; linearizable if `fresh`."""
        ...

    async def compare_and_set(
        self, key: str, expected: Value | None, new: Value | None, *, expires_in: float | None = None, timeout: float
    ) -> Swap:
        """Put `new` (None: delete) if `expected` is there (None: nothing is there)."""
        ...

    async def increment(self, key: str, by: int = 1, *, timeout: float) -> int:
        """Add to a durable counter that starts at 0; returns the new value."""
        ...

    async def raise_to(self, key: str, least: int, *, timeout: float) -> int:
        """Raise a counter to at least `least`; returns the new value."""
        ...


# ---------------------------------------------------------------------------------------------- queue and locks


class Queued(msgspec.Struct, frozen=True, gc=False):
    """One delivery of a queued value; `tag` is what acknowledges it, `delivery` counts from 1."""

    topic: str
    key: str
    value: Value
    tag: int
    delivery: int = 1


class Consumer(Protocol):
    """One member's view of a topic."""

    async def receive(self, limit: int) -> Sequence[Queued]:
        """Wait for at least one delivery; redelivery may happen inside a batch too. Never times out."""
        ...

    async def ack(self, tags: Iterable[int], *, timeout: float) -> None:
        """These deliveries are handled; unacknowledged ones come again."""
        ...


class Queue(Protocol):
    """At least once, ordered by key, explicit acknowledgement. Poison messages are the consumer's to set aside."""

    async def publish(self, topic: str, key: str, value: Value, *, timeout: float) -> None:
        """Hand a value over; after `Timeout` it may or may not be there."""
        ...

    async def subscribe(self, topic: str, group: str, *, timeout: float) -> Consumer:
        """Join `group`: every group receives every value, one member of it each."""
        ...


class Lease(msgspec.Struct, frozen=True, gc=False):
    """The right to act until `until` (monotonic seconds of the holder); `token` rises with each new holder."""

    name: str
    holder: str
    token: int
    until: float


class Locks(Protocol):
    """Leases with fencing tokens that the log checks. What may go wrong: a lease expires while its holder is paused."""

    async def acquire(self, name: str, holder: str, seconds: float, *, timeout: float) -> Lease:
        """The lease: the holder's own (renewed, same token), or another's that is still running."""
        ...

    async def release(self, lease: Lease, *, timeout: float) -> None:
        """Give the lease back early; nothing happens if it is no longer held."""
        ...


class Peers(Protocol):
    """Calls from one server to another. `Timeout`: the other may or may not have done it."""

    node: str

    async def call(self, node: str, request: Value, *, timeout: float) -> Value:
        """Ask `node`; `Unavailable` if it is not there."""
        ...


# ---------------------------------------------------------------------------------------------- the device's disk


class LocalStore(Protocol):
    """The disk of one device, synchronous. What may go wrong: the disk is full, the process dies before or after.

    Records are frozen structs (protocol/records.py); one with the key of an older one replaces it.
    """

    def records(self) -> Iterable[Any]:
        """Everything that was written and not replaced, in the order of writing."""
        ...

    def rows(self, conversation: str, low: int, high: int) -> Sequence[Entry]:
        """The rows of the durable view with `low <= seq <= high`, rising."""
        ...

    def row(self, client_id: str) -> Entry | None:
        """The row of one message."""
        ...

    def write(self, records: Sequence[Any]) -> None:
        """All of `records` or none, durable when it returns.

        Raises:
            WorldError: it failed, nothing was written; the device must stop.
        """
        ...


# ---------------------------------------------------------------------------------------------- the server's edges


class Link(Protocol):
    """The server's end of one connection. Frames may be lost, doubled, reordered; or stall and be cut."""

    def send(self, frame: Frame) -> None:
        """Hand a frame over; nothing is known of its fate."""
        ...

    def close(self, reason: str) -> None:
        """Close this end."""
        ...


class PlatformPush(Protocol):
    """The push service of the phone's maker: wakes apps that are not connected; late, lossy, coalescing."""

    def hint(self, users: Sequence[str]) -> None:
        """Something is there for the sleeping devices of these users."""
        ...
