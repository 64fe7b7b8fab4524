"""Which message reached which device, and when: the columns behind figures, tables and plots.

What does not belong here: summing them up (metrics.py), and laying them out (run.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imsim.history.schema import Event
from imsim.verify.properties.loss import homeless
from imsim.verify.readers import NEVER_LEFT

if TYPE_CHECKING:
    import numpy.typing as npt

    from imsim.verify.evidence import Evidence, Flags, Numbers

__all__ = ["Cells", "Latencies", "cells", "first_rows", "latencies", "owed"]


class Cells(NamedTuple):
    """Pairs that are expected: a device in use that is entitled, a slot with an ordinary message that was accepted.

    `rows` counts the rows that fill the pair; `absent`: none does, and no trim excuses it.
    """

    cell: Numbers
    device: Numbers
    slot: Numbers
    rows: Numbers
    absent: Flags


class Latencies(NamedTuple):
    """First rows of messages on devices other than the one that sent them; `place` is such a row."""

    place: Numbers
    device: Numbers
    message: Numbers
    seconds: npt.NDArray[np.float64]


def cells(evidence: Evidence) -> Cells:
    """Every delivery that is expected."""
    log, fates, views = evidence.log, evidence.fates, evidence.views
    device, slot = views.all_cells
    due = log.plain & (fates.acknowledged[log.message] >= 0) & (fates.told[log.message] != Event.CANCELLED)
    chosen = due[slot] & evidence.readers.alive[device]
    absent = np.zeros(views.cells, np.bool_)
    absent[views.absent] = True
    cell = np.flatnonzero(chosen)
    return Cells(cell, device[cell], slot[cell], views.rows_in_cell[cell], absent[cell])


def first_rows(evidence: Evidence) -> Numbers:
    """By cell: the first row in which its device, of whatever install, showed its entry; -1 where there is none."""
    views = evidence.views
    table = np.full(views.cells, -1, np.int64)
    filled = np.flatnonzero(views.cell >= 0)[::-1]  # the last to be assigned stays
    table[views.cell[filled]] = views.place[filled]
    return table


def owed(evidence: Evidence) -> int:
    """Deliveries of accepted messages that no slot of the log holds: lost on every device that would be entitled."""
    fates, readers = evidence.fates, evidence.readers
    total = 0
    for message in homeless(evidence).tolist():
        if fates.submitted[message] < 0:
            continue
        submission = evidence.history.row(int(fates.submitted[message]))
        if submission.detail:
            continue
        promise = evidence.history.row(int(fates.acknowledged[message]))
        seq = promise.seq or NEVER_LEFT
        entitled = (
            (readers.span_conversation == fates.conversation[message])
            & (readers.span_low <= seq)
            & (readers.span_high >= seq)
        )
        total += int(np.count_nonzero(entitled & readers.alive[readers.span_device]))
    return total


def latencies(evidence: Evidence) -> Latencies:
    """From each user's submit to the first durable row of each other device."""
    fates = evidence.fates
    place = evidence.places(Event.SHOWN)
    device, message = evidence.column("node", place), evidence.column("message", place)
    others = (fates.submitted[message] >= 0) & (fates.sender[message] != device)
    place, device, message = place[others], device[others], message[others]
    _, first = np.unique(message * len(evidence.history.nodes) + device, return_index=True)
    first.sort()
    place, device, message = place[first], device[first], message[first]
    return Latencies(place, device, message, evidence.times(place) - evidence.times(fates.submitted[message]))
