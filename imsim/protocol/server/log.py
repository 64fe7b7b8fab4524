"""Who may read which slots of a conversation, as a fold of its log; and the pages that follow from it.

Membership is in the log, by seq, and nowhere else: `Created` lets its members read from its own slot on, `Join` lets
a user read its own slot and what follows, `Leave` its own slot and nothing after it. So everyone who has the log
agrees on who is entitled to what, also after a failover took a part of it back: what a lost slot gave is taken back
with it.

A user's own log (`~user`) needs no such entries: its one member is the user.

A `Roster` is a checkpoint of the fold. It saves reading the whole log when a conversation changes its owner, it
outlives the trimming of the log's beginning, and everything up to it was announced to the members' own logs.

Not here: accepting entries (accept.py), and who owns a conversation (ownership.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from imsim.protocol.frames import (
    Body,
    Created,
    Draft,
    Edit,
    Entry,
    Join,
    Joined,
    Leave,
    Left,
    Message,
    Page,
    Read,
    Recall,
    user_log,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imsim.ports import MessageLog
    from imsim.protocol.server.config import ServerConfig

__all__ = [
    "CHANGES",
    "NOT_A_MEMBER",
    "SERVER",
    "Membership",
    "Roster",
    "Span",
    "Wanted",
    "announcements",
    "fitting",
    "page_of",
    "roster_key",
    "size_of",
]

SERVER = ""
"""The author of the server's own entries."""

NOT_A_MEMBER = "not a member"

_OPEN = 0
CHANGES = frozenset({Created, Join, Leave})
"""The kinds of entries that change who may read."""

_BY_MEMBERS = frozenset({Message, Edit, Recall, Join, Leave})


def roster_key(conversation: str) -> str:
    """Where the checkpoint of a conversation's membership is kept."""
    return "roster/" + conversation


def size_of(body: Body) -> int:
    """Bytes of the content of a body."""
    if type(body) is Message or type(body) is Edit:
        return len(body.content.encode("utf-8", "surrogatepass"))
    return 0


class Span(msgspec.Struct, frozen=True, gc=False):
    """`user` may read the slots `low..high`; `high = 0` while the user is a member."""

    user: str
    low: int
    high: int = _OPEN


class Roster(msgspec.Struct, frozen=True, tag="roster"):
    """A conversation's membership after its slot `(epoch, upto)`, all of it announced to the members."""

    epoch: int = 0
    upto: int = 0
    spans: tuple[Span, ...] = ()


class Membership:
    """Who may read which slots: a fold over entries in the order of their slots.

    Args:
        conversation: whose; a user's own log has that user as its member.
        roster: a checkpoint to go on from.
    """

    __slots__ = ("_members", "_own", "_spans")

    def __init__(self, conversation: str, roster: Roster = Roster()) -> None:  # noqa: B008 - frozen
        self._own = conversation[1:] if conversation.startswith(user_log("")) else None
        self._spans: dict[str, list[Span]] = {}
        self._members: tuple[str, ...] | None = None
        if self._own is not None:
            self._spans[self._own] = [Span(self._own, 1)]
        for span in roster.spans:
            self._spans.setdefault(span.user, []).append(span)

    def fold(self, entry: Entry) -> None:
        """Let one more entry have its effect."""
        body, seq = entry.body, entry.seq
        kind = type(body)
        if kind not in CHANGES or self._own is not None:
            return
        self._members = None
        if kind is Created:
            for user in body.members:  # type: ignore[union-attr]
                self._join(user, seq)
        elif kind is Join:
            self._join(body.user, seq)  # type: ignore[union-attr]
        elif kind is Leave and self.has(body.user):  # type: ignore[union-attr]
            spans = self._spans[body.user]  # type: ignore[union-attr]
            spans[-1] = Span(spans[-1].user, spans[-1].low, seq)

    def _join(self, user: str, seq: int) -> None:
        if not self.has(user):
            self._spans.setdefault(user, []).append(Span(user, seq))

    @property
    def fixed(self) -> bool:
        """Whether no entry can change it: that of a user's own log."""
        return self._own is not None

    def has(self, user: str) -> bool:
        """Whether the user is a member now."""
        spans = self._spans.get(user)
        return spans is not None and spans[-1].high == _OPEN

    @property
    def members(self) -> tuple[str, ...]:
        """Everyone who is a member now, in the order in which they first came."""
        if self._members is None:
            self._members = tuple(user for user in self._spans if self.has(user))
        return self._members

    def readers(self, seq: int) -> tuple[str, ...]:
        """Everyone who is entitled to the slot."""
        return tuple(user for user in self._spans if self.may_read(user, seq))

    def may_read(self, user: str, seq: int) -> bool:
        """Whether the user is entitled to the slot."""
        return any(s.low <= seq and (s.high == _OPEN or seq <= s.high) for s in self._spans.get(user, ()))

    def last_span(self, user: str) -> Span | None:
        """What the user may read since the last join; None for who never was a member."""
        spans = self._spans.get(user)
        return spans[-1] if spans else None

    def last_readable(self, user: str, head: int) -> int:
        """The last slot up to `head` that concerns the user; 0 if none does."""
        spans = self._spans.get(user)
        if spans is None:
            return 0
        return head if spans[-1].high == _OPEN else min(head, spans[-1].high)

    def objection(self, user: str, body: Body) -> str:
        """Why `user` may not write `body` now; empty if nothing speaks against it."""
        if user == SERVER:
            return ""
        kind = type(body)
        if self._own is not None:
            return "" if user == self._own and kind is Read else "an own log takes its user's read marks only"
        if kind is Created:
            return "" if not self._spans and user in body.members else "the conversation exists"  # type: ignore[union-attr]
        if not self.has(user):
            return NOT_A_MEMBER
        return "" if kind in _BY_MEMBERS else f"only the server writes {kind.__name__}"

    def take_back(self, cut: int) -> None:
        """Undo what slots above `cut` did."""
        self._members = None
        for user, spans in list(self._spans.items()):
            kept = [Span(s.user, s.low, s.high if s.high <= cut else _OPEN) for s in spans if s.low <= cut]
            if kept or user == self._own:
                self._spans[user] = kept or spans
            else:
                del self._spans[user]

    def roster(self, epoch: int, upto: int) -> Roster:
        """The checkpoint after slot `(epoch, upto)`, which was the last one to be folded."""
        if self._own is not None:
            return Roster(epoch, upto)
        return Roster(epoch, upto, tuple(span for spans in self._spans.values() for span in spans))


