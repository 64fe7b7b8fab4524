"""Telling users' own logs that they joined or left a conversation: at least once, and therefore once.

A user finds new conversations in the log `~user`. What is put there follows from the conversation's own log, so it can
always be made again; the client ids are made from (conversation, user, slot), so making it again changes nothing. The
roster checkpoint says up to where it is done: who takes a conversation over announces again what lies after it.

The own log may belong to another server; then that one is asked.

Not here: what an announcement says (log.py).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec

from imsim.errors import Timeout, Unavailable
from imsim.protocol.frames import Answer, Draft, Outcome
from imsim.protocol.server.log import announcements
from imsim.protocol.server.ownership import Elsewhere

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from imsim.protocol.frames import Entry
    from imsim.protocol.server.accept import Tenure
    from imsim.protocol.server.ownership import Ownership, ServerPorts

__all__ = ["Announcer", "Append", "Elsewhere"]


class Append(msgspec.Struct, frozen=True, tag="append"):
    """Asks a peer, by `Peers.call`, for `Sequencer.append(conversation, draft)`; answered by its outcome, or None."""

    conversation: str
    draft: Draft


class Announcer:
    """What one server has to announce.

    Args:
        ports: what to work with.
        append: `Sequencer.append`.
    """

    __slots__ = ("_append", "_news", "_ports")

    def __init__(self, ports: ServerPorts, append: Callable[[str, Draft], Awaitable[Outcome | None]]) -> None:
        self._ports = ports
        self._append = append
        self._news: dict[str, deque[tuple[str, Draft]]] = {}
        """What is not announced yet, oldest first, of each conversation that has a coroutine at it."""

    def hear(self, owned: Ownership, changes: Sequence[Entry]) -> None:
        """Announce what committed entries changed, and leave a checkpoint that says so."""
        news = [announcement for entry in changes for announcement in announcements(entry)]
        waiting = self._news.get(owned.name)
        if waiting is not None:
            waiting.extend(news)
            return
        self._news[owned.name] = deque(news)
        self._ports.runtime.spawn(self._announce(owned, self._news[owned.name]))

    async def checkpoint(self, owned: Ownership, tenure: Tenure) -> bool:
        """Leave a checkpoint now, as work in the mailbox; False: not all is announced, or it could not be left."""
        return owned.name not in self._news and await _checkpointed(tenure)

    async def _announce(self, owned: Ownership, news: deque[tuple[str, Draft]]) -> None:
        config = self._ports.config
        pause = config.repair_pause
        saved = False
        while news or not saved:
            if news:
                saved = False
                if await self.put(*news[0]):
                    news.popleft()
                    pause = config.repair_pause
                    continue
            else:
                saved = await owned.mailbox.do(lambda: self._save(owned, news))
                if saved:
                    continue
            await self._ports.runtime.sleep(pause)
            pause = min(2 * pause, config.lease)
        del self._news[owned.name]

    async def put(self, log: str, draft: Draft) -> bool:
        """Put one announcement into a user's own log; whether it is there for sure."""
        try:
            outcome = await self._append(log, draft)
        except Elsewhere as elsewhere:
            ask = Append(log, draft)
            try:
                outcome = await self._ports.peers.call(elsewhere.holder, ask, timeout=self._ports.config.peers_timeout)
            except (Unavailable, Timeout):
                return False
        return outcome is not None and outcome.answer is Answer.OK

    async def _save(self, owned: Ownership, news: deque[tuple[str, Draft]]) -> bool:
        """Leave the checkpoint; False: try again."""
        tenure = owned.tenure
        if tenure is None or tenure.over:
            return True  # whoever takes over announces again from the old checkpoint on, and leaves the next
        return not news and await _checkpointed(tenure)


async def _checkpointed(tenure: Tenure) -> bool:
    """Leave a checkpoint; False: it could not be left."""
    if not tenure.settled:
        return False
    try:
        await tenure.save_roster()
    except (Unavailable, Timeout):
        return False
    return True
