"""What a live process tells: one JSON line a fact, appended when it is true; and how the lines become a History.

A process may be killed between a durable write and the line that tells of it, so a device that starts again tells
what its store holds and its file does not. Times are the machine's monotonic clock, which all processes share.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

from imsim.history import Event, Writer
from imsim.history.schema import text_detail
from imsim.protocol.effects import (
    CaughtUp,
    Effect,
    GapNoticed,
    Notify,
    SendChanged,
    Suppressed,
    TailWasLost,
    Transmit,
    Write,
)
from imsim.protocol.frames import (
    Answer,
    Ask,
    Created,
    Edit,
    Entry,
    Frame,
    Join,
    Leave,
    Message,
    Page,
    Push,
    Read,
    Recall,
    Send,
    Sent,
)
from imsim.protocol.records import Missing, Queued, Resolved, SendState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from imsim.history import History
    from imsim.protocol.device import Device

__all__ = ["Facts", "history_of", "of_arrival", "of_device", "of_effect", "of_frame", "of_record", "of_views"]

Fact = dict[str, Any]

_STATES = {
    SendState.SENT: Event.RESOLVED,
    SendState.FAILED: Event.FAILED,
    SendState.CANCELLED: Event.CANCELLED,
}


class Facts:
    """The file of one process; `with` closes it."""

    def __init__(self, path: Path, node: str, now: Callable[[], float]) -> None:
        """Append to `path` what `node` does."""
        self._node = node
        self._now = now
        self._told = {_key(fact) for fact in read(path)}
        torn = path.exists() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
        self._file = path.open("a")
        if torn:  # the process before was killed in the middle of a line
            self._file.write("\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def tell(self, facts: Iterable[Fact]) -> None:
        """Append facts; each line is handed to the system before the next thing happens."""
        now = self._now()  # what one durable write tells is true at one moment
        for fact in facts:
            self._file.write(json.dumps({"t": now, "node": self._node, **fact}) + "\n")
        self._file.flush()

    def tell_again(self, facts: Iterable[Fact]) -> None:
        """Append those of `facts` that no earlier process told."""
        self.tell(fact for fact in facts if _key({"node": self._node, **fact}) not in self._told)


def read(path: Path) -> list[Fact]:
    """The facts of a file; a torn line is none."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(errors="replace").splitlines() if line.endswith("}")]


def _key(fact: Fact) -> tuple[Any, ...]:
    return fact["node"], fact["event"], fact.get("message"), fact.get("conversation"), fact.get("seq")


# ---------------------------------------------------------------------------------------------- a device's


def of_record(record: object) -> list[Fact]:
    """What the user sees of a durable record."""
    if type(record) is Entry:
        return _of_row(record)
    if type(record) is Queued and not record.cancelling:
        kind = "" if type(record.body) is Message else str(type(record.body).__struct_config__.tag)
        size = len(getattr(record.body, "content", ""))
        submitted = _about("submitted", record.client_id, record.conversation, detail=kind, size=size)
        answered = getattr(record.body, "reply_to", None)
        if answered is None:
            return [submitted]
        return [submitted, _about("replied", record.client_id, record.conversation, detail=answered)]
    if type(record) is Resolved and record.state in _STATES:
        return [_about(_STATES[record.state].word, record.client_id, detail=record.reason)]
    if type(record) is Missing:
        return [{"event": "missing", "conversation": record.conversation, "seq": record.low, "op": record.high}]
    return []


def _of_row(row: Entry) -> list[Fact]:
    body = row.body
    if type(body) is Message:
        return [_about("shown", row.client_id, row.conversation, epoch=row.epoch, seq=row.seq)]
    if isinstance(body, Edit | Recall):
        event = "edited" if type(body) is Edit else "recalled"
        return [_about(event, row.client_id, row.conversation, epoch=row.epoch, seq=row.seq, detail=body.target)]
    if type(body) is Read:
        return [{"event": "read", "conversation": body.conversation, "epoch": body.epoch, "seq": body.seq}]
    return []


def of_effect(effect: Effect) -> list[Fact]:
    """What a carried-out effect of a device means to its user."""
    if type(effect) is Write:
        return [fact for record in effect.records for fact in of_record(record)]
    if type(effect) is Transmit:
        return [{"event": "spent", "op": 1}, *_of_request(effect.frame)]
    if type(effect) is not Notify:
        return []
    notice = effect.notice
    if type(notice) is SendChanged and notice.state is SendState.UNKNOWN:
        return [_about("unknown", notice.client_id, detail=notice.reason)]
    if type(notice) is Suppressed:
        return [_about("suppressed", notice.client_id, notice.conversation)]
    if type(notice) is GapNoticed:
        return [{"event": "gap", "conversation": notice.conversation, "seq": notice.seq}]
    if type(notice) is TailWasLost:
        return [_about("tail_lost", notice.client_id, notice.conversation)]
    return [{"event": "caught_up"}] if type(notice) is CaughtUp else []


