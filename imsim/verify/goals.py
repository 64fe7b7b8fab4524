"""What a run should meet now and then: a promise that nothing tested was not kept, only not broken.

A goal is no property: missing it is no violation, but a person should know that the run never met a crash, or a gap,
before they believe its verdict. Over a campaign each goal must be met by some run.

What does not belong here: which faults of a scenario can reach which goal.
"""

from __future__ import annotations

import enum
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final

import numpy as np

from imsim.history.schema import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from imsim.verify.evidence import Evidence

__all__ = ["Goal", "catch_ups", "count_goals"]


_SHOWN: Final = int(Event.SHOWN)  # comparing NumPy's numbers with an enumeration's takes 20 times as long


class Goal(enum.Enum):
    """Situations in which promises are hard to keep, as a person calls them."""

    RETRY = "a retry"
    DUPLICATE_SUPPRESSED = "a duplicate that was suppressed"
    GAP = "a gap"
    CRASH = "a crash"
    UNANSWERED = "a crash between write and acknowledgement"
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


def count_goals(evidence: Evidence) -> dict[str, int]:
    """How often each goal was met, by its words, in the order of `Goal`."""
    return {goal: evidence.counts[how] if isinstance(how, int) else how(evidence) for goal, how in _MET}


def catch_ups(evidence: Evidence) -> npt.NDArray[np.float64]:
    """How long devices that came back took to show what they had missed, in seconds, one for each such connection.

    What was committed before a device connected and is shown after it was missed; the last of it ends the catch-up.
    The first connection of a device is none: there it is new, not back.
    """
    begins, (node,) = evidence.places(Event.CONNECTED), evidence.columns(Event.CONNECTED, "node")
    sorting = node.argsort(kind="stable")
    begins, node = begins[sorting], node[sorting]
    back = np.zeros(len(begins), np.bool_)
    np.equal(node[1:], node[:-1], out=back[1:])
    if not back.any():
        return np.zeros(0)
    stride = len(evidence.events)
    keys = node * stride + begins
    ends: npt.NDArray[np.float64] = np.full(len(begins), -np.inf)
    for seen in evidence.views.sightings():
        latest = keys.searchsorted(seen.node * stride + seen.place) - 1
        missed = back[latest] & (evidence.log.place_of(seen.slot) < begins[latest])
        # Connection -1 reads the last one, and slot -1 the last one: refused, each for what it stands for.
        missed &= (latest >= 0) & (seen.slot >= 0) & (node[latest] == seen.node)
        np.maximum.at(ends, latest[missed], seen.block.times[missed])
    done = ends > -np.inf
    seconds: npt.NDArray[np.float64] = ends[done] - evidence.times(begins[done])
    return seconds


def _reconnects(evidence: Evidence) -> int:
    (node,) = evidence.columns(Event.CONNECTED, "node")
    return len(node) - len(set(node.tolist()))


def _early_recalls(evidence: Evidence) -> int:
    recalls = evidence.few(Event.RECALLED, "node", "detail")
    if not recalls:
        return 0
    find, details = evidence.history.messages.find, evidence.history.details
    targets = {detail: find(details.name(detail)) for _, _, detail in recalls}
    wanted = np.zeros(len(evidence.history.messages), np.bool_)
    wanted[[number for number in targets.values() if number is not None]] = True
    shown: dict[tuple[int, int], int] = {}
    for seen in evidence.views.sightings():
        chosen = wanted[seen.message].nonzero()[0]
        columns = (seen.place, seen.node, seen.message)
        for place, device, target in zip(*(column[chosen].tolist() for column in columns), strict=True):
            if evidence.events[place] == _SHOWN:
                shown.setdefault((device, target), place)
    late = len(evidence.events)
    return sum(
        number is not None and shown.get((device, number), late) > place
        for place, device, detail in recalls
        for number in (targets[detail],)
    )


def _unanswered(evidence: Evidence) -> int:
    """Crashes of servers while something was in the log and nobody had been told, and of devices as they wrote."""
    crashes = evidence.few(Event.CRASHED, "node")
    if not crashes:
        return 0
    log, fates, installed = evidence.log, evidence.fates, evidence.readers.installed
    promised, submitted = fates.acknowledged.tolist(), fates.submitted.tolist()
    waits = [
        (written, answered)
        for written, message in zip(log.place.tolist(), log.message.tolist(), strict=True)
        if submitted[message] >= 0
        for answered in (promised[message] if promised[message] >= 0 else len(evidence.events),)
        if written < answered
    ]
    begins, ends = sorted(written for written, _ in waits), sorted(answered for _, answered in waits)
    moments: dict[int, set[float]] = {}
    count = 0
    for (place, node), t in zip(crashes, evidence.times(evidence.places(Event.CRASHED)).tolist(), strict=True):
        if installed[node] < 0:
            count += bisect_left(begins, place) > bisect_right(ends, place)
        else:
            moments.setdefault(node, set()).add(t)
    return count + _interrupted_writes(evidence, moments)


def _interrupted_writes(evidence: Evidence, moments: dict[int, set[float]]) -> int:
    """How often a device showed something at the very moment at which it died: it had no time to say so."""
    found: set[tuple[int, float]] = set()
    died = np.zeros(len(evidence.history.nodes), np.bool_)
    died[list(moments)] = True
    for seen in evidence.views.sightings() if moments else ():
        some = died[seen.node].nonzero()[0]
        pairs = zip(seen.node[some].tolist(), seen.block.times[some].tolist(), strict=True)
        found.update(pair for pair in pairs if pair[1] in moments[pair[0]])
    return len(found)


_HOW: Final[Mapping[Goal, Event | Callable[[Evidence], int]]] = {
    Goal.RETRY: Event.RETRIED,
    Goal.DUPLICATE_SUPPRESSED: Event.SUPPRESSED,
    Goal.GAP: Event.GAP,
    Goal.CRASH: Event.CRASHED,
    Goal.UNANSWERED: _unanswered,
    Goal.PAUSE: Event.PAUSED,
    Goal.PARTITION: Event.PARTITIONED,
    Goal.RECONNECT: _reconnects,
    Goal.OFFLINE_CATCH_UP: lambda evidence: len(catch_ups(evidence)),
    Goal.WIPE: Event.WIPED,
    Goal.CANCEL: Event.CANCELLED,
    Goal.UNKNOWN_OUTCOME: Event.UNKNOWN,
    Goal.RECALL_BEFORE_TARGET: _early_recalls,
    Goal.TRIM: Event.TRIMMED,
    Goal.EPOCH_CHANGE: lambda evidence: evidence.log.epoch_changes,
}
"""What counts each goal: rows of an event, or a function."""

_MET: Final = tuple((goal.value, _HOW[goal]) for goal in Goal)
