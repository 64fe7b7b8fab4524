"""Accepting a message: what it takes that a send has one effect, whoever handles it and whatever crashes meanwhile.

The question
------------
A device sends a message under a client id and hears nothing. Was it lost on the way, did the server die before or after
it wrote, or is only the answer missing? The device cannot know, so it sends again, perhaps to another server, while the
first handler may still be at work. *Acknowledged means never lost; unknown means 0 or 1 times, never 2.*

The idea
--------
A conversation is a log of slots, each filled at most once, by one operation that the log decides (put-if-empty).
Nothing else is trusted. In particular a claim, which says "this client id was given that slot", is only a place to
look: its handler may have died before it wrote, or be about to write, and the slot may have gone to somebody else.
*Only the entry found in a slot proves anything.* The steps (their numbers are in services/claims.py, where the
algorithm is; here are its slots):

    1  read the claim of the client id      5  write the entry into the claimed slot
    2  reserve a slot (durable counter)          ok, or taken by the same id  → answer ok
    3  move the claim to it, from exactly        taken by anything else       → 2, from exactly this claim
       what was seen (compare-and-set)           fenced, or epoch sealed      → stop without an answer
    4  now read the install's floor         6  the claim is `cancelled`: below the floor → expired(p), else cancelled

Why not less
------------
Each line was left out in an exhaustive search, and each time something broke; tests/ keeps the counterexamples.

* *Acknowledging because a claim exists*: its handler died before step 5, nothing is in the slot, and the message is
  lost.
* *Taking `taken(no-op)` for done*: a new owner filled the slot of a dead handler; the retry must move on, not answer.
* *Putting the claim without comparing*: two handlers overwrite each other, and both fill a slot.
* *A cancel without a tombstone* is overtaken by a handler that has not claimed yet; *one that leaves the claim on the
  slot* lets the next retry move the claim, because the slot holds a no-op, and send what was cancelled.
* *Reading the floor before the claim*: the floor rises and the claims are dropped between the two, and an old retry
  that finds no claim writes a second time. After the claim is in place the order is fixed: whoever still sees the old
  floor had a claim that the sweep, which comes later, must meet.
* *Checking the epoch on arrival only*: the log fails over while the handler is under way, and an answer given in the
  old epoch is about a slot that no longer exists. So the log compares the epoch with each write, and the old counter
  is sealed.
* *Two sends in flight* and *taking `expired` for failed* are mistakes of the device: order would be lost, or a
  message called failed that is in the log. `expired(p)` says where to look: p is the slot after the last reserved
  one, read after the floor, so the id can only be in a slot *below p*, also if a handler that passed step 4 long ago
  is still writing.

Takeover
--------
A slot that was reserved and never written (a *burnt* slot) would stop the committed prefix, which is the run of
filled slots. An owner therefore writes no-ops into every slot below its own reservation that it did not fill, from
committed + 1 on; `taken` means that it was filled after all. It does not ask whose slot it was: the retry moves the
claim. The fencing token of the owner's lease keeps a deposed owner from wasting more slots; safety does not rest on
it.

Epochs
------
An asynchronous log may lose its tail in a failover; a new epoch begins at the cut. A handler runs in one epoch from
the first step to the last. Slot counters are per epoch and the old one is sealed (raised beyond all slots) before the
new one is used, so `reserve`, `write` and the bound of `expired` are all refused once the epoch is over. A claim on a
slot above the cut counts as taken by something else. A claim of a *later* epoch than the handler's is left alone: the
log refuses the write.

Not here: who may write what (log.py), whose turn it is (sequencer.py), when floors rise (floor.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from imsim.ports import FENCED, FIRST_EPOCH, OK, Durability
from imsim.protocol import marks
from imsim.protocol.frames import Answer, Entry, NoOp, Outcome
from imsim.protocol.server.log import CHANGES, SERVER, Membership, Roster, roster_key
from imsim.protocol.server.tail import tail_key, tail_of
from imsim.protocol.services.claims import Sealed, counter_key, digest, reserved, seal_counter

if TYPE_CHECKING:
    from imsim.ports import KeyValue, MessageLog
    from imsim.protocol.frames import Draft
    from imsim.protocol.server.config import ServerConfig
    from imsim.protocol.services.claims import Claim, Claims

__all__ = ["Tenure", "accept", "refuse"]

Build = Callable[["Claim"], Entry]
"""Makes the entry for the claimed slot."""


class Tenure:
    """One owner's hold on one conversation: one lease, one epoch; its slots, and the run of filled ones.

    Attributes:
        place: the conversation.
        epoch, cut: the epoch of this hold, and the last slot that it took over from the one before.
        cuts: the cut of every epoch from the second on.
        token: the fencing token of the lease.
        head: the end of the run of filled slots; everything up to it is folded into `membership`.
        membership: who may read what, after `head`.
        roster: the checkpoint as it was last seen.
        over: whether the log refused: no slot is filled through this any more.
    """

    __slots__ = (
        "_ahead",
        "_config",
        "_counter",
        "_kv",
        "_log",
        "_remembered",
        "_run",
        "cut",
        "cuts",
        "epoch",
        "head",
        "membership",
        "over",
        "place",
        "roster",
        "token",
        "trimmed_below",
    )

    def __init__(self, log: MessageLog, kv: KeyValue, config: ServerConfig, place: str, token: int) -> None:
        self._log = log
        self._kv = kv
        self._config = config
        self._counter = ""
        self._run: list[Entry] = []
        self._ahead: dict[int, Entry] = {}
        self._remembered = 0
        self.place = place
        self.token = token
        self.epoch = 0
        self.cut = 0
        self.cuts: tuple[int, ...] = ()
        self.head = 0
        self.trimmed_below = 1
        self.membership = Membership(place)
        self.roster: Roster | None = None
        self.over = False

    @property
    def retention(self) -> float:
        """Seconds after which the claims of the server's own entries are forgotten: these have no install."""
        return self._config.claim_retention

    # ------------------------------------------------------------------------------------------ what a handler asks

    def survives(self, claim: Claim) -> bool:
        """Whether the claimed slot is above no cut since; of a later epoch than this, the log will say."""
        return self.clamp(claim.epoch, claim.seq)[1] == claim.seq

    def forgot(self, claim: Claim) -> bool:
        """Whether the claimed slot is trimmed; one that a cut took was gone before."""
        return claim.seq < self.trimmed_below and self.survives(claim)

    async def reserve(self) -> int:
        """The next slot of this epoch; after an unknown reservation simply another one."""
        return self._last(await self._kv.increment(self._counter, timeout=self._config.kv_timeout))

    async def bound(self) -> int:
        """The slot after the last reserved one."""
        return 1 + self._last(await self._kv.get(self._counter, timeout=self._config.kv_timeout))

    async def put(self, claim: Claim, key: str, effect: Build) -> bool:
        """Write the entry that `effect` builds; whether the entry of `key` is in the slot now."""
        return (await self._fill(claim.seq, effect(claim))).client_id == key

    async def has(self, claim: Claim, key: str) -> bool:
        """Whether the entry of `key` is in the claimed slot, which is left as it is."""
        entry = await self._log.peek(self.place, claim.seq, timeout=self._config.log_timeout)
        return entry is not None and entry.client_id == key

    async def void(self, claim: Claim, key: str) -> bool:
        """Write a no-op; whether the entry of `key` is in the slot now."""
        return (await self._fill(claim.seq, self._no_op(claim.seq))).client_id == key

    # ------------------------------------------------------------------------------------------ what the owner does

    async def enter(self) -> list[Entry]:
        """Take over: learn where the log is, seal the epochs before, fold the membership, fill every burnt slot.

        Returns:
            The committed entries after the checkpoint that changed the membership.

        Raises:
            Sealed, Unavailable, Timeout: not now; begin again with a new tenure.
        """
        config, kv, place = self._config, self._kv, self.place
        state = await self._log.state(place, timeout=config.log_timeout)
        self.epoch, self.cut, self.cuts = state.epoch, state.cut, state.cuts
        self.trimmed_below = state.trimmed_below
        self._counter = counter_key(place, state.epoch)
        for epoch in range(state.epoch - 1, FIRST_EPOCH - 1, -1):
            if not await seal_counter(kv, place, epoch, config.kv_timeout):
                break
        last = self._last(await kv.raise_to(self._counter, state.committed, timeout=config.kv_timeout))
        if state.committed:
            marks.TAKEN_OVER()
        changes = await self._fold(state.committed)
        await self.fill(last)
        return changes

    async def fill(self, upto: int) -> None:
        """Write no-ops into every slot up to `upto` that is not known to be filled."""
        for seq in range(self.head + 1, upto + 1):
            if seq > self.head and seq not in self._ahead:
                await self._fill(seq, self._no_op(seq))

    async def commit(self) -> list[Entry]:
        """Fill what is burnt below the last filled slot, and raise the committed prefix.

        Returns:
            The entries that are committed now and were not returned before, rising.

        Raises:
            Sealed, Unavailable, Timeout: what is not committed stays for the next time.
        """
        if self._ahead:
            await self.fill(max(self._ahead))
        if not self._run:
            return []
        if self._log.durability is Durability.ASYNC:
            await self._remember()
        committed = await self._log.commit(self.place, self.epoch, self.head, timeout=self._config.log_timeout)
        if committed < self.head:
            marks.COMMIT_REFUSED()
            self.over = True
            raise Sealed
        if committed > self.head:  # a deposed owner was faster
            marks.DEPOSED_WAS_FASTER()
            await self.fill(committed)
        entries, self._run = self._run, []
        return entries

    @property
    def settled(self) -> bool:
        """Whether everything that is known to be filled is committed."""
        return not self._run and not self._ahead

    @property
    def checkpoint_due(self) -> bool:
        """Whether taking over had to read more than a page."""
        upto = 0 if self.roster is None else self.roster.upto
        return not self.membership.fixed and self.head - upto > self._config.page

    @property
    def committed(self) -> int:
        """The end of the committed prefix as far as this owner committed it."""
        return self.head - len(self._run)

    def holds(self, outcome: Outcome) -> bool:
        """Whether an answer may be given: an entry in a slot is safe, but only a committed one will be seen.

        The server may die before it commits; then nobody would, until the conversation is next used. Without an
        answer its sender asks again, and that is such a use.
        """
        return outcome.answer is not Answer.OK or outcome.epoch < self.epoch or outcome.seq <= self.committed

    def clamp(self, epoch: int, seq: int) -> tuple[int, int]:
        """A position of an older epoch in the present one: every epoch since may have cut it."""
        return (epoch, seq) if epoch >= self.epoch else (self.epoch, min(seq, *self.cuts[epoch - 1 :]))

    async def save_roster(self) -> None:
        """Leave a checkpoint of the present membership, unless a later one is there.

        Raises:
            Unavailable, Timeout: it may or may not be there.
        """
        key, roster = roster_key(self.place), self.membership.roster(self.epoch, self.head)
        while self.roster is None or (self.roster.epoch, self.roster.upto) < (roster.epoch, roster.upto):
            swap = await self._kv.compare_and_set(key, self.roster, roster, timeout=self._config.kv_timeout)
            self.roster = swap.present

    # ------------------------------------------------------------------------------------------ inside

    async def _fold(self, committed: int) -> list[Entry]:
        """The membership after `committed`, from the checkpoint on."""
        config = self._config
        self.roster = await self._kv.get(roster_key(self.place), timeout=config.kv_timeout)
        roster = self.roster or Roster()
        self.membership = Membership(self.place, roster)
        self.head = roster.upto
        if self.roster is not None and self.roster.epoch < self.epoch:
            if self.head > self.cut:
                self.membership.take_back(self.cut)
                self.head = self.cut
            await self.save_roster()  # before anything is written: only the last cut is known, so none may be skipped
        changes: list[Entry] = []
        if self.membership.fixed:
            self.head = committed
        while self.head < committed:
            high = min(self.head + config.page, committed)
            for entry in await self._log.read(self.place, self.head + 1, high, timeout=config.log_timeout):
                if type(entry.body) in CHANGES:
                    self.membership.fold(entry)
                    changes.append(entry)
            self.head = high
        return changes

    async def _remember(self) -> None:
        """Note whose entries are about to be committed, for the case that a failover takes them (tail.py)."""
        config = self._config
        for entry in self._run:
            if entry.seq > self._remembered:
                tail = tail_of(entry)
                if tail is not None:
                    key = tail_key(self.place, self.epoch, entry.seq)
                    await self._kv.compare_and_set(
                        key, None, tail, expires_in=config.tail_memory, timeout=config.kv_timeout
                    )
                self._remembered = entry.seq

    async def _fill(self, seq: int, entry: Entry) -> Entry:
        """Fill a slot if it is empty; what is in it."""
        written = await self._log.write(
            self.place, self.epoch, seq, entry, self.token, timeout=self._config.log_timeout
        )
        if written is FENCED:
            marks.WRITE_FENCED()
            self.over = True
            raise Sealed
        found = entry if written is OK else written.entry  # type: ignore[union-attr]
        if written is not OK:
            marks.SLOT_TAKEN()
        elif type(entry.body) is NoOp:
            marks.SLOT_VOIDED()
        self._note(seq, found)
        return found

    def _note(self, seq: int, entry: Entry) -> None:
        """The slot is filled with `entry`: lengthen the run if it fits."""
        if seq > self.head + 1:
            marks.SLOT_AHEAD()
            self._ahead[seq] = entry
            return
        found: Entry | None = entry if seq == self.head + 1 else None
        while found is not None:
            self.head += 1
            self._run.append(found)
            self.membership.fold(found)
            found = self._ahead.pop(self.head + 1, None) if self._ahead else None

    def _no_op(self, seq: int) -> Entry:
        """What fills a burnt slot; named by the slot, as nobody else will have it."""
        return Entry(self.place, self.epoch, seq, f"!{self.place}/{self.epoch}-{seq}", SERVER, 0.0, NoOp())

    def _last(self, count: int | None) -> int:
        try:
            return reserved(count)
        except Sealed:
            self.over = True
            raise


async def accept(claims: Claims, tenure: Tenure, author: str, draft: Draft) -> Outcome | None:
    """Give the draft one slot of the conversation, or say what became of its client id.

    Returns:
        See `Claims.perform`; None: stopped without an answer.
    """

    def build(claim: Claim) -> Entry:
        return Entry(tenure.place, claim.epoch, claim.seq, draft.client_id, author, draft.wall, draft.body)

    return await claims.perform(
        tenure, draft.client_id, digest(draft.body), build, expires_in=tenure.retention if author == SERVER else None
    )


async def refuse(claims: Claims, tenure: Tenure, draft: Draft, reason: str) -> Outcome | None:
    """Answer `REFUSED`, which means never: so cancel the client id first; if that is too late, the answer is `OK`."""
    outcome = await claims.cancel(tenure, draft.client_id, digest(draft.body))
    if outcome is None or outcome.answer is not Answer.CANCELLED:
        return outcome
    return Outcome(draft.client_id, Answer.REFUSED, reason=reason)
