"""Within budget: what a run cost beside what its model allows, and no storm of retries after an outage.

Four figures, each judged only where the model's `[budget]` states a bound: repeated sends and pushes, repeated sends of
what the log held already (each of which a server had to recognise), and frames that devices sent, all for each message
that users wrote; and how many repetitions and reconnections the busiest second brought for each device, from the first
moment on at which something broke or was repaired. The proof are the rows of the message, or the second, that cost
most.

What does not belong here: what things cost where nobody set a bound (imsim/study/metrics.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from imsim.history.schema import Event
from imsim.verify.finding import Charge, Property, Story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imsim.scenario.budget import Budget
    from imsim.verify.evidence import Evidence, Numbers

__all__ = ["check"]

_TOLD: Final = 5
"""Rows that prove one figure."""
_SECOND: Final = 1.0
_BROKEN: Final = (Event.CRASHED, Event.RESTARTED, Event.PAUSED, Event.PARTITIONED, Event.HEALED)


def check(evidence: Evidence, budget: Budget) -> Iterator[Charge]:
    """No figure is above its bound."""
    if all(bound is None for bound in msgspec.structs.astuple(budget)):
        return
    written = _written(evidence)
    repeated = evidence.places(Event.RETRIED)
    for bound, places, what in (
        (budget.retries, repeated, "repeated sends and pushes"),
        (budget.duplicates, _known_already(evidence, repeated), "repeated sends of what the log held already"),
    ):
        if bound is not None and written and len(places) / written > bound:
            yield _charge(f"{len(places):,} {what} for {written:,} messages", bound, _dearest(evidence, places))
    requests = evidence.few(Event.SPENT, "op")
    sent = sum(count for _, count in requests)
    if budget.requests is not None and written and sent / written > budget.requests:
        most = tuple(place for place, _ in sorted(requests, key=lambda each: -each[1])[:_TOLD])
        yield _charge(f"{sent:,} requests for {written:,} messages", budget.requests, most)
    if budget.storm is not None:
        yield from _storm(evidence, budget.storm, repeated)


def _charge(sentence: str, bound: float, places: tuple[int, ...]) -> Charge:
    story = Story(f"there were {sentence}, and the budget is {bound:g}", places)
    return Charge(Property.BUDGET, range(1), lambda _: story)


def _written(evidence: Evidence) -> int:
    """Ordinary messages that users submitted."""
    submitted = evidence.fates.submitted
    return int(np.count_nonzero(evidence.column("detail", submitted[submitted >= 0]) == 0))


def _known_already(evidence: Evidence, repeated: Numbers) -> Numbers:
    """Repetitions by devices of what was committed before."""
    own = repeated[evidence.readers.installed[evidence.column("node", repeated)] >= 0]
    slots = evidence.fates.slot[evidence.column("message", own)]
    return own[(slots >= 0) & (evidence.log.place_of(slots) < own)]


def _dearest(evidence: Evidence, places: Numbers) -> tuple[int, ...]:
    """The first rows about the message that most of them are about."""
    messages = evidence.column("message", places)
    most = np.bincount(messages).argmax()
    return tuple(places[messages == most][:_TOLD].tolist())


def _storm(evidence: Evidence, bound: float, repeated: Numbers) -> Iterator[Charge]:
    begin = min((int(places[0]) for places in map(evidence.places, _BROKEN) if len(places)), default=-1)
    places = np.sort(np.concatenate([repeated, _reconnections(evidence)]))
    places = places[places > begin] if begin >= 0 else places[:0]
    devices = int(np.count_nonzero(evidence.readers.installed >= 0))
    if not len(places) or not devices:
        return
    times = evidence.times(places)
    counts = np.searchsorted(times, times + _SECOND) - np.arange(len(times))
    busiest = int(counts.argmax())
    count = int(counts[busiest])
    if count / devices > bound:
        sentence = f"{count:,} repetitions and reconnections of {devices:,} devices in one second"
        yield _charge(sentence, bound, tuple(places[busiest : busiest + min(count, _TOLD)].tolist()))


def _reconnections(evidence: Evidence) -> Numbers:
    """Connections that are no device's first."""
    places = evidence.places(Event.CONNECTED)
    firsts = np.unique(evidence.column("node", places), return_index=True)[1]
    return np.delete(places, firsts)
