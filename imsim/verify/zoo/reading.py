"""Flaws of what is read: counts beside the rows, and marks beside the messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from imsim.protocol.fold import Fold
from imsim.protocol.frames import Message
from imsim.protocol.inbox import Inbox
from imsim.sim.algorithms import Swap
from imsim.verify.zoo.flaw import Flaw

if TYPE_CHECKING:
    from imsim.protocol.frames import Edit, Entry, Recall

__all__ = ["FLAWS"]

_is_unread = Fold._is_unread
_apply_operation = Fold._apply_operation
_raise_mark = Fold._raise_mark
_hear = Inbox.hear


def _own_from_elsewhere(fold: Fold, row: Entry, inbox: Inbox) -> bool:
    """Whatever this install did not write is somebody else's."""
    nonce = "" if fold._installed is None else fold._installed.nonce
    if row.author == fold.user and type(row.body) is Message and not row.client_id.startswith(nonce):
        return inbox.knows(row.seq)
    return _is_unread(fold, row, inbox)


def _count_later(fold: Fold, entry: Entry, body: Edit | Recall) -> None:
    """While something is missing the count is not touched, and later nobody comes back to it."""
    if fold.inbox(entry.conversation).behind:
        fold._the_timeline().operate(entry)
    else:
        _apply_operation(fold, entry, body)


def _only_what_is_here(inbox: Inbox, epoch: int, seq: int) -> None:
    """A mark on a message that is not here says nothing."""
    if seq <= inbox.head:
        _hear(inbox, epoch, seq)


def _read_everywhere(fold: Fold, inbox: Inbox, seq: int) -> None:
    """Who read this has read everything that is older, wherever it stands."""
    _raise_mark(fold, inbox, seq)
    for other in list(fold._inboxes.values()):
        if other is not inbox and other.conversation != fold.own_log:
            _raise_mark(fold, other, other.head)


FLAWS: Final = (
    Flaw(
        id="own-messages-unread",
        wrong="A user's own messages that come from the server are counted as unread.",
        seen="OpenIM#2807",
        breaks="unread counts",
        place="a phone and a pc",
        swaps=(Swap(Fold, "_is_unread", _own_from_elsewhere),),
    ),
    Flaw(
        id="unread-two-truths",
        wrong="The count of what is unread is kept beside the rows, and a recall returns early without correcting it.",
        seen="OpenIM sdk-core#556",
        breaks="unread counts",
        place="one push and a recall",
        swaps=(Swap(Fold, "_apply_operation", _count_later),),
        smallest=("drop the 1st push of alice-2 to bob/phone",),
    ),
    Flaw(
        id="read-before-message",
        wrong="A read mark that comes before its message is dropped.",
        seen="Signal-Desktop#6372",
        breaks="convergence",
        place="read on the other device",
        swaps=(Swap(Inbox, "hear", _only_what_is_here),),
        smallest=("delay the 1st connect of server-1 from alice/pc by 8 s",),
    ),
    Flaw(
        id="global-read-mark",
        wrong="One read mark counts for all conversations.",
        seen="gim#100",
        breaks="convergence",
        place="two conversations",
        swaps=(Swap(Fold, "_raise_mark", _read_everywhere),),
    ),
)
