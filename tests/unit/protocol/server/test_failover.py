"""What a failover took: named, cancelled, and told again; seen through sequencers."""

from __future__ import annotations

import pytest

from imsim.ports import Durability
from imsim.protocol.frames import Created, Entry, Join, Joined, Leave, Left, NoOp, Read, TailLost
from imsim.protocol.server.tail import Tail, tail_key, tail_of
from tests.ports_memory import Faulty
from tests.servers_memory import CONFIG, Servers, draft

WINDOW = CONFIG.reoffer_window


@pytest.fixture
def world():
    world = Servers(durability=Durability.ASYNC)
    world.create("alice", "bob")
    return world


def notice(world, conversation="room", epoch=2):
    world.runtime.run(world.a.sequencer.settle(conversation, epoch))
    world.runtime.settle()


def named(world, conversation="room"):
    return [body.client_ids for body in world.bodies(conversation) if type(body) is TailLost]


def facts(world, user):
    return [body for body in world.bodies("~" + user) if type(body) in {Joined, Left}]


def test_what_nobody_offers_again_is_named_after_the_window(world):
    world.a.submit(draft(1), draft(2))
    world.log.fail_over("room", 2)
    notice(world)
    world.runtime.advance(WINDOW - 1.0)
    assert named(world) == []
    world.runtime.advance(1.0)
    assert named(world) == [("n-2",)]
    assert world.log.of("room").state.committed == 3


def test_what_is_offered_again_is_not_named(world):
    world.a.submit(draft(1), draft(2))
    world.log.fail_over("room", 1)
    assert world.a.answers(draft(1), epoch=2) == ["ok"]
    world.runtime.advance(WINDOW)
    assert named(world) == [("n-2",)]
    assert "n-1" in world.ids()


def test_the_log_says_so_when_all_of_it_was_offered_again(world):
    world.a.submit(draft(1))
    world.log.fail_over("room", 1)
    world.a.submit(draft(1), epoch=2)
    world.runtime.advance(WINDOW)
    assert named(world) == [()]


def test_where_nothing_was_lost_nothing_is_written(world):
    world.a.submit(draft(1))
    world.log.fail_over("room", 2)
    notice(world)
    world.runtime.advance(2 * WINDOW)
    assert world.log.of("room").state.committed == 2


def test_an_offer_that_comes_too_late_is_cancelled(world):
    world.a.submit(draft(1))
    world.log.fail_over("room", 1)
    notice(world)
    world.runtime.advance(WINDOW)
    assert world.a.answers(draft(1), epoch=2) == ["cancelled"]


def test_what_its_author_gave_up_meanwhile_is_named_too(world):
    world.a.submit(draft(1))
    world.log.fail_over("room", 1)
    world.a.cancel("n-1", epoch=2)
    world.runtime.advance(WINDOW)
    assert named(world) == [("n-1",)]


def test_what_was_forgotten_is_named(world):
    world.a.submit(draft(1))
    del world.kv.values["claim/n-1"]
    world.kv.values["floor/n"] = 2
    world.log.fail_over("room", 1)
    notice(world)
    world.runtime.advance(WINDOW)
    assert named(world) == [("n-1",)]


def test_what_was_never_committed_is_nobodys_loss(world):
    world.gate(Faulty(log_commit=["down"] * 99, kv_compare_and_set=["ok"] + ["down"] * 99))
    assert world.a.submit(draft(1)) is None
    world.gate(None)
    world.log.fail_over("room", 1)
    notice(world)
    world.runtime.advance(WINDOW)
    assert named(world) == []
    assert world.a.answers(draft(1), epoch=2) == ["ok"]


def test_two_failovers_in_one_window(world):
    world.a.submit(draft(1), draft(2), draft(3))
    world.log.fail_over("room", 2)
    world.a.submit(draft(7), draft(8), epoch=2)
    world.log.fail_over("room", 3)
    notice(world, epoch=3)
    world.runtime.advance(WINDOW)
    assert named(world) == [("n-2", "n-3", "n-8")]


def test_a_name_that_is_lost_itself_is_given_again(world):
    world.a.submit(draft(1))
    world.log.fail_over("room", 1)
    notice(world)
    world.runtime.advance(WINDOW)
    assert named(world) == [("n-1",)]
    world.log.fail_over("room", 1)
    notice(world, epoch=3)
    world.runtime.advance(WINDOW)
    assert named(world) == [("n-1",)]


