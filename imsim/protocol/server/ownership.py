"""One server's ownership of one conversation: lease, tenure, and commits that are tried until they succeed.

Ownership is a lease with a fencing token. It only saves work: if a lease expires while its holder is paused, two
servers do the same at once, and accept.py is right all the same.

What an owner knows (the run of filled slots, the membership) is its `Tenure`. It lasts while the lease is renewed
under one token and in one epoch. When the log refuses, the tenure is over, and the next piece of work begins a new
one by taking over.

A user's own log is read whenever a device of the user comes, and then not for long, so its ownership is forgotten after
a read unless something is under way (`forgettable`); the lease stays with this server, and the next piece of work takes
over under the same token. That loses a cache and nothing else, since whatever a tenure knows is in the log, in the
counter of its slots, or in the claims. Should two tenures of one server meet under one token, they are two handlers
that both believe to be the owner, and for these accept.py is searched. They may tell of a commit twice, and sessions
ignore what they were told. A reader may forget only the very ownership that it read with, lest one that others began
meanwhile goes on beside a third.

An entry whose commit failed is in its slot all the same and will not go away, but nobody sees it: its answer is
withheld, and its sender asks again. Meanwhile the commit is repaired in the background, until this server succeeds or
another one owns the conversation.

Not here: what is accepted (accept.py, sequencer.py), and where commits go (delivery.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from imsim.errors import Timeout, Unavailable
from imsim.ports import FIRST_EPOCH, Durability
from imsim.protocol import marks
from imsim.protocol.frames import user_log
from imsim.protocol.server.accept import Tenure
from imsim.protocol.server.log import CHANGES
from imsim.protocol.server.mailbox import Mailbox
from imsim.protocol.services.claims import Sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from imsim.ports import KeyValue, Locks, MessageLog, Peers, Runtime
    from imsim.protocol.frames import Entry
    from imsim.protocol.server.config import ServerConfig

    OnCommit = Callable[[Sequence[Entry], tuple[str, ...]], Coroutine[Any, Any, None]]

__all__ = ["Ears", "Elsewhere", "Ownership", "ServerPorts"]


class Elsewhere(Exception):  # noqa: N818 - a fact about ownership, not a fault
    """Another live server owns the conversation; nothing was done."""

    @property
    def holder(self) -> str:
        """The node to ask."""
        return str(self.args[0])


class ServerPorts(NamedTuple):
    """What the owner of conversations works with."""

    runtime: Runtime
    log: MessageLog
    kv: KeyValue
    locks: Locks
    peers: Peers
    config: ServerConfig


class Ears(NamedTuple):
    """Who is told of what happens to conversations.

    Attributes:
        on_commit: awaited with entries that were committed and the users who may read them.
        on_change: called with committed entries that change the membership, or none if a checkpoint is due.
        on_epoch: called with the epoch when a tenure begins in a later one than the first.
        on_growth: called after commits, with the tenure.
    """

    on_commit: OnCommit
    on_change: Callable[[Ownership, Sequence[Entry]], None]
    on_epoch: Callable[[Ownership, int], None]
    on_growth: Callable[[Ownership, Tenure], None]


class Ownership:
    """One conversation, as a server that owns it or wants to.

    Attributes:
        name: the conversation.
        mailbox: work on the conversation is serial; everything below is called by work in it.
        tenure: what the owner knows, while it is one.

    Args:
        name: the conversation.
        ports: what to work with.
        ears: who is told of what happens.
    """

    __slots__ = (
        "_ears",
        "_epoch_seen",
        "_ports",
        "_renew_at",
        "_reoffer_until",
        "_repairing",
        "_until",
        "mailbox",
        "name",
        "tenure",
    )

    def __init__(self, name: str, ports: ServerPorts, ears: Ears) -> None:
        self.name = name
        self.mailbox = Mailbox(ports.runtime)
        self.tenure: Tenure | None = None
        self._ports = ports
        self._ears = ears
        self._until = 0.0
        self._renew_at = 0.0
        self._reoffer_until = 0.0
        self._epoch_seen = FIRST_EPOCH
        self._repairing = False

    @property
    def own(self) -> bool:
        """Whether it is the own log of a user."""
        return self.name.startswith(user_log(""))

    @property
    def forgettable(self) -> bool:
        """Whether nothing is lost by beginning anew: no work under way, nothing to repair, no failover to remember."""
        tenure = self.tenure
        settled = tenure is None or tenure.settled
        return settled and self.mailbox.idle and not self._repairing and self._epoch_seen == FIRST_EPOCH

    @property
    def present(self) -> Tenure | None:
        """The tenure, if nothing speaks against it and its lease need not be renewed yet."""
        tenure = self.tenure
        if tenure is None or tenure.over or self._ports.runtime.now() >= self._renew_at:
            return None
        return tenure

    @property
    def reoffering(self) -> bool:
        """Whether senders may still offer again what a failover took."""
        return self._ports.runtime.now() < self._reoffer_until

    async def enter(self, epoch: int | None) -> Tenure | None:
        """The tenure in `epoch` (None: whichever is present); None if there is none, or it could not be had.

        Raises:
            Elsewhere: another server holds the lease.
        """
        try:
            tenure = self.present or await self.acquire()
            if epoch is not None and epoch > tenure.epoch:  # a failover that this server has not noticed
                marks.EPOCH_NOT_NOTICED()
                tenure.over = True
                tenure = await self.acquire()
        except (Unavailable, Timeout):
            return None
        return tenure if epoch is None or epoch == tenure.epoch else None

    async def acquire(self) -> Tenure:
        """Acquire or renew the lease, and take over if this begins a new tenure.

        Raises:
            Elsewhere: another server holds the lease.
            Unavailable, Timeout: not now.
        """
        ports, tenure = self._ports, self.tenure
        config, node = ports.config, ports.peers.node
        asked_at = ports.runtime.now()
        try:
            lease = await ports.locks.acquire(
                "conversation/" + self.name, node, config.lease, timeout=config.locks_timeout
            )
        except (Unavailable, Timeout):
            if tenure is None or tenure.over or asked_at >= self._until:
                raise
            marks.LEASE_NOT_RENEWED()
            return tenure  # not renewed, but not over either
        if lease.holder != node:
            marks.OWNED_ELSEWHERE()
            self.tenure = None
            raise Elsewhere(lease.holder)
        if tenure is None or tenure.over or tenure.token != lease.token:
            tenure = await self._take_over(lease.token)
        self._until = lease.until
        self._renew_at = lease.until - config.lease / 2
        return tenure

    async def settle(self, tenure: Tenure) -> bool:
        """Commit what is filled and tell of it; what fails is repaired in the background, and then this is False."""
        try:
            entries = await tenure.commit()
        except (Sealed, Unavailable, Timeout):
            entries = []
        if entries:
            await self._tell(tenure, entries)
            self._ears.on_growth(self, tenure)
        if tenure.settled and not tenure.over:
            return True
        if not self._repairing:
            marks.COMMIT_REPAIRED()
            self._repairing = True
            self._ports.runtime.spawn(self._repair())
        return False

    async def settle_again(self, epoch: int = 0) -> bool:
        """Own the conversation, in `epoch` at least, and settle it.

        Raises:
            Elsewhere: another server holds the lease.
        """
        tenure = await self.enter(epoch) if epoch else None
        tenure = tenure or await self.enter(None)
        return tenure is not None and await self.settle(tenure)

    async def _take_over(self, token: int) -> Tenure:
        ports = self._ports
        self.tenure = None
        tenure = Tenure(ports.log, ports.kv, ports.config, self.name, token)
        try:
            changes = await tenure.enter()
        except Sealed as sealed:
            raise Unavailable(f"{self.name} is failing over") from sealed
        if tenure.epoch > self._epoch_seen and ports.log.durability is Durability.ASYNC:
            self._epoch_seen = tenure.epoch
            self._reoffer_until = ports.runtime.now() + ports.config.reoffer_window
        self.tenure = tenure
        if changes or tenure.checkpoint_due:
            self._ears.on_change(self, changes)
        await self.settle(tenure)
        if tenure.epoch > FIRST_EPOCH:
            self._ears.on_epoch(self, tenure.epoch)
        return tenure

    async def _tell(self, tenure: Tenure, entries: Sequence[Entry]) -> None:
        membership = tenure.membership
        changes = [entry for entry in entries if type(entry.body) in CHANGES]
        if not changes:
            await self._ears.on_commit(entries, membership.members)
            return
        for entry in entries:
            await self._ears.on_commit((entry,), membership.readers(entry.seq))
        self._ears.on_change(self, changes)

    async def _repair(self) -> None:
        config = self._ports.config
        pause, done = config.repair_pause, False
        while not done:
            await self._ports.runtime.sleep(pause)
            pause = min(2 * pause, config.lease)
            try:
                done = await self.mailbox.do(self.settle_again)
            except Elsewhere:
                done = True  # its owner fills and commits
        self._repairing = False
