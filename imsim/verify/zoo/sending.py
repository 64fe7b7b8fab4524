"""Flaws of sending: which name a message has when it is sent again, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from imsim.protocol.fold import Fold
from imsim.protocol.outbox import Outbox
from imsim.protocol.records import Resolved, SendState
from imsim.protocol.server.sequencer import Sequencer
from imsim.protocol.services.claims import Claims
from imsim.protocol.unresolved import Phase
from imsim.sim.algorithms import Swap
from imsim.verify.zoo.flaw import Flaw

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from imsim.protocol.frames import Draft, Outcome, Sent
    from imsim.protocol.records import Queued, Record
    from imsim.protocol.server.ownership import Ownership
    from imsim.protocol.unresolved import Item, Lane

__all__ = ["FLAWS"]

_transmit = Outbox._transmit
_handle_online = Outbox.handle_online
_apply = Fold.apply
_perform = Claims.perform
_handle = Sequencer._handle


def _under_a_new_id(outbox: Outbox, lane: Lane, item: Item) -> Queued:
    host: Any = outbox._host
    return msgspec.structs.replace(item.queued(lane.conversation), client_id=f"{item.nonce}-{host._next}")


def _resend_anew(outbox: Outbox, lane: Lane, now: float) -> None:
    """What was not answered is sent again as a message of its own."""
    if not lane.attempt or lane.items[0].phase is not Phase.SENDING:
        _transmit(outbox, lane, now)
        return
    for item in lane.items[: lane.flight]:
        gone = Resolved(item.client_id, SendState.CANCELLED, "sent as another one")
        outbox._host.commit((_under_a_new_id(outbox, lane, item), gone), now)
    outbox.go(lane.conversation, now)


def _flush_both(outbox: Outbox, now: float) -> None:
    """What waits for its answer is in two queues, each of which numbers what it sends; both are flushed."""
    for lane in list(outbox._lanes.values()):
        for item in lane.items[: lane.flight]:
            outbox._host.commit((_under_a_new_id(outbox, lane, item),), now)
    _handle_online(outbox, now)


def _count_from_zero(fold: Fold, record: Record, now: float, *, fresh: bool) -> None:
    """The counter of client ids is in memory only."""
    _apply(fold, record, now, fresh=fresh)
    if not fresh:
        fold._next = 0


def _same_id_is_same(
    claims: Claims,
    slots: Any,
    key: str,
    _payload: bytes,
    effect: Any,
    *,
    expires_in: float | None = None,
) -> Coroutine[Any, Any, Outcome | None]:
    """Who sees a known id does not look at what it is used for."""
    return _perform(claims, slots, key, b"", effect, expires_in=expires_in)


def _not_waiting(_fold: Fold, _client_id: str) -> bool:
    """What comes from the server is not compared with what waits here."""
    return False


def _by_clock(
    sequencer: Sequencer, owned: Ownership, epoch: int | None, user: str, drafts: tuple[Draft, ...]
) -> Coroutine[Any, Any, Sent | None]:
    """The order is that of the senders' clocks."""
    return _handle(sequencer, owned, epoch, user, tuple(sorted(drafts, key=lambda draft: draft.wall)))


FLAWS: Final = (
    Flaw(
        id="new-id-on-resend",
        wrong="What was not answered is sent again under a new client id.",
        seen="element-ios#512, wildfire#452, zulip#31219",
        breaks="nothing out of nowhere",
        place="one message",
        swaps=(Swap(Outbox, "_transmit", _resend_anew),),
        smallest=("cut the connection at the 1st answer of alice-1 to alice/phone",),
    ),
    Flaw(
        id="id-reused-after-restart",
        wrong="The counter of client ids starts again with the process, and the server takes a known id for a repeat.",
        seen="synapse#8762",
        breaks="no loss",
        place="two messages",
        swaps=(Swap(Fold, "apply", _count_from_zero), Swap(Claims, "perform", _same_id_is_same)),
        smallest=("crash after the 1st send of alice-1 from alice/phone",),
    ),
    Flaw(
        id="two-resend-queues",
        wrong="What waits for its answer waits in the outbox too, and a new connection flushes both.",
        seen="lichess mobile#3387",
        breaks="nothing out of nowhere",
        place="one message",
        swaps=(Swap(Outbox, "handle_online", _flush_both),),
        smallest=("cut the connection at the 1st send of alice-1 from alice/phone",),
    ),
    Flaw(
        id="echo-unmatched",
        wrong="An own message that comes from the server is not matched with the local echo.",
        seen="zulip-mobile#3203",
        breaks="no duplicate shown",
        place="one message",
        swaps=(Swap(Fold, "_is_waiting", _not_waiting),),
        smallest=("cut the connection at the 1st answer of alice-1 to alice/phone",),
    ),
    Flaw(
        id="sender-clock-order",
        wrong="Messages stand in the order of their senders' clocks.",
        seen="wire-webapp#600",
        breaks="order",
        place="a server away",
        swaps=(Swap(Sequencer, "_handle", _by_clock),),
        smallest=("jump the clock of alice/phone by -3600 s at 1.5 s",),
    ),
)
