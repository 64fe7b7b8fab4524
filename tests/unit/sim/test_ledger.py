"""What the world knows of the logs: members, lost tails, and whether a device holds all that it should."""

from __future__ import annotations

from tests.small_world import Small, steps

GROUPS = [{"name": "team", "members": ["alice", "bob", "carol"]}, {"name": "pair", "members": ["alice", "dave"]}]
ASYNC = {"backends__log": {"durability": "async", "replica_lag": "5s"}}


def test_members_are_those_that_the_log_says():
    lines = steps("2 dave join", "4 carol leave")
    small = Small(traffic__steps=lines, conversations__groups=GROUPS).run_until(3.0)
    assert small.world.ledger.members("team") == ("alice", "bob", "carol", "dave")
    small.run_until(5.0).stop()
    assert small.world.ledger.members("team") == ("alice", "bob", "dave")
    assert small.world.ledger.members("nothing") == ()


def test_a_membership_that_a_failover_took_is_taken_back():
    failover = [{"kind": "failover", "at": 12}]
    changes = {"traffic__steps": steps("10 dave join"), "conversations__groups": GROUPS, **ASYNC}
    small = Small(faults__events=failover, **changes).run_until(11.0)
    assert "dave" in small.world.ledger.members("team")
    small.run_until(12.001).stop()
    assert "dave" not in small.world.ledger.members("team")


def test_a_device_holds_all_once_the_last_push_has_come():
    small = Small().run_until(1.03)
    ledger, node = small.world.ledger, small.world.devices["bob/phone"]
    assert not ledger.holds_all(node)
    small.run_until(1.05).stop()
    assert ledger.holds_all(node)


def test_a_dead_device_holds_nothing():
    small = Small().run_until(5.0)
    node = small.world.devices["bob/phone"]
    assert small.world.ledger.holds_all(node)
    node.crash()
    assert not small.world.ledger.holds_all(node)
    small.stop()


def test_whoever_left_needs_only_what_came_before():
    lines = steps("2 carol leave", "4 bob send")
    small = Small(traffic__steps=lines, conversations__groups=GROUPS).run().assert_holds()
    assert small.world.ledger.holds_all(small.world.devices["carol/phone"])
    assert not small.facts("shown", node="carol/phone", message="bob-1")


def test_a_run_is_not_over_before_it_is_said_what_a_failover_took():
    """Its sender has lost its disk, so nobody can offer the message again."""
    events = [
        {"kind": "failover", "at": 12},
        {"kind": "wipe", "at": 12.001, "device": "bob/phone"},
        {"kind": "wipe", "at": 12.001, "device": "alice/phone"},
        {"kind": "wipe", "at": 12.001, "device": "alice/pc"},
    ]
    changes = {"traffic__steps": steps("10 bob send"), "servers__reoffer_window": "20s", **ASYNC}
    small = Small(faults__events=events, **changes).run_until(12.1)
    assert not small.world.ledger.settled
    small = Small(faults__events=events, **changes).run().assert_holds()
    assert small.world.ledger.settled
    assert {row.message for row in small.facts("tail_lost") if row.message} == {"bob-1"}


def test_commits_joins_and_cuts_are_rows():
    lines = steps("2 dave join", "4 carol leave", "6 bob send")
    small = Small(traffic__steps=lines, conversations__groups=GROUPS).run()
    kinds = [row.detail for row in small.facts("committed", conversation="team")]
    assert kinds == ["created", "join", "leave", ""]
    assert [row.detail for row in small.facts("joined", conversation="team")] == ["alice", "bob", "carol", "dave"]
    assert [row.detail for row in small.facts("left")] == ["carol"]
