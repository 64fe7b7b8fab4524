"""What accept, cancel and takeover do with each kind of failure; their concurrency is in test_accept_search.py."""

from __future__ import annotations

import asyncio

import pytest

from imsim.errors import Timeout
from imsim.ports import Durability
from imsim.protocol.frames import Answer, Created, Draft, Join, Leave, Message, NoOp
from imsim.protocol.server.accept import Tenure, accept, refuse
from imsim.protocol.server.config import ServerConfig
from imsim.protocol.server.log import Roster, Span, roster_key
from imsim.protocol.server.tail import Tail, tail_key
from imsim.protocol.services.claims import Claims, Sealed, claim_key, counter_key, floor_key
from imsim.protocol.services.patience import PatientKeyValue, PatientLog
from tests.ports_memory import Faulty, MemoryKeyValue, MemoryLog

CONFIG = ServerConfig(page=3)
DRAFT = Draft("n-1", 2.5, Message("hello"))


class Server:
    """One conversation and one owner of it."""

    def __init__(self):
        self.kv = MemoryKeyValue()
        self.log = MemoryLog(durability=Durability.ASYNC)
        self.claims = Claims(PatientKeyValue(self.kv, 2), timeout=1.0, rounds=6)
        self.tenure = self.take_over()

    def take_over(self, token=1):
        self.tenure = self.new_tenure(token)
        asyncio.run(self.tenure.enter())
        return self.tenure

    def new_tenure(self, token=1, place="room"):
        return Tenure(PatientLog(self.log, 2), PatientKeyValue(self.kv, 2), CONFIG, place, token)

    def accept(self, draft=DRAFT):
        return asyncio.run(accept(self.claims, self.tenure, "alice", draft))

    def cancel(self, client_id="n-1"):
        return asyncio.run(self.claims.cancel(self.tenure, client_id))

    def commit(self):
        return asyncio.run(self.tenure.commit())

    def fail(self, **plan):
        self.kv.gate = self.log.gate = Faulty(**plan)
        return self.kv.gate

    def heal(self):
        self.kv.gate = self.log.gate = None

    def slots(self):
        return {seq: entry.client_id for seq, entry in sorted(self.log.of("room").slots.items())}


@pytest.fixture
def server():
    return Server()


def draft(counter, text=None):
    return Draft(f"n-{counter}", 0.0, Message(text or str(counter)))


def test_a_message_takes_six_calls_in_the_order_of_the_steps(server):
    server.log.durability = Durability.QUORUM
    gate = server.fail()
    assert server.accept().answer is Answer.OK
    assert [entry.client_id for entry in server.commit()] == ["n-1"]
    assert gate.calls == ["kv.get", "kv.increment", "kv.compare_and_set", "kv.get", "log.write", "log.commit"]


def test_a_log_that_may_lose_its_tail_takes_a_note_before_the_commit(server):
    server.accept()
    gate = server.fail(kv_compare_and_set=["lost"] * 2)
    with pytest.raises(Timeout):
        server.commit()
    assert "log.commit" not in gate.calls
    server.commit()
    assert server.kv.values[tail_key("room", 1, 1)] == Tail("n-1")


def test_the_entry_is_what_was_offered(server):
    outcome = server.accept()
    entry = server.log.of("room").slots[outcome.seq]
    assert (entry.conversation, entry.epoch, entry.seq) == ("room", 1, 1)
    assert (entry.client_id, entry.author, entry.wall, entry.body) == ("n-1", "alice", 2.5, Message("hello"))


def test_a_retry_gets_the_same_slot(server):
    assert server.accept() == server.accept()
    assert server.slots() == {1: "n-1"}


def test_another_payload_is_a_conflict(server):
    server.accept()
    assert server.accept(Draft("n-1", 2.5, Message("bye"))).answer is Answer.CONFLICT
    assert server.slots() == {1: "n-1"}


def test_the_same_key_in_another_conversation_is_a_conflict(server):
    server.accept()
    other = server.new_tenure(place="elsewhere")
    asyncio.run(other.enter())
    assert asyncio.run(accept(server.claims, other, "alice", DRAFT)).answer is Answer.CONFLICT
    assert asyncio.run(server.claims.cancel(other, "n-1")).answer is Answer.CONFLICT
    assert server.slots() == {1: "n-1"}


def test_an_unknown_reservation_burns_a_slot(server):
    server.fail(kv_increment=["late"])
    assert server.accept().seq == 2
    assert [type(entry.body) for entry in server.commit()] == [NoOp, Message]


