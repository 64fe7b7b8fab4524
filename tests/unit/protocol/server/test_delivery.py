"""From a commit to the queue: what it refuses is handed over later, in order, and nobody waits for it."""

from __future__ import annotations

import pytest

from imsim.errors import Timeout, Unavailable
from imsim.protocol.frames import Entry, Message
from imsim.protocol.server.config import ServerConfig
from imsim.protocol.server.delivery import Delivery
from imsim.protocol.server.offline import OfflineStore
from tests.ports_memory import MemoryKeyValue, MemoryRuntime

CONFIG = ServerConfig(repair_pause=0.5, lease=4.0)


class Queue:
    """Takes what it is told to take."""

    def __init__(self):
        self.faults = []
        self.asked = 0
        self.there = []

    async def publish(self, topic, key, value, *, timeout):
        self.asked += 1
        fault = self.faults.pop(0) if self.faults else None
        if fault is not Unavailable:
            self.there.append((key, value.entry.seq, value.members))
        if fault is not None:
            raise fault(key)


class Owner:
    def __init__(self):
        self.runtime = MemoryRuntime()
        self.queue = Queue()
        self.kv = MemoryKeyValue()
        offline = OfflineStore(self.kv, cap=9, keep=60.0, timeout=1.0)
        self.delivery = Delivery(self.runtime, self.queue, offline, None, CONFIG)

    def commit(self, *seqs, conversation="room", members=("alice",)):
        entries = [Entry(conversation, 1, seq, f"n-{seq}", "bob", 0.0, Message("hello")) for seq in seqs]
        before = self.runtime.now()
        self.runtime.run(self.delivery.publish(entries, members))
        assert self.runtime.now() == before  # the owner goes on at once

    def seqs(self, conversation="room"):
        return [seq for key, seq, _ in self.queue.there if key == conversation]


@pytest.fixture
def owner():
    return Owner()


def test_what_is_taken_is_published_once_and_in_order(owner):
    owner.commit(1, 2)
    owner.commit(3)
    owner.runtime.advance(60.0)
    assert owner.seqs() == [1, 2, 3]
    assert owner.runtime.timers == []


def test_what_was_refused_is_handed_over_again_until_it_is_taken(owner):
    owner.queue.faults = [Unavailable] * 4
    owner.commit(1)
    owner.runtime.advance(0.5 + 1.0 + 2.0)
    assert owner.seqs() == []
    owner.runtime.advance(4.0)
    assert owner.seqs() == [1]
    assert owner.runtime.timers == []


def test_an_unknown_publication_may_be_there_twice(owner):
    owner.queue.faults = [Timeout]
    owner.commit(1)
    owner.runtime.advance(0.5)
    assert owner.seqs() == [1, 1]


def test_of_what_waits_for_the_same_readers_the_last_is_told_for_all(owner):
    """Whoever hears of a slot fetches what it lacks below, so that a long outage costs no memory."""
    owner.queue.faults = [Unavailable]
    owner.commit(1)
    for seq in range(2, 1000):
        owner.commit(seq)
    assert owner.queue.asked == 1
    owner.runtime.advance(0.5)
    assert owner.seqs() == [999]


def test_readers_that_change_meanwhile_are_all_told_in_order(owner):
    owner.queue.faults = [Unavailable, Unavailable]
    owner.commit(1)
    owner.commit(2, members=("alice", "carol"))
    owner.commit(3, 4)
    owner.runtime.advance(0.5 + 1.0)
    assert [(seq, members) for _, seq, members in owner.queue.there] == [
        (1, ("alice",)),
        (2, ("alice", "carol")),
        (4, ("alice",)),
    ]


def test_one_conversation_does_not_wait_for_another(owner):
    owner.queue.faults = [Unavailable]
    owner.commit(1)
    owner.commit(1, conversation="elsewhere")
    assert owner.seqs("elsewhere") == [1]


def test_absent_members_have_it_stored_whatever_the_queue_says(owner):
    owner.queue.faults = [Unavailable]
    owner.commit(1)
    owner.commit(2)
    assert [entry.seq for entry in owner.kv.values["offline/alice/room"].entries] == [1, 2]


def test_a_crash_ends_it(owner):
    owner.queue.faults = [Unavailable]
    owner.commit(1)
    owner.runtime.crash()
    owner.runtime.advance(60.0)
    assert owner.seqs() == []