def announcements(entry: Entry) -> list[tuple[str, Draft]]:
    """What `entry` puts into the own logs of users: pairs of log and draft.

    The client ids are made from (conversation, user, slot), so that announcing twice is announcing once.
    """
    body = entry.body
    kind = type(body)
    if kind is Created:
        users, fact = body.members, Joined(entry.conversation, entry.seq)  # type: ignore[union-attr]
    elif kind is Join:
        users, fact = (body.user,), Joined(entry.conversation, entry.seq)  # type: ignore[union-attr]
    elif kind is Leave:
        users, fact = (body.user,), Left(entry.conversation, entry.seq)  # type: ignore[union-attr,assignment]
    else:
        return []
    return [
        (user_log(user), Draft(f"@{entry.conversation}/{user}/{entry.epoch}-{entry.seq}", entry.wall, fact))
        for user in users
    ]


def fitting(entries: Sequence[Entry], most: int, *, newest: bool) -> Sequence[Entry]:
    """The entries from one end whose contents have at most `most` bytes together; one at least, if there is any."""
    total = 0
    for count, entry in enumerate(reversed(entries) if newest else entries):
        total += size_of(entry.body)
        if total > most and count:
            return entries[-count:] if newest else entries[:count]
    return entries


class Wanted(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A question for a page: slots `low..high` (0: all that is committed), at most `limit` of them, from which end."""

    low: int
    high: int
    limit: int
    newest: bool


async def page_of(
    log: MessageLog,
    conversation: str,
    membership: Membership,
    user: str,
    wanted: Wanted,
    config: ServerConfig,
) -> tuple[Page, tuple[int, ...]]:
    """A page of what `user` may read.

    Returns:
        The page, and the cuts of the log's epochs up to its own. The page covers slots that the user may not read,
        without their entries, so that holes can be closed; it covers less than was asked for where that would be too
        many bytes for a slow network to bring before the device asks again. State and entries are read one after the
        other, so both are read anew if the log failed over in between: a page is of one epoch.

    Raises:
        Unavailable, Timeout: the log did not answer.
    """
    state = await log.state(conversation, timeout=config.log_timeout)
    while True:
        head = membership.last_readable(user, state.committed)
        low, high = _bounds(wanted, head, state.trimmed_below)
        entries: Sequence[Entry] = ()
        if low <= high:
            entries = await log.read(conversation, low, high, timeout=config.log_timeout)
        if len(entries) > high - max(low, state.trimmed_below) and (not entries or entries[-1].epoch <= state.epoch):
            break
        before, state = state, await log.state(conversation, timeout=config.log_timeout)
        if state.epoch == before.epoch:  # it was trimmed meanwhile, and the page says so
            break
    readable = tuple(entry for entry in entries if membership.may_read(user, entry.seq))
    fit = tuple(fitting(readable, config.page_bytes, newest=wanted.newest))
    if len(fit) < len(readable):
        low, high = (fit[0].seq, high) if wanted.newest else (low, fit[-1].seq)
    return Page(conversation, state.epoch, low, high, fit, head, state.trimmed_below), state.cuts


def _bounds(wanted: Wanted, head: int, trimmed_below: int) -> tuple[int, int]:
    """Which slots a page covers at most, where the last one that its reader may read is `head`."""
    high = head if wanted.high == 0 else min(wanted.high, head)
    if wanted.newest:
        return max(wanted.low, high - wanted.limit + 1), high
    # a page that begins in the trimmed part reaches as far as one that begins behind it
    return wanted.low, min(high, max(wanted.low, trimmed_below) + wanted.limit - 1)
