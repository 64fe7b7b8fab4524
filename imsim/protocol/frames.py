"""What travels between a device and a server: frozen structs in one tagged union, with a version.

A frame is a value. It is passed by reference in the simulator and encoded only where bytes are asked for, so
nothing here may be mutable. The theory, in four sentences:

* A *conversation* is a log of *entries*; an entry sits in a slot `(epoch, seq)`, seq dense from 1. An epoch begins
  at the cut of the one before: entries up to the cut keep their place, so one seq names one slot of the present log.
* An entry's `client_id` names it for life (`install nonce - dense counter`); messages, edits, recalls, joins and the
  no-ops that fill burnt slots are all entries, and differ only in their `body`.
* Each user has a log of their own (`~user`) of conversation changes and read marks: a conversation of one member.
* A device names what it holds as *ranges* of seq; everything else is a hole.

Bounds of numbers are checked where bytes become a frame (codec.py). No state machine belongs here.
"""

from __future__ import annotations

import enum
from typing import Annotated, Union

import msgspec
from msgspec import Meta

__all__ = [
    "NOT_RESUMED",
    "PROTOCOL_VERSION",
    "Ack",
    "Answer",
    "Ask",
    "Body",
    "Cancel",
    "Check",
    "Closed",
    "Count",
    "Created",
    "Draft",
    "Edit",
    "Entry",
    "EpochChanged",
    "EpochNumber",
    "Frame",
    "Head",
    "Heads",
    "Hello",
    "Hint",
    "Join",
    "Joined",
    "Leave",
    "Left",
    "Limits",
    "Message",
    "NoOp",
    "Outcome",
    "Page",
    "Ping",
    "Pong",
    "Position",
    "Presence",
    "Push",
    "Range",
    "Read",
    "Recall",
    "Refused",
    "Resume",
    "Seconds",
    "Send",
    "Sent",
    "TailLost",
    "Wall",
    "Watch",
    "Welcome",
    "user_log",
]

PROTOCOL_VERSION = 1

Count = Annotated[int, Meta(ge=0, le=(1 << 53) - 1)]
"""A seq, an epoch or a number: what every reader of JSON holds exactly (RFC 8259, section 6), and every store."""
EpochNumber = Annotated[int, Meta(ge=1, le=(1 << 53) - 1)]
"""An epoch that a device names: the first is 1, and a server that took another would look for its cut."""
Seconds = Annotated[float, Meta(ge=0, le=1e12)]
Wall = Annotated[float, Meta(ge=-1e12, le=1e12)]
"""Seconds of a wall clock; a number, for between NaN and an edit nobody can decide."""
Range = tuple[Count, Count]
"""An inclusive range of seq, `(low, high)`, `1 <= low <= high`."""


def user_log(user: str) -> str:
    """The name of a user's own log of conversation changes and read marks."""
    return "~" + user


