"""What of a conversation's log is kept: the newest entries, and what is not too old; the rest is trimmed.

The owner of a conversation trims its log. By *number* that follows from the slots alone and is done after commits, an
eighth of the number at once, so that most commits pay nothing for it. By *age* it takes the times of the commits, which
no slot tells. So every eighth of the age the owner notes, in the key-value store, how far the log is committed; what
lies below a note that is old enough is older still. Nothing is trimmed too early by that, and all of it at most a
quarter of the age too late. Times are the servers' wall clocks: a clock that jumps ahead trims early, and devices are
told so like of any other trimming.

Before a slot goes, a checkpoint of the membership must be above it (log.py), and what it changed must be announced.
Users' own logs are never trimmed: they are what their devices know of conversations and read marks.

What is trimmed is told to devices by whoever reads the log (`trimmed_below` of a page), and by nobody else.

Not here: what is told of it (log.py), and dropping claims (floor.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from imsim.errors import Timeout, Unavailable
from imsim.protocol import marks
from imsim.protocol.server.ownership import Elsewhere

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from imsim.protocol.server.accept import Tenure
    from imsim.protocol.server.ownership import Ownership, ServerPorts

__all__ = ["Ages", "Retention", "ages_key"]

_NOTES = 8
"""How often during the age a note is made, and how large a share of the number is trimmed at once."""


def ages_key(conversation: str) -> str:
    """Where it is noted how old the slots of a conversation are."""
    return "ages/" + conversation


class Ages(msgspec.Struct, frozen=True, gc=False, tag="ages"):
    """Notes `(wall, epoch, seq)`, rising: at that time the log was committed up to that slot of that epoch."""

    notes: tuple[tuple[float, int, int], ...] = ()


class Retention:
    """What one server trims.

    Args:
        ports: what to work with.
        checkpoint: leaves a checkpoint of a tenure's membership, as work in its mailbox; whether it could.
    """

    __slots__ = ("_checkpoint", "_limit", "_ports", "_trimming", "_watched")

    def __init__(self, ports: ServerPorts, checkpoint: Callable[[Ownership, Tenure], Awaitable[bool]]) -> None:
        self._ports = ports
        self._checkpoint = checkpoint
        kept = ports.config.retain_entries
        self._limit = None if kept is None else kept + kept // _NOTES
        self._watched: list[Ownership] = []
        self._trimming: dict[str, None] = {}

    @property
    def needed(self) -> bool:
        """Whether anything is ever trimmed."""
        return self._limit is not None or self._ports.config.retain_seconds is not None

    def watch(self, owned: Ownership) -> None:
        """From now on this conversation is looked after, whenever this server owns it."""
        if self.needed and not owned.own:
            self._watched.append(owned)

    def hear(self, owned: Ownership, tenure: Tenure) -> None:
        """Something was committed."""
        limit = self._limit
        if limit is None or owned.own or tenure.committed - tenure.trimmed_below < limit:
            return
        if owned.name not in self._trimming:
            self._trimming[owned.name] = None
            self._ports.runtime.spawn(self._look_after(owned))

    async def run(self) -> None:
        """Look after every conversation, again and again."""
        config = self._ports.config
        age = config.retain_seconds
        pause = config.sweep if age is None else min(config.sweep, age / _NOTES)
        while True:
            await self._ports.runtime.sleep(pause)
            for owned in tuple(self._watched):
                await self._look_after(owned)

    async def _look_after(self, owned: Ownership) -> None:
        try:
            await owned.mailbox.do(lambda: self._work(owned))
        except (Elsewhere, Unavailable, Timeout):
            pass  # its owner does it, or the next round
        finally:
            self._trimming.pop(owned.name, None)

    # ------------------------------------------------------------------------------------------ work in the mailbox

    async def _work(self, owned: Ownership) -> None:
        tenure = await owned.enter(None)
        if tenure is None:
            return
        config = self._ports.config
        below = tenure.trimmed_below
        if config.retain_entries is not None:
            below = max(below, tenure.committed - config.retain_entries + 1)
        if config.retain_seconds is not None:
            below = max(below, await self._aged(tenure, config.retain_seconds))
        if below > tenure.trimmed_below:
            await self._trim(owned, tenure, below)

    async def _trim(self, owned: Ownership, tenure: Tenure, below: int) -> None:
        upto = 0 if tenure.roster is None else tenure.roster.upto
        if upto < below - 1 and not await self._checkpoint(owned, tenure):
            below = upto + 1
        if below > tenure.trimmed_below:
            marks.LOG_TRIMMED()
            timeout = self._ports.config.log_timeout
            tenure.trimmed_below = await self._ports.log.trim(tenure.place, below, timeout=timeout)

    async def _aged(self, tenure: Tenure, age: float) -> int:
        """The slot below which everything is older than `age` seconds; a note is made if one is due."""
        kv, timeout = self._ports.kv, self._ports.config.kv_timeout
        key, now = ages_key(tenure.place), self._ports.runtime.wall()
        seen: Ages | None = await kv.get(key, timeout=timeout)
        notes = [(wall, *tenure.clamp(epoch, seq)) for wall, epoch, seq in (seen or Ages()).notes]
        old = [note for note in notes if note[0] <= now - age]
        notes = [*old[-1:], *notes[len(old) :]]
        last = notes[-1] if notes else (-age, 0, 0)
        if tenure.committed > last[2] and now - last[0] >= age / _NOTES:
            notes.append((now, tenure.epoch, tenure.committed))
        new = Ages(tuple(notes))
        if new != (seen or Ages()):
            await kv.compare_and_set(key, seen, new, timeout=timeout)
        return old[-1][2] + 1 if old else 1