def test_an_unknown_write_is_repeated_as_it_is(server):
    gate = server.fail(log_write=["late"])
    assert server.accept().seq == 1
    assert gate.calls.count("log.write") == 2
    assert gate.calls.count("kv.increment") == 1


@pytest.mark.parametrize("fault", ["lost", "late"])
def test_an_unknown_compare_and_set_is_repeated_as_it_is(server, fault):
    gate = server.fail(kv_compare_and_set=[fault])
    assert server.accept().seq == 1
    assert gate.calls[2:4] == ["kv.compare_and_set", "kv.compare_and_set"]
    assert server.slots() == {1: "n-1"}


@pytest.mark.parametrize("call", ["kv_get", "kv_increment", "kv_compare_and_set", "log_write"])
@pytest.mark.parametrize("fault", ["lost", "late", "down"])
def test_patience_ends_without_an_answer_and_a_retry_finishes(server, call, fault):
    server.fail(**{call: [fault] * 2})
    assert server.accept() is None
    server.heal()
    assert server.accept().answer is Answer.OK
    assert list(server.slots().values()).count("n-1") == 1


def test_a_cancelled_message_is_never_accepted(server):
    assert server.cancel().answer is Answer.CANCELLED
    assert server.cancel().answer is Answer.CANCELLED
    assert server.accept().answer is Answer.CANCELLED
    assert server.slots() == {}


def test_a_cancel_that_comes_too_late_says_where_the_message_is(server):
    seq = server.accept().seq
    outcome = server.cancel()
    assert (outcome.answer, outcome.epoch, outcome.seq) == (Answer.OK, 1, seq)


def test_a_cancel_fills_the_slot_of_a_handler_that_died(server):
    server.fail(log_write=["lost"] * 2)
    assert server.accept() is None
    server.heal()
    assert server.cancel().answer is Answer.CANCELLED
    assert type(server.log.of("room").slots[1].body) is NoOp
    assert server.accept().answer is Answer.CANCELLED


def test_below_the_floor_everything_is_expired_with_the_slot_after_the_last_reserved_one(server):
    for counter in range(1, 4):
        server.accept(draft(counter))
    server.kv.values[floor_key("n")] = 3
    del server.kv.values[claim_key("n-1")]
    answers = [server.accept(draft(1)), server.cancel("n-2"), server.accept(draft(2))]
    assert [answer.answer for answer in answers] == [Answer.EXPIRED, Answer.OK, Answer.EXPIRED]
    assert answers[0].seq == answers[2].seq == 5
    assert server.accept(draft(3)).answer is Answer.OK
    assert list(server.slots().values()) == ["n-1", "n-2", "n-3"]


def test_a_cancelled_key_below_the_floor_is_expired(server):
    server.cancel()
    server.kv.values[floor_key("n")] = 2
    assert server.accept().answer is Answer.EXPIRED
    assert server.cancel().answer is Answer.EXPIRED


def test_what_is_trimmed_proves_nothing(server):
    server.accept()
    server.accept(draft(2))
    server.commit()
    asyncio.run(server.log.trim("room", 2, timeout=1.0))
    assert server.accept() is None
    server.take_over()
    assert server.accept().answer is Answer.EXPIRED
    assert server.cancel().answer is Answer.EXPIRED
    assert server.accept(draft(2)).answer is Answer.OK


def test_refused_is_for_ever(server):
    refused = asyncio.run(refuse(server.claims, server.tenure, DRAFT, "no"))
    assert (refused.answer, refused.reason) == (Answer.REFUSED, "no")
    assert server.accept().answer is Answer.CANCELLED


def test_refusing_what_was_accepted_says_that_it_was(server):
    server.accept()
    assert asyncio.run(refuse(server.claims, server.tenure, DRAFT, "no")).answer is Answer.OK
    other = Draft("n-1", 2.5, Message("bye"))
    assert asyncio.run(refuse(server.claims, server.tenure, other, "no")).answer is Answer.CONFLICT


def test_a_new_owner_fills_burnt_slots_and_commits_what_was_written(server):
    server.fail(kv_increment=["late"])
    server.accept()
    server.heal()
    tenure = server.take_over(2)
    assert [entry.client_id for entry in server.commit()] == ["!room/1-1", "n-1"]
    assert tenure.head == tenure.committed == 2


def test_a_deposed_owner_writes_nothing(server):
    old = server.tenure
    server.take_over(2)
    server.accept()
    server.tenure = old
    assert server.accept(draft(2)) is None
    assert old.over


