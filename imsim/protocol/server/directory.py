"""Which conversations a user is in: a fold of the user's own log, kept for the users who come often.

The log is the truth, and this a cache of it: how long the log is, is asked each time, and only what is new is read.
So a commit of which this server never heard is found all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.protocol.frames import Joined, Left, user_log

if TYPE_CHECKING:
    from imsim.ports import MessageLog
    from imsim.protocol.server.config import ServerConfig

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
        self._folds: dict[str, tuple[int, int, dict[str, int]]] = {}

    async def conversations(self, user: str) -> list[tuple[str, bool]]:
        """The user's own log, then every conversation that the user is (True) or was (False) a member of.

        Raises:
            WorldError: the log could not be read.
        """
        name = user_log(user)
        timeout = self._config.log_timeout
        state = await self._log.state(name, timeout=timeout)
        epoch, upto, found = self._folds.pop(user, (state.epoch, 0, {}))
        if epoch != state.epoch:  # a failover may have taken a part of it back
            upto, found = 0, {}
        while upto < state.committed:
            high = min(state.committed, upto + _READ)
            for entry in await self._log.read(name, upto + 1, high, timeout=timeout):
                _fold(found, entry.body)
            upto = high
        if len(self._folds) >= _USERS:
            del self._folds[next(iter(self._folds))]
        self._folds[user] = (state.epoch, upto, found)
        return [(name, True), *((conversation, since > 0) for conversation, since in found.items())]


def _fold(found: dict[str, int], body: object) -> None:
    if isinstance(body, Joined):
        found[body.conversation] = body.seq
    elif isinstance(body, Left):
        found[body.conversation] = 0
