"""Whatever is done to a simulated state, it keeps what its port promises."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from imsim.ports import OK, Durability, Taken
from imsim.protocol.frames import Entry, Message
from imsim.protocol.records import Known, Missing, key_of
from imsim.sim.backends import SlotLog, TopicBroker
from imsim.sim.disk import Disk
from imsim.sim.kernel import Kernel
from imsim.sim.runtime import Incarnation

steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 8)),
        st.tuples(st.just("commit"), st.integers(0, 9)),
        st.tuples(st.just("trim"), st.integers(0, 9)),
        st.tuples(st.just("failover"), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 6)),
    ),
    max_size=40,
)


@given(steps)
def test_a_log_fills_each_slot_once_and_its_prefix_has_no_hole(steps):
    now = [0.0]
    log = SlotLog(lambda: now[0], durability=Durability.ASYNC, replication_lag=3.0)
    filled: dict[int, Entry] = {}
    committed_at: dict[int, float] = {}
    for number, (step, value) in enumerate(steps):
        before = log.state("room")
        if step == "write":
            entry = Entry("room", before.epoch, value, f"x-{number}", "alice", 0.0, Message(""))
            answer = log.write("room", before.epoch, value, entry, 1)
            if answer is OK:
                assert value not in filled
                filled[value] = entry
            elif isinstance(answer, Taken):
                assert answer.entry is filled[value]
        elif step == "commit":
            after = log.commit("room", before.epoch, value)
            assert after >= before.committed
            assert all(seq in filled for seq in range(1, after + 1))
            assert after == before.committed or after <= value
            committed_at.update(dict.fromkeys(range(before.committed + 1, after + 1), now[0]))
        elif step == "trim":
            log.trim("room", value)
        elif step == "wait":
            now[0] += value
        elif before.committed or filled:
            cut = log.failover()["room"].cut
            replicated = [seq for seq in range(1, before.committed + 1) if committed_at[seq] <= now[0] - 3.0]
            assert cut == max(len(replicated), before.trimmed_below - 1)
            filled = {seq: entry for seq, entry in filled.items() if seq <= cut}
        state = log.state("room")
        readable = [filled[seq] for seq in range(state.trimmed_below, state.committed + 1)]
        assert list(log.read("room", 1, 99)) == readable


rows = st.builds(
    lambda seq, owner: Entry("room", 1, seq, f"a-{owner}", "alice", 0.0, Message("")),
    st.integers(1, 9),
    st.integers(1, 30),
)
cursors = st.builds(
    lambda name, upto: Known(name, 1, ((1, upto),)), st.sampled_from(["room", "hall"]), st.integers(1, 9)
)
gaps = st.builds(lambda low: Missing("room", 1, low, low), st.integers(1, 5))


@given(st.lists(st.lists(st.one_of(rows, cursors, gaps), max_size=4), max_size=60), st.sets(st.integers(0, 59)))
def test_a_disk_shows_the_latest_of_each_key_where_it_was_written(writes, asked_after):
    disk = Disk()
    everything = []
    for number, records in enumerate(writes):
        disk.write(records)
        everything += records
        latest = {key_of(record): index for index, record in enumerate(everything)}
        live = [everything[index] for index in sorted(latest.values())]
        mine = sorted((r for r in live if isinstance(r, Entry)), key=lambda r: r.seq)
        if number in asked_after:
            assert list(disk.records()) == live
            assert [r.seq for r in disk.rows("room", 1, 9)] == [r.seq for r in mine]
        assert all(disk.row(r.client_id) is r for r in mine[:3])


actions = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.sampled_from("kl")),
        st.tuples(st.just("take"), st.integers(1, 3)),
        st.tuples(st.just("ack"), st.integers(0, 5)),
        st.tuples(st.just("wait"), st.integers(1, 12)),
        st.tuples(st.just("leave"), st.just(0)),
    ),
    max_size=40,
)


@given(actions)
def test_a_queue_loses_nothing_and_keeps_the_order_of_a_key(actions):
    kernel = Kernel()
    broker = TopicBroker(lambda: kernel.now, kernel.call_at, visibility=10.0)
    who = Incarnation(1)
    members = [broker.join("topic", "g", who), broker.join("topic", "g", Incarnation(1))]
    published: dict[str, list[int]] = {"k": [], "l": []}
    acked: set[int] = set()
    held: list[int] = []

    def check(batch):
        for key, numbers in published.items():
            got = [item.value for item in batch if item.key == key]
            still_open = [number for number in numbers if number not in acked]
            assert got == still_open[: len(got)]  # the oldest that are open, in order, and none twice
        held.extend(item.tag for item in batch)

    value_of = {}
    for number, (action, argument) in enumerate(actions):
        if action == "publish":
            broker.publish("topic", argument, number)
            published[argument].append(number)
        elif action == "take":
            batch = members[number % 2].take(argument)
            value_of.update((item.tag, item.value) for item in batch)
            check(batch)
        elif action == "ack" and held:
            tag = held[argument % len(held)]
            members[0].ack([tag])
            acked.add(value_of[tag])
        elif action == "wait":
            kernel.run(until=kernel.now + argument)
        elif action == "leave":
            broker.leave(who)
    kernel.run()
    while batch := members[0].take(9):  # everything that is open comes in the end
        value_of.update((item.tag, item.value) for item in batch)
        check(batch)
        members[0].ack([item.tag for item in batch])
        acked.update(item.value for item in batch)
    assert acked == {number for numbers in published.values() for number in numbers}
    assert broker.depth("topic") == 0
