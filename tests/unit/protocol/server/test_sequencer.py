from __future__ import annotations

import pytest

from imsim.errors import Unavailable
from imsim.ports import Durability
from imsim.protocol.frames import Answer, Created, Edit, Join, Leave, NoOp, Outcome, Read, Recall
from imsim.protocol.server.ownership import Elsewhere
from tests.ports_memory import Faulty
from tests.servers_memory import CONFIG, Servers, draft


@pytest.fixture
def world():
    world = Servers()
    world.create("alice", "bob")
    return world


def test_a_batch_is_accepted_in_order(world):
    sent = world.a.submit(draft(1), draft(2), draft(3))
    assert (sent.conversation, sent.epoch) == ("room", 1)
    assert [(o.client_id, o.answer, o.seq) for o in sent.outcomes] == [
        ("n-1", Answer.OK, 2),
        ("n-2", Answer.OK, 3),
        ("n-3", Answer.OK, 4),
    ]
    assert world.ids() == ["c-0", "n-1", "n-2", "n-3"]


def test_the_first_that_is_not_accepted_stops_the_rest(world):
    assert world.a.answers(draft(1), draft(2, "much too large"), draft(3)) == ["ok", "refused"]
    assert world.ids() == ["c-0", "n-1"]


def test_a_failure_stops_the_rest_without_an_answer_for_it(world):
    world.gate(Faulty(log_write=["ok", "down", "down"]))
    assert world.a.answers(draft(1), draft(2), draft(3)) == ["ok"]
    world.gate(Faulty(kv_get=["down", "down"]))
    assert world.a.answers(draft(2), draft(3)) is None


def test_commits_are_told_once_in_order_with_those_who_may_read(world):
    world.a.submit(draft(1), draft(2))
    world.a.submit(draft(2))
    room = [commit for commit in world.a.commits if commit[0] == "room"]
    assert room == [("room", seq, ("alice", "bob")) for seq in (1, 2, 3)]


def test_who_leaves_reads_that_and_nothing_after_it(world):
    world.a.submit(draft(1, Leave("bob")), draft(2), draft(3, Join("carol")), draft(4))
    readers = {seq: users for name, seq, users in world.a.commits if name == "room"}
    assert readers == {
        1: ("alice", "bob"),
        2: ("alice", "bob"),
        3: ("alice",),
        4: ("alice", "carol"),
        5: ("alice", "carol"),
    }


@pytest.mark.parametrize(
    ("user", "body"),
    [("eve", "hi"), ("eve", Join("eve")), ("alice", NoOp()), ("alice", Created(("alice",))), ("alice", "äöüäöü")],
)
def test_what_may_not_be_written_is_refused_for_ever(world, user, body):
    assert world.a.answers(draft(1, body), user=user) == ["refused"]
    assert world.a.answers(draft(1, body), user=user) == ["refused"]
    world.a.submit(draft(2, Join("eve")))
    assert world.a.answers(draft(1, body), user=user) != ["ok"]
    assert "n-1" not in world.ids()


def test_a_message_that_was_accepted_stays_accepted_when_its_author_has_left(world):
    world.a.submit(draft(1), user="bob")
    world.a.submit(draft(2, Leave("bob")))
    assert world.a.answers(draft(1), user="bob") == ["ok"]
    assert world.a.answers(draft(3), user="bob") == ["refused"]


@pytest.mark.parametrize("kind", [Edit, Recall])
def test_only_the_author_changes_a_message(world, kind):
    def change(target):
        return kind(target, "new") if kind is Edit else kind(target)

    world.a.submit(draft(1), user="alice")
    assert world.a.answers(draft(2, change("n-1")), user="bob") == ["refused"]
    assert world.a.answers(draft(3, change("n-1")), user="alice") == ["ok"]


def test_a_change_may_come_before_its_target(world):
    assert world.a.answers(draft(5, Recall("n-6")), user="bob") == ["ok"]


def test_a_claim_does_not_prove_who_the_author_is(world):
    world.gate(Faulty(log_write=["lost", "lost"]))
    assert world.a.submit(draft(1)) is None  # claimed, not written
    world.gate(None)
    assert world.a.answers(draft(2, Recall("n-1")), user="bob") == ["ok"]


def test_a_key_that_is_none_is_refused(world):
    assert world.a.answers(draft("x")) == ["refused"]
    assert world.a.cancel("nonsense").outcomes[0].answer is Answer.REFUSED
    assert world.a.answers(draft(1)) == ["ok"]


