"""Any effect once a key, on a key-value store."""

from __future__ import annotations

import pytest

from imsim.protocol.frames import Answer
from imsim.protocol.services.claims import floor_key
from imsim.protocol.services.idempotency import Effects, InFlight
from tests.ports_memory import Faulty, MemoryKeyValue, MemoryRuntime


class Service:
    """Charges money, and counts how often."""

    def __init__(self):
        self.runtime = MemoryRuntime()
        self.kv = MemoryKeyValue()
        self.charged = []
        self.restart()

    def restart(self):
        self.runtime.crash()
        self.effects = Effects(self.kv, self.runtime, "payments", timeout=1.0, patience=2, rounds=4)

    async def charge(self, number, amount):
        await self.runtime.sleep(1.0)
        self.charged.append(amount)
        return f"receipt {number} for {amount}"

    def begin(self, key, amount):
        return self.effects.once(key, amount, lambda number: self.charge(number, amount))

    def pay(self, key, amount):
        return self.runtime.run(self.begin(key, amount))


@pytest.fixture
def service():
    return Service()


def test_an_effect_is_done_and_its_result_given(service):
    once = service.pay("n-1", 5)
    assert (once.outcome.answer, once.result) == (Answer.OK, "receipt 1 for 5")


def test_the_same_key_and_request_gives_the_first_result_also_after_a_restart(service):
    first = service.pay("n-1", 5)
    service.restart()
    assert service.pay("n-1", 5) == first
    assert service.charged == [5]


def test_two_calls_at_once_are_one(service):
    results = []

    async def pay():
        results.append(await service.begin("n-1", 5))

    for _ in range(3):
        service.runtime.spawn(pay())
    service.runtime.settle()
    service.runtime.advance(9.0)
    assert [once.result for once in results] == ["receipt 1 for 5"] * 3
    assert service.charged == [5]


def test_another_request_under_the_same_key_is_a_conflict(service):
    service.pay("n-1", 5)
    once = service.pay("n-1", 6)
    assert (once.outcome.answer, once.result) == (Answer.CONFLICT, None)
    assert service.charged == [5]


def test_another_request_while_the_first_is_in_flight_is_a_conflict(service):
    service.runtime.spawn(service.begin("n-1", 5))
    service.runtime.settle()
    assert service.pay("n-1", 6).outcome.answer is Answer.CONFLICT


def test_below_the_floor_it_has_expired(service):
    service.kv.values[floor_key("n")] = 2
    assert service.pay("n-1", 5).outcome.answer is Answer.EXPIRED
    assert service.pay("n-2", 5).outcome.answer is Answer.OK
    assert service.charged == [5]


def test_a_claim_whose_holder_died_is_taken_over_by_finishing_its_slot(service):
    service.runtime.spawn(service.begin("n-1", 5))
    service.runtime.settle()
    service.restart()
    assert service.charged == []
    assert service.pay("n-1", 5).result == "receipt 1 for 5"


def test_a_cancelled_effect_is_never_done(service):
    assert service.runtime.run(service.effects.cancel("n-1")).answer is Answer.CANCELLED
    assert service.pay("n-1", 5).outcome.answer is Answer.CANCELLED
    assert service.charged == []


def test_cancelling_what_a_dead_holder_claimed_voids_its_slot(service):
    service.runtime.spawn(service.begin("n-1", 5))
    service.runtime.settle()
    service.restart()
    assert service.runtime.run(service.effects.cancel("n-1")).answer is Answer.CANCELLED
    assert service.pay("n-1", 5).outcome.answer is Answer.CANCELLED


def test_cancelling_what_is_done_says_so(service):
    service.pay("n-1", 5)
    assert service.runtime.run(service.effects.cancel("n-1")).answer is Answer.OK


@pytest.mark.parametrize("call", ["kv_get", "kv_increment", "kv_compare_and_set"])
@pytest.mark.parametrize("fault", ["lost", "late", "down"])
@pytest.mark.parametrize("skipped", range(4))
def test_whatever_fails_asking_again_gives_one_result(service, call, fault, skipped):
    service.kv.gate = Faulty(**{call: ["ok"] * skipped + [fault] * 4})
    service.pay("n-1", 5)
    service.kv.gate = None
    again = service.pay("n-1", 5)
    assert again.outcome.answer is Answer.OK
    assert again == service.pay("n-1", 5)
    registers = [value for key, value in service.kv.values.items() if key.startswith("effect/") and value.key]
    assert [register.result for register in registers] == [again.result]


def test_services_do_not_share_their_slots():
    service, other = Service(), Service()
    other.kv = service.kv
    other.effects = Effects(service.kv, other.runtime, "refunds", timeout=1.0)
    assert service.pay("n-1", 5).outcome.seq == 1
    assert other.pay("n-1", 5).outcome.answer is Answer.CONFLICT
    assert other.pay("n-2", 5).outcome.seq == 1


def test_a_failure_in_flight_reaches_everyone_who_shares_it():
    runtime = MemoryRuntime()
    flights, seen = InFlight(runtime), []

    async def failing():
        await runtime.sleep(1.0)
        raise KeyError("for all")

    async def ask():
        try:
            await flights.share("n-1", 5, failing)
        except KeyError as error:
            seen.append(error.args[0])

    for _ in range(2):
        runtime.spawn(ask())
    runtime.settle()
    assert "n-1" in flights
    runtime.advance(2.0)
    assert seen == ["for all"] * 2
    assert "n-1" not in flights
