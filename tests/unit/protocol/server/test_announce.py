"""Joined and Left in users' own logs, seen through a sequencer."""

from __future__ import annotations

import pytest

from imsim.ports import Durability
from imsim.protocol.frames import Join, Joined, Leave, Left, NoOp
from imsim.protocol.server.log import roster_key
from tests.ports_memory import Faulty
from tests.servers_memory import CONFIG, Servers, draft


@pytest.fixture
def world():
    world = Servers()
    world.create("alice", "bob")
    return world


def facts(world, user):
    return [body for body in world.bodies("~" + user) if type(body) is not NoOp]


def test_members_hear_of_a_new_conversation(world):
    assert facts(world, "alice") == facts(world, "bob") == [Joined("room", 1)]
    assert world.kv.values[roster_key("room")].upto == 1


def test_joining_and_leaving_are_told_in_order(world):
    world.a.submit(draft(1, Join("carol")), draft(2, Leave("carol")), draft(3, Join("carol")))
    world.runtime.settle()
    assert facts(world, "carol") == [Joined("room", 2), Left("room", 3), Joined("room", 4)]
    assert facts(world, "bob") == [Joined("room", 1)]
    assert world.kv.values[roster_key("room")].upto == 4


def test_an_own_log_of_another_server_is_written_there(world):
    world.b.submit(draft(1), user="dave", conversation="~dave")
    world.a.submit(draft(2, Join("dave")))
    world.runtime.settle()
    assert facts(world, "dave") == [Joined("room", 2)]
    assert ("~dave", 1, ("dave",)) in world.b.commits


def test_a_failure_is_tried_again_until_it_is_there(world):
    world.b.submit(draft(1), user="dave", conversation="~dave")
    answering = world.nodes.pop("b")
    world.a.submit(draft(2, Join("dave")))
    world.runtime.settle()
    assert facts(world, "dave") == []
    assert world.kv.values[roster_key("room")].upto == 1
    world.nodes["b"] = answering
    world.runtime.advance(CONFIG.repair_pause)
    assert facts(world, "dave") == [Joined("room", 2)]
    assert world.kv.values[roster_key("room")].upto == 2
    assert world.runtime.timers == []


def test_who_takes_over_announces_what_a_dead_owner_did_not(world):
    world.gate(Faulty(log_write=["ok", "down", "down"]))
    world.a.submit(draft(1, Join("carol")))
    world.runtime.crash()
    world.gate(None)
    assert facts(world, "carol") == []
    world.expire()
    world.b.submit(draft(2))
    world.runtime.settle()
    assert facts(world, "carol") == [Joined("room", 2)]


def test_announcing_again_changes_nothing(world):
    world.a.submit(draft(1, Join("carol")))
    world.runtime.settle()
    del world.kv.values[roster_key("room")]
    world.expire()
    for user in ("alice", "bob", "carol"):
        world.expire("~" + user)
    world.b.submit(draft(2))
    world.runtime.settle()
    assert facts(world, "carol") == [Joined("room", 2)]
    assert facts(world, "alice") == [Joined("room", 1)]
    assert world.kv.values[roster_key("room")].upto == 3


def test_the_checkpoint_is_left_when_it_can_be(world):
    world.gate(Faulty(kv_compare_and_set=["ok", "ok", "lost", "lost"]))
    world.a.submit(draft(1, Join("carol")))
    world.runtime.settle()
    assert facts(world, "carol") == [Joined("room", 2)]
    assert world.kv.values[roster_key("room")].upto == 1
    world.runtime.advance(CONFIG.repair_pause)
    assert world.kv.values[roster_key("room")].upto == 2


def test_a_long_log_gets_a_checkpoint_when_it_is_taken_over(world):
    world.a.submit(*(draft(counter) for counter in range(1, 6)))
    world.expire()
    world.b.submit(draft(6))
    world.runtime.settle()
    assert world.kv.values[roster_key("room")].upto == 7


def test_a_slot_that_is_given_again_in_a_new_epoch_is_told_again():
    world = Servers(durability=Durability.ASYNC)
    world.create("alice", "bob")
    world.a.submit(draft(1, Join("carol")))
    world.runtime.settle()
    world.log.fail_over("room", 1)
    world.a.submit(draft(2, Join("dave")), draft(1, Join("carol")), epoch=2)
    world.runtime.settle()
    assert facts(world, "carol") == [Joined("room", 2), Joined("room", 3)]
    assert facts(world, "dave") == [Joined("room", 2)]
