"""What a device misses is stored: for each absent member of a small group, the newest entries of each conversation.

This is a cache beside the log and may be dropped at any time, as a whole or in part: a reader gets what it asked for
without a hole, or nothing, and then reads the log. The cap is per conversation, so a noisy group displaces nothing of
another; what the cap drops is still in the log, and a device hears `trimmed` only when the log is trimmed too. In large
groups nothing is stored for anybody: their members read the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from imsim.errors import WorldError
from imsim.protocol import marks
from imsim.protocol.frames import Entry

if TYPE_CHECKING:
    from imsim.ports import KeyValue

__all__ = ["Backlog", "OfflineStore"]

_TRIES = 4
"""Compare-and-set rounds before an entry is left to the log."""


class Backlog(msgspec.Struct, frozen=True, gc=False, tag="backlog"):
    """The newest entries of one conversation for one user, contiguous and rising."""

    entries: tuple[Entry, ...]


class OfflineStore:
    """The backlogs of absent users, on the key-value port."""

    __slots__ = ("_cap", "_keep", "_kv", "_timeout")

    def __init__(self, kv: KeyValue, *, cap: int, keep: float, timeout: float) -> None:
        """Keep at most `cap` entries a conversation and user, for `keep` seconds after the last one came."""
        self._kv = kv
        self._cap = cap
        self._keep = keep
        self._timeout = timeout

    async def add(self, user: str, entry: Entry) -> None:
        """Store `entry` for `user`; a store that fails or is contended is passed over, for the log has it."""
        key = f"offline/{user}/{entry.conversation}"
        try:
            old = await self._kv.get(key, timeout=self._timeout)
            for _ in range(_TRIES):
                new = self._append(old, entry)
                if new is old:
                    return
                swap = await self._kv.compare_and_set(key, old, new, expires_in=self._keep, timeout=self._timeout)
                if swap.done:
                    return
                old = swap.present
        except WorldError:
            return

    async def read(self, user: str, conversation: str, low: int, high: int) -> tuple[Entry, ...] | None:
        """The entries of `low..high`, all of them, or None."""
        try:
            backlog = await self._kv.get(f"offline/{user}/{conversation}", fresh=False, timeout=self._timeout)
        except WorldError:
            return None
        if not isinstance(backlog, Backlog) or not backlog.entries:
            return None
        first = backlog.entries[0].seq
        if low < first or high > backlog.entries[-1].seq:
            return None
        return backlog.entries[low - first : high - first + 1]

    def _append(self, old: Backlog | None, entry: Entry) -> Backlog | None:
        if old is None or not old.entries:
            return Backlog((entry,))
        last = old.entries[-1]
        if entry.epoch < last.epoch or (entry.epoch == last.epoch and entry.seq <= last.seq):
            return old
        if entry.epoch != last.epoch or entry.seq != last.seq + 1:
            marks.OFFLINE_HAS_HOLE()
            return Backlog((entry,))
        if len(old.entries) >= self._cap:
            marks.OFFLINE_CAPPED()
        return Backlog((*old.entries[-self._cap + 1 :], entry) if self._cap > 1 else (entry,))