def test_a_cancel_is_answered_in_the_same_way(world):
    world.a.submit(draft(1))
    assert world.a.cancel("n-1").outcomes == (Outcome("n-1", Answer.OK, 1, 2),)
    assert world.a.cancel("n-2").outcomes == (Outcome("n-2", Answer.CANCELLED),)
    assert world.a.answers(draft(2)) == ["cancelled"]


class Held:
    """Holds every write until it is released."""

    def __init__(self, runtime):
        self.open = runtime.future()
        self.calls = []

    async def __call__(self, name, effect):
        self.calls.append(name)
        if name == "log.write":
            await self.open
        return effect()


def ask(world, results, *drafts, node="a", **asked):
    async def submit():
        results.append(await getattr(world, node).begin_submit(*drafts, **asked))

    world.runtime.spawn(submit())
    world.runtime.settle()


def test_the_same_send_twice_at_once_is_one_piece_of_work(world):
    held, results = Held(world.runtime), []
    world.gate(held)
    ask(world, results, draft(1), draft(2))
    ask(world, results, draft(1), draft(2))
    assert results == []
    held.open.set_result(None)
    world.runtime.settle()
    assert len(results) == 2
    assert results[0] is results[1]
    assert held.calls.count("kv.increment") == 2


def test_a_cancel_that_is_repeated_while_it_is_handled_is_one_piece_of_work(world):
    held, results = Held(world.runtime), []

    async def cancel():
        results.append(await world.a.sequencer.cancel("room", 1, "n", "n-1"))

    world.gate(held)
    for _ in range(5):
        world.runtime.spawn(cancel())
    world.runtime.settle()
    assert len(world.a.sequencer._owned["room"].mailbox) == 0
    held.open.set_result(None)
    world.runtime.settle()
    assert [sent.outcomes for sent in results] == 5 * [(Outcome("n-1", Answer.CANCELLED),)]


def test_another_payload_under_a_key_in_flight_is_a_conflict(world):
    held, results = Held(world.runtime), []
    world.gate(held)
    ask(world, results, draft(1))
    ask(world, results, draft(1, "other"))
    held.open.set_result(None)
    world.runtime.settle()
    assert [sent.outcomes[0].answer for sent in results] == [Answer.OK, Answer.CONFLICT]


def test_a_full_mailbox_says_later_and_has_done_nothing(world):
    held, results = Held(world.runtime), []
    world.gate(held)
    for counter in range(1, 6):
        ask(world, results, draft(counter))
    assert [sent.outcomes for sent in results] == [
        (Outcome(f"n-{counter}", Answer.LATER, retry_after=CONFIG.retry_after),) for counter in (4, 5)
    ]
    held.open.set_result(None)
    world.runtime.settle()
    assert world.ids() == ["c-0", "n-1", "n-2", "n-3"]


def test_a_send_that_waits_already_is_not_told_later(world):
    held, results = Held(world.runtime), []
    world.gate(held)
    for counter in (1, 2, 3, 3):
        ask(world, results, draft(counter))
    assert results == []
    held.open.set_result(None)
    world.runtime.settle()
    assert [sent.outcomes[0].answer for sent in results] == [Answer.OK] * 4


def test_a_reader_who_is_late_forgets_no_ownership_that_others_have_begun_meanwhile(world):
    """Reading an own log ends its ownership, but only the one that it was read with."""

    class Late(Held):
        async def __call__(self, name, effect):
            if name == "log.read" and self.calls.count("log.read") == 0:
                self.calls.append(name)
                await reader
                return effect()
            return await super().__call__(name, effect)

    async def read():
        await world.a.sequencer.read("~alice", "alice", 1, 0, 9, newest=False)

    reader, results = world.runtime.future(), []
    world.gate(held := Late(world.runtime))
    for _ in range(2):
        world.runtime.spawn(read())
    world.runtime.settle()
    mark = {"user": "alice", "conversation": "~alice"}
    ask(world, results, draft(1, Read("room", 1, 1)), **mark)
    reader.set_result(None)
    world.runtime.settle()
    under_way = len(held.calls)
    ask(world, results, draft(2, Read("room", 1, 1)), **mark)
    assert len(held.calls) == under_way  # it waits for its turn
    held.open.set_result(None)
    world.runtime.settle()
    assert [sent.outcomes[0].answer for sent in results] == [Answer.OK] * 2


def test_another_live_owner_is_named(world):
    with pytest.raises(Elsewhere) as elsewhere:
        world.b.submit(draft(1))
    assert elsewhere.value.holder == "a"
    with pytest.raises(Elsewhere):
        world.b.read("alice")
    with pytest.raises(Elsewhere):
        world.b.cancel("n-1")


