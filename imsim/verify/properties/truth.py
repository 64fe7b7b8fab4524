"""Told the truth: what is shown as failed or cancelled never appears, and what is shown as sent is never failed.

Judged by what a device told its user last, beside the log, and by what it told meanwhile: between *sent* and *failed*
or *cancelled* there is no way, in either direction, unless the user wants the message once more (`submitted` again), or
a failover took the position away that was promised.

What does not belong here: whether anything was told at all (retries.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imsim.history.schema import Event
from imsim.verify.finding import Charge, Property, Story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imsim.verify.evidence import Evidence

__all__ = ["check"]

_REFUSED = (Event.FAILED, Event.CANCELLED)
_PROMISES = (Event.ACCEPTED, Event.COMMITTED)


def check(evidence: Evidence) -> Iterator[Charge]:
    """What users were told of their messages is so, and stays so."""
    fates = evidence.fates
    in_log = (fates.slot >= 0).tolist()
    if any(evidence.counts[event] for event in _REFUSED):
        refused = sorted(message for message, (_, event) in fates.told.items() if event in _REFUSED)
        yield from _untrue(evidence, [message for message in refused if in_log[message]], "is in the log")
        yield from _changed(evidence)
        yield from _appearing(evidence, [message for message in refused if not in_log[message]])
    lost = sorted(
        message
        for message, (_, event) in fates.told.items()
        if event is Event.RESOLVED and not in_log[message] and not fates.tail_lost[message]
    )
    yield from _untrue(evidence, lost, "is not in the log")


def _untrue(evidence: Evidence, messages: list[int], truth: str) -> Iterator[Charge]:
    fates = evidence.fates

    def tell(message: int) -> Story:
        row = evidence.history.row(fates.told[message][0])
        slot = int(fates.slot[message])
        rows = (int(fates.submitted[message]), row.place)
        return Story(
            f"{row.node} was told that {evidence.message(message)} is {row.event.word}, and it {truth}",
            rows if slot < 0 else (*rows, int(evidence.log.place[slot])),
        )

    if messages:
        yield Charge(Property.TRUTH, messages, tell)


def _changed(evidence: Evidence) -> Iterator[Charge]:
    """What was told first, and then the contrary."""
    refused = [row for event in _REFUSED for row in evidence.few(event, "message", "node")]
    states = {message: [(place, False)] for place, message, _ in refused}
    for event in (Event.SUBMITTED, Event.RESOLVED):
        places = evidence.places(event)
        messages = evidence.column("message", places)
        own = np.isin(messages, list(states)) & (evidence.column("node", places) == evidence.fates.sender[messages])
        for place, message in zip(places[own].tolist(), messages[own].tolist(), strict=True):
            states[message].append((place, event is Event.RESOLVED))
    pairs = [
        (earlier, later)
        for message, told in states.items()
        if not _was_moved(evidence, message)
        for (earlier, was_sent), (later, is_sent) in _neighbours(evidence, told)
        if was_sent != is_sent
    ]

    def tell(number: int) -> Story:
        one, other = (evidence.history.row(place) for place in pairs[number])
        return Story(
            f"{one.node} told that {one.message} is {one.event.word}, and then that it is {other.event.word}",
            pairs[number],
        )

    if pairs:
        yield Charge(Property.TRUTH, range(len(pairs)), tell)


def _neighbours(
    evidence: Evidence, told: list[tuple[int, bool]]
) -> Iterator[tuple[tuple[int, bool], tuple[int, bool]]]:
    """What was told one after the other, without a submission between."""
    before: tuple[int, bool] | None = None
    for now in sorted(told):
        if evidence.events[now[0]] == Event.SUBMITTED:
            before = None
            continue
        if before is not None:
            yield before, now
        before = now


def _was_moved(evidence: Evidence, message: int) -> bool:
    """Whether a failover took a position of this message away, which was promised or committed."""
    if evidence.epochs == 1:
        return False
    promises = [places[evidence.column("message", places) == message] for places in map(evidence.places, _PROMISES)]
    places = np.concatenate(promises)
    at = (evidence.column(name, places) for name in ("conversation", "epoch", "seq"))
    return bool(evidence.fates.tail_lost[message] or evidence.log.dead(evidence.keys(*at)).any())


def _appearing(evidence: Evidence, messages: list[int]) -> Iterator[Charge]:
    """What some device shows after its sender was told that it never would."""
    if not messages:
        return
    told = np.full(len(evidence.history.messages), len(evidence.events), np.int64)
    told[messages] = [evidence.fates.told[message][0] for message in messages]
    places = [
        place
        for seen in evidence.views.sightings()
        for place in seen.place[(seen.place > told[seen.message]) & ~evidence.log.dead(seen.key)].tolist()
    ]

    def tell(place: int) -> Story:
        row = evidence.history.row(place)
        last = evidence.history.row(int(told[evidence.history.messages.find(row.message) or 0]))
        return Story(
            f"{last.node} was told that {row.message} is {last.event.word}, and then {row.node} shows it",
            (last.place, place),
        )

    if places:
        yield Charge(Property.TRUTH, places, tell)
