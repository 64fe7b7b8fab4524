"""The message log as a plain state: numbered slots a conversation, each filled once.

A conversation has a *committed* run of slots, which only grows at its end and is trimmed at its beginning, and
*loose* slots above it, filled in any order. A slot moves from loose to committed once nothing below it is empty. So
the committed part is a list, reading a range is a slice, and "never past an empty slot" is how `commit` walks.

A write is decided in one step: sealed or foreign epoch, then token, then slot. Only a token that passed is remembered,
and it is remembered even if the slot was taken: whoever was told `Taken` has been seen writing.

A **failover** is what an asynchronously replicated log may suffer: the replica knows the committed prefix that was
true `replication_lag` seconds ago, and takes over with that. Everything above it is gone, loose slots included, the
old epoch is sealed for ever, and the next begins at the cut. A quorum log loses nothing and keeps its epoch.

Two ports lead to the same slots: `DirectLog` answers at once, `ServedLog` as its desk allows.

What does not belong here: time-outs, crashes and service times (service.py), and who may write (the sequencer).
"""

# ruff: noqa: ARG002 - every call of a port takes its time-out; one that answers at once has no use for it
from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from imsim.ports import FENCED, FIRST_EPOCH, OK, Durability, EpochState, LogState, Taken, Written

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imsim.protocol.frames import Entry
    from imsim.sim.backends.line import Line
    from imsim.sim.runtime import Incarnation

__all__ = ["DirectLog", "ServedLog", "SlotLog"]


class _Conversation:
    __slots__ = ("committed", "cuts", "entries", "epoch", "loose", "replicated", "token")

    def __init__(self) -> None:
        self.epoch = FIRST_EPOCH
        self.cuts: tuple[int, ...] = ()
        self.committed = 0
        self.entries: list[Entry] = []
        """The committed slots that are still there; the last one is slot `committed`."""
        self.loose: dict[int, Entry] | None = None
        """None while nothing is loose: an emptied dict is not small, and most logs seldom change."""
        self.token = 0
        self.replicated: deque[tuple[float, int]] | None = None
        """(moment, committed prefix) of what the replica may lack, oldest first; asynchronous logs only."""

    @property
    def trimmed_below(self) -> int:
        return self.committed - len(self.entries) + 1


