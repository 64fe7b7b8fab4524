"""Which conversations a user is in: a fold of the user's own log, kept for the users who come often.

The log is the truth, and this a cache of it: a commit in a user's log that continues what is cached is applied, any other
drops the cached fold, which is then read again when it is next needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.protocol.frames import Joined, Left, user_log

if TYPE_CHECKING:
    from imsim.ports import MessageLog
    from imsim.protocol.server.config import ServerConfig
    from imsim.protocol.server.delivery import Committed

__all__ = ["Directory"]

_USERS = 4096
"""Users whose folds are kept."""
_READ = 500


class Directory:
    """The conversations of each user, as one server knows them."""

    __slots__ = ("_config", "_folds", "_log")

    def __init__(self, log: MessageLog, config: ServerConfig) -> None:
        """Nothing is cached."""
        self._log = log
        self._config = config
        self._folds: dict[str, tuple[int, dict[str, int]]] = {}

    async def conversations(self, user: str) -> list[tuple[str, bool]]:
        """The user's own log, then every conversation that the user is (True) or was (False) a member of.

        Raises:
            WorldError: the log could not be read.
        """
        name = user_log(user)
        fold = self._folds.pop(user, None)
        upto, found = (0, {}) if fold is None else fold
        if fold is None:
            state = await self._log.state(name, timeout=self._config.log_timeout)
            while upto < state.committed:
                high = min(state.committed, upto + _READ)
                for entry in await self._log.read(name, upto + 1, high, timeout=self._config.log_timeout):
                    _fold(found, entry.body)
                upto = high
            if len(self._folds) >= _USERS:
                del self._folds[next(iter(self._folds))]
        self._folds[user] = (upto, found)
        return [(name, True), *((conversation, since > 0) for conversation, since in found.items())]

    def handle_commit(self, committed: Committed) -> None:
        """A commit in some user's own log keeps that fold up to date."""
        entry = committed.entry
        if not entry.conversation.startswith("~"):
            return
        user = entry.conversation[1:]
        fold = self._folds.get(user)
        if fold is None:
            return
        if entry.seq == fold[0] + 1:
            _fold(fold[1], entry.body)
            self._folds[user] = (entry.seq, fold[1])
        elif entry.seq > fold[0]:
            del self._folds[user]


def _fold(found: dict[str, int], body: object) -> None:
    if isinstance(body, Joined):
        found[body.conversation] = body.seq
    elif isinstance(body, Left):
        found[body.conversation] = 0
