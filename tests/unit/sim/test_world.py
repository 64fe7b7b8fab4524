"""A world from its begin to its end: what it records, when it converges, and how its parts meet."""

from __future__ import annotations

import pytest

from imsim.errors import AlgorithmError
from imsim.history import Level
from imsim.scenario import StrategyName, load
from imsim.sim.world import World
from imsim.verify.verdict import Outcome, judge
from tests.conftest import REPOSITORY
from tests.small_world import Small, scenario, steps

UNTOLD = {"kind": "unavailable", "port": "queue", "for": 4}
"""A queue that takes nothing: a server that dies meanwhile has told nobody what it committed."""
TALK = steps("1 alice/phone send", "5 bob send", "9 alice/pc send")
TINY = REPOSITORY / "models" / "tiny.toml"


def test_a_message_reaches_every_device_and_its_sender_is_told():
    small = Small().run().assert_holds()
    assert small.times("submitted", message="alice-1") == [1.0]
    assert small.times("committed", message="alice-1") == [1.02]
    assert {(row.node, round(row.t, 6)) for row in small.facts("shown")} == {
        ("alice/phone", 1.04),
        ("alice/pc", 1.04),
        ("bob/phone", 1.04),
    }
    assert small.times("resolved", node="alice/phone", message="alice-1") == [1.04]
    assert small.texts("bob/phone") == ["hello"]


@pytest.mark.parametrize("strategy", StrategyName)
@pytest.mark.parametrize("seed", range(3))
def test_the_tiny_model_keeps_every_promise_with_every_strategy(strategy, seed):
    outcome = World(load(TINY, {"sync.strategy": strategy.value}), seed=seed).run()
    verdict = judge(outcome.history)
    assert verdict.outcome is Outcome.HOLDS, str(verdict)
    assert outcome.converged


def test_the_history_begins_with_what_exists_and_ends_with_its_end():
    small = Small().run()
    first = [(row.event.word, row.detail) for row in small.rows[:3]]
    assert first == [("committed", "created"), ("joined", "alice"), ("joined", "bob")]
    assert [(row.node, row.detail) for row in small.facts("healed")] == [("world", "everything"), ("world", "end")]
    assert small.rows[-1].detail == "end"
    assert small.outcome.counters.seconds == small.rows[-1].t == 61.0


def test_a_run_ends_when_all_is_there_and_not_before():
    late = steps("59.99 alice/phone send")
    assert Small(traffic__steps=late, network__profiles__plain__latency="2s").run().outcome.counters.seconds > 63.0


def test_a_run_ends_at_the_time_that_is_granted():
    small = Small(traffic__steps=steps("59 bob send"), network__profiles__plain__latency="2s", settle=3).run()
    assert not small.outcome.converged
    assert small.outcome.counters.seconds == 63.0


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "unavailable", "port": "log"},
        {"kind": "unavailable", "port": "queue"},
        {"kind": "partition", "sites": ["home"]},
        {"kind": "pause", "server": 1},
    ],
)
def test_no_fault_outlasts_the_last_heal(fault):
    sites = {
        "network__sites": ["home", "dc"],
        "network__links": [{"between": ["home", "dc"], "latency": "1ms"}],
        "servers__sites": ["dc"],
    }
    events = [fault | {"at": 58, "for": 100}]
    small = Small(traffic__steps=steps("59 bob send"), faults__events=events, **sites).run().assert_holds()
    assert [row.detail for row in small.facts("healed")] == ["everything", "end"]
    assert 60.0 <= small.times("shown", node="alice/pc")[0] < 75.0


def test_what_a_user_wants_after_the_last_heal_has_all_of_that_time_as_well():
    kill = [{"kind": "kill", "at": 58, "devices": ["bob/phone"], "share": 1.0, "for": 100}]
    small = Small(
        traffic__steps=steps("58.5 bob send"), faults__events=kill, network__profiles__plain__latency="2s", settle=3
    ).run()
    (submitted,) = small.times("submitted")
    assert submitted > 60.0
    assert not small.outcome.converged
    assert small.outcome.counters.seconds == submitted + 3.0


