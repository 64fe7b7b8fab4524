"""One device on a disk of its own, and nobody else: a test plays the server, the network and the clock.

Every command and input is followed by the device's effects, carried out in order as a driver must; a test may let the
process die after any number of them.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from imsim.protocol.config import DeviceConfig
from imsim.protocol.connector import Phase
from imsim.protocol.device import Device
from imsim.protocol.effects import Effect, Notify, SendChanged, Transmit, Write
from imsim.protocol.frames import (
    Ack,
    Answer,
    Body,
    Entry,
    EpochChanged,
    Frame,
    Head,
    Heads,
    Limits,
    Message,
    Outcome,
    Page,
    Push,
    Send,
    Sent,
    Welcome,
)
from imsim.protocol.retry import Fixed
from imsim.sim.disk import Disk

if TYPE_CHECKING:
    from imsim.ports import Draws
    from imsim.protocol.records import Record

__all__ = ["PLAIN", "Alone", "Chance", "entry", "lasting", "message"]

PLAIN = DeviceConfig(send=Fixed(base=2.0, attempts=3), connect=Fixed(base=1.0), ask=Fixed(base=4.0))
"""Delays that a test can add up."""


class Chance:
    """Randomness by the name of what is decided; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def at(self, subject: str, occurrence: int) -> Draws:
        self.asked.append((subject, occurrence))
        return random.Random(f"{subject}/{occurrence}")


def entry(seq: int, body: Body, *, author: str = "bob", epoch: int = 1, where: str = "room", **names: Any) -> Entry:
    """An entry of a conversation; its client id and wall follow from the slot unless they are given."""
    client_id = names.get("client_id", f"{author}-{epoch}{seq:03}")
    return Entry(where, epoch, seq, client_id, author, names.get("wall", float(seq)), body)


def message(seq: int, text: str = "", **names: Any) -> Entry:
    """A message of bob's in the room."""
    return entry(seq, Message(text or f"text {seq}"), **names)


