"""Trimming by number and by age, seen through sequencers."""

from __future__ import annotations

import msgspec
import pytest

from imsim.errors import Unavailable
from imsim.ports import Durability
from imsim.protocol.frames import Join, Joined
from imsim.protocol.server.log import roster_key
from imsim.protocol.server.retention import Ages, ages_key
from tests.servers_memory import CONFIG, Servers, draft

KEPT = 8
AGE = 800.0


def servers(*, durability=Durability.QUORUM, **config):
    world = Servers(msgspec.structs.replace(CONFIG, mailbox=100, **config), durability=durability)
    world.create("alice", "bob")
    return world


def lowest(world, conversation="room"):
    return world.log.of(conversation).state.trimmed_below


def write(world, node, *counters, **asked):
    for counter in counters:
        assert node.answers(draft(counter), **asked) == ["ok"]
    world.runtime.settle()


@pytest.fixture
def counting():
    return servers(retain_entries=KEPT)


@pytest.fixture
def aging():
    world = servers(retain_seconds=AGE)
    world.runtime.spawn(world.a.sequencer.retention.run())
    return world


def test_the_newest_are_kept_and_trimming_waits_for_an_eighth_more(counting):
    write(counting, counting.a, *range(1, KEPT + 1))
    assert lowest(counting) == 1
    write(counting, counting.a, KEPT + 1)
    assert (counting.log.of("room").state.committed, lowest(counting)) == (KEPT + 2, 3)
    for counter in range(KEPT + 2, 3 * KEPT):
        write(counting, counting.a, counter)
        state = counting.log.of("room").state
        assert KEPT <= state.committed - state.trimmed_below + 1 <= KEPT + KEPT // 8


def test_nothing_is_trimmed_where_everything_is_kept():
    world = servers()
    assert not world.a.sequencer.retention.needed
    write(world, world.a, *range(1, 40))
    assert lowest(world) == 1


def test_own_logs_are_never_trimmed(counting):
    for counter in range(1, 2 * KEPT):
        counting.create("alice", conversation=f"room{counter}", nonce=f"c{counter}")
    assert counting.log.of("~alice").state.committed > KEPT + KEPT // 8
    assert lowest(counting, "~alice") == 1


def test_the_membership_outlives_the_entries_that_made_it(counting):
    counting.a.submit(draft(1, Join("carol")))
    write(counting, counting.a, *range(2, 3 * KEPT))
    assert lowest(counting) > 2
    counting.expire()
    write(counting, counting.b, 100, user="carol")
    page = counting.b.read("carol")
    assert page.trimmed_below == lowest(counting)
    assert [entry.seq for entry in page.entries] == list(range(page.trimmed_below, page.head + 1))[: CONFIG.page]


def test_what_is_not_announced_yet_is_not_trimmed(counting):
    counting.b.submit(draft(50), user="dave", conversation="~dave")  # refused, but now it owns that log
    answering = counting.nodes.pop("b")
    counting.a.submit(draft(1, Join("dave")))
    write(counting, counting.a, *range(2, 4 * KEPT))
    assert counting.kv.values[roster_key("room")].upto == lowest(counting) - 1 == 1
    counting.nodes["b"] = answering
    counting.runtime.advance(CONFIG.lease)
    assert Joined("room", 2) in counting.bodies("~dave")
    write(counting, counting.a, 4 * KEPT)
    assert lowest(counting) > 2


def test_only_the_owner_trims(counting):
    write(counting, counting.a, *range(1, KEPT - 1))
    counting.expire()
    write(counting, counting.b, *range(KEPT, KEPT + 3))
    before = lowest(counting)
    assert before > 1
    counting.runtime.run(counting.a.sequencer.retention._look_after(counting.a.sequencer._conversation("room")))
    assert lowest(counting) == before


def test_a_log_that_does_not_answer_is_trimmed_later(counting):
    counting.log.trim, trim = _down, counting.log.trim
    write(counting, counting.a, *range(1, KEPT + 2))
    assert lowest(counting) == 1
    counting.log.trim = trim
    write(counting, counting.a, KEPT + 2)
    assert lowest(counting) > 1


async def _down(*_args, **_options):
    raise Unavailable("log")


def test_nothing_goes_before_its_age_and_everything_a_quarter_after_it(aging):
    runtime = aging.runtime
    write(aging, aging.a, 1, 2)
    written_at = runtime.now()
    runtime.advance(AGE - 1.0)
    assert lowest(aging) == 1
    runtime.advance(written_at + 1.25 * AGE - runtime.now())
    assert lowest(aging) == 4


def test_what_is_younger_stays(aging):
    write(aging, aging.a, 1, 2)
    aging.runtime.advance(AGE / 2)
    write(aging, aging.a, 3)
    aging.runtime.advance(0.75 * AGE)
    assert lowest(aging) == 4
    aging.runtime.advance(AGE / 2)
    assert lowest(aging) == 5


def test_the_notes_are_few(aging):
    for counter in range(1, 200):
        write(aging, aging.a, counter)
        aging.runtime.advance(AGE / 50)
    assert len(aging.kv.values[ages_key("room")].notes) <= 10


def test_another_server_goes_on_with_the_notes(aging):
    write(aging, aging.a, 1, 2)
    aging.runtime.advance(AGE / 2)
    aging.runtime.crash()
    aging.expire()
    aging.runtime.spawn(aging.b.sequencer.retention.run())
    write(aging, aging.b, 3)
    aging.runtime.advance(0.75 * AGE)
    assert lowest(aging) == 4


def test_a_note_of_what_a_failover_took_counts_as_its_cut():
    world = servers(durability=Durability.ASYNC, retain_seconds=AGE)
    write(world, world.a, 1, 2, 3)
    world.kv.values[ages_key("room")] = Ages(((0.0, 1, 4),))
    world.log.fail_over("room", 2)
    world.runtime.advance(AGE)
    write(world, world.a, 1, 2, 3, epoch=2)
    world.runtime.run(world.a.sequencer.retention._look_after(world.a.sequencer._conversation("room")))
    assert lowest(world) == 3
