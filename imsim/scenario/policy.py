"""The settings that a study compares: how devices synchronise, and how everything is retried.

The sync section is flat: it holds the settings of every strategy, and `strategy` says which of them count. So one
override is enough to try another strategy. `config()` gives the strategy itself.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

from msgspec import Meta

from imsim.protocol import sync
from imsim.protocol.retry import Breaker, EqualJitter, FullJitter, RetryBudget, RetryPolicy, Stability
from imsim.scenario.values import Seconds, Section

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Retry", "StrategyName", "Sync"]

_Hour = Annotated[int, Meta(ge=0, le=24, extra={"unit": "hour of the day"})]
_Interval = Annotated[float, Meta(ge=0.01, le=30 * 86400.0, extra={"unit": "seconds"})]


class StrategyName(enum.StrEnum):
    """The strategies by the name that a Hello carries."""

    PUSH = "push"
    POLL = "poll"
    LONG_POLL = "long_poll"
    HYBRID = "hybrid"
    ADAPTIVE = "adaptive"


class Sync(Section, frozen=True, kw_only=True):
    """When a device learns of what is new."""

    shorthand: ClassVar[str] = "strategy"

    strategy: Annotated[StrategyName, Meta(description="push, poll, long_poll, hybrid or adaptive.")] = (
        StrategyName.HYBRID
    )
    interval: Annotated[_Interval, Meta(description="poll: time between two rounds.")] = 60.0
    rest: Annotated[bool, Meta(description="poll: leave the connection between two rounds.")] = False
    hold: Annotated[_Interval, Meta(description="long_poll: how long a question is held open.")] = 30.0
    check: Annotated[
        _Interval, Meta(description="hybrid: time between two position checks, which find a lost last push.")
    ] = 40.0
    least: Annotated[_Interval, Meta(description="adaptive: shortest interval.")] = 5.0
    most: Annotated[_Interval, Meta(description="adaptive: longest interval.")] = 300.0
    busy: Annotated[
        tuple[_Hour, _Hour], Meta(description="adaptive: hours of activity; outside, the longest interval holds.")
    ] = (7, 23)
    rest_above: Annotated[
        Seconds, Meta(description="adaptive: a longer interval than this is spent without a connection.")
    ] = 60.0
    gap_wait: Annotated[
        Seconds, Meta(description="How long a device waits for a missing push before it asks for the gap.")
    ] = 0.5
    page: Annotated[
        Annotated[int, Meta(ge=1, le=10_000)], Meta(description="Entries that a device asks for at once.")
    ] = 100

    def config(self) -> sync.SyncConfig:
        """The strategy with its settings, as device and session use it."""
        return _STRATEGIES[self.strategy](self)


_STRATEGIES: Final[dict[StrategyName, Callable[[Sync], sync.SyncConfig]]] = {
    StrategyName.PUSH: lambda _: sync.Push(),
    StrategyName.POLL: lambda own: sync.Poll(interval=own.interval, rest=own.rest),
    StrategyName.LONG_POLL: lambda own: sync.LongPoll(hold=own.hold),
    StrategyName.HYBRID: lambda own: sync.Hybrid(check=own.check),
    StrategyName.ADAPTIVE: lambda own: sync.Adaptive(
        least=own.least, most=max(own.least, own.most), busy=own.busy, rest_above=own.rest_above
    ),
}


class Retry(Section, frozen=True, kw_only=True):
    """What is tried again, when, and for how long."""

    send: Annotated[RetryPolicy, Meta(description="Sends that are not answered.")] = EqualJitter(base=2.0, cap=60.0)
    push: Annotated[
        RetryPolicy, Meta(description="Pushes that are not acknowledged; giving up closes the session.")
    ] = EqualJitter(base=2.0, cap=30.0, attempts=8)
    connect: Annotated[RetryPolicy, Meta(description="Connections that fail or are lost.")] = FullJitter(
        base=1.0, cap=30.0
    )
    ask: Annotated[RetryPolicy, Meta(description="Questions of catch-up that are not answered.")] = EqualJitter(
        base=2.0, cap=30.0
    )
    deadline: Annotated[
        Seconds | None, Meta(description="A message not accepted by then is given up and cancelled; none: never.")
    ] = None
    stability: Annotated[Stability, Meta(description="When connect attempts count from the start again.")] = Stability()
    budget: Annotated[RetryBudget | None, Meta(description="Bound retries to a share of requests; none: no.")] = None
    breaker: Annotated[Breaker | None, Meta(description="Stop asking a server that fails; none: no.")] = None
