"""Each kind of fault does what it says, ends by itself, and breaks no promise."""

from __future__ import annotations

import pytest

from imsim.errors import ConfigError
from tests.small_world import Small, scenario, steps

TALK = steps("1 alice/phone send", "11 bob send", "12.5 alice/pc send", "20 bob send", "30 alice/phone send")
SITES = {
    "network__sites": ["home", "city"],
    "network__links": [{"between": ["home", "city"], "latency": "1ms"}],
    "servers__sites": ["city"],
}


def broken(*events, cases=(), **changes):
    """A run with these faults that has kept every promise all the same."""
    changes = {"traffic__steps": TALK, "faults__events": list(events), **changes}
    return Small(*cases, **changes).run().assert_holds()


# ---------------------------------------------------------------------------------------------- servers


def test_a_crash_lasts_and_the_server_begins_a_new_incarnation():
    small = broken({"kind": "crash", "at": 10, "for": 5})
    assert small.times("crashed", node="server-1") == [10.0]
    assert small.times("restarted", node="server-1") == [16.0]  # five seconds, and one to start
    assert [row.incarnation for row in small.facts("restarted")] == [2]
    assert not [row for row in small.facts("accepted") if 10 < row.t < 16]
    assert {row.detail for row in small.facts("disconnected")} >= {"server died"}
    assert [row.incarnation for row in small.facts("connected", node="bob/phone")] == [1, 1]


def test_a_restart_takes_as_long_as_a_server_needs_to_start():
    small = broken({"kind": "restart", "at": 10}, servers__restart=3)
    assert small.times("crashed") == [10.0]
    assert small.times("restarted") == [13.0]


def test_a_pause_keeps_what_comes_and_goes_on_with_it():
    small = broken({"kind": "pause", "at": 10, "for": 5})
    assert small.times("paused", node="server-1") == [10.0]
    assert small.times("resumed", node="server-1") == [15.0]
    assert small.times("committed", message="bob-1") == [15.0]
    assert not small.facts("crashed")


def test_a_pause_ends_with_the_run():
    small = broken({"kind": "pause", "at": 50, "for": 5000})
    assert small.times("resumed", node="server-1") == [60.0]


def test_when_the_end_has_come_everything_is_healed_already():
    small = broken({"kind": "cut", "at": 59.999}, {"kind": "crash", "at": 60, "for": 5000})
    assert len(small.facts("disconnected", detail="cut")) == 3
    assert not small.facts("crashed")


# ---------------------------------------------------------------------------------------------- the network


def test_a_partition_stops_frames_both_ways_until_it_heals():
    small = broken({"kind": "partition", "at": 10, "for": 5, "sites": ["home"]}, **SITES)
    assert [(row.t, row.detail) for row in small.facts("partitioned")] == [(10.0, "home | city")]
    assert 15.0 in small.times("healed", detail="home | city")
    assert all(row.t >= 15.0 for row in small.facts("committed", message="bob-1"))


def test_a_one_way_partition_lets_the_other_way_pass():
    events = {"kind": "partition", "at": 10, "for": 5, "sites": ["city"], "others": ["home"], "one_way": True}
    small = broken(events, **SITES)
    (committed,) = small.times("committed", message="bob-1")
    assert 11.0 < committed < 11.1  # it got through
    (shown,) = small.times("shown", message="bob-1", node="alice/pc")
    assert shown >= 15.0  # and its push did not, before the heal
    assert small.facts("partitioned")[0].detail == "city -> home"


def test_a_partition_flaps_as_often_as_it_says():
    events = {"kind": "partition", "at": 10, "for": 2, "sites": ["home"], "times": 3, "every": 6}
    small = broken(events, **SITES)
    assert small.times("partitioned") == [10.0, 16.0, 22.0]
    assert small.times("healed", detail="home | city") == [12.0, 18.0, 24.0]


def test_healing_ends_every_partition():
    events = [{"kind": "partition", "at": 10, "for": 40, "sites": ["home"]}, {"kind": "heal", "at": 13}]
    small = broken(*events, **SITES)
    (committed,) = small.times("committed", message="bob-1")
    assert 13.0 < committed < 20.0


def test_a_cut_breaks_the_connections_that_it_names():
    small = broken({"kind": "cut", "at": 10, "devices": ["bob/*"]})
    assert [(row.node, row.t, row.detail) for row in small.facts("disconnected")] == [("bob/phone", 10.0, "cut")]
    assert len(small.facts("connected", node="bob/phone")) == 2
    assert len(small.facts("connected", node="alice/pc")) == 1


