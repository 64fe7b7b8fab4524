from __future__ import annotations

import asyncio

import pytest

from imsim.protocol.frames import Created, Draft, Edit, Entry, Join, Joined, Leave, Left, Message, NoOp, Read, Recall
from imsim.protocol.server.config import ServerConfig
from imsim.protocol.server.log import (
    NOT_A_MEMBER,
    SERVER,
    Membership,
    Wanted,
    announcements,
    page_of,
    size_of,
)
from tests.ports_memory import MemoryLog

BODIES = [Created(("alice", "bob")), Message("a"), Join("carol"), Message("b"), Leave("bob"), Message("c"), Join("bob")]


def entry(seq, body):
    return Entry("room", 1, seq, f"a-{seq}", "alice", float(seq), body)


def folded(bodies=BODIES):
    membership = Membership("room")
    for seq, body in enumerate(bodies, start=1):
        membership.fold(entry(seq, body))
    return membership


@pytest.mark.parametrize(
    ("user", "slots"),
    [("alice", {1, 2, 3, 4, 5, 6, 7}), ("bob", {1, 2, 3, 4, 5, 7}), ("carol", {3, 4, 5, 6, 7}), ("dave", set())],
)
def test_everyone_reads_the_slots_of_their_membership(user, slots):
    membership = folded()
    assert {seq for seq in range(1, 8) if membership.may_read(user, seq)} == slots


def test_the_members_are_those_who_have_not_left():
    assert folded(BODIES[:4]).members == ("alice", "bob", "carol")
    assert folded(BODIES[:6]).members == ("alice", "carol")
    assert folded().members == ("alice", "bob", "carol")
    assert folded().readers(6) == ("alice", "carol")


def test_joining_twice_and_leaving_twice_change_nothing():
    membership = folded([BODIES[0], Join("bob"), Leave("carol")])
    assert membership.members == ("alice", "bob")
    assert membership.may_read("bob", 1)


@pytest.mark.parametrize("cut", range(8))
def test_what_is_taken_back_is_as_if_it_had_never_been(cut):
    membership = folded()
    membership.take_back(cut)
    expected = folded(BODIES[:cut])
    assert membership.roster(1, cut) == expected.roster(1, cut)
    assert membership.members == expected.members


def test_a_membership_goes_on_from_its_checkpoint():
    roster = folded(BODIES[:4]).roster(1, 4)
    membership = Membership("room", roster)
    for seq in (5, 6, 7):
        membership.fold(entry(seq, BODIES[seq - 1]))
    assert membership.roster(1, 7) == folded().roster(1, 7)


def test_a_user_who_left_hears_of_nothing_after_it():
    membership = folded(BODIES[:6])
    assert membership.last_readable("bob", 6) == 5
    assert membership.last_readable("alice", 6) == 6
    assert membership.last_readable("dave", 6) == 0


@pytest.mark.parametrize(
    ("user", "body", "allowed"),
    [
        ("alice", Message("x"), True),
        ("alice", Join("dave"), True),
        ("bob", Recall("a-2"), True),
        ("dave", Message("x"), False),
        ("alice", NoOp(), False),
        ("alice", Joined("room", 1), False),
        ("alice", Created(("alice",)), False),
        (SERVER, NoOp(), True),
    ],
)
def test_members_write_messages_and_the_server_what_it_likes(user, body, allowed):
    assert (not folded(BODIES[:4]).objection(user, body)) is allowed


def test_who_creates_a_conversation_is_one_of_its_members():
    assert Membership("room").objection("alice", Created(("alice",))) == ""
    assert Membership("room").objection("eve", Created(("alice",)))
    assert Membership("room").objection("alice", Message("x")) == NOT_A_MEMBER


def test_an_own_log_has_one_member_who_only_writes_read_marks():
    own = Membership("~alice")
    assert own.members == ("alice",)
    assert own.objection("alice", Read("room", 1, 3)) == ""
    assert own.objection("alice", Message("x"))
    assert own.objection("bob", Read("room", 1, 3))
    own.fold(Entry("~alice", 1, 1, "@room/alice/1-1", "", 0.0, Joined("room", 1)))
    own.take_back(0)
    assert own.members == ("alice",)


def test_sizes_are_bytes():
    assert size_of(Message("äöü")) == 6
    assert size_of(Edit("a-1", "x" * 10)) == 10
    assert size_of(Leave("alice")) == 0
    assert size_of(Message("\ud800")) == 3


def test_announcements_have_the_same_id_each_time_and_another_for_each_user_and_slot():
    created = announcements(entry(1, BODIES[0]))
    assert [log for log, _ in created] == ["~alice", "~bob"]
    assert created == announcements(entry(1, BODIES[0]))
    assert announcements(entry(5, Leave("bob"))) == [("~bob", Draft("@room/bob/1-5", 5.0, Left("room", 5)))]
    ids = [draft.client_id for seq, body in enumerate(BODIES, 1) for _, draft in announcements(entry(seq, body))]
    assert len(ids) == len(set(ids)) == 5


