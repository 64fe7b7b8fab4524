"""Doing an effect once, whoever asks, however often, and whatever crashes meanwhile: the algorithm, for any effect.

The trick is to make the effect itself the proof. Effects go into *slots*, each of which is filled at most once
(put-if-empty), and a slot says whose effect is in it. Beside the slots there is one *claim* a key: a hint that says in
which slot to look. A claim is cheap to move and proves nothing; a filled slot never changes and proves everything. So
whoever holds the key of an unfinished effect, after any crash, can finish it: look where the claim points, fill that
slot if it is empty, and if somebody else's effect is there, move the claim (compare-and-set) to a fresh slot.

    absent ──perform──▶ slot ──(that slot went to another)──▶ another slot ──▶ …
       └──cancel──▶ cancelled ◀──cancel (a no-op fills the slot first)──┘           `cancelled` never changes again

Claims cannot be kept for ever. An install's *floor* is a counter: keys below it are forgotten. It is raised first and
claims are dropped after it, and a handler reads it *after* its own claim is in place. So whoever finds no claim because
it was dropped is sure to see the floor, and says `expired(p)`: no verdict, but from then on the key can only be in
a slot below p. (Why every line is where it is: server/accept.py, the use of this for the slots of a conversation.)

A port that says `Unavailable` did nothing, and one that says `Timeout` may still do it later. Both were asked several
times by then (patience.py), and the handler stops without an answer: the asker knows nothing and asks again.

Not here: who may do what, when to give up, and how slots become visible.
"""

from __future__ import annotations

import enum
import hashlib
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import msgspec

from imsim.errors import Timeout, Unavailable
from imsim.protocol import marks
from imsim.protocol.frames import Answer, Outcome

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from imsim.ports import KeyValue, Value

__all__ = [
    "Claim",
    "ClaimState",
    "Claims",
    "Sealed",
    "Slots",
    "claim_key",
    "counter_key",
    "digest",
    "floor_key",
    "parts",
    "reserved",
    "seal_counter",
    "sealed_at",
]

Effect_contra = TypeVar("Effect_contra", contravariant=True)


# ---------------------------------------------------------------------------------------------- names and values


class ClaimState(enum.Enum):
    """What a claim says of its key."""

    SLOT = "slot"
    CANCELLED = "cancelled"


class Claim(msgspec.Struct, frozen=True, gc=False, tag="claim"):
    """Where to look for the effect of a key; never a proof.

    Attributes:
        state: a slot, or that the key was cancelled for good.
        place: whose slots; for a message, its conversation.
        epoch, seq: the slot.
        payload: the hash of what is to be done; together with `place` it tells one use of a key from another. Empty
            where a cancel came first, which does not know it.
    """

    state: ClaimState
    place: str
    epoch: int = 0
    seq: int = 0
    payload: bytes = b""


class Sealed(Exception):  # noqa: N818 - a fact about the slots, not a fault
    """These slots take nothing from this handler any more: their epoch ended, or a newer owner was seen."""


_SEAL = 1 << 62
"""What is added to a slot counter when its epoch is over."""


def digest(value: Value) -> bytes:
    """Eight bytes that tell one payload from another, alike in every process."""
    return hashlib.blake2b(_encode(value), digest_size=8).digest()


_encode = msgspec.msgpack.Encoder().encode


def parts(client_id: str) -> tuple[str, int]:
    """The install nonce and the counter of a client id.

    Raises:
        ValueError: it has not the form `nonce-counter`.
    """
    nonce, _, counter = client_id.rpartition("-")
    if not (nonce and counter.isascii() and counter.isdigit()):
        raise ValueError(f"{client_id!r} is no client id: expected `nonce-counter`")
    return nonce, int(counter)


def claim_key(client_id: str) -> str:
    """Where the claim of a key is kept."""
    return "claim/" + client_id


def floor_key(nonce: str) -> str:
    """Where the floor of an install is kept: keys with a counter below it are forgotten."""
    return "floor/" + nonce


def counter_key(place: str, epoch: int) -> str:
    """Where the number of the last reserved slot is kept."""
    return f"slots/{place}/{epoch}"