def _of_request(frame: Frame) -> list[Fact]:
    if type(frame) is Ask:
        return [_of_range("asked", frame)]
    if type(frame) is Send and frame.attempt > 1:
        return [_about("retried", draft.client_id, frame.conversation, attempt=frame.attempt) for draft in frame.drafts]
    return []


def of_arrival(frame: Frame) -> list[Fact]:
    """What a frame that reaches a device means: an answer to what it asked."""
    return [_of_range("answered", frame)] if type(frame) is Page else []


def _of_range(event: str, frame: Ask | Page) -> Fact:
    return {
        "event": event, "conversation": frame.conversation, "epoch": frame.epoch, "seq": frame.low, "op": frame.high,
    }  # fmt: skip


def of_views(device: Device) -> list[Fact]:
    """What its user reads, in the end, of messages that were edited or recalled."""
    return [
        _about("viewed", row.client_id, row.conversation, epoch=row.epoch, seq=row.seq, detail=text_detail(content))
        for row, content in device.changed()
    ]


def of_device(device: Device) -> list[Fact]:
    """Where a device stands in its conversations, between two inputs."""
    facts: list[Fact] = []
    for conversation in device.conversations():
        epoch, mark = device.read_mark(conversation)
        cursor, unread = device.position(conversation)[1], device.unread(conversation)
        facts.append({
            "event": "counted", "conversation": conversation, "epoch": epoch, "seq": mark, "op": cursor, "size": unread,
        })  # fmt: skip
    return facts


# ---------------------------------------------------------------------------------------------- a server's


def of_frame(device: str, frame: Frame) -> list[Fact]:
    """What a frame that a server sends means: a promise, or a push."""
    if type(frame) is Sent:
        return [
            _about("accepted", o.client_id, frame.conversation, epoch=o.epoch or frame.epoch, seq=o.seq, peer=device)
            for o in frame.outcomes
            if o.answer is Answer.OK
        ]
    if type(frame) is Push:
        event = "pushed" if frame.attempt == 1 else "retried"
        return [
            _about(event, e.client_id, e.conversation, epoch=e.epoch, seq=e.seq, peer=device, attempt=frame.attempt)
            for e in frame.entries
        ]
    return []


def _about(event: str, message: str, conversation: str = "", **more: Any) -> Fact:  # noqa: ANN401 (columns)
    return {"event": event, "message": message, "conversation": conversation, **more}


# ---------------------------------------------------------------------------------------------- all together


def history_of(
    facts: list[Fact],
    log: Iterable[Entry],
    names: Mapping[str, str],
    begin: float,
    end: float,
    *,
    healed: Sequence[str] = ("everything", "end"),
) -> History:
    """One History of what all processes told, and of what the log holds in the end.

    Args:
        facts: of all processes, in any order; what each device spent is added up.
        log: every committed entry; each was committed before the first fact about it.
        names: the workload's names of client ids.
        begin: of the run, on the clock of the facts.
        end: of the run, on the same clock.
        healed: what is whole at the end; nothing if the run was cut short.
    """
    first: dict[str, float] = {}
    for fact in facts:
        message = fact.get("message")
        if message and fact["event"] in {"accepted", "pushed", "shown", "edited", "recalled"}:
            first[message] = min(first.get(message, end), fact["t"])
    spent = Counter(fact["node"] for fact in facts if fact["event"] == "spent")
    facts = [fact for fact in facts if fact["event"] != "spent"]
    facts += [{"t": end, "node": node, "event": "spent", "op": frames} for node, frames in sorted(spent.items())]
    facts = [*facts, *(fact for entry in log for fact in _of_commit(entry, first.get(entry.client_id, end)))]
    facts.sort(key=lambda fact: (fact["t"], fact["event"] != "committed"))
    writer = Writer()
    words = {event.word: event for event in Event}
    for fact in facts:
        writer.fact(
            max(0.0, fact["t"] - begin),
            fact["node"],
            words[fact["event"]],
            conversation=fact.get("conversation", ""),
            message=names.get(fact.get("message", ""), fact.get("message", "")),
            epoch=fact.get("epoch", 0),
            seq=fact.get("seq", 0),
            op=fact.get("op", 0) or (writer.nodes.index(fact["peer"]) if fact.get("peer") else 0),
            attempt=fact.get("attempt", 0),
            size=fact.get("size", 0),
            detail=names.get(fact.get("detail", ""), fact.get("detail", "")),
        )
    for detail in healed:
        writer.fact(end - begin, "world", Event.HEALED, detail=detail)
    return writer.finish()


def _of_commit(entry: Entry, t: float) -> list[Fact]:
    body = entry.body
    kind = "" if type(body) is Message else str(type(body).__struct_config__.tag)
    place = {"t": t, "node": "server-1", "conversation": entry.conversation, "epoch": entry.epoch, "seq": entry.seq}
    facts = [{**place, "event": "committed", "message": entry.client_id, "detail": kind}]
    if isinstance(body, Created):
        facts += [{**place, "event": "joined", "detail": user} for user in body.members]
    elif isinstance(body, Join | Leave):
        facts.append({**place, "event": "joined" if isinstance(body, Join) else "left", "detail": body.user})
    return facts
