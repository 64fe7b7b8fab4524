"""A story told frame by frame: what diagrams are tested with."""

from __future__ import annotations

from typing import Any, Self

import pytest

from imsim.history import Event, History, Level, Writer

PHONE, PC, SERVER = "alice/phone", "bob/pc", "server-1"


class Story:
    """Writes a history with frames by hand; every call is one fact at the time `t`, which `later` moves on."""

    def __init__(self, level: Level = Level.FRAMES) -> None:
        self.writer = Writer(level)
        self.t = 0.0
        for device in (PHONE, PC):
            self.say(device, Event.INSTALLED, detail=f"{device}#0")

    def later(self, seconds: float = 1.0) -> Self:
        self.t += seconds
        return self

    def say(self, node: str, event: Event, **columns: Any) -> Self:
        self.writer.fact(self.t, node, event, **columns)
        return self

    def frame(self, event: Event, node: str, peer: str, kind: str, message: str = "", attempt: int = 1) -> Self:
        op = self.writer.nodes.index(peer)
        return self.say(node, event, op=op, detail=kind, message=message, attempt=attempt)

    def sent(self, node: str, peer: str, kind: str, message: str = "", attempt: int = 1) -> Self:
        return self.frame(Event.SENT, node, peer, kind, message, attempt)

    def dropped(self, node: str, peer: str, kind: str, message: str = "", attempt: int = 1) -> Self:
        return self.frame(Event.DROPPED, node, peer, kind, message, attempt)

    def doubled(self, node: str, peer: str, kind: str, message: str = "", attempt: int = 1) -> Self:
        return self.frame(Event.DUPLICATED, node, peer, kind, message, attempt)

    def received(self, node: str, peer: str, kind: str, message: str = "", attempt: int = 1) -> Self:
        """`node` takes what `peer` had sent."""
        return self.frame(Event.RECEIVED, node, peer, kind, message, attempt)

    def shown(self, node: str, message: str, seq: int = 1) -> Self:
        return self.say(node, Event.SHOWN, conversation="chat", message=message, seq=seq)

    def delivered(self, message: str, seq: int = 1, attempt: int = 1) -> Self:
        """A push to bob that arrives a second later and is shown."""
        self.say(SERVER, Event.PUSHED, conversation="chat", message=message, seq=seq)
        self.sent(SERVER, PC, "push", message, attempt).later()
        return self.received(PC, SERVER, "push", message, attempt).shown(PC, message, seq)

    def posted(self, message: str, seq: int = 1) -> Self:
        """Alice writes a message, and a second later it is in the log and accepted."""
        self.say(PHONE, Event.SUBMITTED, conversation="chat", message=message)
        self.sent(PHONE, SERVER, "send", message).later().received(SERVER, PHONE, "send", message)
        self.say("world", Event.COMMITTED, conversation="chat", message=message, seq=seq)
        return self.say(SERVER, Event.ACCEPTED, conversation="chat", message=message, seq=seq)

    def end(self) -> History:
        return self.later().say("world", Event.HEALED, detail="end").writer.finish()


@pytest.fixture
def story() -> Story:
    """Two devices are there, and nothing was written yet."""
    return Story()


@pytest.fixture
def quiet() -> Story:
    """The same, of a run that records no frames."""
    return Story(Level.MESSAGES)
