"""Retries ended: the user is told what became of everything that was submitted, in the end.

Every submission is *resolved* (sent), *failed* or *cancelled* on its device at the end, and none is left pending or
unknown; only an install that is gone takes its open submissions with it, and what is unknown may stay so where the log
is trimmed that would say it.

What does not belong here: whether what was told is true (truth.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imsim.history.schema import Event
from imsim.verify.fates import FINAL
from imsim.verify.finding import Charge, Property, Story

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from imsim.verify.evidence import Evidence, Numbers
    from imsim.verify.views import Gap

__all__ = ["check"]


def check(evidence: Evidence) -> Iterator[Charge]:
    """Every submission ends."""
    told, submitted, readers = evidence.fates.told, evidence.fates.submitted, evidence.readers
    still = [message for message, (_, event) in told.items() if event not in FINAL]
    if not still:
        return
    sender, gaps = evidence.fates.sender, _trimmed(evidence)
    open_ = [
        message
        for message in sorted(still)
        if readers.installed[sender[message]] < submitted[message]
        and readers.alive[sender[message]]
        and not _beyond_telling(evidence, message, gaps)
    ]

    def tell(message: int) -> Story:
        row = evidence.history.row(told[message][0])
        return Story(
            f"{row.node} never told what became of {evidence.message(message)}: it is still {_STILL[row.event]}",
            (int(submitted[message]), row.place),
        )

    if open_:
        since = _committed(evidence, np.array(open_))
        yield Charge(Property.RETRIES_ENDED, open_, tell, absence=True, since=since)


def _committed(evidence: Evidence, messages: Numbers) -> npt.NDArray[np.float64]:
    """When these messages were committed, from which their devices can learn it; 0 where they were not."""
    since = np.zeros(len(messages))
    slots = evidence.fates.slot[messages]
    since[slots >= 0] = evidence.times(evidence.log.place[slots[slots >= 0]])
    return since


def _trimmed(evidence: Evidence) -> dict[tuple[int, int], list[Gap]]:
    """By device and conversation: the ranges that the device misses because they were trimmed."""
    gaps: dict[tuple[int, int], list[Gap]] = {}
    for gap in evidence.views.gaps:
        if gap.covered:
            gaps.setdefault((gap.device, gap.conversation), []).append(gap)
    return gaps


def _beyond_telling(evidence: Evidence, message: int, gaps: dict[tuple[int, int], list[Gap]]) -> bool:
    """Whether nobody can tell of a message any more: what its device was not told in time may be in trimmed slots.

    The device says that a message is unknown once more when it knows that slots are gone, and hence after that; and a
    message that is in the log in a slot which the device does not miss is no secret.
    """
    fates = evidence.fates
    place, event = fates.told[message]
    slot = int(fates.slot[message])
    seq = int(evidence.log.seq[slot]) if slot >= 0 else None
    return event is Event.UNKNOWN and any(
        gap.place < place and (seq is None or gap.low <= seq <= gap.high)
        for gap in gaps.get((int(fates.sender[message]), int(fates.conversation[message])), ())
    )


_STILL = {Event.SUBMITTED: "pending", Event.UNKNOWN: "unknown"}
