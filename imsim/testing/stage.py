"""A stage for one device: its disk, and a server, a network and a clock that are played.

Whoever puts a promise of a device to the test says what happens and looks at what the device did. Every command and
input is followed by the device's effects, carried out in order as a driver must, and the process may die after any
number of them: then the server has heard what was transmitted, and its answers are lost. The server of the stage is one
log that accepts, pages and repeats, and never fails; so what is wrong in the end is the device's doing.

What does not belong here: what is promised (device.py), and how networks and servers fail (sim/).
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final, TypeVar

from imsim.protocol.effects import Connect, Disconnect, Transmit, Write
from imsim.protocol.frames import (
    Ack,
    Answer,
    Ask,
    Body,
    Cancel,
    Check,
    Draft,
    Entry,
    Frame,
    Head,
    Heads,
    Hello,
    Limits,
    Message,
    NoOp,
    Outcome,
    Page,
    Ping,
    Pong,
    Push,
    Send,
    Sent,
    Welcome,
)
from imsim.sim.disk import Disk

if TYPE_CHECKING:
    from collections.abc import Callable

    from imsim.ports import Draws
    from imsim.protocol.config import DeviceConfig
    from imsim.protocol.contract import AnyDevice, DeviceFactory
    from imsim.protocol.effects import Effect
    from imsim.protocol.records import Record

__all__ = ["INSTALL", "NAME", "OWN", "ROOM", "USER", "Stage"]

USER: Final = "alice"
NAME: Final = "alice/phone"
OWN: Final = "~alice"
ROOM: Final = "room"
INSTALL: Final = "alice/phone#0"

_WALL: Final = 1.7e9
_PATIENCE: Final = 300.0
"""Seconds in which a device does what it does by itself."""
_WAKES: Final = 2000
"""How often a device is woken while time passes, at most."""

K = TypeVar("K")


class _Chance:
    """Randomness by the name of what is decided."""

    def at(self, subject: str, occurrence: int) -> Draws:
        return random.Random(f"{subject}/{occurrence}")


class Stage:
    """One device and all that it deals with.

    Args:
        factory: makes the device.
        config: how it is to behave.

    Attributes:
        config: how it was told to behave.
        device: the running device.
        effects: everything that it had done.
        log: the entries of every conversation, as the server has them.
        dies_after: how many more effects are carried out before the process dies; None: it does not.
        died: whether it has.
        dialling: whether the device wants a connection that is not made.
        wire: the present connection.
    """

    def __init__(self, factory: DeviceFactory, config: DeviceConfig) -> None:
        self.config = config
        self.now = 0.0
        self.disk = Disk()
        self.effects: list[Effect] = []
        self.log: dict[str, list[Entry]] = {}
        self.dies_after: int | None = None
        self.died = False
        self.dialling = False
        self.wire: object = object()
        self._factory = factory
        self._unheard: list[Frame] = []
        """Frames that the server has to answer."""
        self.device = self.load()

    # ------------------------------------------------------------------------------------------ what happens

    def load(self, install: str = INSTALL) -> AnyDevice:
        """The process begins, with what is on the disk; nothing is connected."""
        self._hear_only()
        self.died, self.dialling, self.wire = False, False, object()
        self.dies_after = None
        self.device = self._factory.load(self.disk, self.config, _Chance(), install, user=USER, name=NAME, now=self.now)
        self.carry_out()
        return self.device

    def do(self, method: str, *args: object, **more: object) -> Any:  # noqa: ANN401 (what the method gives)
        """A command or an input, and what follows from it; nothing where the process is dead."""
        if self.died:
            return None
        result = getattr(self.device, method)(*args, now=self.now, wall=_WALL + self.now, **more)
        self.carry_out()
        return result

    def carry_out(self) -> None:
        """Carry out what the device wants, as long as it lives."""
        for effect in self.device.poll():
            if self.dies_after == 0:
                self.died = True
                return
            if self.dies_after is not None:
                self.dies_after -= 1
            self.effects.append(effect)
            if isinstance(effect, Write):
                self.disk.write(effect.records)
            elif isinstance(effect, Transmit) and not isinstance(effect.frame, Ack):
                self._unheard.append(effect.frame)
            elif isinstance(effect, Connect | Disconnect):
                self.dialling = isinstance(effect, Connect)

    def wait(self, seconds: float, until: Callable[[], object] = lambda: False) -> bool:
        """Let time pass, with every wake-up on the way; whether `until` came true."""
        end = self.now + seconds
        for _ in range(_WAKES):
            due = self.device.wake_at
            if self.died or until():
                break
            if due is None or due > end:
                self.now = end
                break
            self.now = max(self.now, due)
            self.do("handle_wake")
        return bool(until())

    def connect(self) -> None:
        """Open the app and make the connection that the device wants; the server welcomes it.

        Raises:
            AssertionError: it wants none, or does not greet.
        """
        self.do("open")
        self.dial()
        self.take(Welcome("session", 1, Limits(ping=0.0)))

    def dial(self) -> Hello | None:
        """Make the connection that the device wants, and hear its greeting; None where the process died.

        Raises:
            AssertionError: it wants none, or does not greet.
        """
        if not self.wait(_PATIENCE, lambda: self.dialling) and not self.died:
            raise AssertionError("the device asks for no connection")
        self.dialling, self.wire = False, object()
        self._unheard.clear()
        self.do("handle_connected", self.wire)
        if self.died:
            return None
        hello = next((frame for frame in self._unheard if isinstance(frame, Hello)), None)
        if hello is None:
            raise AssertionError("the device is connected and does not greet")
        return hello

    def take(self, *frames: Frame) -> None:
        """Frames come on the present connection."""
        for frame in frames:
            self.do("handle_frame", self.wire, frame)

    def cut(self) -> None:
        """The connection is gone, and with it what was on its way."""
        self._unheard.clear()
        self.dialling = False
        self.do("handle_disconnected", "cut")

    def restart(self) -> None:
        """The process dies, if it has not, and begins again."""
        self.load()

    # ------------------------------------------------------------------------------------------ the server

    def write(self, body: Body | str, author: str = "bob", conversation: str = ROOM) -> Entry:
        """Somebody else's entry is in the log; nobody tells the device."""
        log = self.log.setdefault(conversation, [])
        said = Message(body) if isinstance(body, str) else body
        entry = Entry(conversation, 1, len(log) + 1, f"{author}-{len(log)}", author, _WALL + len(log), said)
        log.append(entry)
        return entry

    def push(self, *entries: Entry) -> None:
        """Entries are pushed."""
        self.take(Push(entries[0].conversation, 1, entries))

    def serve(self) -> None:
        """Answer all that the device transmits, and let time pass, until it is quiet and holds everything.

        Raises:
            AssertionError: that never comes.
        """
        for _ in range(100):
            if self.died:
                return
            while self._unheard and not self.died:
                self._answer(self._unheard.pop(0))
            if self.device.is_quiet() and self.holds_all():
                return
            if not self.device.online:
                self.connect()
            else:
                self.take(*(Heads((Head(c, 1, len(log)),)) for c, log in self.log.items()))
                self.wait(10.0, lambda: bool(self._unheard))
        raise AssertionError("connected to a server that answers everything, it is not quiet and up to date in the end")

    def holds_all(self) -> bool:
        """Whether the device's cursors are where the logs end."""
        return all(self.device.position(conversation) == (1, len(log)) for conversation, log in self.log.items())

    def _hear_only(self) -> None:
        """The server hears what is on its way, and nobody hears its answers."""
        while self._unheard:
            frame = self._unheard.pop(0)
            if isinstance(frame, Send):
                for draft in frame.drafts:
                    self._accept(frame.conversation, draft)
            elif isinstance(frame, Cancel):
                self._withdraw(frame)

    def _answer(self, frame: Frame) -> None:
        if isinstance(frame, Hello):
            self.take(Welcome("session", 1, Limits(ping=0.0)))
        elif isinstance(frame, Send):
            self.take(Sent(frame.conversation, 1, tuple(self._accept(frame.conversation, d) for d in frame.drafts)))
        elif isinstance(frame, Cancel):
            self.take(Sent(frame.conversation, 1, (self._withdraw(frame),)))
        elif isinstance(frame, Ask):
            log = self.log.get(frame.conversation, [])
            high = min(frame.high or len(log), len(log))
            self.take(Page(frame.conversation, 1, frame.low, high, tuple(log[frame.low - 1 : high]), len(log)))
        elif isinstance(frame, Check) and not frame.hold:  # what may be held is held: nothing new comes meanwhile
            heads = tuple(Head(conversation, 1, len(log)) for conversation, log in self.log.items())
            self.take(Heads(heads, frame.number))
        elif isinstance(frame, Ping):
            self.take(Pong(frame.number))

    def _accept(self, conversation: str, draft: Draft) -> Outcome:
        """Once for each client id, however often it is offered."""
        log = self.log.setdefault(conversation, [])
        found = next((entry for entry in log if entry.client_id == draft.client_id), None)
        if found is None:
            found = Entry(conversation, 1, len(log) + 1, draft.client_id, USER, draft.wall, draft.body)
            log.append(found)
        elif isinstance(found.body, NoOp):
            return Outcome(draft.client_id, Answer.CANCELLED)
        elif found.body != draft.body:
            return Outcome(draft.client_id, Answer.CONFLICT)
        return Outcome(draft.client_id, Answer.OK, 1, found.seq)

    def _withdraw(self, cancel: Cancel) -> Outcome:
        log = self.log.setdefault(cancel.conversation, [])
        found = next((entry for entry in log if entry.client_id == cancel.client_id), None)
        if found is None:
            log.append(Entry(cancel.conversation, 1, len(log) + 1, cancel.client_id, "", 0.0, NoOp()))
            return Outcome(cancel.client_id, Answer.CANCELLED)
        if isinstance(found.body, NoOp):
            return Outcome(cancel.client_id, Answer.CANCELLED)
        return Outcome(cancel.client_id, Answer.OK, 1, found.seq)

    # ------------------------------------------------------------------------------------------ what was done

    def frames(self, kind: type[K]) -> list[K]:
        """Every frame of a kind that was transmitted."""
        found = [effect.frame for effect in self.effects if isinstance(effect, Transmit)]
        return [frame for frame in found if isinstance(frame, kind)]

    def written(self, kind: type[K]) -> list[K]:
        """Every record of a kind that was made durable."""
        found: list[Record] = [
            record for effect in self.effects if isinstance(effect, Write) for record in effect.records
        ]
        return [record for record in found if isinstance(record, kind)]

    def offered(self) -> list[str]:
        """The client ids of every Send, in order."""
        return [draft.client_id for frame in self.frames(Send) for draft in frame.drafts]

    def place(self, matches: Callable[[Effect], object]) -> int | None:
        """Which effect is the first that matches; None if none does."""
        return next((number for number, effect in enumerate(self.effects) if matches(effect)), None)

    def acked(self, conversation: str = ROOM) -> Ack | None:
        """The latest acknowledgement of a conversation."""
        return next((ack for ack in reversed(self.frames(Ack)) if ack.conversation == conversation), None)
