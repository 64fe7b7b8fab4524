"""To the owner of a conversation, wherever it is: here, or on another server through `Peers`.

A request is tried here first. If another server holds the lease it is forwarded once; if that one does not own it
any more either, the answer is unknown, and the device asks again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Union

import msgspec

from imsim.errors import Unavailable, WorldError
from imsim.protocol import marks
from imsim.protocol.frames import Draft, Outcome, Page, Sent
from imsim.protocol.server.announce import Append, Elsewhere
from imsim.protocol.server.failover import Recheck

if TYPE_CHECKING:
    from imsim.ports import Peers
    from imsim.protocol.server.config import ServerConfig
    from imsim.protocol.server.sequencer import Sequencer

__all__ = ["PageOf", "Request", "Router"]


class SubmitAt(msgspec.Struct, frozen=True, tag="submit_at"):
    """`Sequencer.submit` on another server; answered by `Sent` or None."""

    conversation: str
    epoch: int
    user: str
    nonce: str
    drafts: tuple[Draft, ...]
    resolved_below: int


class CancelAt(msgspec.Struct, frozen=True, tag="cancel_at"):
    """`Sequencer.cancel` on another server; answered by `Sent` or None."""

    conversation: str
    epoch: int
    nonce: str
    client_id: str


class ReadAt(msgspec.Struct, frozen=True, tag="read_at"):
    """`Sequencer.read` on another server; answered by `PageOf`."""

    conversation: str
    user: str
    low: int
    high: int
    limit: int
    newest: bool


class SettleAt(msgspec.Struct, frozen=True, tag="settle_at"):
    """`Sequencer.settle` on another server; answered by whether it is done."""

    conversation: str
    epoch: int


class PageOf(msgspec.Struct, frozen=True, tag="page_of"):
    """A page, and the cuts of the log's epochs when it was read."""

    page: Page
    cuts: tuple[int, ...]


Request = Union[Append, SubmitAt, CancelAt, ReadAt, SettleAt, Recheck]  # noqa: UP007 (msgspec)


class Router:
    """One server's way to every conversation."""

    __slots__ = ("_config", "_peers", "_sequencer")

    def __init__(self, sequencer: Sequencer, peers: Peers, config: ServerConfig) -> None:
        self._sequencer = sequencer
        self._peers = peers
        self._config = config

    async def submit(
        self, conversation: str, epoch: int, user: str, nonce: str, drafts: tuple[Draft, ...], resolved_below: int
    ) -> Sent | None:
        """Have drafts accepted by the owner; None: unknown, or not this epoch."""
        try:
            return await self._sequencer.submit(conversation, epoch, user, nonce, drafts, resolved_below)
        except Elsewhere as elsewhere:
            marks.FORWARDED()
            request = SubmitAt(conversation, epoch, user, nonce, drafts, resolved_below)
            return await self._answer(elsewhere.holder, request)

    async def cancel(self, conversation: str, epoch: int, nonce: str, client_id: str) -> Sent | None:
        """Have a client id never accepted, unless it was; None: unknown, or not this epoch."""
        try:
            return await self._sequencer.cancel(conversation, epoch, nonce, client_id)
        except Elsewhere as elsewhere:
            return await self._answer(elsewhere.holder, CancelAt(conversation, epoch, nonce, client_id))

    async def read(self, conversation: str, user: str, low: int, high: int, limit: int, *, newest: bool) -> PageOf:
        """A page of what the user may read.

        Raises:
            WorldError: it could not be read.
        """
        try:
            page, cuts = await self._sequencer.read(conversation, user, low, high, limit, newest=newest)
        except Elsewhere as elsewhere:
            request = ReadAt(conversation, user, low, high, limit, newest)
            answer = await self._peers.call(elsewhere.holder, request, timeout=self._config.peers_timeout)
            if type(answer) is not PageOf:
                message = f"{elsewhere.holder} does not own {conversation}"
                raise Unavailable(message) from elsewhere
            return answer
        return PageOf(page, cuts)

    async def settle(self, conversation: str, epoch: int = 0) -> bool:
        """Have its owner commit what is filled, in `epoch` at least: somebody knows more than is committed.

        Returns:
            Whether the owner was told; if not, whoever knows more comes again.
        """
        try:
            return await self._sequencer.settle(conversation, epoch)
        except Elsewhere as elsewhere:
            ask = SettleAt(conversation, epoch)
            try:
                return await self._peers.call(elsewhere.holder, ask, timeout=self._config.peers_timeout) is True
            except WorldError:
                return False

    async def handle(self, request: Request) -> Sent | Outcome | PageOf | bool | None:
        """Answer another server; None: this one is not the owner either.

        Raises:
            WorldError: the log could not be read.
        """
        sequencer = self._sequencer
        try:
            if type(request) is SubmitAt:
                r = request
                return await sequencer.submit(r.conversation, r.epoch, r.user, r.nonce, r.drafts, r.resolved_below)
            if type(request) is CancelAt:
                return await sequencer.cancel(request.conversation, request.epoch, request.nonce, request.client_id)
            if type(request) is ReadAt:
                r2 = request
                page, cuts = await sequencer.read(r2.conversation, r2.user, r2.low, r2.high, r2.limit, newest=r2.newest)
                return PageOf(page, cuts)
            if type(request) is SettleAt:
                return await sequencer.settle(request.conversation, request.epoch)
            if type(request) is Recheck:
                return await sequencer.recheck(request.conversation, request.user, request.reason)
            if type(request) is Append:
                return await sequencer.append(request.conversation, request.draft)
        except Elsewhere:
            return None
        message = f"not a request between servers: {request!r}"
        raise TypeError(message)

    async def _answer(self, node: str, request: Request) -> Sent | None:
        try:
            answer = await self._peers.call(node, request, timeout=self._config.peers_timeout)
        except WorldError:
            return None
        return answer if type(answer) is Sent else None