class SlotLog:
    """The slots of every conversation; shared by all servers, and untouched by their crashes.

    Args:
        now: gives the present moment in seconds; only an asynchronous log asks.
        durability: what an acknowledged write is worth.
        replication_lag: seconds by which the replica of an asynchronous log is behind.

    Raises:
        ValueError: `replication_lag` is negative.
    """

    __slots__ = ("_conversations", "_lag", "_now", "_sealed", "durability", "on_committed", "on_cut", "on_trimmed")

    def __init__(
        self,
        now: Callable[[], float],
        *,
        durability: Durability = Durability.QUORUM,
        replication_lag: float = 0.0,
    ) -> None:
        if not replication_lag >= 0.0:
            msg = f"a replication lag of {replication_lag} s is negative"
            raise ValueError(msg)
        self.durability = durability
        self._now = now
        self._lag = replication_lag
        self._sealed = False
        self._conversations: dict[str, _Conversation] = {}
        self.on_committed: Callable[[Entry], None] | None = None
        """The world's ear: called once with each entry that enters a committed prefix."""
        self.on_cut: Callable[[Entry], None] | None = None
        """The same for failovers: called with each committed entry that one took."""
        self.on_trimmed: Callable[[str, int], None] | None = None
        """The same for trimming: called with a conversation and the lowest slot that is still there."""

    def write(self, conversation: str, epoch: int, seq: int, entry: Entry, token: int) -> Written | Taken:
        """Fill the slot if it is empty (`MessageLog.write`).

        A slot that was trimmed answers `FENCED`: its entry is gone, so nobody can say any more whose it was.

        Raises:
            ValueError: `seq` is no slot.
        """
        log = self._conversations.get(conversation)
        if log is None:
            log = self._conversations[conversation] = _Conversation()
        if self._sealed or epoch != log.epoch or token < log.token:
            return FENCED
        log.token = token
        if seq > log.committed:
            if log.loose is None:
                log.loose = {seq: entry}
            elif seq in log.loose:
                return Taken(log.loose[seq])
            else:
                log.loose[seq] = entry
            return OK
        if seq < 1:
            msg = f"{seq} is no slot of {conversation}: slots are counted from 1"
            raise ValueError(msg)
        index = seq - log.trimmed_below
        return Taken(log.entries[index]) if index >= 0 else FENCED

    def read(self, conversation: str, low: int, high: int) -> Sequence[Entry]:
        """The committed entries of `low..high` (`MessageLog.read`)."""
        log = self._conversations.get(conversation)
        if log is None:
            return ()
        base = log.trimmed_below
        return log.entries[max(low - base, 0) : max(high - base + 1, 0)]

    def peek(self, conversation: str, seq: int) -> Entry | None:
        """What is in one slot, committed or not (`MessageLog.peek`)."""
        log = self._conversations.get(conversation)
        if log is None:
            return None
        if seq > log.committed:
            return log.loose.get(seq) if log.loose else None
        index = seq - log.trimmed_below
        return log.entries[index] if index >= 0 else None

    def commit(self, conversation: str, epoch: int, upto: int) -> int:
        """Raise the committed prefix as far as the slots are filled (`MessageLog.commit`)."""
        log = self._conversations.get(conversation)
        if log is None:
            return 0
        if self._sealed or epoch != log.epoch:
            return log.committed
        loose, entries, committed = log.loose, log.entries, log.committed
        while loose and committed < upto and (entry := loose.pop(committed + 1, None)) is not None:
            entries.append(entry)
            committed += 1
            if self.on_committed is not None:
                self.on_committed(entry)
        if committed != log.committed and self.durability is Durability.ASYNC:
            self._note(log)
        log.committed = committed
        if not loose:
            log.loose = None
        return committed

    def state(self, conversation: str) -> LogState:
        """Where the conversation's log ends and begins (`MessageLog.state`)."""
        log = self._conversations.get(conversation)
        if log is None:
            return LogState(FIRST_EPOCH, 0, 0)
        cuts = log.cuts
        return LogState(log.epoch, cuts[-1] if cuts else 0, log.committed, log.trimmed_below, cuts)

    def trim(self, conversation: str, below: int) -> int:
        """Drop committed slots below `below` (`MessageLog.trim`)."""
        log = self._conversations.get(conversation)
        if log is None:
            return 1
        gone = min(below, log.committed + 1) - log.trimmed_below
        if gone > 0:
            del log.entries[:gone]
            if self.on_trimmed is not None:
                self.on_trimmed(conversation, log.trimmed_below)
        return log.trimmed_below

    # -- what the world does to it

    def conversations(self) -> Sequence[str]:
        """Every conversation that was ever written to, in the order of their first writes."""
        return tuple(self._conversations)

    def replicate(self) -> None:
        """The replica has everything that is committed: it is older than the run."""
        for log in self._conversations.values():
            log.replicated = None

    def seal(self) -> None:
        """Refuse writes and commits, as the old leader does between its end and the failover."""
        self._sealed = True

    def failover(self) -> dict[str, EpochState]:
        """Let the replica take over: the tail that it lacks is lost, and each conversation begins a new epoch.

        Returns:
            The new epoch and cut of every conversation; nothing for a quorum log, which loses nothing.
        """
        self._sealed = False
        if self.durability is Durability.QUORUM:
            return {}
        horizon = self._now() - self._lag
        return {name: self._cut(log, horizon) for name, log in self._conversations.items()}

    def _note(self, log: _Conversation) -> None:
        """Remember the prefix that is being left, and until when a replica may still be there."""
        now = self._now()
        marks = log.replicated
        if marks is None:
            marks = log.replicated = deque()
        horizon = now - self._lag
        while marks and marks[0][0] <= horizon:
            marks.popleft()
        marks.append((now, log.committed))

    def _cut(self, log: _Conversation, horizon: float) -> EpochState:
        """Drop what was committed after `horizon`."""
        marks, log.replicated = log.replicated, None
        cut = next((before for moment, before in marks or () if moment > horizon), log.committed)
        cut = max(cut, log.trimmed_below - 1)  # what was trimmed had been everywhere
        kept = len(log.entries) - (log.committed - cut)
        if self.on_cut is not None:
            for entry in log.entries[kept:]:
                self.on_cut(entry)
        del log.entries[kept:]
        log.loose = None
        log.committed = cut
        log.cuts = (*log.cuts, cut)
        log.epoch += 1
        log.token = 0
        return EpochState(log.epoch, cut)