def test_a_share_picks_some_and_the_seed_which():
    picked = set()
    for seed in range(12):
        small = broken({"kind": "cut", "at": 10, "share": 0.4}, seed=seed)
        picked.add(tuple(sorted(row.node for row in small.facts("disconnected", detail="cut"))))
    assert len(picked) > 3
    assert all(len(nodes) <= 3 for nodes in picked)


# ---------------------------------------------------------------------------------------------- devices


def test_a_killed_app_keeps_its_disk_and_comes_back():
    small = broken({"kind": "kill", "at": 10, "for": 4, "devices": ["bob/phone"]})
    assert small.times("crashed", node="bob/phone") == [10.0]
    assert small.times("restarted", node="bob/phone") == [14.0]
    assert [row.incarnation for row in small.facts("submitted", message="bob-1")] == [2]  # its user waited for it
    assert len(small.facts("installed", node="bob/phone")) == 1
    assert len(small.facts("shown", node="bob/phone", message="alice-1")) == 1


def test_a_wiped_device_begins_anew_and_catches_up_from_nothing():
    small = broken({"kind": "wipe", "at": 40, "device": "alice/pc"})
    assert small.times("wiped", node="alice/pc") == [40.0]
    assert [row.detail for row in small.facts("installed", node="alice/pc")] == ["alice/pc#0", "alice/pc#1"]
    assert [len(small.facts("shown", node="alice/pc", message=f"bob-{n}")) for n in (1, 2)] == [2, 2]
    assert small.texts("alice/pc") == small.texts("bob/phone")


def test_a_restored_backup_is_an_install_of_its_own_and_holds_what_it_held():
    small = broken({"kind": "restore", "at": 25, "age": 10, "device": "alice/pc"})
    assert [row.detail for row in small.facts("wiped")] == ["restored from a backup"]
    # taken at 15: bob's first message is in it, his second came after
    assert small.times("shown", node="alice/pc", message="bob-1") == [11.04, 25.0]
    again = small.times("shown", node="alice/pc", message="bob-2")
    assert again[0] == 20.04
    assert again[1] > 25.04
    nonces = {row.detail for row in small.facts("installed", node="alice/pc")}
    assert nonces == {"alice/pc#0", "alice/pc#1"}


def test_a_user_signs_in_on_one_more_device():
    small = broken({"kind": "sign_in", "at": 22, "user": "bob", "device": "pc"})
    assert small.times("installed", node="bob/pc") == [22.0]
    assert small.texts("bob/pc") == small.texts("bob/phone")
    assert len(small.facts("shown", node="bob/pc")) == 5


def test_a_wall_clock_jumps_and_the_monotonic_one_does_not():
    small = Small(faults__events=[{"kind": "clock_jump", "at": 10, "node": "bob/phone", "by": -3600}])
    node = small.run_until(9.0).world.devices["bob/phone"]
    now, wall = node.time()
    small.run_until(19.0).stop()
    later, jumped = node.time()
    assert later - now == pytest.approx(10.0)
    assert jumped - wall == pytest.approx(10.0 - 3600.0)


def test_a_servers_clock_jumps_too():
    small = Small(faults__events=[{"kind": "clock_jump", "at": 10, "node": "server-1", "by": 500}])
    server = small.run_until(9.0).world.servers[0]
    before = server.clock.wall()
    small.run_until(11.0).stop()
    assert server.clock.wall() - before == pytest.approx(502.0)


# ---------------------------------------------------------------------------------------------- backends


def test_an_outage_refuses_everything_for_a_while():
    small = broken({"kind": "unavailable", "at": 10, "for": 5, "port": "log"})
    assert [row.detail for row in small.facts("partitioned")] == ["log unavailable for 5 s"]
    assert small.times("healed", detail="log unavailable for 5 s") == [15.0]
    assert all(row.t >= 15.0 for row in small.facts("committed", message="bob-1"))
    assert small.facts("retried", message="bob-1")


@pytest.mark.parametrize("port", ["kv", "queue", "locks", "peers"])
def test_an_outage_of_any_port_breaks_no_promise(port):
    small = broken({"kind": "unavailable", "at": 10, "for": 8, "port": port}, servers__count=2)
    assert [row.detail for row in small.facts("partitioned")] == [f"{port} unavailable for 8 s"]


def test_a_failover_of_an_asynchronous_log_loses_its_tail_and_senders_offer_it_again():
    log = {"durability": "async", "replica_lag": "5s"}
    small = broken({"kind": "failover", "at": 14}, backends__log=log)
    lost = small.facts("tail_lost", conversation="team")
    assert [(row.t, row.epoch, row.seq) for row in lost] == [(14.0, 2, 2)]  # bob-1 and alice-2 are younger than the lag
    committed = {(row.message, row.epoch) for row in small.facts("committed", conversation="team")}
    assert {("bob-1", 1), ("bob-1", 2), ("alice-2", 1), ("alice-2", 2)} <= committed
    assert ("alice-1", 2) not in committed


