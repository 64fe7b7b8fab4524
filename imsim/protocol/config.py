"""How a device behaves: one frozen value, shared by all devices that behave alike."""

from __future__ import annotations

import msgspec

from imsim.protocol.retry import Breaker, EqualJitter, RetryBudget, RetryPolicy
from imsim.protocol.sync import Push, SyncConfig

__all__ = ["DeviceConfig"]


class DeviceConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How a device behaves; durations in seconds.

    Attributes:
        sync: the strategy; both halves know it by its name.
        send: how unanswered sends are repeated; when it gives up, the message is cancelled.
        connect: how reconnecting is spaced.
        ask: how unanswered questions are repeated.
        send_deadline: seconds after which an unaccepted message is given up (None: never).
        gap_wait: how long a gap may fill by itself before it is asked for.
        page: entries asked for at once.
        connect_timeout, hello_timeout: how long connecting and greeting may take.
        budget: what share of sends may be repetitions (None: any).
        breaker: when a server that fails is not asked for a while (None: never).
        stable_after: a session that lasted this long resets the connect policy.
        linger: a visit ends after this many quiet seconds.
    """

    sync: SyncConfig = Push()
    send: RetryPolicy = EqualJitter(base=1.0, cap=30.0, attempts=8)
    connect: RetryPolicy = EqualJitter(base=0.5, cap=20.0)
    ask: RetryPolicy = EqualJitter(base=4.0, cap=30.0)
    send_deadline: float | None = None
    budget: RetryBudget | None = None
    breaker: Breaker | None = None
    gap_wait: float = 0.2
    page: int = 100
    connect_timeout: float = 10.0
    hello_timeout: float = 2.0
    stable_after: float = 30.0
    linger: float = 2.0