def test_a_run_may_be_ended_from_outside_and_then_does_not_say_that_it_came_to_its_end():
    small = Small()
    told = []
    outcome = small.world.run(lambda now, duration: told.append((now, duration)) or now >= 30.0)
    assert not outcome.converged
    assert told[-1][1] == 60.0
    assert 30.0 <= told[-1][0] < 60.0
    assert outcome.counters.seconds == told[-1][0]
    assert outcome.history.row(len(outcome.history) - 1).detail != "end"


def test_progress_is_told_until_all_is_done():
    told = []
    Small().world.run(lambda now, _: told.append(now))
    assert told == sorted(told)
    assert len(told) > 10


def test_levels_of_the_history():
    frames, messages = (World(scenario(), seed=1, level=level).run().history for level in (Level.FRAMES, None))
    assert frames.level is messages.level is Level.FRAMES
    plain = World(scenario(history__level="messages"), seed=1).run().history
    words = {plain.row(place).event.word for place in range(len(plain))}
    assert plain.level is Level.MESSAGES
    assert not words & {"sent", "received", "dropped", "duplicated"}
    assert {"pushed", "shown", "acknowledged"} <= words


def test_losses_and_doubles_are_rows_of_frames():
    datagram = {"network__kind": "datagram", "network__loss": 0.2, "network__duplicate": 0.3}
    small = Small(traffic__steps=TALK, **datagram).run().assert_holds()
    sent = {(row.node, row.op, row.message, row.attempt, row.detail) for row in small.facts("sent")}
    for word in ("dropped", "duplicated"):
        found = {(row.node, row.op, row.message, row.attempt, row.detail) for row in small.facts(word)}
        assert found
        assert found <= sent
    received = len(small.facts("received"))
    assert received <= len(small.facts("sent")) + len(small.facts("duplicated")) - len(small.facts("dropped"))


def test_devices_count_what_their_radio_did():
    counters = Small(traffic__steps=TALK).run().outcome.counters.devices["bob/phone"]
    small = Small(traffic__steps=TALK).run()
    assert [row.op for row in small.facts("spent", node="bob/phone")] == [len(small.facts("sent", node="bob/phone"))]
    down = [row for row in small.facts("sent", node="server-1") if small.history.nodes.name(row.op) == "bob/phone"]
    assert counters.bytes_down == sum(row.size for row in down)
    assert counters.bytes_up == sum(row.size for row in small.facts("sent", node="bob/phone"))
    assert counters.joules > 0


def test_an_algorithm_that_breaks_its_contract_is_told_and_nothing_is_left_running(monkeypatch, recwarn):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("imsim.protocol.server.sequencer.accept", broken)
    with pytest.raises(AlgorithmError, match="ZeroDivisionError"):
        Small().run()
    assert not recwarn.list


# ---------------------------------------------------------------------------------------------- strategies


def test_a_resting_device_that_leaves_has_heard_what_its_greeting_found():
    poll = {"sync__strategy": "poll", "sync__interval": 7, "sync__rest": True}
    small = Small(traffic__steps=TALK, **poll).run().assert_holds()
    assert {row.detail for row in small.facts("disconnected")} == {"resting"}
    assert all(row.t < 5.0 + 2 * 7.0 for row in small.facts("shown", message="bob-1"))


def test_push_gets_a_last_connection_where_its_last_push_was_lost():
    """It states no bound, so it must find at its next connection what it missed."""
    untold = [UNTOLD | {"at": 8}, {"kind": "crash", "server": 1, "at": 10, "for": 1}]
    lines = steps("1 alice/phone send", "5 bob send", "9 bob send")
    changes = {"servers__count": 2, "faults__events": untold, "traffic__steps": lines}
    small = Small(settle="60s", **changes).run().assert_holds()
    assert small.times("shown", node="alice/pc", message="bob-2")[0] > 90.0  # half of what was granted
    hybrid = {"sync__strategy": "hybrid", "sync__check": 10}
    found = Small(**changes, **hybrid).run().assert_holds()
    assert found.times("shown", node="alice/pc", message="bob-2")[0] < 9.0 + 10.0 + 5.0


