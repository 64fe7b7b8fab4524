"""A check that cannot fail is a defect: for each promise, a port that breaks it, and the sentence that must be said."""

from __future__ import annotations

from contextlib import contextmanager

import msgspec
import pytest

from imsim import testing
from imsim.errors import ConfigError
from imsim.ports import FENCED, OK, Swap, Taken


class Broken:
    """Everything as the port inside does it, except what a subclass does worse."""

    def __init__(self, inside):
        self.inside = inside

    def __getattr__(self, name):
        return getattr(self.inside, name)


# ---------------------------------------------------------------------------------------------- logs


class Overwrites(Broken):
    """A plain put."""

    async def write(self, conversation, epoch, seq, entry, token, *, timeout):
        answer = await self.inside.write(conversation, epoch, seq, entry, token, timeout=timeout)
        return OK if isinstance(answer, Taken) else answer


class LooksThenPuts(Broken):
    """Two who look before either puts both believe that they filled the slot."""

    async def write(self, conversation, epoch, seq, entry, token, *, timeout):
        there = await self.inside.peek(conversation, seq, timeout=timeout)
        answer = await self.inside.write(conversation, epoch, seq, entry, token, timeout=timeout)
        return answer if there is not None else OK


class WritesEverywhere(Broken):
    """A repeated write finds another slot."""

    async def write(self, conversation, epoch, seq, entry, token, *, timeout):
        answer = await self.inside.write(conversation, epoch, seq, entry, token, timeout=timeout)
        while isinstance(answer, Taken) and answer.entry == entry:
            seq += 1
            answer = await self.inside.write(conversation, epoch, seq, entry, token, timeout=timeout)
        return Taken(entry)


class ReadsDirty(Broken):
    async def read(self, conversation, low, high, *, timeout):
        seen = [await self.inside.peek(conversation, seq, timeout=timeout) for seq in range(low, min(high, 9) + 1)]
        return [entry for entry in seen if entry is not None]


class CommitsHoles(Broken):
    async def commit(self, conversation, epoch, upto, *, timeout):
        await self.inside.commit(conversation, epoch, upto, timeout=timeout)
        return upto


class CommitsDown(Broken):
    async def commit(self, conversation, epoch, upto, *, timeout):
        return min(upto, await self.inside.commit(conversation, epoch, upto, timeout=timeout))


class ReadsTooMuch(Broken):
    async def read(self, conversation, low, high, *, timeout):
        return await self.inside.read(conversation, low, high + 1, timeout=timeout)


class IgnoresTokens(Broken):
    async def write(self, conversation, epoch, seq, entry, token, *, timeout):
        return await self.inside.write(conversation, epoch, seq, entry, 1, timeout=timeout)


class MixesConversations(Broken):
    async def write(self, conversation, epoch, seq, entry, token, *, timeout):
        return await self.inside.write("all", epoch, seq, entry, token, timeout=timeout)

    async def peek(self, conversation, seq, *, timeout):
        return await self.inside.peek("all", seq, timeout=timeout)

    async def commit(self, conversation, epoch, upto, *, timeout):
        return await self.inside.commit("all", epoch, upto, timeout=timeout)

    async def state(self, conversation, *, timeout):
        return await self.inside.state("all", timeout=timeout)


class IgnoresEpochs(Broken):
    async def write(self, conversation, epoch, seq, entry, token, *, timeout):
        present = (await self.inside.state(conversation, timeout=timeout)).epoch
        return await self.inside.write(conversation, present, seq, entry, token, timeout=timeout)


class StartsAtMinusOne(Broken):
    async def state(self, conversation, *, timeout):
        state = await self.inside.state(conversation, timeout=timeout)
        return msgspec.structs.replace(state, committed=state.committed or -1)


class FillsTrimmedSlots(Broken):
    async def write(self, conversation, epoch, seq, entry, token, *, timeout):
        answer = await self.inside.write(conversation, epoch, seq, entry, token, timeout=timeout)
        trimmed_below = (await self.inside.state(conversation, timeout=timeout)).trimmed_below
        return OK if answer is FENCED and seq < trimmed_below else answer