def test_a_failover_of_a_quorum_log_loses_nothing():
    small = broken({"kind": "failover", "at": 14})
    assert not small.facts("tail_lost")
    assert {row.epoch for row in small.facts("committed")} == {1}


def test_what_was_stored_for_absent_users_may_be_dropped():
    changes = {"presence__online": 1, "presence__offline": 20, "presence__linger": 1}
    small = Small(traffic__steps=TALK, faults__events=[{"kind": "drop_cache", "at": 15}], **changes)
    values = small.run_until(14.9).world.backends.values
    stored = [key for key in values._values if key.startswith("offline/")]
    small.run_until(15.1).stop()
    assert stored
    assert not [key for key in values._values if key.startswith("offline/")]


# ---------------------------------------------------------------------------------------------- random and timed


RATES = {
    "crash": ("crashed", "server-1"), "pause": ("paused", "server-1"), "cut": ("disconnected", None),
    "kill": ("crashed", None), "wipe": ("wiped", None), "unavailable": ("partitioned", None),
    "partition": ("partitioned", None),
}  # fmt: skip


@pytest.mark.parametrize("kind", RATES)
def test_random_faults_come_at_their_rate(kind):
    word, node = RATES[kind]
    small = Small(**{f"faults__random__{kind}": 300, "faults__random__length": 0.2, **SITES}).run().assert_holds()
    found = [row for row in small.facts(word) if row.t < 60 and (node is None or row.node == node)]
    targets = {"cut": 3, "kill": 3, "wipe": 3, "unavailable": 5}.get(kind, 1)
    assert 1 <= len(found) <= 5 * targets * 4  # five are expected of each


def test_adding_one_kind_of_random_fault_does_not_move_another():
    rates = {"faults__random__cut": 200, "faults__random__length": 0.2}
    few, many = Small(**rates).run(), Small(**rates, faults__random__kill=100).run()
    cuts = set(few.times("disconnected", detail="cut"))
    assert cuts
    assert len(cuts & set(many.times("disconnected", detail="cut"))) >= len(cuts) - 4  # a dead app has none to cut


def test_a_timed_partition_of_a_case_parts_a_device_from_a_server():
    small = broken(cases=["partition bob/phone from server-1 from 10 s until 16 s"])
    assert small.times("partitioned", detail="bob/phone | server-1") == [10.0]
    assert all(row.t >= 16.0 for row in small.facts("committed", message="bob-1"))
    assert 12.5 < small.times("committed", message="alice-2")[0] < 12.6


def test_a_timed_jump_of_a_case_moves_a_clock():
    small = Small("jump the clock of alice/pc by 60 s at 5 s").run_until(6.0)
    small.stop()
    pc, phone = (small.world.devices[name].time()[1] for name in ("alice/pc", "alice/phone"))
    assert pc - phone == pytest.approx(60.0)


@pytest.mark.parametrize(
    "case", ["jump the clock of nobody by 1 s at 1 s", "partition bob/phone from mars from 1 s until 2 s"]
)
def test_a_case_about_something_that_is_not_there_is_refused(case):
    with pytest.raises(ConfigError, match="no such"):
        Small(case)


@pytest.mark.parametrize(
    ("event", "path"),
    [
        ({"kind": "crash", "at": 1, "server": 2}, "faults.events"),
        ({"kind": "partition", "at": 1, "sites": ["mars"]}, "faults.events"),
        ({"kind": "wipe", "at": 1, "device": "bob/fridge"}, "faults.events"),
    ],
)
def test_an_event_about_something_that_is_not_there_is_refused(event, path):
    with pytest.raises(ConfigError, match=path.replace(".", r"\.")):
        Small(faults__events=[event])


def test_the_world_checks_events_that_no_loader_saw():
    import msgspec

    from imsim.scenario.faults import Crash, Faults, Partition, Wipe
    from imsim.sim.world import World

    for event in (Crash(at=1, server=7), Partition(at=1, sites=("mars",)), Wipe(at=1, device="bob/fridge")):
        asked = msgspec.structs.replace(scenario(), faults=Faults(events=(event,)))
        with pytest.raises(ConfigError, match=r"faults\.events\[0\]"):
            World(asked, seed=1)


@pytest.mark.parametrize(
    "words", ["partition home from city from 40 s until 4000 s", "jump the clock of server-1 by 3600 s at 40 s"]
)
def test_what_a_case_wants_when_everything_is_healed_comes_too_late(words):
    plain, late = (broken(cases=cases, duration="40s", **SITES) for cases in ((), (words,)))
    assert not late.facts("partitioned")
    assert late.history.sha256 == plain.history.sha256
