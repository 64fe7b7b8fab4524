"""One effect a key: however often an entry is offered, it stands in the log once.

The client id is the idempotency key, and a live slot its effect; that holds for messages, edits, recalls, read marks
and changes of membership alike. The same entry at another position after a change of epoch is a move, and not in two
live slots. What servers fill burnt slots with has no key that anybody repeats.

What does not belong here: what devices show of it (duplicates.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.verify.finding import Charge, Property, Story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imsim.verify.evidence import Evidence

__all__ = ["check"]


def check(evidence: Evidence) -> Iterator[Charge]:
    """Nothing stands in the log twice."""
    log, fates = evidence.log, evidence.fates
    last, submitted, live = fates.slot.tolist(), fates.submitted.tolist(), log.live.tolist()
    copies = [
        slot
        for slot, message in enumerate(log.message.tolist())
        if last[message] != slot and live[slot] and submitted[message] >= 0
    ]

    def tell(slot: int) -> Story:
        message = int(log.message[slot])
        kept = int(fates.slot[message])
        return Story(
            f"{evidence.message(message)} stands in the log twice, as {evidence.position(int(log.key[slot]))} and as "
            f"{evidence.position(int(log.key[kept]))}",
            (int(fates.submitted[message]), int(log.place[slot]), int(log.place[kept])),
        )

    if copies:
        yield Charge(Property.ONE_EFFECT, copies, tell)
