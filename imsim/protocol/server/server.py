"""One server: its parts, put together on the ports of whichever world it runs in.

    connections ─▶ Gateway ─▶ Router ─▶ Sequencer ─▶ accept ─▶ log
         ▲            │          └─ Peers ─▶ the owner's Router
         └─ sessions ◀┴─ Delivery ◀─ queue ◀─ on_commit

`start` begins what runs for ever. A server keeps nothing of its own that matters: a crash loses sessions and
caches, and the next incarnation begins from the ports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from imsim.ports import KeyValue, Locks, MessageLog, Peers, PlatformPush, Queue, Runtime
from imsim.protocol.server.delivery import Delivery
from imsim.protocol.server.directory import Directory
from imsim.protocol.server.gateway import Channel, Gateway
from imsim.protocol.server.offline import OfflineStore
from imsim.protocol.server.presence import PresenceService
from imsim.protocol.server.routing import Router
from imsim.protocol.server.sequencer import Sequencer
from imsim.protocol.services.patience import PatientKeyValue, PatientLocks, PatientLog

if TYPE_CHECKING:
    from imsim.ports import Link
    from imsim.protocol.contract import AnyRetryPolicy
    from imsim.protocol.frames import Frame
    from imsim.protocol.server.config import ServerConfig
    from imsim.protocol.sync import Strategy

__all__ = ["Ports", "Server"]


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """What one incarnation of a server stands on."""

    runtime: Runtime
    log: MessageLog
    kv: KeyValue
    queue: Queue
    locks: Locks
    peers: Peers
    platform: PlatformPush


class Server:
    """One incarnation of one server."""

    __slots__ = ("_node", "_ports", "_presence_on", "delivery", "gateway", "presence", "router", "sequencer")

    def __init__(
        self,
        ports: Ports,
        config: ServerConfig,
        push: AnyRetryPolicy,
        *,
        incarnation: int,
        strategy: Strategy | None = None,
    ) -> None:
        """A server that is not started.

        Args:
            ports: what it stands on.
            config: how it behaves.
            push: how pushes are repeated.
            incarnation: rises with each start of this node.
            strategy: the session half of one strategy besides those of sync/.
        """
        node = ports.peers.node
        self._ports = ports
        self._node = node
        self._presence_on = config.presence
        log, kv = PatientLog(ports.log, config.patience), PatientKeyValue(ports.kv, config.patience)
        locks = PatientLocks(ports.locks, config.patience)
        # what is only a cache, or soft state, is not worth waiting for
        offline = OfflineStore(ports.kv, cap=config.offline_cap, keep=config.claim_retention, timeout=config.kv_timeout)
        self.delivery = Delivery(ports.runtime, ports.queue, offline, ports.platform, config)
        self.sequencer = Sequencer(ports.runtime, log, kv, locks, ports.peers, config, self.delivery.publish)
        self.router = Router(self.sequencer, ports.peers, config)
        directory = Directory(log, config)
        self.presence = PresenceService(ports.runtime, ports.kv, ports.queue, config)
        self.gateway = Gateway(
            ports.runtime,
            log,
            self.router,
            self.delivery,
            directory,
            offline,
            self.presence,
            push,
            config,
            node=node,
            incarnation=incarnation,
            strategy=strategy,
        )
        self.delivery.flush = self.gateway.flush
        self.presence.tell = self.gateway.tell

    def start(self) -> None:
        """Begin to hear of commits and of presence."""
        self._ports.runtime.spawn(self.delivery.run(self._node))
        self._ports.runtime.spawn(self.sequencer.silence.run())
        if self.sequencer.retention.needed:
            self._ports.runtime.spawn(self.sequencer.retention.run())
        if self._presence_on:
            self._ports.runtime.spawn(self.presence.run(self._node))

    def accept_connection(self, link: Link) -> Channel:
        """A device connected; hand its frames to `handle_frame` with this."""
        return Channel(link)

    def handle_frame(self, channel: Channel, frame: Frame) -> None:
        """A frame came on a connection."""
        self.gateway.handle_frame(channel, frame)

    def handle_closed(self, channel: Channel) -> None:
        """A connection is gone."""
        self.gateway.handle_closed(channel)

    async def handle_request(self, request: Any) -> Any:  # noqa: ANN401 (Peers carries any value)
        """Another server asks."""
        return await self.router.handle(request)
