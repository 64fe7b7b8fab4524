"""When to try again, and when to stop: frozen policies, and rules whose state is a value of the caller's.

A failure that many clients share (an outage, a full queue) makes them retry together, and the retries are then the
load that keeps the service down. Three ideas fight that, and each is a pure value here:

* **Spread** the retries: `delay = f(attempt)` with jitter. With c = min(cap, base * multiplier**(attempt - 1)), full
  jitter is U(0, c), equal jitter c/2 + U(0, c/2), and decorrelated jitter min(cap, U(base, 3 * previous)), which
  forgets the attempt and so never lines up again (Brooker, "Exponential Backoff and Jitter", 2015).
* **Bound** them: `attempts`, `deadline`, a budget that pays a share of a retry for each first request, a circuit
  breaker, and a client that drops its own requests once the server accepts too few (Beyer et al., "Site Reliability
  Engineering", chapter 21).
* **Forget failures late**: a server that accepts connections and drops them at once would be hammered by clients that
  reset their attempts on connect; `Stability` resets them once a connection was really accepted and has lived (gRPC's
  connection backoff rule).

`attempt` counts from 1: the attempt that has just failed. `previous` is the delay that was waited before it, 0 where
none was. Time and randomness are handed in; nothing here reads a clock, sleeps or sends.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated, Final, Union

import msgspec
from msgspec import Meta

if TYPE_CHECKING:
    from imsim.ports import Draws

__all__ = [
    "Breaker",
    "BreakerState",
    "Circuit",
    "Cyclic",
    "DecorrelatedJitter",
    "EqualJitter",
    "Exponential",
    "Fixed",
    "FullJitter",
    "RetryBudget",
    "RetryPolicy",
    "Stability",
    "after",
]

WEEK: Final = 7 * 86400.0

_Delay = Annotated[float, Meta(ge=0, le=WEEK, extra={"unit": "seconds"})]
_Positive = Annotated[float, Meta(ge=0.001, le=WEEK, extra={"unit": "seconds"})]


class _Policy(msgspec.Struct, frozen=True, kw_only=True, tag_field="policy", forbid_unknown_fields=True):
    """What every policy has: the two bounds that do not depend on how delays grow."""

    attempts: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None, Meta(description="How often to try in all; none: without end.")
    ] = None
    deadline: Annotated[
        _Delay | None, Meta(description="Give up once the next try would come later than this after the first.")
    ] = None

    def next_delay(self, attempt: int, previous: float, random: Draws) -> float | None:
        """The seconds to wait after the failed `attempt`, or None to give up."""
        if self.attempts is not None and attempt >= self.attempts:
            return None
        return self._delay(attempt, previous, random)

    def least_delay(self, attempt: int, previous: float) -> float:
        """A lower bound in seconds of what `next_delay` would give, without drawing."""
        raise NotImplementedError

    def within(self, delay: float | None, elapsed: float) -> float | None:
        """The delay if a try after it still meets the deadline, `elapsed` seconds after the first try; else None."""
        if delay is None or (self.deadline is not None and elapsed + delay > self.deadline):
            return None
        return delay

    def _delay(self, attempt: int, previous: float, random: Draws) -> float:
        raise NotImplementedError


class _Growing(_Policy, frozen=True, kw_only=True):
    """A ceiling that grows by a factor with each attempt, up to a cap."""

    base: Annotated[_Positive, Meta(description="The ceiling of the first delay.")] = 1.0
    multiplier: Annotated[float, Meta(ge=1, le=100, description="The factor from one ceiling to the next.")] = 2.0
    cap: Annotated[_Positive, Meta(description="The highest ceiling.")] = 30.0

    def ceiling(self, attempt: int) -> float:
        """`min(cap, base * multiplier**(attempt - 1))`, in seconds."""
        try:
            return min(self.cap, self.base * self.multiplier ** (attempt - 1))
        except OverflowError:  # an endless policy after a thousand failures
            return self.cap


class Fixed(_Policy, frozen=True, kw_only=True, tag="fixed"):
    """The same delay each time: simple, and every client that failed together comes back together."""

    base: Annotated[_Positive, Meta(description="The delay.")] = 1.0

    def least_delay(self, attempt: int, previous: float) -> float:  # noqa: ARG002 (the contract of all policies)
        """The delay itself, in seconds."""
        return self.base

    def _delay(self, attempt: int, previous: float, random: Draws) -> float:  # noqa: ARG002
        return self.base


class Exponential(_Growing, frozen=True, kw_only=True, tag="exponential"):
    """The ceiling itself, give or take a share of it: with `jitter = 0` the herd stays together, only rarer.

    gRPC's connection backoff is `Exponential(base=1, multiplier=1.6, cap=120, jitter=0.2)`.
    """

    jitter: Annotated[float, Meta(ge=0, le=1, description="Spread each delay evenly by this share, up and down.")] = 0.0

    def least_delay(self, attempt: int, previous: float) -> float:  # noqa: ARG002
        """The ceiling less the spread, in seconds."""
        return self.ceiling(attempt) * (1.0 - self.jitter)

    def _delay(self, attempt: int, previous: float, random: Draws) -> float:  # noqa: ARG002
        ceiling = self.ceiling(attempt)
        if self.jitter == 0.0:
            return ceiling
        return ceiling * (1.0 + self.jitter * (2.0 * random.random() - 1.0))


class FullJitter(_Growing, frozen=True, kw_only=True, tag="full_jitter"):
    """U(0, ceiling): the widest spread for its mean, at the price of some retries that come at once."""

    def least_delay(self, attempt: int, previous: float) -> float:  # noqa: ARG002
        """Zero."""
        return 0.0

    def _delay(self, attempt: int, previous: float, random: Draws) -> float:  # noqa: ARG002
        return self.ceiling(attempt) * random.random()


class EqualJitter(_Growing, frozen=True, kw_only=True, tag="equal_jitter"):
    """Half fixed, half random: never at once, and the peak is twice that of a spread over the whole ceiling."""

    def least_delay(self, attempt: int, previous: float) -> float:  # noqa: ARG002
        """Half of the ceiling, in seconds."""
        return 0.5 * self.ceiling(attempt)

    def _delay(self, attempt: int, previous: float, random: Draws) -> float:  # noqa: ARG002
        return 0.5 * self.ceiling(attempt) * (1.0 + random.random())


class DecorrelatedJitter(_Policy, frozen=True, kw_only=True, tag="decorrelated_jitter"):
    """min(cap, U(base, multiplier * previous)): grows on average, and depends on luck rather than on the attempt."""

    base: Annotated[_Positive, Meta(description="The shortest delay, and the one from which the first is drawn.")] = 1.0
    multiplier: Annotated[float, Meta(ge=1, le=100, description="How many times the last delay the next may be.")] = 3.0
    cap: Annotated[_Positive, Meta(description="The longest delay.")] = 30.0

    def least_delay(self, attempt: int, previous: float) -> float:  # noqa: ARG002
        """The base (or the cap, where that is less), in seconds."""
        return min(self.cap, self.base)

    def _delay(self, attempt: int, previous: float, random: Draws) -> float:  # noqa: ARG002
        return min(self.cap, random.uniform(self.base, self.multiplier * max(previous, self.base)))


class Cyclic(_Policy, frozen=True, kw_only=True, tag="cyclic"):
    """A written list of delays, gone through again and again.

    OpenIM's reconnect is `Cyclic(delays=(1, 2, 4, 8, 16))`. With `again_from` at the last index the list ends in
    a fixed delay, as Mattermost's does.
    """

    delays: Annotated[
        tuple[_Positive, ...], Meta(min_length=1, max_length=1000, description="The delays in order.")
    ] = (
        1.0,
        2.0,
        4.0,
        8.0,
        16.0,
    )
    again_from: Annotated[
        int, Meta(ge=0, le=999, description="Index (from 0) at which the list goes on after its end.")
    ] = 0
    spread: Annotated[_Delay, Meta(description="Add an even draw between 0 and this to each delay.")] = 0.0

    def least_delay(self, attempt: int, previous: float) -> float:  # noqa: ARG002
        """The written delay, in seconds."""
        delays, index = self.delays, attempt - 1
        if index < len(delays):
            return delays[index]
        again = min(self.again_from, len(delays) - 1)
        return delays[again + (index - again) % (len(delays) - again)]

    def _delay(self, attempt: int, previous: float, random: Draws) -> float:
        least = self.least_delay(attempt, previous)
        return least if self.spread == 0.0 else least + self.spread * random.random()


RetryPolicy = Union[Fixed, Exponential, FullJitter, EqualJitter, DecorrelatedJitter, Cyclic]  # noqa: UP007 (msgspec)
"""What a scenario's `retry` section chooses from, by the key `policy`."""


