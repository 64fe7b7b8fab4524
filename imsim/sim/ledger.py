"""What the world knows of the logs, whoever wrote them: who is a member where, and what failovers took.

The ledger hears every commit, trimming and failover at the log itself, writes the rows that follow from it, and says
what a device must hold before a run may end. Servers and devices never ask it.

What does not belong here: the slots (backends/log.py), and what was promised (verify/).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.history import Event
from imsim.protocol.frames import Created, Entry, Join, Leave, Message, NoOp, TailLost
from imsim.protocol.server.log import Membership

if TYPE_CHECKING:
    from imsim.sim.backends.log import SlotLog
    from imsim.sim.device_node import DeviceNode
    from imsim.sim.world import World

__all__ = ["Ledger"]


class Ledger:
    """The logs of one world, as they are.

    Args:
        world: where rows go.
        log: all conversations; its ears are the ledger's from now on.
    """

    __slots__ = ("_conversations", "_log", "_memberships", "_tails", "_world")

    def __init__(self, world: World, log: SlotLog) -> None:
        self._world = world
        self._log = log
        self._memberships: dict[str, Membership] = {}
        self._conversations: dict[str, tuple[str, ...]] = {}
        """Everything that a user ever was a member of."""
        self._tails: dict[str, int] = {}
        """The epoch in which the log must still say what of its tail is lost, by conversation."""
        log.on_committed = self._committed
        log.on_trimmed = self._trimmed
        log.on_cut = self._cut

    # ------------------------------------------------------------------------------------------ what may be asked

    def members(self, conversation: str) -> tuple[str, ...]:
        """The members of a conversation now."""
        membership = self._memberships.get(conversation)
        return () if membership is None else membership.members

    @property
    def settled(self) -> bool:
        """Whether everything that was lost is named."""
        return not self._tails

    def holds_all(self, node: DeviceNode) -> bool:
        """Whether a device holds all that its user is entitled to."""
        device = node.device
        if device is None or not self._is_level(node, device.own_log):
            return False
        for conversation in self._conversations.get(node.user, ()):
            span = self._memberships[conversation].last_span(node.user)
            if span is None:
                continue
            if not span.high:
                if not self._is_level(node, conversation):
                    return False
            elif device.position(conversation)[1] < span.high:
                return False
        return True

    def _is_level(self, node: DeviceNode, conversation: str) -> bool:
        device = node.device
        if device is None:
            return False
        epoch, upto = device.position(conversation)
        state = self._log.state(conversation)
        return upto == state.committed and (epoch == state.epoch or upto <= state.cut)

    # ------------------------------------------------------------------------------------------ what happens

    def fail_over(self) -> None:
        """The log's replica takes over, with what it has."""
        world = self._world
        for conversation, state in world.backends.failover().items():
            membership = self._memberships.get(conversation)
            if membership is not None:
                membership.take_back(state.cut)
            if conversation in self._tails:
                self._tails[conversation] = state.epoch
            world.fact(None, Event.TAIL_LOST, conversation=conversation, epoch=state.epoch, seq=state.cut)

    def _cut(self, entry: Entry) -> None:
        """A committed entry is gone."""
        if type(entry.body) is not NoOp:
            self._tails[entry.conversation] = 0

    def _trimmed(self, conversation: str, lowest: int) -> None:
        """Everything below `lowest` is gone on purpose."""
        world = self._world
        world.row(
            world.kernel.now, world.writer.nodes.index("log"), 0, Event.TRIMMED,
            world.writer.conversations.index(conversation), 0, 0, lowest, 0, 0, 0, 0,
        )  # fmt: skip

    def _committed(self, entry: Entry) -> None:
        """An entry is in the committed prefix: the log is the truth, whoever wrote it."""
        world, body = self._world, entry.body
        named = world.naming.of(entry)
        named.epoch, named.seq = entry.epoch, entry.seq
        kind = "" if type(body) is Message else str(type(body).__struct_config__.tag)
        world.fact_about(None, Event.COMMITTED, named, entry.epoch, entry.seq, detail=kind)
        if type(body) in _TELLING:
            self._tell(entry)

    def _tell(self, entry: Entry) -> None:
        """Rows besides the commit itself."""
        world, body = self._world, entry.body
        if isinstance(body, TailLost):
            if self._tails.get(entry.conversation) == entry.epoch:
                del self._tails[entry.conversation]
            for client_id in body.client_ids:
                world.fact_about(None, Event.TAIL_LOST, world.naming.of_id(client_id, entry.conversation), 0, 0)
            return
        membership = self._memberships.get(entry.conversation)
        if membership is None:
            membership = self._memberships[entry.conversation] = Membership(entry.conversation)
        membership.fold(entry)
        event = Event.LEFT if isinstance(body, Leave) else Event.JOINED
        users = body.members if isinstance(body, Created) else (body.user,)  # type: ignore[union-attr]
        for user in users:
            known = self._conversations.get(user, ())
            if entry.conversation not in known:
                self._conversations[user] = (*known, entry.conversation)
            world.fact(None, event, conversation=entry.conversation, epoch=entry.epoch, seq=entry.seq, detail=user)


_TELLING = frozenset({Created, Join, Leave, TailLost})
