"""Sync rounds progress: a question that was answered is not asked again, and again, for ever.

A device asks for a range that it lacks, and the answer fills a part of it, so the next question is another one. The
same question after an answer is a round without progress. A few of them are honest: answers to earlier questions come
late, and a server may not know yet what another one has. But who asks the same thing again and again over one
connection, all answers notwithstanding, would do so for ever.

Judged from the last heal on, as all liveness is: before it a network may swallow or repeat what it likes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from imsim.history.schema import Event
from imsim.verify.finding import Charge, Property, Story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imsim.verify.evidence import Evidence

__all__ = ["check"]

_MOST: Final = 8
"""Rounds without progress in a row that are honest; imsim's own devices give a connection up after half as many."""


def check(evidence: Evidence) -> Iterator[Charge]:
    """Answers lead on."""
    if not evidence.counts[Event.ASKED]:
        return
    stuck = [rounds for rounds in _repeated(evidence) if len(rounds) > _MOST]

    def tell(number: int) -> Story:
        rounds = stuck[number]
        row = evidence.history.row(rounds[0])
        return Story(
            f"{row.node} asks for {row.conversation}[{row.seq}..{row.op}] {len(rounds) + 1} times over one connection, "
            f"and is answered every time",
            tuple(rounds[:3]),
        )

    if stuck:
        yield Charge(Property.PROGRESS, range(len(stuck)), tell)


def _repeated(evidence: Evidence) -> Iterator[list[int]]:
    """The places of questions that were asked again after an answer, together as long as nothing else was asked."""
    healed = _healed(evidence)
    rows = sorted(
        (place, event, *columns)
        for event in (Event.ASKED, Event.ANSWERED, Event.CONNECTED)
        for place, *columns in evidence.few(event, "node", "conversation", "epoch", "seq", "op")
        if place > healed
    )
    asked: dict[tuple[int, int], tuple[int, ...]] = {}
    again: dict[tuple[int, int], list[int]] = {}
    answered: set[tuple[int, int]] = set()
    for place, event, node, conversation, *question in rows:
        where = (node, conversation)
        if event == Event.CONNECTED:
            for other in [other for other in asked if other[0] == node]:
                del asked[other]
                yield again.pop(other, [])
        elif event == Event.ANSWERED:
            answered.add(where)
        else:
            if asked.get(where) != tuple(question):
                yield again.pop(where, [])
            elif where in answered:
                again.setdefault(where, []).append(place)
            asked[where] = tuple(question)
            answered.discard(where)
    yield from again.values()


def _healed(evidence: Evidence) -> int:
    """The row from which on nothing was broken any more, as far as the history says."""
    word = evidence.history.details.find("end")
    heals = [place for place, detail in evidence.few(Event.HEALED, "detail") if detail != word]
    return heals[-1] if heals else -1
