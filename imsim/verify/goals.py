"""What a run should meet now and then: a promise that nothing tested was not kept, only not broken.

A goal is no property: missing it is no violation, but a person should know that the run never met a crash, or a gap,
before they believe its verdict. Over a campaign each goal must be met by some run.

What does not belong here: which faults of a scenario can reach which goal.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

import numpy as np

from imsim.history.schema import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from imsim.verify.evidence import Evidence, Flags

__all__ = ["Goal", "catch_ups", "count_goals"]


class Goal(enum.Enum):
    """Situations in which promises are hard to keep, as a person calls them."""

    RETRY = "a retry"
    DUPLICATE_SUPPRESSED = "a duplicate that was suppressed"
    GAP = "a gap"
    CRASH = "a crash"
    PAUSE = "a pause"
    PARTITION = "a partition"
    RECONNECT = "a reconnect"
    OFFLINE_CATCH_UP = "a catch-up after a time offline"
    WIPE = "a wiped device"
    CANCEL = "a cancelled message"
    UNKNOWN_OUTCOME = "an unknown outcome"
    RECALL_BEFORE_TARGET = "a recall before its target"
    TRIM = "a trimmed log"
    EPOCH_CHANGE = "a change of epoch"


_EVENTS: Final = {
    Goal.RETRY: Event.RETRIED,
    Goal.DUPLICATE_SUPPRESSED: Event.SUPPRESSED,
    Goal.GAP: Event.GAP,
    Goal.CRASH: Event.CRASHED,
    Goal.PAUSE: Event.PAUSED,
    Goal.PARTITION: Event.PARTITIONED,
    Goal.WIPE: Event.WIPED,
    Goal.CANCEL: Event.CANCELLED,
    Goal.UNKNOWN_OUTCOME: Event.UNKNOWN,
    Goal.TRIM: Event.TRIMMED,
}


def count_goals(evidence: Evidence) -> dict[Goal, int]:
    """How often each goal was met, in the order of `Goal`."""
    return {goal: evidence.counts[_EVENTS[goal]] if goal in _EVENTS else _COUNTS[goal](evidence) for goal in Goal}


def catch_ups(evidence: Evidence) -> tuple[npt.NDArray[np.float64], Flags]:
    """How long devices took from `connected` to `caught_up`, in seconds, and whether each had been connected before."""
    begins, ends = evidence.places(Event.CONNECTED), evidence.places(Event.CAUGHT_UP)
    places = np.concatenate([begins, ends])
    node = evidence.column("node", places)
    sorting = np.lexsort((places, node))
    places, node = places[sorting], node[sorting]
    is_end = evidence.events[places] == Event.CAUGHT_UP
    same = node[1:] == node[:-1]
    done = np.flatnonzero(same & is_end[1:] & ~is_end[:-1])
    returning = np.zeros(len(done), np.bool_)
    returning[done > 0] = same[done[done > 0] - 1]
    seconds = evidence.times(places[done + 1]) - evidence.times(places[done])
    return seconds, returning


def _reconnects(evidence: Evidence) -> int:
    connected = evidence.places(Event.CONNECTED)
    return len(connected) - int(np.count_nonzero(np.bincount(evidence.column("node", connected))))


def _offline_catch_ups(evidence: Evidence) -> int:
    if evidence.counts[Event.CONNECTED] < 2 or not evidence.counts[Event.CAUGHT_UP]:  # noqa: PLR2004 (first, again)
        return 0
    return int(np.count_nonzero(catch_ups(evidence)[1]))


def _early_recalls(evidence: Evidence) -> int:
    recalls = evidence.few(Event.RECALLED, "node", "detail")
    if not recalls:
        return 0
    find, details = evidence.history.messages.find, evidence.history.details
    targets = {detail: find(details.name(detail)) for _, _, detail in recalls}
    wanted = np.zeros(len(evidence.history.messages), np.bool_)
    wanted[[number for number in targets.values() if number is not None]] = True
    shown: dict[tuple[int, int], int] = {}
    for block in evidence.shown():
        chosen = np.flatnonzero(wanted[block.column("message")])
        columns = (block.place, block.column("node"), block.column("message"))
        for place, device, target in zip(*(column[chosen].tolist() for column in columns), strict=True):
            shown.setdefault((device, target), place)
    late = len(evidence.events)
    return sum(
        number is not None and shown.get((device, number), late) > place
        for place, device, detail in recalls
        for number in (targets[detail],)
    )


_COUNTS: Final[Mapping[Goal, Callable[[Evidence], int]]] = {
    Goal.RECONNECT: _reconnects,
    Goal.OFFLINE_CATCH_UP: _offline_catch_ups,
    Goal.RECALL_BEFORE_TARGET: _early_recalls,
    Goal.EPOCH_CHANGE: lambda evidence: evidence.log.epoch_changes,
}