def test_read_marks_are_told_however_late():
    """A device that gave up a mark which it shows already would be apart from its user's other devices for ever."""
    lines = steps("1 bob send", "3 alice/phone read bob-1")
    gone = {"faults__events": [{"kind": "crash", "at": 2.9, "for": 40}]}
    impatient = {"retry__send": {"policy": "fixed", "base": 0.5, "attempts": 2}, "retry__deadline": "2s"}
    small = Small(traffic__steps=lines, **gone, **impatient).run().assert_holds()
    assert {row.node for row in small.facts("read")} == {"alice/phone", "alice/pc"}


# ---------------------------------------------------------------------------------------------- several servers


SEVERAL = {"servers__count": 3, "servers__lease": 5, "devices__users": 6, "conversations__groups": [
    {"name": "team", "members": ["alice", "bob"]}, {"kind": "channel", "name": "all", "size": 6}]}  # fmt: skip


def test_requests_go_to_the_owner_and_commits_to_the_sessions_on_every_server():
    small = Small(traffic__steps=TALK, **SEVERAL).run().assert_holds()
    homes = {row.node: row.op for row in small.facts("sent", detail="hello")}
    assert len(set(homes.values())) == 3
    assert len({row.node for row in small.facts("pushed", message="alice-1")}) > 1
    assert {row.node for row in small.facts("shown", message="alice-1")} == {"alice/phone", "alice/pc", "bob/phone"}


def test_another_server_takes_over_when_the_owner_has_died():
    quiet = Small(traffic__steps=TALK, **SEVERAL).run_until(4.9)
    owners = {}
    for number, server in enumerate(quiet.world.servers, start=1):
        owned = server._server.sequencer._owned.get("team")
        if owned is not None and owned.tenure is not None:
            owners[number] = owned.tenure
    quiet.stop()
    (owner,) = owners
    crash = {"kind": "crash", "at": 4.95, "server": owner, "for": 300}
    small = Small(traffic__steps=TALK, faults__events=[crash], **SEVERAL).run().assert_holds()
    (committed,) = small.times("committed", message="bob-1")
    assert 5.0 < committed < 20.0  # once the lease is over
    assert all(row.node != f"server-{owner}" for row in small.facts("accepted", message="bob-1"))


# ---------------------------------------------------------------------------------------------- members


def test_who_joins_reads_from_there_on_and_who_leaves_nothing_after():
    groups = [{"name": "team", "members": ["alice", "bob", "carol"]}, {"name": "pair", "members": ["alice", "dave"]}]
    lines = steps("1 alice/phone send", "3 dave join", "5 bob send", "7 carol leave", "9 alice/phone send")
    small = Small(traffic__steps=lines, conversations__groups=groups).run().assert_holds()
    seen = {name: {row.message for row in small.facts("shown", node=f"{name}/phone")} for name in ("dave", "carol")}
    assert seen == {"dave": {"bob-1", "alice-2"}, "carol": {"alice-1", "bob-1"}}
    assert [row.detail for row in small.facts("joined", conversation="team")] == ["alice", "bob", "carol", "dave"]
    assert [row.detail for row in small.facts("left", conversation="team")] == ["carol"]


def test_a_large_group_is_hinted_and_pulls():
    small = Small(traffic__steps=TALK, servers__fanout=1).run().assert_holds()
    assert not small.facts("pushed", conversation="team", message="alice-1")
    assert small.facts("sent", detail="hint")
    assert len(small.facts("shown", message="alice-1")) == 3


