"""What every `MessageLog` promises. Failovers are not here: no port can be asked to suffer one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.ports import FENCED, OK, Taken
from imsim.protocol.frames import Entry, Message
from imsim.testing.promise import CROWD, Book, expect, gathered, in_asyncio

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imsim.ports import MessageLog
    from imsim.testing.promise import Factory, Run, Together

__all__ = ["LOG", "check_log"]

LOG: Book[MessageLog] = Book("MessageLog")

_T = 5.0
"""Seconds that every call may take."""


def check_log(
    factory: Factory[MessageLog],
    run: Run = in_asyncio,
    *,
    together: Together = gathered,
    only: Sequence[str] | None = None,
) -> None:
    """Check that a log keeps every promise of `imsim.ports.MessageLog`.

    Args:
        factory: opens an empty log.
        run: drives a coroutine to its end; by default in a loop of asyncio.
        together: runs coroutines beside each other in the world of the port; by default as asyncio does.
        only: names of promises (`LOG.sentences`), instead of all.

    Raises:
        AssertionError: a promise is broken; the message says which.
    """
    LOG.check(factory, run, together, only=only)


def _entry(seq: int, client_id: str, *, epoch: int, conversation: str = "room") -> Entry:
    return Entry(conversation, epoch, seq, client_id, "alice", 1.5, Message(f"text of {client_id}"))


async def _fill(log: MessageLog, seqs: Iterable[int], *, conversation: str = "room") -> tuple[int, list[Entry]]:
    """Fill slots with entries `a-seq`; returns the epoch and the entries."""
    epoch = (await log.state(conversation, timeout=_T)).epoch
    entries = [_entry(seq, f"a-{seq}", epoch=epoch, conversation=conversation) for seq in seqs]
    for entry in entries:
        answer = await log.write(conversation, epoch, entry.seq, entry, 1, timeout=_T)
        expect(answer, OK, f"writing into the empty slot {entry.seq}")
    return epoch, entries


@LOG.promise("a slot is filled once, and a second write is told by what")
async def fills_a_slot_once(log: MessageLog, __: Together) -> None:
    """Put-if-empty, before and after the commit."""
    epoch, (first,) = await _fill(log, [1])
    second = _entry(1, "b-1", epoch=epoch)
    expect(await log.write("room", epoch, 1, second, 1, timeout=_T), Taken(first), "writing into a filled slot")
    expect(await log.peek("room", 1, timeout=_T), first, "the slot after a second write")
    await log.commit("room", epoch, 1, timeout=_T)
    expect(await log.write("room", epoch, 1, second, 1, timeout=_T), Taken(first), "writing into a committed slot")
    expect(await log.peek("room", 1, timeout=_T), first, "the committed slot after another write")


@LOG.promise("of many that write into one slot at once, one fills it, and the others are told by what")
async def lets_one_fill_a_slot(log: MessageLog, together: Together) -> None:
    """Looking and putting are one step."""
    epoch = (await log.state("room", timeout=_T)).epoch
    entries = [_entry(1, f"a-{one}", epoch=epoch) for one in range(CROWD)]
    answers = await together(*(log.write("room", epoch, 1, entry, 1, timeout=_T) for entry in entries))
    there = await log.peek("room", 1, timeout=_T)
    expected = [OK if entry == there else Taken(there) for entry in entries if there is not None]
    expect(list(answers), expected, f"what {CROWD} were told")


@LOG.promise("repeating a write whose outcome is unknown is safe, and tells that it is there")
async def repeats_safely(log: MessageLog, __: Together) -> None:
    """The repeated write finds its own entry, and changes nothing."""
    epoch, (entry,) = await _fill(log, [1])
    expect(await log.write("room", epoch, 1, entry, 1, timeout=_T), Taken(entry), "repeating a write")
    expect(await log.commit("room", epoch, 9, timeout=_T), 1, "committing after the repetition")


@LOG.promise("peek sees every filled slot, and read only committed ones")
async def reads_what_is_committed(log: MessageLog, __: Together) -> None:
    """Written is not yet readable."""
    epoch, (one, two) = await _fill(log, [1, 2])
    expect(list(await log.read("room", 1, 9, timeout=_T)), [], "reading before the commit")
    expect(await log.peek("room", 2, timeout=_T), two, "peeking before the commit")
    expect(await log.peek("room", 3, timeout=_T), None, "peeking into an empty slot")
    await log.commit("room", epoch, 1, timeout=_T)
    expect(list(await log.read("room", 1, 9, timeout=_T)), [one], "reading after committing slot 1")


@LOG.promise("the committed prefix never passes an empty slot")
async def commits_no_hole(log: MessageLog, __: Together) -> None:
    """A hole stops the commit until it is filled."""
    epoch, _ = await _fill(log, [1, 3])
    expect(await log.commit("room", epoch, 3, timeout=_T), 1, "committing past the empty slot 2")
    expect([e.seq for e in await log.read("room", 1, 9, timeout=_T)], [1], "reading below the hole")
    await _fill(log, [2])
    expect(await log.commit("room", epoch, 3, timeout=_T), 3, "committing once slot 2 is filled")


@LOG.promise("commit stops where it is told, and the committed prefix never falls")
async def commits_only_upwards(log: MessageLog, __: Together) -> None:
    """A smaller `upto` changes nothing; `state` tells the same."""
    epoch, _ = await _fill(log, [1, 2, 3])
    expect(await log.commit("room", epoch, 2, timeout=_T), 2, "committing up to 2")
    expect(await log.commit("room", epoch, 1, timeout=_T), 2, "committing up to 1 afterwards")
    expect((await log.state("room", timeout=_T)).committed, 2, "the committed prefix")


@LOG.promise("read gives exactly the asked range, rising, each entry as it was written")
async def reads_the_range(log: MessageLog, __: Together) -> None:
    """Slots filled out of order are read in order."""
    epoch, entries = await _fill(log, [2, 1, 4, 3, 5])
    await log.commit("room", epoch, 5, timeout=_T)
    rising = sorted(entries, key=lambda entry: entry.seq)
    expect(list(await log.read("room", 2, 4, timeout=_T)), rising[1:4], "reading 2..4")
    expect(list(await log.read("room", 4, 99, timeout=_T)), rising[3:], "reading 4..99")
    expect(list(await log.read("room", 3, 2, timeout=_T)), [], "reading an empty range")


@LOG.promise("a smaller token than one that wrote is fenced")
async def fences_older_tokens(log: MessageLog, __: Together) -> None:
    """The fenced write leaves no trace; the equal token goes on."""
    epoch, _ = await _fill(log, [1])
    newer, older, equal = (_entry(seq, f"b-{seq}", epoch=epoch) for seq in (2, 3, 4))
    expect(await log.write("room", epoch, 2, newer, 5, timeout=_T), OK, "writing with token 5")
    expect(await log.write("room", epoch, 3, older, 4, timeout=_T), FENCED, "writing with token 4 after 5")
    expect(await log.peek("room", 3, timeout=_T), None, "the slot of the fenced write")
    expect(await log.write("room", epoch, 4, equal, 5, timeout=_T), OK, "writing with token 5 again")


@LOG.promise("tokens, slots and prefixes of one conversation do not concern another")
async def keeps_conversations_apart(log: MessageLog, __: Together) -> None:
    """The same slot numbers and a smaller token elsewhere."""
    epoch, (mine,) = await _fill(log, [1])
    await log.write("room", epoch, 2, _entry(2, "b-2", epoch=epoch), 7, timeout=_T)
    await log.commit("room", epoch, 2, timeout=_T)
    _, (other,) = await _fill(log, [1], conversation="hall")
    expect((await log.state("hall", timeout=_T)).committed, 0, "the committed prefix of the other conversation")
    expect(await log.peek("hall", 1, timeout=_T), other, "slot 1 of the other conversation")
    expect(await log.peek("room", 1, timeout=_T), mine, "slot 1 of the first conversation")


@LOG.promise("only the present epoch is written and committed")
async def fences_other_epochs(log: MessageLog, __: Together) -> None:
    """Neither an older nor a later epoch has any effect."""
    epoch, _ = await _fill(log, [1])
    for foreign in (epoch - 1, epoch + 1):
        entry = _entry(2, "b-2", epoch=foreign)
        expect(await log.write("room", foreign, 2, entry, 9, timeout=_T), FENCED, f"writing in epoch {foreign}")
        expect(await log.peek("room", 2, timeout=_T), None, f"slot 2 after the write in epoch {foreign}")
        expect(await log.commit("room", foreign, 1, timeout=_T), 0, f"committing in epoch {foreign}")


@LOG.promise("a conversation that nobody wrote to is an empty log")
async def begins_empty(log: MessageLog, __: Together) -> None:
    """Nothing is an answer, and no error."""
    state = await log.state("nobody", timeout=_T)
    expect((state.cut, state.committed, state.trimmed_below), (0, 0, 1), "the state of an unknown conversation")
    expect(list(await log.read("nobody", 1, 9, timeout=_T)), [], "reading an unknown conversation")
    expect(await log.peek("nobody", 1, timeout=_T), None, "peeking into an unknown conversation")
    expect(await log.commit("nobody", state.epoch, 5, timeout=_T), 0, "committing an unknown conversation")
    expect(await log.trim("nobody", 5, timeout=_T), 1, "trimming an unknown conversation")


@LOG.promise("trim drops the committed slots below its bound, no other, and for good")
async def trims_for_good(log: MessageLog, __: Together) -> None:
    """What was trimmed is never read, and never filled again."""
    epoch, entries = await _fill(log, [1, 2, 3, 4])
    await log.commit("room", epoch, 3, timeout=_T)
    expect(await log.trim("room", 3, timeout=_T), 3, "trimming below 3")
    expect(await log.trim("room", 2, timeout=_T), 3, "trimming below 2 afterwards")
    expect(list(await log.read("room", 1, 9, timeout=_T)), [entries[2]], "reading after the trim")
    again = _entry(1, "b-1", epoch=epoch)
    if await log.write("room", epoch, 1, again, 1, timeout=_T) is OK:
        msg = "slot 1 was filled again after it had been trimmed"
        raise AssertionError(msg)
    expect(await log.trim("room", 99, timeout=_T), 4, "trimming past the committed end")
    expect(await log.peek("room", 4, timeout=_T), entries[3], "the slot that is not committed, after the trim")
    state = await log.state("room", timeout=_T)
    expect((state.committed, state.trimmed_below), (3, 4), "committed prefix and lowest slot")
