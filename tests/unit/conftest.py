"""What unit tests share: the command, and a small conversation, told fact by fact, for judges and figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import pytest

from imsim import cli
from imsim.history import Event, History, Writer

if TYPE_CHECKING:
    from collections.abc import Callable

SERVER = "server-1"


class Chat:
    """Writes a history by hand: alice (a phone) and bob (a phone and a pc) in the conversation `chat`.

    Every call is one fact, a second after the one before, and returns the chat, so that calls are chained.
    """

    def __init__(self, *, members: tuple[str, ...] = ("alice", "bob")) -> None:
        self.writer = Writer()
        self.t = 0.0
        for device in ("alice/phone", "bob/phone", "bob/pc"):
            self.say(device, Event.INSTALLED, detail=f"{device}#0")
        for member in members:
            self.say(SERVER, Event.JOINED, conversation="chat", seq=1, detail=member)

    def say(self, node: str, event: Event, **columns: Any) -> Self:
        """Any fact."""
        self.writer.fact(self.t, node, event, **columns)
        self.t += 1.0
        return self

    def submit(self, device: str, message: str, *, kind: str = "", conversation: str = "chat") -> Self:
        return self.say(device, Event.SUBMITTED, conversation=conversation, message=message, detail=kind)

    def commit(self, message: str, seq: int, *, epoch: int = 0, kind: str = "", conversation: str = "chat") -> Self:
        return self.say(
            SERVER, Event.COMMITTED, conversation=conversation, message=message, epoch=epoch, seq=seq, detail=kind
        )

    def accept(self, message: str, seq: int, *, epoch: int = 0) -> Self:
        return self.say(SERVER, Event.ACCEPTED, conversation="chat", message=message, epoch=epoch, seq=seq)

    def resolve(self, device: str, message: str, seq: int = 0, *, epoch: int = 0) -> Self:
        return self.say(device, Event.RESOLVED, conversation="chat", message=message, epoch=epoch, seq=seq)

    def show(self, message: str, seq: int, *devices: str, epoch: int = 0, conversation: str = "chat") -> Self:
        for device in devices or ("alice/phone", "bob/phone", "bob/pc"):
            self.say(device, Event.SHOWN, conversation=conversation, message=message, epoch=epoch, seq=seq)
        return self

    def send(self, device: str, message: str, seq: int, *, epoch: int = 0) -> Self:
        """Submitted, committed, accepted and resolved, but shown to nobody yet."""
        self.submit(device, message).commit(message, seq, epoch=epoch).accept(message, seq, epoch=epoch)
        return self.resolve(device, message, seq, epoch=epoch)

    def count(self, device: str, cursor: int, *, mark: int = 0, unread: int = 0, epoch: int = 0) -> Self:
        """Where a device says that it stands."""
        return self.say(device, Event.COUNTED, conversation="chat", epoch=epoch, seq=mark, op=cursor, size=unread)

    def operate(self, event: Event, name: str, target: str, seq: int, *devices: str) -> Self:
        """An edit or a recall by alice, on everybody's devices or on those that are named."""
        kind = {Event.EDITED: "edit", Event.RECALLED: "recall"}[event]
        self.submit("alice/phone", name, kind=kind).commit(name, seq, kind=kind).accept(name, seq)
        self.resolve("alice/phone", name, seq)
        for device in devices or ("alice/phone", "bob/phone", "bob/pc"):
            self.say(device, event, conversation="chat", message=name, seq=seq, detail=target)
        return self

    def history(self) -> History:
        """The facts so far, of a run that was cut short."""
        return self.writer.finish()

    def end(self) -> History:
        """The facts, of a run that came to its end."""
        return self.say("world", Event.HEALED, detail="end").history()


@pytest.fixture
def imsim(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[Any, str, str]]:
    """Run the command in this process: its exit code, standard output and standard error."""

    def call(*arguments: str) -> tuple[Any, str, str]:
        with pytest.raises(SystemExit) as stop:
            cli.main(arguments)
        out, err = capsys.readouterr()
        return stop.value.code, out, err

    return call


@pytest.fixture
def new_chat() -> type[Chat]:
    """The class, for tests that need other members."""
    return Chat


@pytest.fixture
def chat() -> Chat:
    """Everybody is there, and nothing was written yet."""
    return Chat()
