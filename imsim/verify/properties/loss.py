"""No loss: what was acknowledged reaches every reader who is entitled to it.

*Lost* means: acknowledged (a server answered ok, or the sender's device learnt so), its reader entitled, and at the
end neither among the rows of the device's present install nor inside a `missing` range that a `trimmed` fact covers. A
marker without such a fact is itself a violation: a device may not excuse itself. What a failover lost is excused only
by name (`tail_lost`), or because its sender was told in the end that it was not sent.

What does not belong here: an entry that nobody was promised but some devices show (convergence.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from imsim.history.schema import Event
from imsim.verify.finding import Charge, Property, Story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imsim.verify.evidence import Evidence

__all__ = ["check", "homeless"]

_REFUSED: Final = (Event.FAILED, Event.CANCELLED)
_NOTHING: Final = (-1, None)


def check(evidence: Evidence) -> Iterator[Charge]:
    """Everything acknowledged is where it should be."""
    yield from _absent(evidence)
    yield from _nowhere(evidence)
    yield from _unfounded(evidence)


def _absent(evidence: Evidence) -> Iterator[Charge]:
    if not len(evidence.views.absent):
        return
    devices, slots = evidence.views.lacking(promised=True)
    log, fates = evidence.log, evidence.fates

    def tell(number: int) -> Story:
        device, slot = int(devices[number]), int(slots[number])
        message = int(log.message[slot])
        return Story(
            f"{evidence.message(message)} was acknowledged as {evidence.position(int(log.key[slot]))}, and "
            f"{evidence.node(device)}, which may read it, does not have it in the end",
            (int(fates.acknowledged[message]), int(log.place[slot]), int(evidence.readers.installed[device])),
        )

    if len(slots):
        since = evidence.times(log.place[slots])
        yield Charge(Property.NO_LOSS, range(len(slots)), tell, absence=True, since=since)


def homeless(evidence: Evidence) -> list[int]:
    """The messages that were acknowledged and are not in the log in the end, without an excuse."""
    fates = evidence.fates
    fate = zip(fates.acknowledged.tolist(), fates.slot.tolist(), strict=True)
    messages = [message for message, (promise, slot) in enumerate(fate) if promise >= 0 > slot]
    return [message for message in messages if not (fates.tail_lost[message] or _taken_back(evidence, message))]


def _taken_back(evidence: Evidence, message: int) -> bool:
    """Whether a failover took away what was promised, and the user was told so."""
    if evidence.fates.told.get(message, _NOTHING)[1] not in _REFUSED:
        return False
    promise = evidence.history.row(int(evidence.fates.acknowledged[message]))
    conversation = evidence.history.conversations.find(promise.conversation) or 0
    return promise.seq >= evidence.log.end(conversation, promise.epoch)


def _nowhere(evidence: Evidence) -> Iterator[Charge]:
    fates = evidence.fates
    messages = homeless(evidence)

    def tell(message: int) -> Story:
        place = int(fates.acknowledged[message])
        rows = (int(fates.submitted[message]), place) if fates.submitted[message] >= 0 else (place,)
        return Story(f"{evidence.message(message)} was acknowledged, and is not in the log in the end", rows)

    if messages:
        yield Charge(Property.NO_LOSS, messages, tell, absence=True)


def _unfounded(evidence: Evidence) -> Iterator[Charge]:
    gaps = evidence.views.gaps
    unfounded = [number for number, gap in enumerate(gaps) if not gap.covered]

    def tell(number: int) -> Story:
        gap = gaps[number]
        return Story(
            f"{evidence.node(gap.device)} shows history missing in {evidence.conversation(gap.conversation)}"
            f"[{gap.low}..{gap.high}], and nothing says that the log was trimmed so far",
            (gap.place,),
        )

    if unfounded:
        yield Charge(Property.NO_LOSS, unfounded, tell)