def reserved(count: int | None) -> int:
    """The last reserved slot, from what a slot counter holds.

    Raises:
        Sealed: the epoch of this counter is over.
    """
    if count is None:
        return 0
    if count >= _SEAL:
        raise Sealed
    return count


async def seal_counter(kv: KeyValue, place: str, epoch: int, timeout: float) -> bool:
    """Refuse every further reservation in `epoch`; False if that was done before."""
    key = counter_key(place, epoch)
    count = await kv.get(key, timeout=timeout) or 0
    if count >= _SEAL:
        return False
    await kv.raise_to(key, _SEAL + count, timeout=timeout)
    return True


def sealed_at(count: int | None) -> int:
    """The last slot of an epoch that may have been filled, from what its sealed counter holds.

    What was reserved between the reading and the sealing is not in it: the log was in the next epoch by then.
    """
    return 0 if count is None else count % _SEAL


# ---------------------------------------------------------------------------------------------- the algorithm


class Slots(Protocol[Effect_contra]):
    """Numbered slots of one place, each filled once, as one handler sees them: in one epoch.

    Every method may raise `Sealed`, `Unavailable` or `Timeout`.
    """

    @property
    def place(self) -> str:
        """Whose slots these are."""
        ...

    @property
    def epoch(self) -> int:
        """The epoch in which the whole handler runs."""
        ...

    def survives(self, claim: Claim) -> bool:
        """Whether the claimed slot is one of the present slots, and not above the cut of an epoch change."""
        ...

    def forgot(self, claim: Claim) -> bool:
        """Whether what was in the claimed slot is trimmed, so that it proves nothing any more."""
        ...

    async def reserve(self) -> int:
        """A slot that nobody else was given."""
        ...

    async def bound(self) -> int:
        """The slot after the last reserved one, read now."""
        ...

    async def put(self, claim: Claim, key: str, effect: Effect_contra) -> bool:
        """Fill the claimed slot if it is empty; whether the effect of `key` is in it."""
        ...

    async def void(self, claim: Claim, key: str) -> bool:
        """Fill the claimed slot with a no-op if it is empty; whether the effect of `key` is in it."""
        ...


