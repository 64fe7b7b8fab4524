"""The accepting of messages under exhaustive search, and each wrong reading of it with its counterexample."""

from __future__ import annotations

import pytest

from imsim.ports import Durability
from imsim.protocol.frames import Answer
from tests.accept_search import CONFIG, Actor, Conversation, Patch, algorithm, search

KEY = "a-1"
NEXT = "a-2"


# ---------------------------------------------------------------------------------------------- scenes


def two_servers(room: Conversation):
    """The same send is handled twice at once, by servers that both believe to be the owner."""
    a, b = room.beforehand(room.tenure()), room.beforehand(room.tenure())
    return [Actor("A", room.send(a, KEY)), Actor("B", room.send(b, KEY))]


def two_servers_and_a_takeover(room: Conversation):
    """The same, while a third one fills every slot that it finds reserved and empty."""
    return [*two_servers(room), Actor("C", room.take_over(), faults=())]


def retry_after_a_crash(room: Conversation):
    """A handler ends somehow, a new owner takes over, and the device tries again."""

    async def retry():
        await room.send(await room.tenure(), KEY)

    a = room.beforehand(room.tenure())
    return [
        Actor("A", room.send(a, KEY)),
        Actor("C", room.take_over(), faults=()),
        Actor("B", retry(), after=("A",), faults=("lost",)),
    ]


def cancelled_meanwhile(room: Conversation):
    """The device gives up while its send is being handled."""
    a, b = room.beforehand(room.tenure()), room.beforehand(room.tenure())
    room.keys.append(KEY)
    return [Actor("A", room.send(a, KEY)), Actor("B", room.cancel(b, KEY))]


def cancelled_and_sent_again(room: Conversation):
    """The device gives up, and a doubled frame of its send is handled as well."""
    c = room.beforehand(room.tenure())
    return [*cancelled_meanwhile(room), Actor("C", room.send(c, KEY), faults=("late",))]


def resolved_and_forgotten(room: Conversation):
    """The send was answered; its floor rises and its claim is dropped; a doubled frame of it arrives late."""
    a, b = room.beforehand(room.tenure()), room.beforehand(room.tenure())
    room.beforehand(room.send(a, KEY))
    return [Actor("B", room.send(b, KEY)), Actor("floor", _raise(room), faults=("crash",))]


def silent_and_forgotten(room: Conversation):
    """An install is silent for so long that its floor rises, while its last send is still somewhere on a server."""
    a, b = room.beforehand(room.tenure()), room.beforehand(room.tenure())
    return [
        Actor("A", room.send(a, KEY), faults=()),
        Actor("floor", _raise(room), faults=()),
        Actor("B", room.send(b, KEY), faults=()),
    ]


def failed_over(room: Conversation):
    """The log loses its tail while a send is being handled; the device offers it to the new epoch."""
    return _failed_over(room, room.send)


def cancelled_in_a_failover(room: Conversation):
    """The same, and the device gives up before it knows of the new epoch."""
    return _failed_over(room, room.cancel)


def _failed_over(room: Conversation, first):
    a = room.beforehand(room.tenure())
    room.keys.append(KEY)

    async def send_and_commit():
        await room.send(a, KEY)
        await a.commit()

    async def retry():
        await room.send(await room.tenure(2), KEY)

    return [
        Actor("A", send_and_commit(), faults=()),
        Actor("D", first(a, KEY), faults=()),
        Actor("log", room.fail_over(), faults=()),
        Actor("B", retry(), after=("log",), faults=("crash",)),
    ]


failed_over.durability = cancelled_in_a_failover.durability = Durability.ASYNC


def batch_twice(room: Conversation):
    """A batch of two is handled twice at once, while slots are being filled."""
    room.order.extend([KEY, NEXT])

    async def batch(tenure):
        for key in (KEY, NEXT):
            outcome = await room.send(tenure, key)
            if outcome is None or outcome.answer is not Answer.OK:
                return

    a, b = room.beforehand(room.tenure()), room.beforehand(room.tenure())
    return [Actor("A", batch(a)), Actor("B", batch(b), faults=()), Actor("C", room.take_over(), faults=())]


