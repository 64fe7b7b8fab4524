"""The figures of one run: what arrived, how fast, and what it cost.

Counting is the judge's: a *delivery* is a cell of imsim.verify.views that a row fills, that is a message and a device
of a reader who is entitled (the sending device included), so what is counted here and what is judged there cannot
disagree. Only ordinary messages count; edits, recalls and read marks are no deliveries. `expected` is over the
messages that were accepted and not cancelled, and `expected = delivered + lost + trimmed`.

What does not belong here: whether the figures are good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from imsim.history.counters import Counters
from imsim.history.schema import Event

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from imsim.verify.evidence import Evidence

__all__ = ["Metrics", "Quantiles", "measure"]

_DAY: Final = 86_400.0


class Quantiles(msgspec.Struct, frozen=True, kw_only=True):
    """How a figure spreads; all None where there is nothing to spread."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one run.

    Attributes:
        messages: ordinary messages that users submitted.
        deliveries, expected, lost: pairs of message and device, as above; `trimmed` are those that the server dropped
            and said so.
        duplicates_shown: rows that showed a device what it showed already.
        duplicates_suppressed: copies that arrived and were not shown.
        retries: repeated sends and pushes.
        latency_ms: from the user's submit to the durable row of each other device, in milliseconds.
        catch_up_s: from a device's return to the last row that it had missed, in seconds, over returns that missed any.
        events: as the world counted.
        requests_per_device, bytes_per_device: means, over the run.
        wakes_per_device_day, joules_per_device_day: means, over the run, scaled to a day.
        queue_depth: the longest that a server's queue ever was.

    What a world did not count is None.
    """

    messages: int
    deliveries: int
    expected: int
    lost: int
    trimmed: int
    duplicates_shown: int
    duplicates_suppressed: int
    retries: int
    latency_ms: Quantiles
    catch_up_s: Quantiles
    events: int
    requests_per_device: float | None
    bytes_per_device: float | None
    wakes_per_device_day: float | None
    joules_per_device_day: float | None
    queue_depth: int | None


def measure(evidence: Evidence, counters: Counters | None = None) -> Metrics:
    """The figures of a run that was read as evidence, with what its world counted."""
    import numpy as np

    from imsim.study.deliveries import latencies, owed, tally
    from imsim.verify.goals import catch_ups
    from imsim.verify.properties.duplicates import again

    counters = counters or Counters()
    due, nowhere = tally(evidence), owed(evidence)
    submitted = np.flatnonzero(evidence.fates.submitted >= 0)
    kinds = evidence.column("detail", evidence.fates.submitted[submitted])
    return Metrics(
        messages=int(np.count_nonzero(kinds == 0)),
        deliveries=due.delivered,
        expected=due.expected + nowhere,
        lost=due.absent + nowhere,
        trimmed=due.expected - due.delivered - due.absent,
        duplicates_shown=len(again(evidence)),
        duplicates_suppressed=evidence.counts[Event.SUPPRESSED],
        retries=evidence.counts[Event.RETRIED],
        latency_ms=_quantiles(latencies(evidence), scale=1000),
        catch_up_s=_quantiles(catch_ups(evidence)),
        requests_per_device=_requests(evidence),
        **_costs(counters),
    )


def _requests(evidence: Evidence) -> float | None:
    """Frames that a device sent, in the mean; None where the history does not say."""
    spent = [frames for _, frames in evidence.few(Event.SPENT, "op")]
    return sum(spent) / len(spent) if spent else None


def _costs(counters: Counters) -> dict[str, Any]:
    devices = counters.devices.values()
    count = len(devices)
    days = counters.seconds / _DAY * count
    measured = [device.joules for device in devices if device.joules is not None]
    return {
        "events": counters.events,
        "bytes_per_device": sum(device.bytes_up + device.bytes_down for device in devices) / count if count else None,
        "wakes_per_device_day": sum(device.wakes for device in devices) / days if days else None,
        "joules_per_device_day": sum(measured) / (days * len(measured) / count) if days and measured else None,
        "queue_depth": counters.queue_depth,
    }


def _quantiles(values: npt.NDArray[np.float64], *, scale: float = 1) -> Quantiles:
    """Quantiles of `values`, which are used up, in units of which `scale` make up theirs."""
    import numpy as np

    if not len(values):
        return Quantiles()
    found = np.quantile(values, (0.5, 0.95, 0.99), overwrite_input=True)
    # A microsecond is the grain of simulated time: more digits are the float's, not the figure's.
    p50, p95, p99 = (round(float(value) * scale, 6) for value in found)
    return Quantiles(p50=p50, p95=p95, p99=p99)