class Claims:
    """The claims of all keys, and the two things that can be asked of a key.

    Args:
        kv: where claims and floors are.
        timeout: seconds of one call.
        rounds: slots that one handler tries.
    """

    __slots__ = ("_kv", "_rounds", "_timeout")

    def __init__(self, kv: KeyValue, *, timeout: float, rounds: int) -> None:
        self._kv = kv
        self._timeout = timeout
        self._rounds = rounds

    async def perform(
        self,
        slots: Slots[Effect_contra],
        key: str,
        payload: bytes,
        effect: Effect_contra,
        *,
        expires_in: float | None = None,
    ) -> Outcome | None:
        """Have `effect` in exactly one slot (the architecture's *Accept*; its steps are numbered).

        Args:
            slots: where it goes.
            key: whose it is.
            payload: the hash of what is to be done.
            effect: what is to be done.
            expires_in: seconds after which the claim may be forgotten, for keys that no floor forgets.

        Returns:
            `OK` with the slot, `CANCELLED`, `CONFLICT`, or `EXPIRED` with the bound; None: stopped without an answer.
        """
        name = claim_key(key)
        try:
            claim = await self._get(name)  # 1
            if claim is not None:
                marks.CLAIM_FOUND()
            for _ in range(self._rounds):
                if claim is not None:
                    told = _told(claim, slots, payload)
                    if told is not None:
                        return await self._answer(told, slots, key)
                    if slots.survives(claim):  # above the cut: as if taken by something else
                        if await self._is_below_floor(key):  # 4: now, that the claim is in place
                            await self._forget(name, claim)
                            return await self._expired(slots, key)
                        if await slots.put(claim, key, effect):  # 5
                            return Outcome(key, Answer.OK, claim.epoch, claim.seq)
                        marks.CLAIM_MOVED()
                    else:
                        marks.CLAIM_CUT()
                seq = await slots.reserve()  # 2
                target = Claim(ClaimState.SLOT, slots.place, slots.epoch, seq, payload)
                claim = await self._move(name, claim, target, expires_in)  # 3
        except (Sealed, Unavailable, Timeout):
            marks.STOPPED_WITHOUT_ANSWER()
            return None
        return None

    async def cancel(self, slots: Slots[Any], key: str, payload: bytes = b"") -> Outcome | None:
        """Have the effect of `key` in no slot for ever, unless it is in one already (the architecture's *Cancel*).

        Returns:
            `CANCELLED`, `OK` with the slot if it was too late, `CONFLICT`, or `EXPIRED`; None: stopped, no answer.
        """
        name = claim_key(key)
        tombstone = Claim(ClaimState.CANCELLED, slots.place, payload=payload)
        try:
            claim = await self._move(name, None, tombstone)
            for _ in range(self._rounds):
                if claim is not None:
                    told = _told(claim, slots, payload)
                    if told is not None:
                        return await self._answer(told, slots, key)
                    if slots.survives(claim) and await slots.void(claim, key):
                        marks.CANCEL_TOO_LATE()
                        return Outcome(key, Answer.OK, claim.epoch, claim.seq)
                    marks.CANCEL_IN_TIME()
                    tombstone = Claim(ClaimState.CANCELLED, slots.place, payload=claim.payload)
                claim = await self._move(name, claim, tombstone)
        except (Sealed, Unavailable, Timeout):
            marks.STOPPED_WITHOUT_ANSWER()
            return None
        return None

    async def look(self, key: str) -> Claim | None:
        """Where to look for the effect of `key`; proves nothing.

        Raises:
            Unavailable, Timeout: it could not be read.
        """
        claim: Claim | None = await self._get(claim_key(key))
        return claim

    def _get(self, name: str) -> Coroutine[Any, Any, Value | None]:
        return self._kv.get(name, timeout=self._timeout)

    async def _forget(self, name: str, claim: Claim) -> None:
        """Drop a claim below the floor, as the sweep did or will do: it passed and does not come again."""
        marks.BELOW_FLOOR()
        await self._kv.compare_and_set(name, claim, None, timeout=self._timeout)

    async def _move(
        self, name: str, seen: Claim | None, target: Claim, expires_in: float | None = None
    ) -> Claim | None:
        """Move the claim from exactly what was seen; the claim that is there now, ours or not."""
        swap = await self._kv.compare_and_set(name, seen, target, expires_in=expires_in, timeout=self._timeout)
        found: Claim | None = swap.present
        return found

    async def _is_below_floor(self, key: str) -> bool:
        nonce, counter = parts(key)
        floor = await self._get(floor_key(nonce))
        return floor is not None and counter < floor

    async def _answer(self, told: Answer, slots: Slots[Any], key: str) -> Outcome:
        """What a claim tells by itself; of one that is cancelled, only above the floor."""
        if told in _MARKS:
            _MARKS[told]()
        if told is Answer.EXPIRED or (told is Answer.CANCELLED and await self._is_below_floor(key)):  # 6
            return await self._expired(slots, key)
        return Outcome(key, told)

    async def _expired(self, slots: Slots[Any], key: str) -> Outcome:
        """No verdict: if the effect of `key` is anywhere, it is or will be in a slot below the bound."""
        marks.KEY_FORGOTTEN()
        return Outcome(key, Answer.EXPIRED, slots.epoch, await slots.bound())


_MARKS: Final = {Answer.CONFLICT: marks.KEY_CONFLICT, Answer.CANCELLED: marks.KEY_CANCELLED}


def _told(claim: Claim, slots: Slots[Any], payload: bytes) -> Answer | None:
    """What a claim says without a look into its slot; None: its slot has to be looked into."""
    if _differs(claim, slots.place, payload):
        return Answer.CONFLICT
    if claim.state is ClaimState.CANCELLED:
        return Answer.CANCELLED
    return Answer.EXPIRED if slots.forgot(claim) else None


def _differs(claim: Claim, place: str, payload: bytes) -> bool:
    """Whether the key was used for something else; who does not know the payload compares the place only."""
    return claim.place != place or (claim.payload not in (payload, b"") and payload != b"")