BROKEN_LOGS = {
    "fills_a_slot_once": Overwrites,
    "lets_one_fill_a_slot": LooksThenPuts,
    "repeats_safely": WritesEverywhere,
    "reads_what_is_committed": ReadsDirty,
    "commits_no_hole": CommitsHoles,
    "commits_only_upwards": CommitsDown,
    "reads_the_range": ReadsTooMuch,
    "fences_older_tokens": IgnoresTokens,
    "keeps_conversations_apart": MixesConversations,
    "fences_other_epochs": IgnoresEpochs,
    "begins_empty": StartsAtMinusOne,
    "trims_for_good": FillsTrimmedSlots,
}


# ---------------------------------------------------------------------------------------------- key-value stores


class ForgetsValues(Broken):
    async def get(self, key, *, fresh=True, timeout):
        return None


class SetsBlindly(Broken):
    async def compare_and_set(self, key, expected, new, *, expires_in=None, timeout):
        present = await self.inside.get(key, timeout=timeout)
        return await self.inside.compare_and_set(key, present, new, expires_in=expires_in, timeout=timeout)


class LooksThenSets(Broken):
    """Two who look before either sets both win."""

    async def compare_and_set(self, key, expected, new, *, expires_in=None, timeout):
        present = await self.inside.get(key, timeout=timeout)
        if present != expected:
            return Swap(done=False, present=present)
        await self.inside.compare_and_set(key, present, new, expires_in=expires_in, timeout=timeout)
        return Swap(done=True, present=new)


class AddsToWhatItRead(Broken):
    """Forgets what others added meanwhile."""

    async def increment(self, key, by=1, *, timeout):
        value = (await self.inside.get(key, timeout=timeout) or 0) + by
        return await self.inside.raise_to(key, value, timeout=timeout)


class ReadsStale(Broken):
    """A fresh read comes from a replica that is one write behind."""

    def __init__(self, inside):
        super().__init__(inside)
        self.behind = {}

    async def compare_and_set(self, key, expected, new, *, expires_in=None, timeout):
        self.behind[key] = await self.inside.get(key, timeout=timeout)
        return await self.inside.compare_and_set(key, expected, new, expires_in=expires_in, timeout=timeout)

    async def get(self, key, *, fresh=True, timeout):
        return self.behind.get(key)


class NeverDeletes(Broken):
    async def compare_and_set(self, key, expected, new, *, expires_in=None, timeout):
        if new is None:
            return Swap(done=True, present=None)
        return await self.inside.compare_and_set(key, expected, new, expires_in=expires_in, timeout=timeout)


class NeverExpires(Broken):
    async def compare_and_set(self, key, expected, new, *, expires_in=None, timeout):
        return await self.inside.compare_and_set(key, expected, new, timeout=timeout)


class ExpiresKeys(Broken):
    """The first expiry of a key stays with it."""

    def __init__(self, inside):
        super().__init__(inside)
        self.expiry = {}

    async def compare_and_set(self, key, expected, new, *, expires_in=None, timeout):
        self.expiry.setdefault(key, expires_in)
        lasting = self.expiry[key]
        return await self.inside.compare_and_set(key, expected, new, expires_in=lasting, timeout=timeout)


class CountsFromOne(Broken):
    async def increment(self, key, by=1, *, timeout):
        return await self.inside.increment(key, by, timeout=timeout) - by


class SetsFloors(Broken):
    async def raise_to(self, key, least, *, timeout):
        await self.inside.raise_to(key, least, timeout=timeout)
        return least


class MixesReplicas(Broken):
    async def get(self, key, *, fresh=True, timeout):
        return await self.inside.get(key if fresh else "other", timeout=timeout)


BROKEN_STORES = {
    "puts_where_nothing_is": ForgetsValues,
    "refuses_what_it_does_not_find": SetsBlindly,
    "replaces_what_it_finds": ReadsStale,
    "lets_one_replace": LooksThenSets,
    "deletes": NeverDeletes,
    "expires": NeverExpires,
    "stays_without_expiry": ExpiresKeys,
    "counts": CountsFromOne,
    "counts_everybody": AddsToWhatItRead,
    "raises_only": SetsFloors,
    "lags_truthfully": MixesReplicas,
}


# ---------------------------------------------------------------------------------------------- locks


class GrantsToAll(Broken):
    async def acquire(self, name, holder, seconds, *, timeout):
        lease = await self.inside.acquire(name, holder, seconds, timeout=timeout)
        return msgspec.structs.replace(lease, holder=holder)


