"""Flaws of the cursor: how far a device believes to have everything."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from imsim.protocol.catchup import CatchUp
from imsim.protocol.device import Device
from imsim.protocol.effects import Effect, Write
from imsim.protocol.frames import Entry, Push
from imsim.protocol.inbox import Inbox
from imsim.protocol.records import Known
from imsim.sim.algorithms import Swap
from imsim.verify.zoo.flaw import Flaw

if TYPE_CHECKING:
    from imsim.protocol.frames import Frame

__all__ = ["FLAWS"]

_poll = Device.poll
_handle_frame = Device.handle_frame
_ask = CatchUp._ask


def _cursor_first(device: Device) -> list[Effect]:
    """The cursor is written by itself, and then what it stands for."""
    effects: list[Effect] = []
    for effect in _poll(device):
        if type(effect) is Write:
            rows = [record for record in effect.records if type(record) is Entry]
            cursors = tuple(Known(row.conversation, row.epoch, ((row.seq, row.seq),)) for row in rows)
            effects += [Write(cursors)] if cursors else []
        effects.append(effect)
    return effects


def _push_sets_the_cursor(device: Device, connection: Any, frame: Frame, *, now: float, wall: float) -> None:
    """Whatever is pushed is the newest, so that the cursor is there now, catching up or not."""
    catching_up = device._catchup is not None
    _handle_frame(device, connection, frame, now=now, wall=wall)
    if isinstance(frame, Push) and catching_up:
        inbox = device.inbox(frame.conversation)
        device.commit((Known(frame.conversation, inbox.epoch, ((1, inbox.head),)),), now)


def _length_for_contiguity(device: Device, connection: Any, frame: Frame, *, now: float, wall: float) -> None:
    """As many came as there are between the cursor and the newest, copies counted like others: nothing is missing."""
    copies = _copies(device, frame) if isinstance(frame, Push) else 0
    _handle_frame(device, connection, frame, now=now, wall=wall)
    if isinstance(frame, Push) and copies:
        inbox = device.inbox(frame.conversation)
        waiting = copies + sum(high - low + 1 for low, high in inbox.above)
        if inbox.behind and waiting >= inbox.head - inbox.upto:
            device.commit((Known(inbox.conversation, inbox.epoch, ((1, inbox.head),)),), now)


def _copies(device: Device, push: Push) -> int:
    """How many of these entries came before."""
    inbox = device.inbox(push.conversation)
    return sum(inbox.knows(entry.seq) for entry in push.entries)


def _never_ask(catchup: CatchUp, _now: float) -> None:
    """The gap is known, and nobody asks for what is in it."""
    catchup.due = math.inf


def _too_far_is_done(catchup: CatchUp, conversation: str, question: Any, now: float) -> None:
    """Too far behind to ask for it all: go on with what comes next, without a word about the rest."""
    host: Any = catchup._host
    inbox = host.inbox(conversation)
    hole = inbox.hole()
    if hole is not None and hole[1] - hole[0] >= 2 * host.config.page:
        host.commit((Known(conversation, inbox.epoch, ((1, inbox.head),)),), now)
        catchup._settle(conversation, now)
        return
    _ask(catchup, conversation, question, now)


def _same_offsets(inbox: Inbox, epoch: int, cut: int) -> None:
    """The log begins again at a lower place, and nothing says so: what has a known number is taken for known."""
    inbox.epoch = epoch
    inbox.cuts = (*inbox.cuts, cut)


FLAWS: Final = (
    Flaw(
        id="early-cursor",
        wrong="The cursor is durable before the messages that it stands for.",
        seen="element-meta#762, openclaw#110568",
        breaks="no loss",
        place="one message",
        swaps=(Swap(Device, "poll", _cursor_first),),
        smallest=("crash before the 1st write of alice-1 at bob/phone",),
    ),
    Flaw(
        id="push-poisons-cursor",
        wrong="A push that comes while the device catches up moves the cursor over what is not there yet.",
        seen="gim#46, fluux#534, converse.js#2940",
        breaks="no loss",
        place="one push",
        swaps=(Swap(Device, "handle_frame", _push_sets_the_cursor),),
        smallest=("drop the 1st push of alice-1 to bob/phone",),
    ),
    Flaw(
        id="length-not-contiguity",
        wrong="As many messages came as are expected, so nothing can be missing: but one of them came twice.",
        seen="read in the code of a client SDK",
        breaks="no loss",
        place="one push over a link that doubles",
        swaps=(Swap(Device, "handle_frame", _length_for_contiguity),),
        smallest=(
            "drop the 1st push of alice-1 to bob/phone",
            "duplicate the 1st push of alice-2 to bob/phone",
        ),
    ),
    Flaw(
        id="gap-not-acted-on",
        wrong="A gap is noticed, and nobody asks for what is in it.",
        seen="Telethon#4428",
        breaks="no loss",
        place="a last push",
        swaps=(Swap(CatchUp, "_pump", _never_ask),),
        smallest=("drop the 1st push of alice-1 to bob/phone",),
    ),
    Flaw(
        id="too-long-is-done",
        wrong="A device that is too far behind moves its cursor to the end and loads nothing.",
        seen="teleproto#16, fluux#299",
        breaks="no loss",
        place="a polling phone",
        swaps=(Swap(CatchUp, "_ask", _too_far_is_done),),
        smallest=("delay the 1st write of records at bob/phone by 8 s",),
    ),
    Flaw(
        id="epoch-unchanged",
        wrong="After a failover lost the tail its numbers are used again, and the device takes them for what it has.",
        seen="centrifugo#664",
        breaks="no loss",
        place="a failover",
        swaps=(Swap(Inbox, "enter", _same_offsets),),
    ),
)
