"""Idempotency as a service: any effect once a key, with its first result for everyone who asks again.

What a key promises: the same key and payload gives the first result, also while the first call is in flight (both
wait for one handler) and after a restart; the same key with another payload is a conflict; below the install's floor
it has expired; and the claim of a holder that died is taken over by finishing its slot. All of that is the algorithm
of claims.py. Here is what is left: its slots in a key-value store, where an effect is the record of its result, and
the sharing of calls in flight, which the sequencer uses for messages too.

Not here: retries by the caller, and what an effect does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from imsim.errors import Timeout, Unavailable
from imsim.ports import Value
from imsim.protocol import marks
from imsim.protocol.frames import Answer, Outcome
from imsim.protocol.services.claims import Claims, counter_key, digest, reserved
from imsim.protocol.services.patience import PatientKeyValue

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from imsim.ports import Future, KeyValue, Runtime
    from imsim.protocol.services.claims import Claim

__all__ = ["Effects", "InFlight", "Once", "Register"]

T = TypeVar("T")

# ---------------------------------------------------------------------------------------------- calls in flight


class _Call(Generic[T]):
    __slots__ = ("future", "payload")

    def __init__(self, payload: object) -> None:
        self.payload = payload
        self.future: Future[T] | None = None


class InFlight(Generic[T]):
    """Calls that are being handled: the same key and payload once more waits for the first and shares its result."""

    __slots__ = ("_calls", "_runtime")

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._calls: dict[str, _Call[T]] = {}

    def __contains__(self, key: str) -> bool:
        """Whether a call of this key is being handled."""
        return key in self._calls

    async def share(self, key: str, payload: object, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do `work`, or wait for who does it already; another payload is done beside, and finds its conflict there.

        Raises:
            Exception: whatever `work` raises, to everyone who waits.
        """
        call = self._calls.get(key)
        if call is not None:
            if call.payload != payload:
                return await work()
            marks.SEND_JOINED()
            if call.future is None:
                call.future = self._runtime.future()
            return await call.future
        call = self._calls[key] = _Call(payload)
        try:
            result = await work()
        except Exception as error:
            del self._calls[key]
            if call.future is not None:
                call.future.set_exception(error)
            raise
        del self._calls[key]
        if call.future is not None:
            call.future.set_result(result)
        return result


# ---------------------------------------------------------------------------------------------- any other effect


class Register(msgspec.Struct, frozen=True, tag="register"):
    """One filled slot of a key-value store: whose effect it is, and its result. An empty key is a no-op."""

    key: str
    result: Value = None


class _Registers:
    """Slots in a key-value store: a register is put if it is absent."""

    __slots__ = ("_kv", "_timeout", "epoch", "place")

    def __init__(self, kv: KeyValue, place: str, timeout: float) -> None:
        self._kv = kv
        self._timeout = timeout
        self.place = place
        self.epoch = 1

    def survives(self, _claim: Claim) -> bool:
        return True

    def forgot(self, _claim: Claim) -> bool:
        return False

    async def reserve(self) -> int:
        return await self._kv.increment(counter_key(self.place, self.epoch), timeout=self._timeout)

    async def bound(self) -> int:
        return 1 + reserved(await self._kv.get(counter_key(self.place, self.epoch), timeout=self._timeout))

    async def put(self, claim: Claim, key: str, effect: Callable[[int], Awaitable[Value]]) -> bool:
        found = await self.read(claim.seq)
        if found is None:
            found = await self._fill(claim.seq, Register(key, await effect(claim.seq)))
        return found.key == key

    async def void(self, claim: Claim, key: str) -> bool:
        return (await self._fill(claim.seq, Register(""))).key == key

    async def read(self, seq: int) -> Register | None:
        found: Register | None = await self._kv.get(self._name(seq), timeout=self._timeout)
        return found

    async def _fill(self, seq: int, register: Register) -> Register:
        swap = await self._kv.compare_and_set(self._name(seq), None, register, timeout=self._timeout)
        found: Register = swap.present
        return found

    def _name(self, seq: int) -> str:
        return f"effect/{self.place}/{seq}"


class Once(msgspec.Struct, frozen=True):
    """What became of an effect, and its first result where it is `OK`."""

    outcome: Outcome
    result: Value = None


class Effects:
    """Any effect, once a key: same key and request, same first result.

    The result is what is recorded first. Two holders of one key may both compute it when one was believed dead, and
    only one result counts. So an effect is either pure up to its result, or hands the number that it is given on to the
    world outside as *its* idempotency key, together with `place`.

    Args:
        kv, runtime: the ports.
        place: names the service; its slots are its own, while keys are shared by all.
        timeout, rounds: as in `Claims`.
        patience: tries of one call.

    Example:
        payments = Effects(kv, runtime, "payments", timeout=2.0)
        once = await payments.once("a1b2-7", request, lambda number: charge(request, f"payments/{number}"))
    """

    __slots__ = ("_claims", "_flights", "_registers")

    def __init__(
        self, kv: KeyValue, runtime: Runtime, place: str, *, timeout: float, patience: int = 3, rounds: int = 16
    ) -> None:
        patient = PatientKeyValue(kv, patience)
        self._claims = Claims(patient, timeout=timeout, rounds=rounds)
        self._registers = _Registers(patient, place, timeout)
        self._flights: InFlight[Once | None] = InFlight(runtime)

    async def once(self, key: str, request: Value, effect: Callable[[int], Awaitable[Value]]) -> Once | None:
        """Do `effect` unless it was done, and give its first result.

        Args:
            key: `nonce-counter`, as of a message.
            request: what identifies the payload; another one under the same key is a `CONFLICT`.
            effect: computes the result; it gets the number of its slot.

        Returns:
            The outcome; None: unknown, ask again.
        """
        payload = digest(request)
        return await self._flights.share(key, payload, lambda: self._perform(key, payload, effect))

    async def cancel(self, key: str) -> Outcome | None:
        """Have the effect of `key` never happen, unless it is done already; None: unknown, ask again."""
        return await self._claims.cancel(self._registers, key)

    async def _perform(self, key: str, payload: bytes, effect: Callable[[int], Awaitable[Value]]) -> Once | None:
        outcome = await self._claims.perform(self._registers, key, payload, effect)
        if outcome is None or outcome.answer is not Answer.OK:
            return None if outcome is None else Once(outcome)
        try:
            register = await self._registers.read(outcome.seq)
        except (Unavailable, Timeout):
            return None
        return None if register is None else Once(outcome, register.result)