def one_in_flight(room: Conversation):
    """A device sends its second message when the first is answered."""
    return _device(room, window=1)


def two_in_flight(room: Conversation):
    """A device that does not wait."""
    return _device(room, window=2)


def _device(room: Conversation, window):
    room.order.extend([KEY, NEXT])
    a, b = room.beforehand(room.tenure()), room.beforehand(room.tenure())

    async def until_answered(key):
        for tenure in (a, b, a):
            if await room.send(tenure, key) is not None:
                return True
        return False

    async def in_turn():
        if await until_answered(KEY):
            await until_answered(NEXT)

    if window == 1:
        return [Actor("device", in_turn(), faults=("lost", "late"))]
    return [Actor("first", until_answered(KEY)), Actor("second", until_answered(NEXT))]


def believes_its_bound(room: Conversation):
    """A device that looks into the slots below the bound of `expired`, as it should."""
    return _believing(room, looks=True)


def believes_failure(room: Conversation):
    """A device that takes `expired` for failed."""
    return _believing(room, looks=False)


def _believing(room: Conversation, *, looks):
    a, b = room.beforehand(room.tenure()), room.beforehand(room.tenure())

    async def device():
        outcome = await room.send(b, KEY)
        if outcome is None or outcome.answer is not Answer.EXPIRED:
            return
        tenure = await room.take_over()
        assert tenure.head >= outcome.seq - 1  # every slot below the bound is known now
        slots = room.log.of(tenure.place).slots
        if not looks or KEY not in [slots[seq].client_id for seq in range(1, outcome.seq)]:
            room.failed.append(KEY)

    return [
        Actor("A", room.send(a, KEY), faults=()),
        Actor("floor", _raise(room), faults=()),
        Actor("device", device(), after=("floor",), faults=()),
    ]


def _raise(room: Conversation):
    floors = room.algorithm.floor.Floors(None, room.kv, CONFIG)
    return floors.raise_floor("a", 2)


SCENES = {
    two_servers: 3,
    two_servers_and_a_takeover: 3,
    retry_after_a_crash: 3,
    cancelled_meanwhile: 3,
    resolved_and_forgotten: 4,
    silent_and_forgotten: 4,
    failed_over: 3,
    cancelled_in_a_failover: 3,
    batch_twice: 2,
    cancelled_and_sent_again: 2,
    one_in_flight: 3,
    believes_its_bound: 4,
}
"""Each scene with the budget up to which every history is visited."""


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_no_history_breaks_a_promise(scene):
    found = search(scene, algorithm(), budget=SCENES[scene])
    assert found.violation is None, found.violation.args
    assert found.runs > 500


# ---------------------------------------------------------------------------------------------- wrong readings

CLAIMS, ACCEPT, FLOOR, PATIENCE = "services.claims", "server.accept", "server.floor", "services.patience"

READ_FLOOR = """                        if await self._is_below_floor(key):  # 4: now, that the claim is in place
                            await self._forget(name, claim)
                            return await self._expired(slots, key)
"""
FIRST_READ = """            claim = await self._get(name)  # 1
"""
SWAP = "swap = await self._kv.compare_and_set(name, seen, target, expires_in=expires_in, timeout=self._timeout)"
BELIEVED = (
    "class PatientLog:\n",
    """from imsim.ports import Swap, Written

async def _believed(answer, call, *subject, **how):
    try:
        return await call(*subject, **how)
    except Timeout:
        return answer

class PatientLog:
""",
)

