"""What one access link does to a frame: how long it takes, whether it is lost, and when there is no coverage at all.

A link is a *model*, a value that a million devices share; what a single device has of its own is a phase, a queue if
capacity is limited, and a key. Everything here is a function of such a key or of a time: no state, no events, so that
a sleeping device costs nothing.

The 64 random bits of a frame are split: the lower 20 decide about loss (a probability is rounded to a millionth), the
upper 44 are the uniform number whose quantile is the latency. What is rarely wanted (duplication, reordering) comes
from a remix of them, so that switching it on changes nothing else.

* **stream**: nothing is lost. Each loss costs a retransmission time-out, doubling up to a minute (RFC 6298); what is
  sent later on that connection waits behind.
* **datagram**: each frame has its own fate.

**Outages** are tunnels: one in each period, its begin and its length varied, found by arithmetic from the time.

What does not belong here: the way behind the access link (sites.py), partitions, and who sends what (network.py).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec

from imsim.errors import ConfigError
from imsim.scenario.network import LinkKind
from imsim.scenario.values import Delay
from imsim.sim.decisions import draw, halves, unit
from imsim.sim.trace import TracePair

if TYPE_CHECKING:
    from imsim.scenario.network import NetworkProfile

__all__ = ["LONGEST_RTO", "LOSS_MASK", "LOSS_SCALE", "FixedLine", "LinkModel", "Tunnels", "retry_at"]

LOSS_SCALE: Final = 1 << 20
LOSS_MASK: Final = LOSS_SCALE - 1
"""The bits of a draw that decide about loss."""

LONGEST_RTO: Final = 60.0
"""Seconds; retransmission time-outs do not double beyond it (RFC 6298, 2.5)."""


def retry_at(since: float, until: float, rto: float) -> float:
    """The first moment not before `until` at which a stream tries again what it first tried at `since`, in seconds."""
    if rto <= 0.0:
        return max(since, until)
    rto = min(rto, LONGEST_RTO)
    while since < until:
        if rto == LONGEST_RTO:
            return since + rto * math.ceil((until - since) / rto)
        since += rto
        rto = min(2.0 * rto, LONGEST_RTO)
    return since


class Tunnels(msgspec.Struct, frozen=True, kw_only=True):
    """Periodic outages; each device has its own phase.

    Attributes:
        every: mean seconds from the begin of one outage to the next.
        length: mean seconds of an outage, shorter than `every`.
        jitter: the share (0 to 1) by which both vary, up and down.

    Raises:
        ConfigError: these are no such numbers.
    """

    every: float
    length: float
    jitter: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 < self.length < self.every < math.inf:
            raise ConfigError(f"outages.length: expected 0 < length < every ({self.every} s), got {self.length} s")
        if not 0.0 <= self.jitter <= 1.0:
            raise ConfigError(f"outages.jitter: expected a share from 0 to 1, got {self.jitter}")

    def outage_end(self, at: float, key: int) -> float | None:
        """When the outage of the second `at` ends for the device with the random number `key`; None: coverage.

        Outages that touch count as one.
        """
        end = None
        while (until := self._window_end(at if end is None else end, key)) is not None:
            end = until
        return end

    def _window_end(self, at: float, key: int) -> float | None:
        sway = 0.5 * self.jitter * self.every
        longest = self.length * (1.0 + self.jitter)
        since_phase = at - unit(key) * self.every
        first = math.floor((since_phase - sway - longest) / self.every) + 1
        last = math.floor((since_phase + sway) / self.every)
        for number in range(first, last + 1):
            begins, lasts = halves(draw(key, 1, number))
            begin = number * self.every + sway * (2.0 * begins - 1.0)
            rest = begin + self.length * (1.0 + self.jitter * (2.0 * lasts - 1.0)) - since_phase
            # `at + rest` must lie after `at`, or the caller would turn in circles on the last digit
            if begin <= since_phase and at + rest > at:
                return at + rest
        return None


class FixedLine:
    """The queue of one device before a link of constant capacity.

    Args:
        rate: bytes a second.
        limit: bytes that may wait, None for any number; what does not fit is refused.
    """

    __slots__ = ("_busy_until", "_limit", "_rate")

    def __init__(self, rate: float, limit: int | None) -> None:
        self._rate = rate
        self._limit = limit
        self._busy_until = 0.0

    def leave(self, at: float, size: int) -> float | None:
        """The second at which the last of `size` bytes that come at second `at` has crossed; None: no room."""
        busy = self._busy_until
        if self._limit is not None and max(0.0, busy - at) * self._rate + size > self._limit:
            return None
        self._busy_until = busy = max(busy, at) + size / self._rate
        return busy


class LinkModel(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One kind of access link, both directions; a shared value, compared by identity.

    Attributes:
        kind: what it promises.
        latency: one-way seconds, drawn for each frame.
        loss: share of frames lost, each direction; below 1 on a stream, which would stall for ever.
        duplicate: share of frames that arrive twice (datagram only).
        reorder: share of frames held back so that later ones pass (datagram only).
        reorder_delay: seconds for which such a frame is held back.
        bandwidth_up, bandwidth_down: bytes a second, None for no limit; a trace goes before them.
        queue_bytes: bytes that may wait, None for no limit (datagram only: a stream's sender waits).
        trace: capacity as measured.
        outages: gaps in coverage.
        rto: first retransmission time-out in seconds (stream only).

    Raises:
        ConfigError: a number is out of its range.
    """

    kind: LinkKind = LinkKind.STREAM
    latency: Delay = Delay()
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_delay: float = 0.05
    bandwidth_up: float | None = None
    bandwidth_down: float | None = None
    queue_bytes: int | None = None
    trace: TracePair | None = None
    outages: Tunnels | None = None
    rto: float = 0.2

    def __post_init__(self) -> None:
        for name in ("loss", "duplicate", "reorder"):
            share = getattr(self, name)
            if not 0.0 <= share <= 1.0:
                raise ConfigError(f"{name}: expected a share from 0 to 1, got {share}")
        if self.stream and self.loss == 1.0:
            raise ConfigError("loss: expected less than 1 on a stream, which would stall for ever, got 1")
        for name in ("bandwidth_up", "bandwidth_down"):
            rate = getattr(self, name)
            if rate is not None and not rate > 0.0:
                raise ConfigError(f"{name}: expected bytes a second above 0, got {rate}")

    @staticmethod
    def from_profile(profile: NetworkProfile, *, trace: TracePair | None = None) -> LinkModel:
        """The model of a profile; `trace` is what its stem, or the user's, was read into."""
        outages = profile.outages
        tunnels = None
        if outages.every > 0.0 and outages.length > 0.0:
            tunnels = Tunnels(every=outages.every, length=outages.length, jitter=outages.jitter)
        return LinkModel(
            kind=profile.kind,
            latency=profile.latency,
            loss=profile.loss,
            duplicate=profile.duplicate,
            reorder=profile.reorder,
            reorder_delay=profile.reorder_delay,
            bandwidth_up=profile.bandwidth_up,
            bandwidth_down=profile.bandwidth_down,
            queue_bytes=profile.queue_bytes,
            trace=trace,
            outages=tunnels,
            rto=profile.rto,
        )

    @property
    def stream(self) -> bool:
        """Whether frames stay in order and none is lost."""
        return self.kind is LinkKind.STREAM

    @property
    def unlimited(self) -> bool:
        """Whether frames never wait for capacity."""
        return self.trace is None and self.bandwidth_up is None and self.bandwidth_down is None

    def stall(self, losses: int) -> float:
        """The seconds that `losses` in a row cost a stream."""
        return sum(min(self.rto * 2.0**number, LONGEST_RTO) for number in range(losses))
