"""Who is there: soft state with an expiry, never in a log, outside every safety property.

A key in the key-value store says until when a user counts as present; whoever holds a session of the user renews
it. Changes travel through the queue to the servers whose sessions watch the user; one that is lost is corrected by
the expiry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from imsim.errors import WorldError
from imsim.protocol.frames import Presence

if TYPE_CHECKING:
    from collections.abc import Callable

    from imsim.ports import KeyValue, Queue, Runtime
    from imsim.protocol.server.config import ServerConfig
    from imsim.protocol.session import Session

__all__ = ["TOPIC", "Changed", "PresenceService"]

TOPIC = "presence"
_BATCH = 64
_PAUSE = 1.0


class Changed(msgspec.Struct, frozen=True, gc=False, tag="presence_changed"):
    """`user` is there for the next `expires_in` seconds, or is not."""

    user: str
    online: bool
    expires_in: float


class PresenceService:
    """One server's view of who is there."""

    __slots__ = ("_config", "_kv", "_queue", "_runtime", "_watchers", "tell")

    def __init__(self, runtime: Runtime, kv: KeyValue, queue: Queue, config: ServerConfig) -> None:
        """The gateway sets `tell(session, presence)`, which transmits a change to a session that watches."""
        self._runtime = runtime
        self._kv = kv
        self._queue = queue
        self._config = config
        self.tell: Callable[[Session, Presence], None]
        self._watchers: dict[str, tuple[Session, ...]] = {}

    async def announce(self, user: str, *, online: bool) -> None:
        """`user` has a session here, or has none any more; failing is harmless, the expiry corrects it."""
        key = f"presence/{user}"
        seconds = 2 * self._config.ping
        try:
            old = await self._kv.get(key, timeout=self._config.kv_timeout)
            new = 1 if online else None
            if old is not None or new is not None:
                await self._kv.compare_and_set(key, old, new, expires_in=seconds, timeout=self._config.kv_timeout)
            if (old is not None) != online:
                changed = Changed(user, online, seconds)
                await self._queue.publish(TOPIC, user, changed, timeout=self._config.queue_timeout)
        except WorldError:
            return

    async def is_online(self, user: str) -> bool:
        """Whether some server holds a session of `user`; False if that cannot be found out."""
        try:
            return await self._kv.get(f"presence/{user}", fresh=False, timeout=self._config.kv_timeout) is not None
        except WorldError:
            return False

    async def watch(self, session: Session, users: tuple[str, ...]) -> None:
        """Tell `session` of `users`: now, and when something changes."""
        self.forget(session)
        for user in users:
            self._watchers[user] = (*self._watchers.get(user, ()), session)
        for user in users:
            online = await self.is_online(user)
            self.tell(session, Presence(user, online, 2 * self._config.ping))

    def forget(self, session: Session) -> None:
        """`session` watches nobody any more."""
        if not self._watchers:
            return
        for user in [user for user, sessions in self._watchers.items() if session in sessions]:
            rest = tuple(s for s in self._watchers[user] if s is not session)
            if rest:
                self._watchers[user] = rest
            else:
                del self._watchers[user]

    async def run(self, group: str) -> None:
        """Hear of changes, for ever."""
        while True:
            try:
                consumer = await self._queue.subscribe(TOPIC, group, timeout=self._config.queue_timeout)
                break
            except WorldError:
                await self._runtime.sleep(_PAUSE)
        while True:
            batch = await consumer.receive(_BATCH)
            for queued in batch:
                self._take(queued.value)
            try:
                await consumer.ack([queued.tag for queued in batch], timeout=self._config.queue_timeout)
            except WorldError:
                continue

    def _take(self, value: Any) -> None:  # noqa: ANN401 (whatever the queue holds)
        if type(value) is Changed:
            for session in self._watchers.get(value.user, ()):
                self.tell(session, Presence(value.user, value.online, value.expires_in))