WRONG = {
    "acknowledging on an existing claim": (
        retry_after_a_crash,
        Patch(
            CLAIMS,
            FIRST_READ,
            FIRST_READ
            + """            if claim is not None and claim.state is ClaimState.SLOT:
                return Outcome(key, Answer.OK, claim.epoch, claim.seq)
""",
        ),
    ),
    "taking taken(no-op) for done": (
        retry_after_a_crash,
        Patch(
            ACCEPT,
            "return (await self._fill(claim.seq, effect(claim))).client_id == key",
            "return (await self._fill(claim.seq, effect(claim))).client_id in (key, self._no_op(claim.seq).client_id)",
        ),
    ),
    "a plain put of the claim": (
        two_servers,
        Patch(CLAIMS, SWAP, "await self._kv._kv.put(name, target, timeout=self._timeout); return target"),
    ),
    "a cancel without a tombstone": (
        cancelled_meanwhile,
        Patch(
            CLAIMS,
            "            claim = await self._move(name, None, tombstone)\n",
            """            claim = await self._get(name)
            if claim is None:
                return Outcome(key, Answer.CANCELLED)
""",
        ),
    ),
    "a cancel that leaves the claim": (
        cancelled_meanwhile,
        Patch(
            CLAIMS,
            "                claim = await self._move(name, claim, tombstone)\n",
            "                return Outcome(key, Answer.CANCELLED)\n",
        ),
    ),
    "two sends in flight": (two_in_flight,),
    "reading the floor before the claim": (
        resolved_and_forgotten,
        Patch(CLAIMS, READ_FLOOR, ""),
        Patch(
            CLAIMS,
            FIRST_READ,
            """            if await self._is_below_floor(key):
                return await self._expired(slots, key)
"""
            + FIRST_READ,
        ),
    ),
    "taking expired for failed": (believes_failure,),
    "checking the epoch on arrival only": (
        failed_over,
        Patch(
            CLAIMS,
            FIRST_READ,
            """            if slots.epoch != (await slots._log.state(slots.place, timeout=1.0)).epoch:
                return None
"""
            + FIRST_READ,
        ),
    ),
    # and beyond the architecture's list
    "a bound that leaves the last reserved slot out": (
        silent_and_forgotten,
        Patch(ACCEPT, "return 1 + self._last(", "return 0 + self._last("),
    ),
    "dropping claims before the floor rises": (
        resolved_and_forgotten,
        Patch(
            FLOOR,
            "floor = await kv.raise_to(floor_key(nonce), below, timeout=timeout)\n",
            "floor = below\n",
        ),
        Patch(
            FLOOR,
            "        await kv.raise_to(swept_key(nonce), floor, timeout=timeout)\n",
            "        await kv.raise_to(floor_key(nonce), below, timeout=timeout)\n",
        ),
    ),
    "taking an unknown compare-and-set for done": (
        cancelled_meanwhile,
        Patch(
            PATIENCE,
            "        return _again(self._tries, self._kv.compare_and_set, ",
            "        return _believed(Swap(True, new), self._kv.compare_and_set, ",
        ),
        Patch(PATIENCE, *BELIEVED),
    ),
    "taking an unknown write for done": (
        two_servers,
        Patch(
            PATIENCE,
            "        return _again(self._tries, self._log.write, ",
            "        return _believed(Written.OK, self._log.write, ",
        ),
        Patch(PATIENCE, *BELIEVED),
    ),
    "moving a claim of a later epoch": (
        failed_over,
        # and not sealing the old counter, without which no slot is left to move it to
        Patch(ACCEPT, "if not await seal_counter(kv, place, epoch, config.kv_timeout):", "if epoch:"),
        Patch(ACCEPT, "return self.clamp(claim.epoch,", "return claim.epoch <= self.epoch and self.clamp(claim.epoch,"),
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_the_search_finds_what_is_wrong_with(wrong):
    scene, *patches = WRONG[wrong]
    reading = algorithm(*patches, checks_epoch=wrong != "checking the epoch on arrival only")
    found = search(scene, reading, budget=4)
    assert found.violation is not None, f"{found.runs} histories, and none breaks a promise"
