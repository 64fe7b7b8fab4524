"""The servers of a model, and the backends behind their ports.

Both are settings of production: a server has the same limits and time-outs in the simulated world as in the live one.
A backend is a station with `capacity` places: an operation waits for a place, is served for a random time, and may
fail. *Unavailable* means that nothing was done; a time-out may come before the effect or after it, and the caller
cannot tell.
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta

from imsim.scenario.values import Bytes, Count, Delay, Name, Seconds, Section, Shape, Share

__all__ = ["Backend", "Backends", "Durability", "KeyValueBackend", "LogBackend", "QueueBackend", "Retention"]
__all__ += ["Servers", "Timeouts"]

_Positive = Annotated[float, Meta(ge=0.001, le=3660 * 86400.0, extra={"unit": "seconds"})]
_Age = Annotated[float, Meta(ge=1, le=3660 * 86400.0, extra={"unit": "seconds"})]
"""A server looks several times in it for what has become older."""


class Retention(Section, frozen=True, kw_only=True):
    """What of a conversation's log is kept; what goes is told to devices as trimmed."""

    entries: Annotated[Count | None, Meta(description="Entries kept of each conversation; none: all.")] = None
    age: Annotated[_Age | None, Meta(description="Entries older than this are trimmed; none: never.")] = None


class Timeouts(Section, frozen=True, kw_only=True):
    """How long a server waits for each of its ports."""

    log: Annotated[_Positive, Meta(description="The message log.")] = 2.0
    kv: Annotated[_Positive, Meta(description="The key-value store.")] = 2.0
    queue: Annotated[_Positive, Meta(description="The queue.")] = 2.0
    locks: Annotated[_Positive, Meta(description="Leases.")] = 2.0
    peers: Annotated[_Positive, Meta(description="Other servers.")] = 2.0


class Servers(Section, frozen=True, kw_only=True):
    """The servers, numbered from 1, and what they allow."""

    count: Annotated[Annotated[int, Meta(ge=1, le=1000)], Meta(description="How many there are.")] = 1
    sites: Annotated[
        tuple[Name, ...], Meta(description="Sites over which they are spread in turn; empty: the first site.")
    ] = ()
    restart: Annotated[Seconds, Meta(description="From the start of a server's process until it listens.")] = 1.0
    lease: Annotated[_Positive, Meta(description="Length of a conversation's lease.")] = 10.0
    mailbox: Annotated[
        Count, Meta(description="Requests that may wait for one conversation; more are told to come later.")
    ] = 1000
    fanout: Annotated[
        Annotated[int, Meta(ge=0, le=10_000_000)],
        Meta(description="Up to so many members, what they miss is stored for each (write fan-out); above, read."),
    ] = 100
    offline_cap: Annotated[
        Count, Meta(description="Entries stored for an offline user and conversation; more are read from the log.")
    ] = 1000
    window: Annotated[
        Annotated[int, Meta(ge=1, le=100_000)], Meta(description="Pushed entries that may be unacknowledged.")
    ] = 64
    page: Annotated[Annotated[int, Meta(ge=1, le=100_000)], Meta(description="Entries of a page at most.")] = 100
    content: Annotated[Bytes, Meta(description="Largest content of a message.")] = 65536
    ping: Annotated[_Positive, Meta(description="Time between two pings of a quiet connection.")] = 25.0
    silence: Annotated[_Positive, Meta(description="A connection without a frame for this long is dead.")] = 40.0
    resume: Annotated[Seconds, Meta(description="How long a lost session may be resumed.")] = 60.0
    retention: Annotated[Retention, Meta(description="What is kept of the log.")] = Retention()
    idempotency: Annotated[_Age, Meta(description="Claims of an install that is silent for longer are dropped.")] = (
        7 * 86400.0
    )
    reoffer_window: Annotated[
        Seconds, Meta(description="After a failover, how long senders may offer the lost tail again.")
    ] = 60.0
    tick: Annotated[_Positive, Meta(description="Resolution of the server's own timers.")] = 0.1
    presence: Annotated[bool, Meta(description="Whether servers keep track of who is there.")] = True
    timeouts: Annotated[Timeouts, Meta(description="How long a server waits for each port.")] = Timeouts()


class Backend(Section, frozen=True, kw_only=True):
    """One backend: its speed and its faults."""

    service: Annotated[Delay, Meta(description="Time to serve one operation.")] = Delay()
    capacity: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None,
        Meta(description="Operations served at once; more wait. none: no limit."),
    ] = None
    unavailable: Annotated[Share, Meta(description="Share of operations refused, and not done.")] = 0.0
    timeout_before: Annotated[Share, Meta(description="Share that time out and were not done.")] = 0.0
    timeout_after: Annotated[Share, Meta(description="Share that time out although they were done.")] = 0.0


class Durability(enum.StrEnum):
    """What an acknowledged write is worth."""

    QUORUM = "quorum"
    ASYNC = "async"


class LogBackend(Backend, frozen=True, kw_only=True):
    """The message log."""

    durability: Annotated[
        Durability, Meta(description="quorum (never lost) or async (a failover may lose the tail).")
    ] = Durability.QUORUM
    replica_lag: Annotated[Delay, Meta(description="async: how far the replica is behind.")] = Delay(
        distribution=Shape.EXPONENTIAL, mean=0.05
    )


class KeyValueBackend(Backend, frozen=True, kw_only=True):
    """The key-value store: claims, counters, floors."""

    lag: Annotated[Delay, Meta(description="How far a read that need not be fresh may be behind.")] = Delay()


class QueueBackend(Backend, frozen=True, kw_only=True):
    """The queue of fan-out."""

    redelivery: Annotated[Share, Meta(description="Share of deliveries that come once more.")] = 0.0


class Backends(Section, frozen=True, kw_only=True):
    """One backend a port."""

    log: Annotated[LogBackend, Meta(description="The message log.")] = LogBackend()
    kv: Annotated[KeyValueBackend, Meta(description="The key-value store.")] = KeyValueBackend()
    queue: Annotated[QueueBackend, Meta(description="The queue.")] = QueueBackend()
    locks: Annotated[Backend, Meta(description="Leases.")] = Backend()
    peers: Annotated[Backend, Meta(description="Calls from server to server.")] = Backend()
