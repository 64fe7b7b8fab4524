"""Leases, tenures and repairs, seen through a sequencer."""

from __future__ import annotations

import pytest

from imsim.protocol.frames import NoOp
from imsim.protocol.server.ownership import Elsewhere
from tests.ports_memory import Faulty
from tests.servers_memory import CONFIG, Servers, draft


@pytest.fixture
def world():
    world = Servers()
    world.create("alice", "bob")
    return world


def committed(world):
    return world.log.of("room").state.committed


def test_a_lease_is_renewed_when_half_of_it_is_over(world):
    gate = Faulty()
    world.gate(gate)
    world.a.submit(draft(1))
    world.runtime.advance(CONFIG.lease * 0.6)
    assert "locks.acquire" not in gate.calls
    world.a.submit(draft(2))
    assert gate.calls.count("locks.acquire") == 1
    assert "log.state" not in gate.calls  # the same token: the same tenure
    world.a.submit(draft(3))
    assert gate.calls.count("locks.acquire") == 1


def test_a_lease_that_could_not_be_renewed_is_used_to_its_end(world):
    world.runtime.advance(CONFIG.lease * 0.6)
    world.gate(Faulty(locks_acquire=["down"] * 9))
    assert world.a.answers(draft(1)) == ["ok"]
    world.runtime.advance(CONFIG.lease * 0.5)
    assert world.a.answers(draft(2)) is None


def test_a_lease_that_was_lost_in_between_begins_a_new_tenure(world):
    world.runtime.advance(CONFIG.lease)
    gate = Faulty()
    world.gate(gate)
    assert world.a.answers(draft(1)) == ["ok"]
    assert "log.state" in gate.calls


def test_a_takeover_that_fails_is_no_ownership(world):
    world.expire()
    world.gate(Faulty(log_state=["down", "down"]))
    assert world.b.submit(draft(1)) is None
    assert world.b.answers(draft(1)) == ["ok"]


def test_a_commit_that_fails_withholds_the_answer_and_is_repaired(world):
    world.gate(Faulty(log_commit=["lost", "down", "down", "lost"]))
    assert world.a.answers(draft(1)) is None
    assert committed(world) == 1
    world.runtime.advance(CONFIG.repair_pause)
    assert committed(world) == 1
    world.runtime.advance(2 * CONFIG.repair_pause)
    assert committed(world) == 2
    assert [seq for name, seq, _ in world.a.commits if name == "room"] == [1, 2]
    assert world.a.answers(draft(1)) == ["ok"]
    world.runtime.settle()
    assert world.runtime.timers == []


def test_what_is_answered_is_committed_even_if_its_server_dies_then(world):
    world.gate(Faulty(log_commit=["lost", "lost"]))
    assert world.a.answers(draft(1), draft(2)) is None
    world.expire()  # its repair never comes
    assert committed(world) == 1
    world.gate(None)
    assert world.b.answers(draft(1), draft(2)) == ["ok", "ok"]
    assert committed(world) == 3


def test_a_repair_ends_when_another_server_owns_the_conversation(world):
    world.gate(Faulty(log_commit=["lost", "lost"]))
    world.a.submit(draft(1))
    world.expire()
    world.gate(None)
    assert world.b.answers(draft(2)) == ["ok"]
    assert committed(world) == 3
    world.runtime.advance(CONFIG.repair_pause)  # the log refuses what it would fill
    world.runtime.advance(2 * CONFIG.repair_pause)  # and now it asks who the owner is
    assert world.runtime.timers == []
    with pytest.raises(Elsewhere):
        world.a.submit(draft(3))


def test_a_deposed_owner_gives_no_answer_and_takes_over_or_learns_who_did(world):
    world.a.submit(draft(1))
    world.expire()
    world.b.submit(draft(2))
    assert world.a.submit(draft(3)) is None  # it still believed in its lease, and the log did not
    with pytest.raises(Elsewhere):
        world.a.submit(draft(3))


def test_taking_over_commits_what_a_dead_owner_wrote(world):
    world.gate(Faulty(log_commit=["lost", "lost"], kv_increment=["late"]))
    world.a.submit(draft(1))
    world.runtime.crash()
    world.gate(None)
    world.expire()
    assert world.runtime.run(world.b.sequencer.settle("room")) is True
    assert committed(world) == 3
    assert [type(body) is NoOp for body in world.bodies("room")] == [False, True, False]
    assert [seq for name, seq, _ in world.b.commits if name == "room"] == [2, 3]


def test_settling_says_when_it_could_not(world):
    world.expire()
    world.gate(Faulty(locks_acquire=["lost", "lost"]))
    assert world.runtime.run(world.b.sequencer.settle("room")) is False