class LooksThenTakes(Broken):
    """Two who look before either takes it both hold the lease."""

    def __init__(self, inside):
        super().__init__(inside)
        self.free = True

    async def acquire(self, name, holder, seconds, *, timeout):
        free = self.free
        lease = await self.inside.acquire(name, holder, seconds, timeout=timeout)
        self.free = False
        return msgspec.structs.replace(lease, holder=holder) if free else lease


class NeverRenews(Broken):
    def __init__(self, inside):
        super().__init__(inside)
        self.given = {}

    async def acquire(self, name, holder, seconds, *, timeout):
        if (name, holder) not in self.given:
            self.given[name, holder] = await self.inside.acquire(name, holder, seconds, timeout=timeout)
        return self.given[name, holder]


class OneToken(Broken):
    async def acquire(self, name, holder, seconds, *, timeout):
        return msgspec.structs.replace(await self.inside.acquire(name, holder, seconds, timeout=timeout), token=1)


class NeverReleases(Broken):
    async def release(self, lease, *, timeout):
        pass


class ReleasesByName(Broken):
    async def release(self, lease, *, timeout):
        held = await self.inside.acquire(lease.name, lease.holder, 1.0, timeout=timeout)
        await self.inside.release(held, timeout=timeout)


BROKEN_LOCKS = {
    "holds_for_one": GrantsToAll,
    "lets_one_in": LooksThenTakes,
    "renews": NeverRenews,
    "expires_to_the_next": OneToken,
    "releases": NeverReleases,
    "ignores_late_releases": ReleasesByName,
}


# ---------------------------------------------------------------------------------------------- queues


class BrokenQueue(Broken):
    """A queue whose consumers are broken."""

    consumer = Broken

    async def subscribe(self, topic, group, *, timeout):
        return self.consumer(await self.inside.subscribe(topic, group, timeout=timeout))


class LosesValues(Broken):
    def __init__(self, inside):
        super().__init__(inside)
        self.published = 0

    async def publish(self, topic, key, value, *, timeout):
        self.published += 1
        if self.published != 2:
            await self.inside.publish(topic, key, value, timeout=timeout)


class IgnoresLimits(BrokenQueue):
    class consumer(Broken):  # noqa: N801 - it stands for an attribute
        async def receive(self, limit):
            return await self.inside.receive(9)


class ReversesBatches(BrokenQueue):
    class consumer(Broken):  # noqa: N801
        async def receive(self, limit):
            return list(await self.inside.receive(limit))[::-1]


class OneGroup(Broken):
    async def subscribe(self, topic, group, *, timeout):
        return await self.inside.subscribe(topic, "all", timeout=timeout)


class EverybodyAlone(Broken):
    """Each member is a group of its own."""

    def __init__(self, inside):
        super().__init__(inside)
        self.members = 0

    async def subscribe(self, topic, group, *, timeout):
        self.members += 1
        return await self.inside.subscribe(topic, f"{group}-{self.members}", timeout=timeout)


class AcksOnReceipt(BrokenQueue):
    """At most once."""

    class consumer(Broken):  # noqa: N801
        async def receive(self, limit):
            batch = await self.inside.receive(limit)
            await self.inside.ack([item.tag for item in batch], timeout=5.0)
            return batch


class NeverAcks(BrokenQueue):
    class consumer(Broken):  # noqa: N801
        async def ack(self, tags, *, timeout):
            pass


class NoLanes(Broken):
    """Values of one key are spread over many."""

    def __init__(self, inside):
        super().__init__(inside)
        self.published = 0

    async def publish(self, topic, key, value, *, timeout):
        self.published += 1
        await self.inside.publish(topic, f"{key}-{self.published}", value, timeout=timeout)


BROKEN_QUEUES = {
    "delivers": LosesValues,
    "respects_the_limit": IgnoresLimits,
    "keeps_the_order_of_a_key": ReversesBatches,
    "serves_every_group": OneGroup,
    "hands_to_one_member": EverybodyAlone,
    "redelivers": AcksOnReceipt,
    "forgets_what_is_acknowledged": NeverAcks,
    "redelivers_in_order": NoLanes,
}


# ---------------------------------------------------------------------------------------------- local stores


