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
from imsim.verify.finding import Charge, Property, Story

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from imsim.verify.evidence import Evidence, Flags, Numbers
    from imsim.verify.views import Gap

__all__ = ["check"]


def check(evidence: Evidence) -> Iterator[Charge]:
    """Every submission ends."""
    fates = evidence.fates
    submitted = np.flatnonzero(fates.submitted >= 0)
    told = fates.told[submitted]
    ended = (told == Event.RESOLVED) | (told == Event.FAILED) | (told == Event.CANCELLED)
    yield from _open(evidence, submitted[~ended])


def _open(evidence: Evidence, messages: Numbers) -> Iterator[Charge]:
    if not len(messages):
        return
    fates, readers = evidence.fates, evidence.readers
    sender = fates.sender[messages]
    still: Flags = (readers.installed[sender] < fates.submitted[messages]) & readers.alive[sender]
    messages = messages[still & ~_beyond_telling(evidence, messages)]

    def tell(message: int) -> Story:
        row = evidence.history.row(int(fates.last_told[message]))
        return Story(
            f"{row.node} never told what became of {evidence.message(message)}: it is still {_STILL[row.event]}",
            (int(fates.submitted[message]), row.place),
        )

    if len(messages):
        yield Charge(Property.RETRIES_ENDED, messages, tell, absence=True, since=_committed(evidence, messages))


def _committed(evidence: Evidence, messages: Numbers) -> npt.NDArray[np.float64]:
    """When these messages were committed, from which their devices can learn it; 0 where they were not."""
    since = np.zeros(len(messages))
    slots = evidence.fates.slot[messages]
    since[slots >= 0] = evidence.times(evidence.log.place[slots[slots >= 0]])
    return since


def _beyond_telling(evidence: Evidence, messages: Numbers) -> Flags:
    """Which messages nobody can tell of any more: what their device was not told in time may be in trimmed slots.

    The device says that a message is unknown once more when it knows that slots are gone, and hence after that; and a
    message that is in the log in a slot which the device does not miss is no secret.
    """
    fates = evidence.fates
    gaps: dict[tuple[int, int], list[Gap]] = {}
    for gap in evidence.views.gaps:
        if gap.covered:
            gaps.setdefault((gap.device, gap.conversation), []).append(gap)
    beyond: Flags = fates.told[messages] == Event.UNKNOWN
    for number in np.flatnonzero(beyond).tolist():
        message = int(messages[number])
        slot = int(fates.slot[message])
        seq = int(evidence.log.seq[slot]) if slot >= 0 else None
        beyond[number] = any(
            gap.place < fates.last_told[message] and (seq is None or gap.low <= seq <= gap.high)
            for gap in gaps.get((int(fates.sender[message]), int(fates.conversation[message])), ())
        )
    return beyond


_STILL = {Event.SUBMITTED: "pending", Event.UNKNOWN: "unknown"}
