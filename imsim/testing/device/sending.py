"""What a device promises of what its user writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.protocol.effects import Effect, Transmit, Write
from imsim.protocol.frames import Answer, Cancel, Entry, Message, Outcome, Send, Sent
from imsim.protocol.records import Resolved, SendState
from imsim.testing.device.book import DEVICE, PATIENCE, Opens, holds
from imsim.testing.promise import expect
from imsim.testing.stage import ROOM, USER

if TYPE_CHECKING:
    from collections.abc import Callable


@DEVICE.promise("a message is durable before it is sent")
def writes_before_it_sends(opens: Opens) -> None:
    """Under the client id that the command gave."""
    stage = opens()
    stage.connect()
    client_id = stage.do("send", ROOM, "hello")
    sent, written = stage.place(_offers(client_id)), stage.place(_writes(client_id))
    holds(sent is not None, f"online, it did not send {client_id}")
    holds(written is not None, f"{client_id} was sent and never written")
    if sent is not None and written is not None:
        holds(written < sent, f"{client_id} was sent before it was written")


@DEVICE.promise("no client id is given twice, not after a restart either")
def names_once(opens: Opens) -> None:
    """Messages, edits and recalls alike; ids begin with the install's nonce."""
    stage = opens()
    ids = [stage.do("send", ROOM, f"text {number}") for number in range(3)]
    stage.restart()
    ids += [stage.do("send", ROOM, "later"), stage.do("edit", ROOM, ids[0], "new"), stage.do("recall", ROOM, ids[1])]
    expect(len(set(ids)), len(ids), f"how many client ids there are among {ids}")


@DEVICE.promise("what is not answered is sent again, as it was")
def repeats(opens: Opens) -> None:
    """The same client id and the same content."""
    stage = opens()
    stage.connect()
    client_id = stage.do("send", ROOM, "hello")
    holds(
        stage.wait(PATIENCE, lambda: stage.offered().count(client_id) > 1),
        f"unanswered for {PATIENCE:g} s, {client_id} was not sent again",
    )
    drafts = [draft for frame in stage.frames(Send) for draft in frame.drafts if draft.client_id == client_id]
    holds(all(draft == drafts[0] for draft in drafts), f"sent again, {client_id} is another: {drafts}")


@DEVICE.promise("a message that waits outlives the process")
def remembers(opens: Opens) -> None:
    """Sent after the restart, under its client id."""
    stage = opens()
    client_id = stage.do("send", ROOM, "hello")
    stage.restart()
    holds(not stage.device.is_quiet(), "it is quiet while a message waits")
    stage.connect()
    holds(client_id in stage.offered(), f"after a restart, {client_id} was not sent")


@DEVICE.promise("the messages of a conversation are offered in order, and none while an earlier one is unanswered")
def sends_in_order(opens: Opens) -> None:
    """A batch counts as one; a later message waits."""
    stage = opens()
    ids = [stage.do("send", ROOM, f"text {number}") for number in range(3)]
    stage.connect()
    first = [draft.client_id for draft in stage.frames(Send)[0].drafts]
    expect(first, ids[: len(first)], "the first batch")
    stage.do("send", ROOM, "later")
    stage.wait(5.0)
    holds(set(stage.offered()) <= set(first), f"{stage.offered()} were sent while {first} had no answer")
    stage.serve()
    expect([entry.client_id for entry in stage.log[ROOM]][:3], ids, "the log in the end")


@DEVICE.promise("an accepted message is a durable row at its place, and resolved as sent")
def tells_what_was_sent(opens: Opens) -> None:
    """The same client id, and quiet then."""
    stage = opens()
    stage.connect()
    client_id = stage.do("send", ROOM, "hello")
    stage.take(_ok(client_id, 1))
    rows = [(row.conversation, row.epoch, row.seq, row.author) for row in stage.written(Entry)]
    expect(rows, [(ROOM, 1, 1, USER)], "the rows that were written")
    states = [record.state for record in stage.written(Resolved) if record.client_id == client_id]
    expect(states, [SendState.SENT], "what became of the message")
    expect(stage.device.position(ROOM), (1, 1), "the cursor")


@DEVICE.promise("it is quiet when nothing of the user's waits, and not before")
def knows_when_it_is_quiet(opens: Opens) -> None:
    """A message, and a gap."""
    stage = opens()
    stage.connect()
    holds(stage.device.is_quiet(), "it is not quiet with nothing to do")
    client_id = stage.do("send", ROOM, "hello")
    holds(not stage.device.is_quiet(), "it is quiet while a message is unanswered")
    stage.take(_ok(client_id, 1))
    holds(stage.device.is_quiet(), "it is not quiet after the answer")
    stage.push(Entry(ROOM, 1, 3, "bob-3", "bob", 0.0, Message("three")))
    holds(not stage.device.is_quiet(), "it is quiet while an entry is missing")


@DEVICE.promise("a message that is cancelled before it was ever sent is never sent")
def cancels_what_waits(opens: Opens) -> None:
    """And told as cancelled."""
    stage = opens()
    client_id = stage.do("send", ROOM, "hello")
    holds(stage.do("cancel", client_id), f"cancelling {client_id} was refused")
    states = [record.state for record in stage.written(Resolved) if record.client_id == client_id]
    expect(states, [SendState.CANCELLED], "what became of the message")
    stage.connect()
    stage.wait(60.0)
    expect(stage.offered(), [], "the messages that were sent")


@DEVICE.promise("what may be in the log is cancelled by asking, and only the answer says what it is")
def cancels_by_asking(opens: Opens) -> None:
    """Accepted after all, or cancelled."""
    for answer, state in ((Answer.CANCELLED, SendState.CANCELLED), (Answer.OK, SendState.SENT)):
        stage = opens()
        stage.connect()
        client_id = stage.do("send", ROOM, "hello")
        stage.do("cancel", client_id)
        holds(
            stage.wait(PATIENCE, lambda stage=stage: stage.frames(Cancel)),  # type: ignore[misc]
            "it transmits no Cancel",
        )
        final = [record.state for record in stage.written(Resolved) if record.client_id == client_id]
        expect(final, [], "what became of the message before the answer")
        stage.take(Sent(ROOM, 1, (Outcome(client_id, answer, 1, 1 if answer is Answer.OK else 0),)))
        final = [record.state for record in stage.written(Resolved) if record.client_id == client_id]
        expect(final, [state], f"what became of the message after the answer {answer.value}")


def _writes(client_id: str) -> Callable[[Effect], object]:
    """Whether an effect makes something about an entry durable."""
    return lambda effect: (
        isinstance(effect, Write) and any(getattr(record, "client_id", "") == client_id for record in effect.records)
    )


def _offers(client_id: str) -> Callable[[Effect], object]:
    return lambda effect: (
        isinstance(effect, Transmit)
        and isinstance(effect.frame, Send)
        and any(draft.client_id == client_id for draft in effect.frame.drafts)
    )


def _ok(client_id: str, seq: int) -> Sent:
    return Sent(ROOM, 1, (Outcome(client_id, Answer.OK, 1, seq),))
