"""After a failover of the log: one coroutine a conversation sees to it that what was lost is named.

It begins when an owner finds itself in a later epoch, or when a gateway notices that a conversation is in one and says
so to its owner. It ends when the tail is looked through (tail.py) and the memberships in question are told again, or
when another server owns the conversation, which then does the same.

Not here: what is lost (tail.py), and how own logs are written (announce.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from imsim.errors import Timeout, Unavailable
from imsim.ports import FIRST_EPOCH
from imsim.protocol import marks
from imsim.protocol.frames import Answer, Draft, Joined, Left, TailLost
from imsim.protocol.server.accept import accept
from imsim.protocol.server.log import SERVER
from imsim.protocol.server.ownership import Elsewhere
from imsim.protocol.server.tail import lost_of, taken
from imsim.protocol.services.claims import Sealed, digest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from imsim.protocol.server.accept import Tenure
    from imsim.protocol.server.ownership import Ownership, ServerPorts
    from imsim.protocol.server.tail import Pair, Tail
    from imsim.protocol.services.claims import Claims

__all__ = ["Failovers", "Recheck", "standing"]


class Recheck(msgspec.Struct, frozen=True, tag="recheck"):
    """Asks a peer for `Sequencer.recheck(conversation, user, reason)`; answered by whether it is done."""

    conversation: str
    user: str
    reason: str


def standing(tenure: Tenure, user: str, reason: str) -> Draft:
    """What is true of a user's membership, as an announcement.

    Its client id is made from what it says and from `reason`, so that saying the same again changes nothing.
    """
    span = tenure.membership.last_span(user)
    place = tenure.place
    if span is not None and not span.high:
        return Draft(f"@{place}/{user}/{reason}+-{span.low}", 0.0, Joined(place, span.low))
    seq = tenure.cut if span is None else span.high
    return Draft(f"@{place}/{user}/{reason}--{seq}", 0.0, Left(place, seq))


class Failovers:
    """The conversations of one server that a failover has changed.

    Args:
        ports: what to work with.
        claims: of the messages.
        recheck: `Sequencer.recheck`.
    """

    __slots__ = ("_claims", "_ports", "_recheck", "_seen")

    def __init__(self, ports: ServerPorts, claims: Claims, recheck: Callable[[str, str, str], Awaitable[bool]]) -> None:
        self._ports = ports
        self._claims = claims
        self._recheck = recheck
        self._seen: dict[str, int] = {}
        """The epoch that is being seen to, or was, by conversation."""

    def hear(self, owned: Ownership, epoch: int) -> None:
        """A tenure began in a later epoch than the first."""
        if self._seen.get(owned.name, FIRST_EPOCH) < epoch:
            self._seen[owned.name] = epoch
            self._ports.runtime.spawn(self._see_to(owned, epoch))

    async def _see_to(self, owned: Ownership, epoch: int) -> None:
        try:
            notes = await self._until_known(owned, epoch, self._look)
            if not notes:
                return
            if owned.own:  # nobody offers announcements again: why wait
                await self._until_told(notes, f"o{epoch}")
            await self._ports.runtime.sleep(self._ports.config.reoffer_window)
            notes = await self._until_known(owned, epoch, self._name)
            if not owned.own:
                await self._until_told(notes, f"c{epoch}")
        except Elsewhere:
            if self._seen.get(owned.name) == epoch:
                del self._seen[owned.name]  # whoever owns it sees to it; should it come back, so do we

    async def _until_known(
        self, owned: Ownership, epoch: int, work: Callable[[Ownership, int], Coroutine[Any, Any, list[Tail] | None]]
    ) -> list[Tail]:
        config = self._ports.config
        pause = config.repair_pause
        while (notes := await owned.mailbox.do(lambda: work(owned, epoch))) is None:
            await self._ports.runtime.sleep(pause)
            pause = min(2 * pause, config.lease)
        return notes

    async def _until_told(self, notes: list[Tail], reason: str) -> None:
        config = self._ports.config
        pairs: list[Pair] = list(dict.fromkeys(pair for note in notes for pair in note.about))
        pause = config.repair_pause
        while pairs:
            conversation, user = pairs[0]
            if await self._is_told(conversation, user, reason):
                del pairs[0]
                pause = config.repair_pause
            else:
                await self._ports.runtime.sleep(pause)
                pause = min(2 * pause, config.lease)

    async def _is_told(self, conversation: str, user: str, reason: str) -> bool:
        try:
            return await self._recheck(conversation, user, reason)
        except Elsewhere as elsewhere:
            ask = Recheck(conversation, user, reason)
            try:
                timeout = self._ports.config.peers_timeout
                return await self._ports.peers.call(elsewhere.holder, ask, timeout=timeout) is True
            except (Unavailable, Timeout):
                return False

    # ------------------------------------------------------------------------------------------ work in the mailbox

    async def _look(self, owned: Ownership, epoch: int) -> list[Tail] | None:
        """What the cuts took; None: not known yet. A later epoch is somebody else's matter."""
        tenure = await owned.enter(None)
        if tenure is None:
            return None
        if tenure.epoch != epoch:
            return []
        try:
            return await taken(self._ports.kv, tenure, self._ports.config)
        except (Unavailable, Timeout):
            return None

    async def _name(self, owned: Ownership, epoch: int) -> list[Tail] | None:
        """Cancel what was not offered again and name it; None: not done yet."""
        notes = await self._look(owned, epoch)
        tenure = owned.tenure
        if not notes or tenure is None or tenure.epoch != epoch:
            return notes
        try:
            lost = await lost_of(self._claims, tenure, notes)
        except (Unavailable, Timeout, Sealed):
            return None
        if lost:
            marks.TAIL_NAMED()
        name = f"!{owned.name}/tail.{digest(lost).hex()}-{epoch}"
        outcome = await accept(self._claims, tenure, SERVER, Draft(name, 0.0, TailLost(lost)))
        if not await owned.settle(tenure) or outcome is None or outcome.answer is not Answer.OK:
            return None
        return notes
