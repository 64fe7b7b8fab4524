from __future__ import annotations

import pytest

from imsim.ports import FENCED, OK, Durability, EpochState, LogState
from imsim.protocol.frames import Entry, Message
from imsim.sim.backends import SlotLog


class Now:
    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


def entry(seq, epoch=1):
    return Entry("room", epoch, seq, f"a-{seq}", "alice", 0.0, Message("text"))


def fill(log, low, high, epoch=1):
    for seq in range(low, high + 1):
        assert log.write("room", epoch, seq, entry(seq, epoch), 1) is OK
    return log.commit("room", epoch, high)


@pytest.fixture
def now():
    return Now()


@pytest.fixture
def asynchronous(now):
    return SlotLog(now, durability=Durability.ASYNC, replication_lag=10.0)


def test_a_failover_loses_exactly_what_was_committed_within_the_lag(asynchronous, now):
    fill(asynchronous, 1, 3)
    now.seconds = 5.0
    fill(asynchronous, 4, 5)
    now.seconds = 12.0
    fill(asynchronous, 6, 6)
    now.seconds = 14.0  # the replica is at second 4: after slot 3, before slot 4
    assert asynchronous.failover() == {"room": EpochState(2, 3)}
    assert [kept.seq for kept in asynchronous.read("room", 1, 99)] == [1, 2, 3]
    assert asynchronous.state("room") == LogState(2, 3, 3, 1, (3,))


def test_a_failover_loses_nothing_that_is_older_than_the_lag(asynchronous, now):
    fill(asynchronous, 1, 3)
    now.seconds = 10.0
    assert asynchronous.failover() == {"room": EpochState(2, 3)}


def test_a_failover_loses_slots_that_are_not_committed(asynchronous, now):
    fill(asynchronous, 1, 1)
    now.seconds = 20.0
    asynchronous.write("room", 1, 2, entry(2), 1)
    asynchronous.failover()
    assert asynchronous.peek("room", 2) is None


def test_the_old_epoch_is_over_and_the_new_one_begins_at_the_cut(asynchronous, now):
    fill(asynchronous, 1, 2)
    now.seconds = 20.0
    asynchronous.failover()
    assert asynchronous.write("room", 1, 3, entry(3), 99) is FENCED
    assert asynchronous.commit("room", 1, 3) == 2
    assert fill(asynchronous, 3, 4, epoch=2) == 4


def test_a_second_failover_goes_on_from_the_first(asynchronous, now):
    fill(asynchronous, 1, 2)
    assert asynchronous.failover() == {"room": EpochState(2, 0)}
    fill(asynchronous, 1, 1, epoch=2)
    now.seconds = 30.0
    assert asynchronous.failover() == {"room": EpochState(3, 1)}


def test_a_failover_does_not_cut_below_what_was_trimmed(asynchronous):
    fill(asynchronous, 1, 4)
    asynchronous.trim("room", 3)
    assert asynchronous.failover() == {"room": EpochState(2, 2)}
    assert asynchronous.state("room") == LogState(2, 2, 2, 3, (2,))


def test_a_sealed_log_refuses_until_the_failover(asynchronous, now):
    fill(asynchronous, 1, 1)
    asynchronous.write("room", 1, 2, entry(2), 1)
    now.seconds = 20.0
    asynchronous.seal()
    assert asynchronous.write("room", 1, 3, entry(3), 99) is FENCED
    assert asynchronous.commit("room", 1, 2) == 1
    assert [kept.seq for kept in asynchronous.read("room", 1, 9)] == [1]
    asynchronous.failover()
    assert fill(asynchronous, 2, 2, epoch=2) == 2


def test_a_quorum_log_keeps_everything_and_its_epoch(now):
    log = SlotLog(now)
    fill(log, 1, 3)
    log.seal()
    assert log.failover() == {}
    assert log.state("room") == LogState(1, 0, 3, 1)
    assert fill(log, 4, 4) == 4


def test_tokens_begin_anew_with_an_epoch(asynchronous):
    asynchronous.write("room", 1, 1, entry(1), 50)
    asynchronous.failover()
    assert asynchronous.write("room", 2, 1, entry(1, 2), 2) is OK


def test_conversations_are_told_in_the_order_of_their_first_writes(now):
    log = SlotLog(now)
    for name in ("zoo", "air", "mix"):
        log.write(name, 1, 1, entry(1), 1)
    assert log.conversations() == ("zoo", "air", "mix")


def test_slot_0_is_none(now):
    log = SlotLog(now)
    with pytest.raises(ValueError, match="counted from 1"):
        log.write("room", 1, 0, entry(1), 1)


def test_a_negative_lag_is_refused(now):
    with pytest.raises(ValueError, match="negative"):
        SlotLog(now, replication_lag=-1.0)