def test_an_owner_commits_what_a_deposed_one_wrote(server):
    old, new = server.tenure, server.take_over()
    server.tenure = old
    server.accept(draft(1))
    server.tenure = new
    server.accept(draft(2))
    assert [entry.client_id for entry in server.commit()] == ["n-1", "n-2"]


def test_an_owner_hears_of_what_a_deposed_one_committed(server):
    old, new = server.tenure, server.take_over()
    server.accept(draft(1))
    server.tenure = old
    server.accept(draft(2))
    server.commit()
    server.tenure = new
    assert [entry.client_id for entry in server.commit()] == ["n-1", "n-2"]


def test_a_commit_that_fails_is_made_up_for(server):
    server.accept()
    server.fail(log_commit=["lost", "lost"])
    with pytest.raises(Timeout):
        server.commit()
    assert not server.tenure.settled
    assert [entry.client_id for entry in server.commit()] == ["n-1"]
    assert server.tenure.settled
    assert server.commit() == []


def fail_over(server, cut):
    old = server.tenure
    server.log.fail_over("room", cut)
    return old


def test_a_message_above_the_cut_is_accepted_again_and_one_below_keeps_its_place(server):
    for counter in (1, 2, 3):
        server.accept(draft(counter))
    server.commit()
    fail_over(server, 1)
    server.take_over(2)
    again = [server.accept(draft(counter)) for counter in (1, 3, 2)]
    assert [(outcome.epoch, outcome.seq) for outcome in again] == [(1, 1), (2, 2), (2, 3)]


def test_a_cancel_of_a_message_above_the_cut_moves_its_claim(server):
    server.accept()
    server.commit()
    fail_over(server, 0)
    server.take_over(2)
    assert server.cancel().answer is Answer.CANCELLED
    assert server.accept().answer is Answer.CANCELLED


def test_a_handler_of_a_sealed_epoch_stops_without_an_answer(server):
    old = fail_over(server, 0)
    server.take_over(2)
    server.tenure = old
    assert server.accept() is None
    assert old.over
    server.kv.values[floor_key("n")] = 9
    assert server.cancel(client_id="n-5") is None  # the bound of a sealed epoch would be no bound


def test_every_epoch_before_is_sealed(server):
    server.accept()
    for _ in range(3):
        fail_over(server, 0)
    server.take_over(2)
    for epoch in (1, 2, 3):
        stale = server.new_tenure(2)
        stale._counter = counter_key("room", epoch)
        with pytest.raises(Sealed):
            asyncio.run(stale.reserve())


def test_a_commit_in_a_sealed_epoch_is_over(server):
    server.accept()
    fail_over(server, 0)
    with pytest.raises(Sealed):
        server.commit()
    assert server.tenure.over


CREATED = Draft("n-0", 0.0, Created(("alice", "bob")))


def test_the_membership_follows_each_written_slot(server):
    server.accept(CREATED)
    assert server.tenure.membership.members == ("alice", "bob")
    server.accept(Draft("n-1", 0.0, Leave("bob")))
    assert server.tenure.membership.members == ("alice",)


def test_a_new_owner_folds_the_log_from_the_checkpoint(server):
    for item in (CREATED, *(draft(counter) for counter in range(1, 9)), Draft("n-9", 0.0, Join("carol"))):
        server.accept(item)
    server.commit()
    fresh = server.take_over(2)
    assert fresh.membership.members == ("alice", "bob", "carol")
    assert fresh.checkpoint_due
    asyncio.run(fresh.save_roster())
    assert server.kv.values[roster_key("room")].upto == 10
    gate = server.fail()
    again = server.take_over(3)
    assert "log.read" not in gate.calls
    assert again.membership.members == ("alice", "bob", "carol")
    assert not again.checkpoint_due


def test_a_checkpoint_is_never_replaced_by_an_earlier_one(server):
    server.accept(CREATED)
    server.commit()
    old = server.tenure
    server.take_over(2)
    server.accept(Draft("n-1", 0.0, Join("carol")))
    server.commit()
    asyncio.run(server.tenure.save_roster())
    asyncio.run(old.save_roster())
    assert server.kv.values[roster_key("room")].upto == 2


def test_a_failover_takes_back_what_the_checkpoint_says_of_lost_slots(server):
    server.accept(CREATED)
    server.accept(Draft("n-1", 0.0, Join("carol")))
    server.accept(Draft("n-2", 0.0, Leave("bob")))
    server.commit()
    asyncio.run(server.tenure.save_roster())
    fail_over(server, 1)
    assert server.take_over(2).membership.members == ("alice", "bob")
    assert server.kv.values[roster_key("room")] == Roster(2, 1, (Span("alice", 1), Span("bob", 1)))
