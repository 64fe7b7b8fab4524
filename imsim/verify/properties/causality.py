"""Causal order: an answer never stands before what it answers.

Who answers has seen what they answer, so it was in the log before. A message that answers another one (`replied`) must
have the later position of the two, on every device and for everyone, since positions are the order that devices show.
Where its device did not show it, or at a position that a failover took away, nothing is promised.

What does not belong here: the same for messages that do not say what they answer (sessions.py).
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


def check(evidence: Evidence) -> Iterator[Charge]:
    """Answers follow."""
    early = _early(evidence)
    if not early:
        return
    seen = _seen_alive(evidence, early)

    def tell(number: int) -> Story:
        answer, _, place = early[number]
        slots = [int(evidence.fates.slot[message]) for message in early[number][:2]]
        positions = [evidence.position(int(evidence.log.key[slot])) for slot in slots]
        return Story(
            f"{evidence.message(answer)} answers {evidence.message(early[number][1])}, and stands before it: as "
            f"{positions[0]}, before {positions[1]}",
            (place, seen[number], *(int(evidence.log.place[slot]) for slot in slots)),
        )

    if seen:
        yield Charge(Property.CAUSAL_ORDER, list(seen), tell)


def _early(evidence: Evidence) -> list[tuple[int, int, int]]:
    """Answer, what it answers, and the row that says so, where the log has them the other way round."""
    log, slot = evidence.log, evidence.fates.slot
    find, details = evidence.history.messages.find, evidence.history.details
    early = []
    for place, answer, word in evidence.few(Event.REPLIED, "message", "detail"):
        target = find(details.name(word))
        if target is None or slot[answer] < 0 or slot[target] < 0:
            continue
        one, other = int(slot[answer]), int(slot[target])
        if log.conversation[one] == log.conversation[other] and log.seq[one] < log.seq[other]:
            early.append((answer, target, place))
    return early


def _seen_alive(evidence: Evidence, early: list[tuple[int, int, int]]) -> dict[int, int]:
    """By number: the row in which the author's device had shown what it answered, at a position that still holds."""
    targets = np.zeros(len(evidence.history.messages), np.bool_)
    targets[[target for _, target, _ in early]] = True
    found: dict[int, int] = {}
    for seen in evidence.views.sightings():
        some = (targets[seen.message] & ~evidence.log.dead(seen.key)).nonzero()[0]
        shown = zip(seen.place[some].tolist(), seen.node[some].tolist(), seen.message[some].tolist(), strict=True)
        for place, node, message in shown:
            for number, (answer, target, said) in enumerate(early):
                if message == target and node == evidence.fates.sender[answer] and place < said:
                    found.setdefault(number, place)
    return found