class _Value(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A frozen value that refers to no cycle, so that the collector need not look at it."""


# ---------------------------------------------------------------------------------------------- bodies of entries


class Message(_Value, frozen=True, tag="message"):
    """What a user writes; `reply_to` is the client id of the message that it answers."""

    content: str
    reply_to: str | None = None


class Edit(_Value, frozen=True, tag="edit"):
    """A new content for the author's own message `target`."""

    target: str
    content: str


class Recall(_Value, frozen=True, tag="recall"):
    """Take the author's own message `target` back; beats every edit."""

    target: str


class Created(_Value, frozen=True, tag="created"):
    """The first entry of a conversation: its members, in the order in which they were named."""

    members: tuple[str, ...]


class Join(_Value, frozen=True, tag="join"):
    """`user` may read this entry and what follows."""

    user: str


class Leave(_Value, frozen=True, tag="leave"):
    """`user` may read this entry and nothing after it."""

    user: str


class NoOp(_Value, frozen=True, tag="noop"):
    """Fills a slot that no message will fill; shown to nobody."""


class TailLost(_Value, frozen=True, tag="tail_lost"):
    """Names the entries that a failover lost and that nobody offered again in time."""

    client_ids: tuple[str, ...]


class Joined(_Value, frozen=True, tag="joined"):
    """In a user's own log: the user is a member of `conversation` from `seq` on."""

    conversation: str
    seq: Count


class Left(_Value, frozen=True, tag="left"):
    """In a user's own log: the user's membership of `conversation` ended at `seq`."""

    conversation: str
    seq: Count


class Read(_Value, frozen=True, tag="read"):
    """In a user's own log: the user has read `conversation` up to `(epoch, seq)`; merged by maximum."""

    conversation: str
    epoch: Count
    seq: Count


Body = Union[Message, Edit, Recall, Created, Join, Leave, NoOp, TailLost, Joined, Left, Read]  # noqa: UP007 (msgspec)


class Entry(_Value, frozen=True):
    """One slot of a conversation's log.

    Attributes:
        conversation, epoch, seq: the log it belongs to, the epoch in which it was accepted, its slot (dense from 1).
        client_id: its name for life.
        author: the user who made it; empty for the server's own entries.
        wall: wall-clock seconds of the author's device when it was made; decides between edits, never the order.
        body: what it says.
    """

    conversation: str
    epoch: Count
    seq: Count
    client_id: str
    author: str
    wall: Wall
    body: Body


class Draft(_Value, frozen=True):
    """An entry on its way to a slot: what a device offers in a `Send`."""

    client_id: str
    wall: Wall
    body: Body


# ---------------------------------------------------------------------------------------------- device -> server


class Position(_Value, frozen=True):
    """What a device holds of one conversation: the epoch it knows, and ranges in rising order, never touching."""

    conversation: str
    epoch: EpochNumber
    known: tuple[Range, ...] = ()


class Resume(_Value, frozen=True):
    """Asks to go on with an earlier session whose state the server may still have; only an optimisation."""

    session: str
    incarnation: Count


class Hello(_Value, frozen=True, tag="hello"):
    """The first frame of a connection.

    Attributes:
        user, device, install: who speaks; `install` is the nonce of its client ids, new after a wipe or a restore.
        strategy: the sync strategy whose device half is speaking; an unknown one is refused.
        positions: what the device holds, every conversation that it knows (empty when resuming).
        resolved_below: every own counter below it has been answered; lets the server drop its claims.
        version: the protocol's version.
    """

    user: str
    device: str
    install: str
    strategy: str
    positions: tuple[Position, ...] = ()
    resolved_below: Count = 0
    resume: Resume | None = None
    version: int = PROTOCOL_VERSION


class Send(_Value, frozen=True, tag="send"):
    """Offers drafts to one conversation, in order; the first that is not accepted stops the rest.

    `attempt` counts from 1 how often this batch was sent; `resolved_below` is as in `Hello`.
    """

    conversation: str
    epoch: EpochNumber
    drafts: tuple[Draft, ...]
    attempt: Count = 1
    resolved_below: Count = 0


class Cancel(_Value, frozen=True, tag="cancel"):
    """Asks that `client_id` be never accepted; answered by `Sent` with what is true."""

    conversation: str
    epoch: EpochNumber
    client_id: str
    attempt: Count = 1


class Ack(_Value, frozen=True, tag="ack"):
    """Everything up to `upto` is durable on the device, and so are the ranges `above` it."""

    conversation: str
    epoch: EpochNumber
    upto: Count
    above: tuple[Range, ...] = ()


class Ask(_Value, frozen=True, tag="ask"):
    """Asks for a page of `low..high`, from the newest end if `newest`; `high = 0`: all that is committed."""

    conversation: str
    epoch: EpochNumber
    low: Count
    high: Count
    limit: Count
    newest: bool = False


class Check(_Value, frozen=True, tag="check"):
    """Asks where this device is behind; answered by `Heads` with the same number, within `hold` seconds."""

    number: Count
    hold: Seconds = 0.0


class Watch(_Value, frozen=True, tag="watch"):
    """Tell me of these users' presence as long as this session lives; replaces an earlier list."""

    users: tuple[str, ...]


class Ping(_Value, frozen=True, tag="ping"):
    """Is the connection alive? Answered by `Pong` with the same number."""

    number: Count


# ---------------------------------------------------------------------------------------------- server -> device


class Limits(_Value, frozen=True):
    """What the server allows.

    Attributes:
        page, window: entries of a page, and pushed entries in flight.
        content: bytes of a content.
        ping, resume: seconds between pings of a quiet connection (0: none), and for which a session may be resumed.
    """

    page: Count = 100
    window: Count = 64
    content: Count = 65536
    ping: Seconds = 25.0
    resume: Seconds = 60.0


class Welcome(_Value, frozen=True, tag="welcome"):
    """The session is open; `resumed` says whether the earlier session's state was found."""

    session: str
    incarnation: Count
    limits: Limits = Limits()
    resumed: bool = False


NOT_RESUMED = "resume"
"""Why a greeting is refused that asks to resume: the device greets again in full."""


class Refused(_Value, frozen=True, tag="refused"):
    """The session is not open: the reason, and seconds after which another try makes sense (None: never)."""

    reason: str
    retry_after: Seconds | None = None


class Answer(enum.StrEnum):
    """What became of one draft (see the architecture's *Accept*)."""

    OK = "ok"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """Below the floor: the verdict is in the slots below `seq`."""
    CONFLICT = "conflict"
    """The same client id was used for another payload."""
    REFUSED = "refused"
    """Never: not a member, too large, not the author."""
    LATER = "later"
    """Not now: overloaded; nothing was done."""


class Outcome(_Value, frozen=True):
    """The answer to one draft: the slot for `OK`, the bound for `EXPIRED`, seconds to wait for `LATER`.

    `epoch` is the epoch of the entry in that slot, which may be older than the frame's.
    """

    client_id: str
    answer: Answer
    epoch: Count = 0
    seq: Count = 0
    retry_after: Seconds | None = None
    reason: str = ""


class Sent(_Value, frozen=True, tag="sent"):
    """Answers a `Send` or a `Cancel`, in the epoch in which the whole of it was handled."""

    conversation: str
    epoch: Count
    outcomes: tuple[Outcome, ...]


class Push(_Value, frozen=True, tag="push"):
    """Entries that the device did not ask for, contiguous and rising; `attempt` counts from 1."""

    conversation: str
    epoch: Count
    entries: tuple[Entry, ...]
    attempt: Count = 1


class Page(_Value, frozen=True, tag="page"):
    """Answers an `Ask`: every entry that exists in `low..high`, and where the log ends and begins now.

    `low..high` is the part of the asked range that this page covers (empty: `low > high`). `head` is the committed
    end; slots below `trimmed_below` are gone for good.
    """

    conversation: str
    epoch: Count
    low: Count
    high: Count
    entries: tuple[Entry, ...]
    head: Count
    trimmed_below: Count = 1


class Head(_Value, frozen=True):
    """Where one conversation's log ends and begins for this user."""

    conversation: str
    epoch: Count
    head: Count
    trimmed_below: Count = 1


class Heads(_Value, frozen=True, tag="heads"):
    """Conversations of which the server has more than was acknowledged; `number` names the `Check` (0: none)."""

    heads: tuple[Head, ...]
    number: Count = 0


class Hint(_Value, frozen=True, tag="hint"):
    """Something new is there: ask for it when it suits you. Also what a platform push carries."""

    conversation: str
    epoch: Count
    head: Count


class EpochChanged(_Value, frozen=True, tag="epoch"):
    """The log failed over: `epoch` is the new one, and slots above `cut` are those of the new epoch."""

    conversation: str
    epoch: Count
    cut: Count


class Presence(_Value, frozen=True, tag="presence"):
    """Soft state with an expiry; never in a log, outside every safety property."""

    user: str
    online: bool
    expires_in: Seconds


class Closed(_Value, frozen=True, tag="closed"):
    """The server closes this session; the device reconnects by its own policy."""

    reason: str


class Pong(_Value, frozen=True, tag="pong"):
    """Answers a `Ping`."""

    number: Count


Frame = Union[  # noqa: UP007 (msgspec builds its decoder from the union)
    Hello,
    Send,
    Cancel,
    Ack,
    Ask,
    Check,
    Watch,
    Ping,
    Welcome,
    Refused,
    Sent,
    Push,
    Page,
    Heads,
    Hint,
    EpochChanged,
    Presence,
    Closed,
    Pong,
]