def after(delay: float | None, retry_after: float | None) -> float | None:
    """The delay when the server named one of its own.

    The server's seconds are a floor, and the policy's delay comes on top of it: clients that were refused together
    were told the same number, and would come back together if the larger of the two were taken.

    Args:
        delay: what the policy gave; None (give up) stays None.
        retry_after: the server's seconds; None if it said nothing.
    """
    return delay if delay is None or retry_after is None else delay + max(0.0, retry_after)


class RetryBudget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most a share of all requests may be retries: a bucket of tokens that first requests fill.

    The state is the number of tokens, a plain float of the caller's; begin with `burst`.
    """

    ratio: Annotated[float, Meta(ge=0, le=1, description="Retries that each first request pays for.")] = 0.1
    burst: Annotated[float, Meta(ge=1, le=1_000_000, description="Retries that may be saved up.")] = 10.0

    def requested(self, tokens: float) -> float:
        """The tokens after one more first request."""
        return min(self.burst, tokens + self.ratio)

    def retried(self, tokens: float) -> float | None:
        """The tokens after one more retry, or None where it cannot be paid for."""
        # tenths do not add up to whole tokens in binary: ten requests must pay for one retry
        return max(0.0, tokens - 1.0) if tokens >= 1.0 - 1e-9 else None


class Circuit(enum.Enum):
    """What a breaker lets through."""

    CLOSED = "closed"
    """Everything."""
    OPEN = "open"
    """Nothing."""
    HALF_OPEN = "half_open"
    """A few probes, which decide."""


class BreakerState(msgspec.Struct, frozen=True, gc=False):
    """Where a breaker stands.

    Attributes:
        circuit: what it lets through.
        count: failures in a row if closed, probes that were let through if half-open.
        since: the moment (monotonic seconds) at which it opened.
    """

    circuit: Circuit = Circuit.CLOSED
    count: int = 0
    since: float = 0.0


class _Signal(enum.Enum):
    COOLED = 1
    FAILED_OFTEN = 2
    FAILED = 3
    SUCCEEDED = 4


_NEXT: Final = {
    (Circuit.CLOSED, _Signal.FAILED_OFTEN): Circuit.OPEN,
    (Circuit.OPEN, _Signal.COOLED): Circuit.HALF_OPEN,
    (Circuit.HALF_OPEN, _Signal.FAILED_OFTEN): Circuit.OPEN,
    (Circuit.HALF_OPEN, _Signal.FAILED): Circuit.OPEN,
    (Circuit.HALF_OPEN, _Signal.SUCCEEDED): Circuit.CLOSED,
    (Circuit.CLOSED, _Signal.SUCCEEDED): Circuit.CLOSED,
}
"""The whole machine; a pair that is not here leaves the circuit as it is (a late answer to an open one)."""


class Breaker(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stop asking a service that fails, and let a few probes find out when it is back (Nygard, "Release It!")."""

    failures: Annotated[int, Meta(ge=1, le=1_000_000, description="Failures in a row that open the circuit.")] = 5
    cool_down: Annotated[_Positive, Meta(description="How long it stays open before probing.")] = 30.0
    probes: Annotated[int, Meta(ge=1, le=1000, description="Probes that may be under way while half-open.")] = 1

    def ask(self, state: BreakerState, now: float) -> tuple[bool, BreakerState]:
        """Whether a request may go out at `now`, and the state after that answer."""
        if state.circuit is Circuit.CLOSED:
            return True, state
        if state.circuit is Circuit.OPEN:
            # the same sum as a driver's timer: `now - since >= cool_down` can miss it by the last bit
            if now < state.since + self.cool_down:
                return False, state
            return True, BreakerState(_NEXT[state.circuit, _Signal.COOLED], 1, state.since)
        if state.count >= self.probes:
            return False, state
        return True, BreakerState(state.circuit, state.count + 1, state.since)

    def succeeded(self, state: BreakerState) -> BreakerState:
        """The state after a request that was answered."""
        circuit = _NEXT.get((state.circuit, _Signal.SUCCEEDED))
        return state if circuit is None else BreakerState(circuit, 0, state.since)

    def failed(self, state: BreakerState, now: float) -> BreakerState:
        """The state after a request that failed, or that was not answered in time, at `now`."""
        often = state.circuit is Circuit.CLOSED and state.count + 1 >= self.failures
        circuit = _NEXT.get((state.circuit, _Signal.FAILED_OFTEN if often else _Signal.FAILED), state.circuit)
        if circuit is not state.circuit:
            return BreakerState(circuit, 0, now)
        return BreakerState(circuit, state.count + 1, state.since) if circuit is Circuit.CLOSED else state


class Stability(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Attempts are reset once a connection has proved stable, and not when it is made."""

    seconds: Annotated[_Delay, Meta(description="How long an accepted connection must live to count.")] = 10.0

    def attempts(self, attempts: int, *, accepted: float | None, ended: float) -> int:
        """The failed attempts to go on counting from, once a connection has ended.

        Args:
            attempts: failed attempts before the connection was made.
            accepted: the moment (monotonic seconds) of the server's Welcome, None if it never came.
            ended: the moment at which the connection ended.

        Returns:
            0 after a stable connection, else `attempts`.
        """
        return 0 if accepted is not None and ended >= accepted + self.seconds else attempts