@pytest.fixture
def log():
    log = MemoryLog()
    slots = log.of("room").slots
    for seq, body in enumerate(BODIES, start=1):
        slots[seq] = entry(seq, body)
    asyncio.run(log.commit("room", 1, 7, timeout=1.0))
    return log


def page(log, user, **wanted):
    asked = Wanted(**{"low": 1, "high": 0, "limit": 100, "newest": False, **wanted})
    found, cuts = asyncio.run(page_of(log, "room", folded(), user, asked, ServerConfig()))
    assert cuts == ()
    return found


def test_a_page_covers_slots_that_are_not_for_the_reader_without_their_entries(log):
    found = page(log, "bob")
    assert (found.low, found.high, found.head) == (1, 7, 7)
    assert [e.seq for e in found.entries] == [1, 2, 3, 4, 5, 7]


def test_a_page_begins_at_the_end_that_was_asked_for(log):
    oldest, newest = page(log, "alice", limit=2), page(log, "alice", limit=2, newest=True)
    assert [e.seq for e in oldest.entries] == [1, 2]
    assert [e.seq for e in newest.entries] == [6, 7]
    assert (newest.low, newest.high) == (6, 7)


def test_a_page_that_begins_in_the_trimmed_part_reaches_behind_it(log):
    asyncio.run(log.trim("room", 5, timeout=1.0))
    found = page(log, "alice", limit=2)
    assert (found.low, found.high, found.trimmed_below) == (1, 6, 5)
    assert [e.seq for e in found.entries] == [5, 6]


@pytest.mark.parametrize(("newest", "seqs"), [(False, [1, 2, 3]), (True, [5, 6, 7])])
def test_a_page_ends_where_its_contents_would_be_too_many_bytes(log, newest, seqs):
    """Else a device behind a slow network would never have the whole of one before it asks again."""
    config = ServerConfig(page_bytes=2 * len("äöü".encode()))
    for seq in range(2, 7):
        log.of("room").slots[seq] = entry(seq, Message("äöü"))
    asked = Wanted(low=1, high=0, limit=100, newest=newest)
    found, _ = asyncio.run(page_of(log, "room", folded(), "alice", asked, config))
    assert [e.seq for e in found.entries] == seqs
    assert (found.low, found.high, found.head) == (seqs[0], seqs[-1], 7)


@pytest.mark.parametrize("newest", [False, True])
def test_a_page_has_one_entry_however_large(log, newest):
    asked = Wanted(low=2, high=5, limit=100, newest=newest)
    log.of("room").slots[2] = entry(2, Message("much"))
    log.of("room").slots[5] = entry(5, Message("much"))
    found, _ = asyncio.run(page_of(log, "room", folded(), "alice", asked, ServerConfig(page_bytes=1)))
    assert [e.seq for e in found.entries if type(e.body) is Message] == [5 if newest else 2]
    assert (found.low, found.high)[0 if newest else 1] == found.entries[0 if newest else -1].seq


class Overtaken:
    """A log to which something happens, once, between the reading of its state and the reading of its entries."""

    def __init__(self, log, happens):
        self._log = log
        self._happens = happens

    def __getattr__(self, name):
        return getattr(self._log, name)

    async def read(self, conversation, low, high, *, timeout):
        if self._happens is not None:
            happens, self._happens = self._happens, None
            await happens()
        return await self._log.read(conversation, low, high, timeout=timeout)


def test_a_page_that_was_overtaken_by_trimming_says_so(log):
    found = page(Overtaken(log, lambda: log.trim("room", 4, timeout=1.0)), "alice")
    assert (found.low, found.high, found.trimmed_below) == (1, 7, 4)
    assert [e.seq for e in found.entries] == [4, 5, 6, 7]


@pytest.mark.parametrize("refilled", [0, 1, 2])
def test_a_page_that_was_overtaken_by_a_failover_is_of_one_epoch(log, refilled):
    async def fail_over():
        log.fail_over("room", 5)
        for seq in range(6, 6 + refilled):
            new = Entry("room", 2, seq, f"new-{seq}", "alice", 0.0, Message("new"))
            await log.write("room", 2, seq, new, 1, timeout=1.0)
        await log.commit("room", 2, 5 + refilled, timeout=1.0)

    asked = Wanted(low=1, high=0, limit=100, newest=False)
    overtaken = Overtaken(log, fail_over)
    found, cuts = asyncio.run(page_of(overtaken, "room", folded(), "alice", asked, ServerConfig()))
    assert (found.epoch, found.high, found.head, cuts) == (2, 5 + refilled, 5 + refilled, (5,))
    assert [e.epoch for e in found.entries] == [1] * 5 + [2] * refilled


def test_a_page_for_a_stranger_is_empty(log):
    found = page(log, "dave")
    assert found.low > found.high
    assert found.entries == ()
    assert found.head == 0
