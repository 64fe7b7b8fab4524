"""Which message reached which device, and when: the columns behind figures, tables and plots.

Figures of a large run are summed up block by block, so that they take no more memory than judging; tables lay
everything out. What does not belong here: naming and rounding (metrics.py, frames.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from imsim.verify.properties.loss import homeless
from imsim.verify.readers import NEVER_LEFT

if TYPE_CHECKING:
    import numpy.typing as npt

    from imsim.verify.columns import Flags, Numbers
    from imsim.verify.evidence import Evidence

__all__ = ["Cells", "Tally", "cells", "first_rows", "latencies", "owed", "tally", "worst_and_median"]

_BLOCK: Final = 1 << 17


class Cells(NamedTuple):
    """Pairs that are expected: a device in use that is entitled, a slot with an ordinary message that was accepted.

    `rows` counts the rows that fill the pair; `absent`: none does, and no trim excuses it.
    """

    cell: Numbers
    device: Numbers
    slot: Numbers
    rows: npt.NDArray[np.int32]
    absent: Flags


class Tally(NamedTuple):
    """How many pairs are expected, and what became of them."""

    expected: int
    delivered: int
    absent: int


def cells(evidence: Evidence) -> Cells:
    """Every delivery that is expected."""
    absent = np.zeros(evidence.views.cells, np.bool_)
    absent[evidence.views.absent] = True
    return _due(evidence, np.arange(evidence.views.cells), absent)


def tally(evidence: Evidence) -> Tally:
    """The deliveries that are expected, counted."""
    views = evidence.views
    absent = np.zeros(views.cells, np.bool_)
    absent[views.absent] = True
    expected = delivered = missing = 0
    for begin in range(0, views.cells, _BLOCK):
        due = _due(evidence, np.arange(begin, min(begin + _BLOCK, views.cells)), absent)
        expected += len(due.cell)
        delivered += int(np.count_nonzero(due.rows))
        missing += int(np.count_nonzero(due.absent))
    return Tally(expected, delivered, missing)


def _due(evidence: Evidence, cell: Numbers, absent: Flags) -> Cells:
    log, fates = evidence.log, evidence.fates
    device, slot = evidence.views.owners(cell)
    message = log.message[slot]
    chosen = log.plain[slot] & (fates.acknowledged[message] >= 0) & ~fates.cancelled[message]
    chosen &= evidence.readers.alive[device]
    if not chosen.all():
        cell, device, slot = cell[chosen], device[chosen], slot[chosen]
    return Cells(cell, device, slot, evidence.views.rows_in_cell[cell], absent[cell])


def first_rows(evidence: Evidence) -> npt.NDArray[np.float64]:
    """By cell: when its device, of whatever install, first showed its entry, in seconds; NaN where it never did."""
    views = evidence.views
    times = np.full(views.cells, np.nan)
    for seen in views.sightings():
        filled = np.flatnonzero(seen.cell >= 0)[::-1]  # the last to be assigned stays
        filled = filled[np.isnan(times[seen.cell[filled]])]
        times[seen.cell[filled]] = seen.block.times[filled]
    return times


def latencies(evidence: Evidence) -> npt.NDArray[np.float64]:
    """Seconds from each user's submit to the first durable row of each other device, in no order."""
    return _latencies(evidence)[1]


def worst_and_median(evidence: Evidence, numbers: Numbers) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The median and the largest latency of some messages, in seconds; NaN where no other device showed one."""
    message, seconds = _latencies(evidence)
    sorting = np.lexsort((seconds, message))
    message, seconds = message[sorting], seconds[sorting]
    begin, end = np.searchsorted(message, numbers), np.searchsorted(message, numbers, side="right")
    known = end > begin
    begin, end = begin[known], end[known]
    median, worst = np.full(len(numbers), np.nan), np.full(len(numbers), np.nan)
    median[known] = (seconds[(begin + end - 1) // 2] + seconds[(begin + end) // 2]) / 2
    worst[known] = seconds[end - 1]
    return median, worst


def _latencies(evidence: Evidence) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float64]]:
    """Messages and seconds of the first rows on devices other than the sender's."""
    fates = evidence.fates
    submitted: npt.NDArray[np.float64] = np.full(len(fates.submitted), np.nan)
    known = np.flatnonzero(fates.submitted >= 0)
    submitted[known] = evidence.times(fates.submitted[known])
    # Where no row is odd and no cell crowded, each row is the first of its pair, and sorting them out can be spared.
    views = evidence.views
    again = len(views.odd) > 0 or int(views.rows_in_cell.max(initial=0)) > 1
    messages: list[npt.NDArray[np.uint32]] = []
    seconds: list[npt.NDArray[np.float64]] = []
    pairs: list[Numbers] = []
    for block in evidence.shown():
        device, message = block.column("node"), block.column("message")
        others = np.flatnonzero((fates.submitted[message] >= 0) & (fates.sender[message] != device))
        message = message[others]
        messages.append(message.astype(np.uint32))  # as wide as a row has it: there may be millions
        seconds.append(block.times[others] - submitted[message])
        if again:
            pairs.append(message * len(evidence.history.nodes) + device[others])
    if not messages:
        return np.zeros(0, np.uint32), np.zeros(0)
    every: npt.NDArray[np.uint32] = np.concatenate(messages)
    passed = np.concatenate(seconds)
    if not again:
        return every, passed
    _, first = np.unique(np.concatenate(pairs), return_index=True)
    return every[first], passed[first]


def owed(evidence: Evidence) -> int:
    """Deliveries of accepted messages that no slot of the log holds: lost on every device that would be entitled."""
    fates, readers = evidence.fates, evidence.readers
    total = 0
    for message in homeless(evidence):
        if fates.submitted[message] < 0:
            continue
        submission = evidence.history.row(int(fates.submitted[message]))
        if submission.detail:
            continue
        promise = evidence.history.row(int(fates.acknowledged[message]))
        seq = promise.seq or NEVER_LEFT
        spans = readers.spans.get(int(fates.conversation[message]), ())
        total += sum(bool(readers.alive[device]) for device, low, high in spans if low <= seq <= high)
    return total