class Alone:
    """A device and its disk.

    Args:
        config: how it behaves.
        limits: what the server says in its welcome.
        install: the driver's value of this installation.
        disk: an earlier device's.
    """

    def __init__(
        self,
        config: DeviceConfig = PLAIN,
        *,
        limits: Limits | None = None,
        install: str = "install",
        disk: Disk | None = None,
    ) -> None:
        self.config = config
        self.limits = limits or Limits(ping=0.0)
        self.install = install
        self.disk = disk or Disk()
        self.now = 0.0
        self.chance = Chance()
        self.wire: object = object()
        self.effects: list[Effect] = []
        self.budget: int | None = None
        """Effects that are still carried out before the process dies (None: it does not)."""
        self.died = False
        self.device = self.load()

    def load(self) -> Device:
        """Begin (again) from what is on the disk."""
        self.device = Device.load(
            self.disk, self.config, self.chance, self.install, user="alice", name="phone", now=self.now
        )
        self.died = False
        self._carry_out()
        return self.device

    # -- inputs

    def do(self, method: str, *args: Any, **options: Any) -> Any:
        """A command or an input, and what follows from it."""
        if self.died:
            return None
        result = getattr(self.device, method)(*args, now=self.now, wall=1e9 + self.now, **options)
        self._carry_out()
        return result

    def send(self, text: str = "hello", where: str = "room", **options: Any) -> str:
        return str(self.do("send", where, text, **options))

    def take(self, *frames: Frame) -> Alone:
        """Frames come on the present connection."""
        for frame in frames:
            self.do("handle_frame", self.wire, frame)
        return self

    def connect(self) -> Alone:
        """Open the app, if it is not open, and be connected."""
        self.do("open")
        return self.dial().take(Welcome("session", 1, self.limits))

    def dial(self) -> Alone:
        """The connection that the device waits for is made."""
        if self.device.phase is Phase.WAITING:
            self.wait(max(0.0, (self.device.wake_at or 0.0) - self.now))
        self.wire = object()
        self.do("handle_connected", self.wire)
        return self

    def cut(self) -> Alone:
        """The connection is gone."""
        self.do("handle_disconnected", "cut")
        return self

    def wait(self, seconds: float) -> Alone:
        """Let time pass, with every wake-up on the way."""
        until = self.now + seconds
        for _ in range(1000):
            due = self.device.wake_at
            if self.died or due is None or due > until:
                self.now = until
                return self
            self.now = max(self.now, due)
            self.do("handle_wake")
        raise AssertionError("the device wakes up without end")

    def push(self, *entries: Entry) -> Alone:
        return self.take(Push(entries[0].conversation, entries[-1].epoch, entries))

    def page(self, low: int, high: int, *entries: Entry, head: int = 0, **options: Any) -> Alone:
        where, epoch = options.pop("where", "room"), options.pop("epoch", 1)
        return self.take(Page(where, epoch, low, high, entries, max(head, high), **options))

    def heads(self, head: int, *, where: str = "room", epoch: int = 1, number: int = 0) -> Alone:
        return self.take(Heads((Head(where, epoch, head),), number))

    def answer(self, *outcomes: tuple[str, Answer, int], epoch: int = 1, where: str = "room") -> Alone:
        """The server answers a Send or a Cancel."""
        found = tuple(
            Outcome(client_id, answer, epoch if answer is Answer.OK else 0, seq) for client_id, answer, seq in outcomes
        )
        return self.take(Sent(where, epoch, found))

    def epoch(self, epoch: int, cut: int, where: str = "room") -> Alone:
        return self.take(EpochChanged(where, epoch, cut))

    def restart(self) -> Alone:
        """The process dies and comes back; nothing is connected."""
        self.budget = None
        self.wire = object()
        self.load()
        return self

    # -- what was done

    def frames(self, *kinds: type) -> list[Any]:
        """Every frame that was transmitted, of these kinds."""
        found = [effect.frame for effect in self.effects if isinstance(effect, Transmit)]
        return [frame for frame in found if not kinds or isinstance(frame, kinds)]

    def last(self, kind: type) -> Any:
        """The latest frame of a kind."""
        return self.frames(kind)[-1]

    def notices(self, *kinds: type) -> list[Any]:
        found = [effect.notice for effect in self.effects if isinstance(effect, Notify)]
        return [notice for notice in found if not kinds or isinstance(notice, kinds)]

    def told(self, client_id: str) -> list[str]:
        """What the user was told of an own entry, in order."""
        return [str(n.state) for n in self.notices(SendChanged) if n.client_id == client_id]

    def written(self, kind: type | None = None) -> list[Record]:
        """Every record that was made durable."""
        found = [record for effect in self.effects if isinstance(effect, Write) for record in effect.records]
        return [record for record in found if kind is None or isinstance(record, kind)]

    def offered(self) -> list[list[str]]:
        """The client ids of every Send, in order."""
        return [[draft.client_id for draft in frame.drafts] for frame in self.frames(Send)]

    def texts(self, where: str = "room") -> list[str | None]:
        return [row.content for row in self.device.view(where)]

    def acked(self, where: str = "room") -> Ack:
        found: Ack = next(ack for ack in reversed(self.frames(Ack)) if ack.conversation == where)
        return found

    def clear(self) -> Alone:
        self.effects.clear()
        return self

    def _carry_out(self) -> None:
        for effect in self.device.poll():
            if self.budget is not None:
                if self.budget == 0:
                    self.died = True
                    return
                self.budget -= 1
            if isinstance(effect, Write):
                self.disk.write(effect.records)
            self.effects.append(effect)
            self.carried_out(effect)

    def carried_out(self, effect: Effect) -> None:
        """For who looks at every effect at the moment when it is done."""


def lasting(device: Device, places: tuple[str, ...] = ("room", "hall", "~alice")) -> dict[str, Any]:
    """What a restart must not change: everything that is known and wanted, as a user or the server may ask for it."""
    state: dict[str, Any] = {"install": device.install, "resolved_below": device.resolved_below}
    for place in places:
        inbox = device.inbox(place)
        state[place] = (
            inbox.epoch,
            inbox.cuts,
            inbox.known,
            inbox.missing,
            device.read_mark(place),
            device.unread(place),
            [(row.client_id, row.content, row.epoch, row.seq) for row in device.view(place)],
        )
    return state
