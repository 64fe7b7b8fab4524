"""From a commit to the sessions of its readers: through the queue, at least once, in order a conversation.

The owner of a conversation publishes what it committed; every gateway hears of it and tells the sessions it holds. The
queue may deliver again, inside a batch too: sessions ignore what they were told, so nothing is pushed twice for it.
A value that is no commit is set aside after the first look: one poisoned message must not stop a conversation.

A queue that refuses a commit is asked again, ever more rarely, until it takes it or the server dies; the owner goes on
meanwhile, and what it commits next waits behind. Of what waits for the same readers only the last is kept, for whoever
hears of a slot fetches what it lacks below it: so an outage of any length costs a conversation one entry a change of
its membership, and ends in one push.

Small groups are *written* to: members without a session get the entry into their offline store. Large groups are
*read*: their sessions get a hint and their devices pull. Apps that are not running are hinted by the platform's
push.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from imsim.errors import WorldError
from imsim.protocol import marks
from imsim.protocol.frames import Entry, Push

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imsim.ports import Consumer, PlatformPush, Queue, Runtime
    from imsim.protocol.server.config import ServerConfig
    from imsim.protocol.server.offline import OfflineStore
    from imsim.protocol.session import Session

__all__ = ["TOPIC", "Committed", "Delivery"]

TOPIC = "commits"
_BATCH = 64
_PAUSE = 1.0
"""Seconds before the queue is tried again."""


class Committed(msgspec.Struct, frozen=True, gc=False, tag="committed"):
    """One committed entry and the users who may read it."""

    entry: Entry
    members: tuple[str, ...]


class Delivery:
    """One server's part of the fan-out."""

    __slots__ = ("_config", "_offline", "_platform", "_queue", "_refused", "_runtime", "flush", "poisoned", "sessions")

    def __init__(
        self,
        runtime: Runtime,
        queue: Queue,
        offline: OfflineStore,
        platform: PlatformPush,
        config: ServerConfig,
    ) -> None:
        """Tell sessions of commits; the gateway sets `flush(session, now)`, which does what a session then wants."""
        self._runtime = runtime
        self._queue = queue
        self._offline = offline
        self._platform = platform
        self._config = config
        self.flush: Callable[[Session, float], None]
        self.sessions: dict[str, tuple[Session, ...]] = {}
        self.poisoned = 0
        self._refused: dict[str, deque[Committed]] = {}
        """What the queue has not taken yet, oldest first, of each conversation that has a coroutine at it."""

    def add(self, session: Session) -> None:
        """From now on `session` is told of commits."""
        others = tuple(s for s in self.sessions.get(session.user, ()) if s is not session)
        self.sessions[session.user] = (*others, session)

    def remove(self, session: Session) -> None:
        """`session` is forgotten."""
        others = tuple(s for s in self.sessions.get(session.user, ()) if s is not session)
        if others:
            self.sessions[session.user] = others
        else:
            self.sessions.pop(session.user, None)

    async def publish(self, entries: Sequence[Entry], members: tuple[str, ...]) -> None:
        """The owner's half: hand commits to the queue, and store them for absent members of a small group.

        A server that dies before the queue takes them loses no message: sessions find the hole at the next commit, the
        next check or the next Hello.
        """
        for entry in entries:
            committed = Committed(entry, members)
            refused = self._refused.get(entry.conversation)
            if refused is not None:
                if refused and refused[-1].members == members:
                    refused.pop()
                refused.append(committed)
            elif not await self._put(committed):
                marks.QUEUE_REFUSED()
                refused = self._refused[entry.conversation] = deque((committed,))
                self._runtime.spawn(self._put_again(refused))
            if len(members) < self._config.read_fan_out_from:
                await self._store(entry, members)

    async def _put(self, committed: Committed) -> bool:
        """Hand one commit to the queue; False: it is not known to be there."""
        timeout = self._config.queue_timeout
        try:
            await self._queue.publish(TOPIC, committed.entry.conversation, committed, timeout=timeout)
        except WorldError:
            return False
        return True

    async def _put_again(self, refused: deque[Committed]) -> None:
        config = self._config
        pause = config.repair_pause
        conversation = refused[0].entry.conversation
        while refused:
            await self._runtime.sleep(pause)
            pause = min(2 * pause, config.lease)
            while refused:
                committed = refused.popleft()
                if not await self._put(committed):
                    refused.appendleft(committed)
                    break
                pause = config.repair_pause
        del self._refused[conversation]

    async def _store(self, entry: Entry, members: tuple[str, ...]) -> None:
        sessions = self.sessions
        for user in members:
            for session in sessions.get(user, ()):
                if session.connected:
                    break
            else:
                marks.STORED_OFFLINE()
                await self._offline.add(user, entry)

    async def run(self, group: str) -> None:
        """The gateway's half: hear of every commit, for ever. `group` names this server."""
        consumer = await self._subscribe(group)
        timeout = self._config.queue_timeout
        while True:
            batch = await consumer.receive(_BATCH)
            now = self._runtime.now()
            for queued in batch:
                self._take(queued.value, now)
            try:
                await consumer.ack([queued.tag for queued in batch], timeout=timeout)
            except WorldError:
                marks.QUEUE_NOT_ACKNOWLEDGED()
                continue  # it comes again, and is ignored

    async def _subscribe(self, group: str) -> Consumer:
        while True:
            try:
                return await self._queue.subscribe(TOPIC, group, timeout=self._config.queue_timeout)
            except WorldError:
                await self._runtime.sleep(_PAUSE)

    def _take(self, value: Any, now: float) -> None:  # noqa: ANN401 (whatever the queue holds)
        if type(value) is not Committed:
            self.poisoned += 1
            return
        entry = value.entry
        push = Push(entry.conversation, entry.epoch, (entry,))
        large = len(value.members) >= self._config.read_fan_out_from
        sessions = self.sessions
        flush = self.flush
        for user in value.members:
            for session in sessions.get(user, ()):
                session.handle_commit(push, now, large=large)
                if session.connected:
                    flush(session, now)
        self._platform.hint(value.members)
