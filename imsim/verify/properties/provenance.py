"""Nothing out of nowhere: what a device shows was submitted, was committed to that log, and is its user's to read.

A device may not show what is not committed (it might never be), what belongs to another conversation, or what was
written before its user joined or after they left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imsim.history.schema import Event
from imsim.verify.finding import Charge, Property, Story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imsim.verify.evidence import Evidence, Numbers

__all__ = ["check"]


def check(evidence: Evidence) -> Iterator[Charge]:
    """Rows and slots have an origin, and rows a reader who is entitled."""
    yield from _rows(evidence)
    yield from _slots(evidence)


def _rows(evidence: Evidence) -> Iterator[Charge]:
    uncommitted, strangers = _unfounded(evidence), evidence.views.strangers

    def tell_uncommitted(place: int) -> Story:
        row = evidence.history.row(place)
        return Story(
            f"{row.node} shows {row.message} at a position of {row.conversation} where nothing was committed", (place,)
        )

    def tell_stranger(place: int) -> Story:
        row = evidence.history.row(place)
        return Story(
            f"{row.node} shows {row.message}, which it may not read: no member of {row.conversation} then", (place,)
        )

    if len(uncommitted):
        yield Charge(Property.PROVENANCE, uncommitted, tell_uncommitted)
    if len(strangers):
        yield Charge(Property.PROVENANCE, strangers, tell_stranger)


def _unfounded(evidence: Evidence) -> Numbers:
    """Rows at positions that were neither committed nor promised by a server before a failover took them away."""
    rows = evidence.views.uncommitted
    places: Numbers = rows[:, 0]
    if not len(rows):
        return places
    keys: Numbers = rows[:, 1]
    promised = np.isin(keys, evidence.positions(Event.ACCEPTED))
    return places[~(promised & evidence.log.dead(keys))]


def _slots(evidence: Evidence) -> Iterator[Charge]:
    intended = evidence.fates.conversation.tolist()
    odd = [entry for entry in evidence.fates.entries if intended[entry.message] != entry.conversation]
    orphans = [entry.slot for entry in odd if intended[entry.message] < 0]
    strays = [entry.slot for entry in odd if intended[entry.message] >= 0]
    if orphans:
        yield Charge(Property.PROVENANCE, orphans, _slot_teller(evidence, "and nobody submitted it"))
    if strays:
        yield Charge(Property.PROVENANCE, strays, _slot_teller(evidence, "and was submitted to another conversation"))


def _slot_teller(evidence: Evidence, why: str) -> Callable[[int], Story]:
    log, fates = evidence.log, evidence.fates

    def tell(slot: int) -> Story:
        message = int(log.message[slot])
        submitted = int(fates.submitted[message])
        rows = (int(log.place[slot]),) if submitted < 0 else (submitted, int(log.place[slot]))
        return Story(
            f"{evidence.message(message)} is in the log as {evidence.position(int(log.key[slot]))}, {why}", rows
        )

    return tell
