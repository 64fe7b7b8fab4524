"""The front of a server's conversations: what may be asked of them, one thing at a time.

Every request becomes work in the mailbox of its conversation (mailbox.py), done by the owner of that conversation
(ownership.py) with the algorithm of accept.py. Here is what lies between: who may write what, how a batch goes on and
stops, and that the same send twice at once is one piece of work.

An answer names the epoch in which the whole of it was handled. No answer (None) means: unknown, or not this epoch.

Not here: connections and forwarding (gateway.py), fan-out (delivery.py).
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from imsim.errors import Timeout, Unavailable
from imsim.protocol import marks
from imsim.protocol.frames import Answer, Draft, Edit, Head, Outcome, Page, Recall, Sent, user_log
from imsim.protocol.server.accept import accept, refuse
from imsim.protocol.server.announce import Announcer
from imsim.protocol.server.failover import Failovers, standing
from imsim.protocol.server.floor import Floors
from imsim.protocol.server.log import NOT_A_MEMBER, SERVER, Wanted, page_of, size_of
from imsim.protocol.server.ownership import Ears, Ownership, ServerPorts
from imsim.protocol.server.retention import Retention
from imsim.protocol.server.silence import Silence
from imsim.protocol.services.claims import Claims, parts
from imsim.protocol.services.idempotency import InFlight

if TYPE_CHECKING:
    from imsim.ports import KeyValue, Locks, MessageLog, Peers, Runtime
    from imsim.protocol.server.accept import Tenure
    from imsim.protocol.server.config import ServerConfig
    from imsim.protocol.server.ownership import OnCommit

__all__ = ["Sequencer"]


class Sequencer:
    """All conversations that one server owns or is about to own.

    Args:
        runtime, log, kv, locks, peers: the ports, patient ones; `peers.node` is this server's name.
        config: time-outs and bounds.
        on_commit: awaited with entries of one conversation that were committed, rising, each once a tenure, and the
            users who may read them; must not raise.

    Attributes:
        floors: tell it what a device says is resolved.
        retention: trims what is too old or too much.
        silence: forgets who was not heard of for too long.
    """

    __slots__ = (
        "_announcer",
        "_claims",
        "_config",
        "_ears",
        "_flights",
        "_owned",
        "_ports",
        "floors",
        "retention",
        "silence",
    )

    def __init__(
        self,
        runtime: Runtime,
        log: MessageLog,
        kv: KeyValue,
        locks: Locks,
        peers: Peers,
        config: ServerConfig,
        on_commit: OnCommit,
    ) -> None:
        self._ports = ServerPorts(runtime, log, kv, locks, peers, config)
        self._config = config
        self._claims = Claims(kv, timeout=config.kv_timeout, rounds=config.rounds)
        self._flights: InFlight[Sent | None] = InFlight(runtime)
        self._announcer = Announcer(self._ports, self.append)
        self._owned: dict[str, Ownership] = {}
        self.floors = Floors(runtime, kv, config)
        self.silence = Silence(self._ports, self.floors)
        self.retention = Retention(self._ports, self._announcer.checkpoint)
        failovers = Failovers(self._ports, self._claims, self.recheck)
        self._ears = Ears(on_commit, self._announcer.hear, failovers.hear, self.retention.hear)

    # ------------------------------------------------------------------------------------------ what may be asked

    async def submit(
        self, conversation: str, epoch: int, user: str, install: str, drafts: tuple[Draft, ...], resolved_below: int
    ) -> Sent | None:
        """Accept drafts in order, the first that is not accepted stopping the rest.

        Args:
            conversation: where.
            epoch: the epoch that the device knows; the whole of it is handled in this one.
            user: the author.
            install: the nonce of the device's client ids.
            drafts: at least one.
            resolved_below: every counter of the install below it has its answer.

        Returns:
            The outcomes of those that were handled; None: unknown, or not this epoch.

        Raises:
            Elsewhere: another server owns the conversation.
        """
        self.floors.follow(install, resolved_below)
        owned, key = self._conversation(conversation), drafts[0].client_id
        if len(owned.mailbox) >= self._config.mailbox and key not in self._flights:
            marks.MAILBOX_FULL()
            later = Outcome(key, Answer.LATER, retry_after=self._config.retry_after)
            return Sent(conversation, epoch, (later,))
        return await self._flights.share(
            key,
            (conversation, epoch, user, drafts),
            lambda: owned.mailbox.do(lambda: self._handle(owned, epoch, user, drafts)),
        )

    async def cancel(self, conversation: str, epoch: int, install: str, client_id: str) -> Sent | None:
        """Have a client id never accepted, unless it was already; `install` is the nonce of who asks.

        Returns:
            What is true now; None: unknown, or not this epoch.

        Raises:
            Elsewhere: another server owns the conversation.
        """
        self.floors.follow(install, 0)
        owned = self._conversation(conversation)
        return await self._flights.share(  # a cancel is repeated until it is answered: busy servers do it once
            "cancel/" + client_id,
            (conversation, epoch),
            lambda: owned.mailbox.do(lambda: self._cancel(owned, epoch, client_id)),
        )

    async def append(self, conversation: str, draft: Draft) -> Outcome | None:
        """Accept an entry of the server's own, in whatever epoch is present; None: unknown.

        Raises:
            Elsewhere: another server owns the conversation.
        """
        owned = self._conversation(conversation)
        sent = await owned.mailbox.do(lambda: self._handle(owned, None, SERVER, (draft,)))
        return None if sent is None else sent.outcomes[0]

    async def recheck(self, conversation: str, user: str, reason: str) -> bool:
        """Put into the user's own log what is true of the user's membership now; whether it is there for sure.

        Raises:
            Elsewhere: another server owns the conversation.
        """
        owned = self._conversation(conversation)
        return await owned.mailbox.do(lambda: self._recheck(owned, user, reason))

    async def read(
        self, conversation: str, user: str, low: int, high: int, limit: int, *, newest: bool
    ) -> tuple[Page, tuple[int, ...]]:
        """A page of what `user` may read of `low..high` (`high = 0`: all), and the cuts of its epochs.

        Raises:
            Elsewhere: another server owns the conversation.
            Unavailable, Timeout: it could not be read.
        """
        owned = self._conversation(conversation)
        wanted = Wanted(low=low, high=high, limit=min(limit, self._config.page), newest=newest)
        while True:
            tenure = owned.present
            if tenure is None:
                tenure = await owned.mailbox.do(owned.acquire)
            page, cuts = await page_of(self._ports.log, conversation, tenure.membership, user, wanted, self._config)
            if page.epoch == tenure.epoch:
                if owned.own and owned.forgettable and self._owned.get(conversation) is owned:
                    del self._owned[conversation]  # read when a device comes, and then not for long
                return page, cuts
            marks.READ_IN_OLD_EPOCH()
            tenure.over = True  # a failover that this server had not noticed: it may have changed who reads what

    async def settle(self, conversation: str, epoch: int = 0) -> bool:
        """Own the conversation and commit what is filled; False: try again.

        Args:
            conversation: which.
            epoch: the latest that anybody has heard of.

        Raises:
            Elsewhere: another server owns the conversation.
        """
        owned = self._conversation(conversation)
        return await owned.mailbox.do(lambda: owned.settle_again(epoch))

    def head(self, conversation: str) -> Head | None:
        """Where an owned conversation ends, from memory; None if this server does not own it now."""
        tenure = self._conversation(conversation).present
        if tenure is None:
            return None
        return Head(conversation, tenure.epoch, tenure.committed, tenure.trimmed_below)

    def members(self, conversation: str) -> tuple[str, ...] | None:
        """The members of an owned conversation, from memory; None if this server does not own it now."""
        tenure = self._conversation(conversation).present
        return None if tenure is None else tenure.membership.members

    def _conversation(self, name: str) -> Ownership:
        owned = self._owned.get(name)
        if owned is None:
            owned = self._owned[name] = Ownership(name, self._ports, self._ears)
            self.retention.watch(owned)
        return owned

    # ------------------------------------------------------------------------------------------ one piece of work

    async def _handle(self, owned: Ownership, epoch: int | None, user: str, drafts: tuple[Draft, ...]) -> Sent | None:
        tenure = await owned.enter(epoch)
        if tenure is None:
            return None
        outcomes: list[Outcome] = []
        for draft in drafts:
            outcome = await self._one(owned, tenure, user, draft)
            if outcome is None:
                break
            outcomes.append(outcome)
            if outcome.answer is not Answer.OK:
                break
        if len(outcomes) < len(drafts):
            marks.BATCH_STOPPED()
        if not await owned.settle(tenure):
            marks.ANSWER_WITHHELD()
            outcomes = list(itertools.takewhile(tenure.holds, outcomes))
        return Sent(owned.name, tenure.epoch, tuple(outcomes)) if outcomes else None

    async def _one(self, owned: Ownership, tenure: Tenure, user: str, draft: Draft) -> Outcome | None:
        """Accept one draft if its author may write it."""
        try:
            parts(draft.client_id)
        except ValueError as error:
            return Outcome(draft.client_id, Answer.REFUSED, reason=str(error))
        try:
            reason = await self._objection(tenure, user, draft)
        except (Unavailable, Timeout):
            return None
        if not reason:
            return await accept(self._claims, tenure, user, draft)
        if reason == NOT_A_MEMBER and owned.reoffering:
            # the join may be among what the failover took and its sender has not offered again yet
            return Outcome(draft.client_id, Answer.LATER, retry_after=self._config.retry_after)
        return await refuse(self._claims, tenure, draft, reason)

    async def _objection(self, tenure: Tenure, user: str, draft: Draft) -> str:
        """Why the draft is refused; empty if it is not."""
        body = draft.body
        reason = tenure.membership.objection(user, body)
        if reason:
            return reason
        if size_of(body) > self._config.content:
            return f"too large: at most {self._config.content} bytes"
        if user != SERVER and (type(body) is Edit or type(body) is Recall):
            author = await self._author(tenure.place, body.target)
            if author is not None and author != user:
                return "only its author may change a message"
        return ""

    async def _author(self, conversation: str, client_id: str) -> str | None:
        """Whose message it is, or None: the claim says where to look, the slot says who."""
        claim = await self._claims.look(client_id)
        if claim is None or claim.place != conversation or not claim.seq:
            return None
        entry = await self._ports.log.peek(conversation, claim.seq, timeout=self._config.log_timeout)
        return entry.author if entry is not None and entry.client_id == client_id else None

    async def _cancel(self, owned: Ownership, epoch: int, client_id: str) -> Sent | None:
        tenure = await owned.enter(epoch)
        if tenure is None:
            return None
        try:
            parts(client_id)
        except ValueError as error:
            return Sent(owned.name, tenure.epoch, (Outcome(client_id, Answer.REFUSED, reason=str(error)),))
        outcome = await self._claims.cancel(tenure, client_id)
        if outcome is None or (not await owned.settle(tenure) and not tenure.holds(outcome)):
            return None
        return Sent(owned.name, tenure.epoch, (outcome,))

    async def _recheck(self, owned: Ownership, user: str, reason: str) -> bool:
        tenure = await owned.enter(None)
        if tenure is None:
            return False
        # told before the next piece of work on the conversation could change it, and so before that is announced
        return await self._announcer.put(user_log(user), standing(tenure, user, reason))