class DirectLog:
    """One server's port to a log that answers at once and never fails (`MessageLog`)."""

    __slots__ = ("_log", "_me", "durability")

    def __init__(self, log: SlotLog, me: Incarnation) -> None:
        self.durability = log.durability
        self._log = log
        self._me = me

    async def write(
        self, conversation: str, epoch: int, seq: int, entry: Entry, token: int, *, timeout: float
    ) -> Written | Taken:
        """Fill the slot if it is empty."""
        if not self._me.alive:
            raise GeneratorExit
        return self._log.write(conversation, epoch, seq, entry, token)

    async def read(self, conversation: str, low: int, high: int, *, timeout: float) -> Sequence[Entry]:
        """The entries of committed slots."""
        if not self._me.alive:
            raise GeneratorExit
        return self._log.read(conversation, low, high)

    async def peek(self, conversation: str, seq: int, *, timeout: float) -> Entry | None:
        """What is in the slot."""
        if not self._me.alive:
            raise GeneratorExit
        return self._log.peek(conversation, seq)

    async def commit(self, conversation: str, epoch: int, upto: int, *, timeout: float) -> int:
        """Raise the committed prefix."""
        if not self._me.alive:
            raise GeneratorExit
        return self._log.commit(conversation, epoch, upto)

    async def state(self, conversation: str, *, timeout: float) -> LogState:
        """Where the log ends and begins."""
        if not self._me.alive:
            raise GeneratorExit
        return self._log.state(conversation)

    async def trim(self, conversation: str, below: int, *, timeout: float) -> int:
        """Drop committed slots."""
        if not self._me.alive:
            raise GeneratorExit
        return self._log.trim(conversation, below)


class ServedLog:
    """One server's port to a log that takes its time and may fail (`MessageLog`).

    A write is known by the client id of its entry, everything else by its conversation.
    """

    __slots__ = ("_call", "_log", "durability")

    def __init__(self, log: SlotLog, line: Line) -> None:
        self.durability = log.durability
        self._log = log
        self._call = line.call

    async def write(
        self, conversation: str, epoch: int, seq: int, entry: Entry, token: int, *, timeout: float
    ) -> Written | Taken:
        """Fill the slot if it is empty."""
        return await self._call(
            "write", entry.client_id, timeout, lambda: self._log.write(conversation, epoch, seq, entry, token)
        )

    async def read(self, conversation: str, low: int, high: int, *, timeout: float) -> Sequence[Entry]:
        """The entries of committed slots."""
        return await self._call("read", conversation, timeout, lambda: self._log.read(conversation, low, high))

    async def peek(self, conversation: str, seq: int, *, timeout: float) -> Entry | None:
        """What is in the slot."""
        return await self._call("peek", conversation, timeout, lambda: self._log.peek(conversation, seq))

    async def commit(self, conversation: str, epoch: int, upto: int, *, timeout: float) -> int:
        """Raise the committed prefix."""
        return await self._call("commit", conversation, timeout, lambda: self._log.commit(conversation, epoch, upto))

    async def state(self, conversation: str, *, timeout: float) -> LogState:
        """Where the log ends and begins."""
        return await self._call("state", conversation, timeout, lambda: self._log.state(conversation))

    async def trim(self, conversation: str, below: int, *, timeout: float) -> int:
        """Drop committed slots."""
        return await self._call("trim", conversation, timeout, lambda: self._log.trim(conversation, below))