def test_an_owner_that_dies_meanwhile_is_followed(world):
    world.a.submit(draft(1), draft(2))
    world.log.fail_over("room", 1)
    notice(world)
    world.runtime.advance(WINDOW / 2)
    world.runtime.crash()
    world.expire()
    world.runtime.run(world.b.sequencer.settle("room", 2))
    world.runtime.advance(WINDOW)
    assert named(world) == [("n-1", "n-2")]


def test_a_failure_is_tried_again(world):
    world.a.submit(draft(1), draft(2))
    world.log.fail_over("room", 1)
    notice(world)
    world.runtime.advance(WINDOW - 1.0)
    world.gate(Faulty(kv_get=["lost"], log_write=["down"] * 3, kv_compare_and_set=["ok", "late"]))
    world.runtime.advance(1.0 + 4 * CONFIG.lease)
    assert named(world) == [("n-1", "n-2")]


def test_naming_twice_is_naming_once(world):
    world.a.submit(draft(1))
    world.log.fail_over("room", 1)
    notice(world)
    world.runtime.advance(WINDOW)
    world.expire()
    world.runtime.run(world.b.sequencer.settle("room", 2))
    world.runtime.advance(WINDOW)
    assert named(world) == [("n-1",)]


def test_a_join_that_was_lost_is_taken_back_in_the_own_log(world):
    world.a.submit(draft(1, Join("carol")))
    world.runtime.settle()
    assert facts(world, "carol") == [Joined("room", 2)]
    world.log.fail_over("room", 1)
    notice(world)
    world.runtime.advance(WINDOW)
    assert facts(world, "carol") == [Joined("room", 2), Left("room", 1)]


def test_a_leave_that_was_lost_is_taken_back_in_the_own_log(world):
    world.a.submit(draft(1, Leave("bob")))
    world.runtime.settle()
    world.log.fail_over("room", 1)
    notice(world)
    world.runtime.advance(WINDOW)
    assert facts(world, "bob") == [Joined("room", 1), Left("room", 2), Joined("room", 1)]


def test_a_join_that_was_offered_again_is_told_as_it_is(world):
    world.a.submit(draft(1), draft(2, Join("carol")))
    world.runtime.settle()
    world.log.fail_over("room", 1)
    world.a.submit(draft(2, Join("carol")), epoch=2)
    world.runtime.advance(WINDOW)
    assert facts(world, "carol")[-1] == Joined("room", 2)
    assert world.a.read("carol").entries


def test_an_announcement_that_was_lost_is_made_again_at_once(world):
    world.log.fail_over("~bob", 0)
    assert facts(world, "bob") == []
    notice(world, "~bob")
    assert facts(world, "bob") == [Joined("room", 1)]


def test_it_is_made_again_by_the_owner_of_the_conversation(world):
    world.log.fail_over("~bob", 0)
    world.expire("~bob")
    answering = world.nodes.pop("a")
    world.runtime.run(world.b.sequencer.settle("~bob", 2))
    world.runtime.settle()
    assert facts(world, "bob") == []
    world.nodes["a"] = answering
    world.runtime.advance(CONFIG.lease)
    assert facts(world, "bob") == [Joined("room", 1)]


def test_read_marks_are_named_and_may_still_come(world):
    mark = draft(1, Read("room", 1, 1), nonce="b")
    world.a.submit(mark, user="bob", conversation="~bob")
    world.log.fail_over("~bob", 1)
    notice(world, "~bob")
    world.runtime.advance(WINDOW)
    assert named(world, "~bob") == [("b-1",)]
    assert world.a.answers(mark, user="bob", conversation="~bob", epoch=2) == ["ok"]


@pytest.mark.parametrize(
    ("body", "about"),
    [
        (Created(("x", "y")), (("room", "x"), ("room", "y"))),
        (Join("x"), (("room", "x"),)),
        (Leave("x"), (("room", "x"),)),
    ],
)
def test_a_note_says_whose_membership_it_is_about(body, about):
    assert tail_of(Entry("room", 1, 5, "n-5", "alice", 0.0, body)) == Tail("n-5", devices=True, about=about)


def test_nobody_misses_a_no_op():
    assert tail_of(Entry("room", 1, 5, "!room/1-5", "", 0.0, NoOp())) is None


def test_announcements_are_the_servers_own(world):
    assert world.kv.values[tail_key("~bob", 1, 1)] == Tail("@room/bob/1-1", devices=False, about=(("room", "bob"),))