def test_everyone_who_waits_for_an_owner_elsewhere_is_told(world):
    world.a.submit(draft(1))
    told = []

    async def submit():
        try:
            await world.b.begin_submit(draft(2))
        except Elsewhere as elsewhere:
            told.append(elsewhere.holder)

    class Slow(Held):
        async def __call__(self, name, effect):
            if name == "locks.acquire":
                await self.open
            return effect()

    slow = Slow(world.runtime)
    world.gate(slow)
    world.runtime.spawn(submit())
    world.runtime.spawn(submit())
    world.runtime.settle()
    slow.open.set_result(None)
    world.runtime.settle()
    assert told == ["a", "a"]


def test_after_the_lease_another_server_goes_on(world):
    world.a.submit(draft(1))
    world.expire()
    assert world.b.answers(draft(1), draft(2)) == ["ok", "ok"]
    world.runtime.advance(CONFIG.lease)
    assert world.b.answers(draft(3)) == ["ok"]
    with pytest.raises(Elsewhere):
        world.a.submit(draft(4))
    assert world.ids() == ["c-0", "n-1", "n-2", "n-3"]
    assert world.log.of("room").state.committed == 4


def test_a_frame_of_another_epoch_is_not_handled():
    world = Servers(durability=Durability.ASYNC)
    world.create("alice", "bob")
    assert world.a.submit(draft(1), epoch=2) is None
    assert world.a.answers(draft(1)) == ["ok"]
    world.log.fail_over("room", 1)
    assert world.a.submit(draft(2)) is None
    assert world.a.submit(draft(2)) is None
    assert world.a.answers(draft(1), draft(2), epoch=2) == ["ok", "ok"]
    assert [entry.epoch for entry in world.log.of("room").slots.values()] == [1, 2, 2]
    assert world.a.cancel("n-1", epoch=1) is None
    assert world.a.cancel("n-9", epoch=2).epoch == 2


def test_a_failover_is_noticed_by_the_first_frame_that_names_it():
    world = Servers(durability=Durability.ASYNC)
    world.create("alice", "bob")
    world.log.fail_over("room", 1)
    assert world.a.answers(draft(2), epoch=2) == ["ok"]


def test_while_lost_entries_are_offered_again_nobody_is_refused_for_a_lost_join():
    world = Servers(durability=Durability.ASYNC)
    world.create("alice", "bob")
    world.a.submit(draft(1, Join("carol")))
    world.a.submit(draft(2, nonce="carol"), user="carol")
    world.log.fail_over("room", 1)
    assert world.a.answers(draft(2, nonce="carol"), user="carol", epoch=2) == ["later"]
    assert world.a.answers(draft(1, Join("carol")), epoch=2) == ["ok"]
    assert world.a.answers(draft(2, nonce="carol"), user="carol", epoch=2) == ["ok"]
    assert world.a.answers(draft(3), user="eve", epoch=2) == ["later"]
    world.runtime.advance(CONFIG.reoffer_window)
    assert world.a.answers(draft(3), user="eve", epoch=2) == ["refused"]


def test_pages_are_for_those_who_may_read(world):
    world.a.submit(draft(1), draft(2, Leave("bob")), draft(3))
    assert [entry.seq for entry in world.a.read("alice").entries] == [1, 2, 3]
    assert [entry.seq for entry in world.a.read("alice", newest=True).entries] == [2, 3, 4]
    assert [entry.seq for entry in world.a.read("bob", low=2).entries] == [2, 3]
    assert world.a.read("eve").entries == ()


def test_reading_notices_a_failover():
    world = Servers(durability=Durability.ASYNC)
    world.create("alice", "bob")
    world.a.submit(draft(1, Leave("bob")))
    world.log.fail_over("room", 1)
    page = world.a.read("bob")
    assert (page.epoch, page.head) == (2, 1)
    assert world.a.sequencer.head("room").epoch == 2


def test_reading_says_that_it_could_not(world):
    world.gate(Faulty(log_read=["down", "down"]))
    with pytest.raises(Unavailable):
        world.a.read("alice")


def test_heads_and_members_are_those_of_an_owner(world):
    world.a.submit(draft(1))
    head = world.a.sequencer.head("room")
    assert (head.conversation, head.epoch, head.head) == ("room", 1, 2)
    assert world.a.sequencer.members("room") == ("alice", "bob")
    assert world.b.sequencer.head("room") is None
    assert world.b.sequencer.members("room") is None
    world.runtime.advance(CONFIG.lease)
    assert world.a.sequencer.head("room") is None


def test_what_a_device_says_is_resolved_raises_its_floor(world):
    world.a.submit(draft(100), resolved_below=100)
    world.runtime.settle()
    assert world.kv.values["floor/n"] == 100
    assert world.a.answers(draft(99)) == ["expired"]