class LosesRecords(Broken):
    def write(self, records):
        self.inside.write(records[:1])


class Volatile(Broken):
    def close(self):
        self.inside.wipe()


class KeepsEverything(Broken):
    def __init__(self, inside):
        super().__init__(inside)
        self.everything = []

    def write(self, records):
        self.everything += records
        self.inside.write(records)

    def records(self):
        return self.everything


class RowsAsTheyCame(Broken):
    def rows(self, conversation, low, high):
        rows = [row for row in self.inside.records() if row.conversation == conversation]
        return [row for row in rows if low <= row.seq <= high]


class NoRows(Broken):
    def row(self, client_id):
        return None


class FirstRowWins(Broken):
    def write(self, records):
        self.inside.write([record for record in records if self.inside.row(record.client_id) is None])


BROKEN_DISKS = {
    "keeps_records": LosesRecords,
    "is_durable": Volatile,
    "replaces_by_key": KeepsEverything,
    "reads_rows_in_order": RowsAsTheyCame,
    "finds_a_row": NoRows,
    "upserts_rows": FirstRowWins,
}


# ---------------------------------------------------------------------------------------------- the checks


def said(book, promise):
    return f"{book.of} breaks its promise that {book.sentences[promise]}: "


@pytest.mark.parametrize("promise", testing.LOG.sentences)
def test_a_broken_log_is_caught(simulated, promise):
    with pytest.raises(AssertionError) as caught:
        testing.check_log(
            simulated.fresh("log", BROKEN_LOGS[promise]), simulated.run, together=simulated.together, only=[promise]
        )
    assert str(caught.value).startswith(said(testing.LOG, promise))


@pytest.mark.parametrize("promise", testing.KEY_VALUE.sentences)
def test_a_broken_store_is_caught(simulated, promise):
    factory = simulated.fresh("kv", BROKEN_STORES[promise])
    with pytest.raises(AssertionError) as caught:
        testing.check_key_value(
            factory, simulated.run, sleep=simulated.sleep, together=simulated.together, only=[promise]
        )
    assert str(caught.value).startswith(said(testing.KEY_VALUE, promise))


@pytest.mark.parametrize("promise", testing.LOCKS.sentences)
def test_broken_locks_are_caught(simulated, promise):
    factory = simulated.fresh("locks", BROKEN_LOCKS[promise])
    with pytest.raises(AssertionError) as caught:
        testing.check_locks(factory, simulated.run, sleep=simulated.sleep, together=simulated.together, only=[promise])
    assert str(caught.value).startswith(said(testing.LOCKS, promise))


@pytest.mark.parametrize("promise", testing.QUEUE.sentences)
def test_a_broken_queue_is_caught(simulated, promise):
    factory = simulated.fresh("queue", BROKEN_QUEUES[promise])
    with pytest.raises(AssertionError) as caught:
        testing.check_queue(
            factory, simulated.run, sleep=simulated.sleep, visibility=simulated.visibility, only=[promise]
        )
    assert str(caught.value).startswith(said(testing.QUEUE, promise))


@pytest.mark.parametrize("promise", testing.LOCAL_STORE.sentences)
def test_a_broken_disk_is_caught(simulated_disks, promise):
    @contextmanager
    def broken(name):
        with simulated_disks(name) as disk:
            store = BROKEN_DISKS[promise](disk)
            yield store
            if isinstance(store, Volatile):
                store.close()

    with pytest.raises(AssertionError) as caught:
        testing.check_local_store(broken, only=[promise])
    assert str(caught.value).startswith(said(testing.LOCAL_STORE, promise))


def test_a_port_that_never_answers_is_caught(simulated):
    class Silent(Broken):
        async def publish(self, topic, key, value, *, timeout):
            pass

    with pytest.raises(AssertionError, match="it never answered"):
        testing.check_queue(simulated.fresh("queue", Silent), simulated.run, sleep=simulated.sleep, only=["delivers"])


def test_a_wrong_name_of_a_promise_is_an_error(simulated):
    with pytest.raises(
        ConfigError, match=r"only: MessageLog has no promise 'begin_empty' \(did you mean 'begins_empty'\?\)"
    ):
        testing.check_log(simulated.fresh("log"), simulated.run, only=["begin_empty"])
