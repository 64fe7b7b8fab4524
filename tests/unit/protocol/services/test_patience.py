"""Ports that ask again: what may be asked twice is, as often as is said, and no more often."""

from __future__ import annotations

import asyncio

import pytest

from imsim.errors import Timeout, Unavailable
from imsim.ports import OK, Durability, Taken
from imsim.protocol.frames import Entry, Message
from imsim.protocol.services.patience import PatientKeyValue, PatientLocks, PatientLog
from tests.ports_memory import Faulty, MemoryKeyValue, MemoryLocks, MemoryLog, MemoryRuntime

ENTRY = Entry("room", 1, 1, "n-1", "alice", 0.0, Message("hello"))


def do(coroutine):
    return asyncio.run(coroutine)


@pytest.mark.parametrize("faults", [["down", "lost"], ["late", "late"], []])
def test_a_call_is_tried_until_it_is_answered(faults):
    kv = MemoryKeyValue(Faulty(kv_raise_to=faults))
    assert do(PatientKeyValue(kv, 3).raise_to("counter", 5, timeout=1.0)) == 5
    assert kv.gate.calls == ["kv.raise_to"] * (len(faults) + 1)


@pytest.mark.parametrize(("fault", "error"), [("down", Unavailable), ("lost", Timeout)])
def test_it_is_given_up_after_as_many_tries_as_are_said(fault, error):
    log = MemoryLog(Faulty(log_state=[fault] * 9))
    with pytest.raises(error):
        do(PatientLog(log, 3).state("room", timeout=1.0))
    assert len(log.gate.calls) == 3


def test_what_was_written_unseen_is_taken_by_the_very_entry():
    log = MemoryLog(Faulty(log_write=["late"]))
    assert do(PatientLog(log, 2).write("room", 1, 1, ENTRY, 1, timeout=1.0)) == Taken(ENTRY)
    assert do(PatientLog(log, 2).write("room", 1, 2, ENTRY, 1, timeout=1.0)) is OK


def test_what_was_set_unseen_is_the_value_that_is_there():
    kv = MemoryKeyValue(Faulty(kv_compare_and_set=["late"]))
    assert do(PatientKeyValue(kv, 2).compare_and_set("key", None, "mine", timeout=1.0)).present == "mine"


def test_every_call_reaches_its_port_with_all_that_was_asked():
    log, kv, runtime = MemoryLog(durability=Durability.ASYNC), MemoryKeyValue(), MemoryRuntime()
    patient = PatientLog(log, 2)
    assert patient.durability is Durability.ASYNC
    assert do(patient.write("room", 1, 1, ENTRY, 1, timeout=1.0)) is OK
    assert do(patient.peek("room", 1, timeout=1.0)) == ENTRY
    assert do(patient.commit("room", 1, 1, timeout=1.0)) == 1
    assert list(do(patient.read("room", 1, 1, timeout=1.0))) == [ENTRY]
    assert do(patient.trim("room", 2, timeout=1.0)) == 2
    store = PatientKeyValue(kv, 2)
    assert do(store.increment("counter", 3, timeout=1.0)) == 3
    assert do(store.get("counter", timeout=1.0)) == 3
    locks = PatientLocks(MemoryLocks(runtime, Faulty(locks_acquire=["down"])), 2)
    lease = do(locks.acquire("sweep", "a", 5.0, timeout=1.0))
    assert lease.holder == "a"
    do(locks.release(lease, timeout=1.0))
    assert do(locks.acquire("sweep", "b", 5.0, timeout=1.0)).holder == "b"