def test_what_the_offline_store_dropped_comes_from_the_log():
    many = steps(*(f"{10 + n} alice/phone send" for n in range(8)))
    away = {"faults__events": [{"kind": "kill", "at": 5, "for": 30, "devices": ["bob/phone"]}]}
    for cap in (1, 3, 1000):
        small = Small(traffic__steps=many, servers__offline_cap=cap, **away).run().assert_holds()
        assert all(35.0 < row.t < 37.0 for row in small.facts("shown", node="bob/phone"))
        assert len(small.facts("shown", node="bob/phone")) == 8


def test_a_trimmed_log_is_told_to_who_missed_it():
    many = steps(*(f"{10 + n} alice/phone send" for n in range(8)))
    away = {"faults__events": [{"kind": "kill", "at": 5, "for": 30, "devices": ["bob/phone"]}]}
    kept = Small(traffic__steps=many, servers__retention__entries=3, **away).run().assert_holds()
    assert kept.facts("trimmed", conversation="team")
    assert not kept.facts("missing")  # the offline store had what the log has no more
    small = Small(traffic__steps=many, servers__retention__entries=3, servers__offline_cap=1, **away)
    (missing,) = small.run().assert_holds().facts("missing")
    assert (missing.node, missing.conversation, missing.seq, missing.op) == ("bob/phone", "team", 2, 6)
    assert {row.message for row in small.facts("shown", node="bob/phone")} == {"alice-6", "alice-7", "alice-8"}


def test_a_lost_session_is_resumed_and_a_forgotten_one_is_not():
    cut = {"faults__events": [{"kind": "cut", "at": 7, "devices": ["bob/phone"]}]}
    resumed = Small(traffic__steps=TALK, **cut).run().assert_holds()
    assert [row.detail for row in resumed.facts("connected", node="bob/phone")] == ["", "resumed"]
    anew = Small(traffic__steps=TALK, servers__resume=0, **cut).run().assert_holds()
    assert [row.detail for row in anew.facts("connected", node="bob/phone")] == ["", ""]


def test_a_session_that_missed_a_commit_is_not_resumed():
    """Resuming is only an optimisation: it must give what a new session would."""
    events = [
        UNTOLD | {"at": 4},
        {"kind": "crash", "server": 1, "at": 5.5, "for": 1},
        {"kind": "cut", "at": 7, "devices": ["alice/*"]},
    ]
    lines = steps("1 alice/phone send", "5 bob send")
    small = Small(traffic__steps=lines, faults__events=events, servers__count=2).run().assert_holds()
    assert [row.detail for row in small.facts("connected", node="alice/pc")] == ["", ""]
    assert 7.0 < small.times("shown", node="alice/pc", message="bob-1")[0] < 10.0


def test_backends_are_healed_at_the_end_so_that_what_waited_for_them_is_done():
    sick = {f"backends__{port}__unavailable": 1.0 for port in ("log", "kv", "locks")}
    small = Small(**sick).run()
    small.assert_holds()
    assert all(at > 60.0 for at in small.times("shown", message="alice-1"))
    assert small.times("shown", message="alice-1")


def test_what_is_missing_is_known_once_it_is_durable_even_if_the_process_dies_of_it():
    changes = {
        "traffic__steps": steps(*(f"{10 + number} alice/phone send" for number in range(8))),
        "servers__retention": {"entries": 2},
        "servers__offline_cap": 1,
        "faults__events": [{"kind": "kill", "at": 5.0, "for": 20.0, "devices": ["bob/phone"]}],
    }
    small = Small("crash after the 2nd write of records at bob/phone", **changes).run()
    assert len(small.facts("crashed")) == 2
    assert [(row.node, row.seq, row.op) for row in small.facts("missing")] == [("bob/phone", 2, 7)]
    small.assert_holds()


@pytest.mark.parametrize("kind", ["stream", "datagram"])
def test_a_link_that_loses_nearly_all_is_no_excuse_for_ever(kind):
    small = Small(traffic__steps=steps("59 bob send"), network__loss=0.98, network__kind=kind).run().assert_holds()
    assert small.outcome.converged
