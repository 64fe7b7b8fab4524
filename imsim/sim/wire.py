"""Frames on their way between a device and a server, with their keys and rows.

The hot path of the whole simulator goes through this file and network.py: a frame is handed over, one keyed draw
decides its fate, a light call brings it to the other end. What is asked of every frame is therefore decided once,
when the world is built: `wire_type` and the two receivers close over the world's parts, and the two frames that
make up nearly all traffic, a push and its acknowledgement, are handled in line. Everything else goes through
`Traffic`, plainly.

Keys. The n-th push of alice-3 to bob/phone is counted until bob/phone acknowledged alice-3, since nothing is pushed
after that, unless the device forgets it (a wipe, a change of epoch): then counting goes on above everything that it
was ever pushed. An acknowledgement is named by the push that it answers. All other frames are counted by kind and
subject.
"""

# ruff: noqa: SLF001 - hot code reads the kernel's clock, as the kernel documents
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imsim.history import Event
from imsim.protocol.codec import Codec
from imsim.protocol.effects import Transmit, Write
from imsim.protocol.frames import (
    Ack,
    Answer,
    Ask,
    EpochChanged,
    Frame,
    Hint,
    Message,
    Page,
    Push,
    Send,
    Sent,
)
from imsim.sim.connection import Connection
from imsim.sim.decisions import FRAMES, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from imsim.sim.device_node import DeviceNode
    from imsim.sim.naming import Named
    from imsim.sim.server_node import ServerNode
    from imsim.sim.world import World

    Flight = tuple[Any, Any, Any, int]

__all__ = ["Traffic", "Wire", "receiver_down", "receiver_up", "wire_type"]

AIRTIME = 1e-6
"""Seconds for which a radio is busy with one byte: 8 Mbit/s. Its tail costs a thousand times as much as the bytes."""
_ACK_BYTES = 64
_HOT = (Write, Transmit)
_JSON = Codec.JSON
_FRAME_TYPES: tuple[type, ...] = Frame.__args__  # type: ignore[attr-defined]
_KINDS: dict[type, Kind] = {kind: FRAMES[kind.__struct_config__.tag] for kind in _FRAME_TYPES}  # type: ignore[attr-defined]


class Wire(Connection):
    """A connection; for the server it is the `Link` port, and `session` is the `Channel` by which it knows it."""

    __slots__ = ()

    device: DeviceNode
    server: ServerNode

    def send(self, frame: Frame) -> None:  # noqa: ARG002 (what a world's own wire does with it)
        """Hand a frame to the device's end (the `Link` port)."""
        raise TypeError

    def close(self, reason: str) -> None:
        """Close the server's end (the `Link` port)."""
        self.server.close(self, reason)


def wire_type(world: World) -> type[Wire]:
    """The connections of one world."""
    naming, kernel, row, traffic = world.naming, world.kernel, world.row, world.traffic
    push_salt = world.decisions.kind_salt(Kind.PUSH)
    last_frame: Frame | None = None
    last_message: Named | None = None

    class WorldWire(Wire):
        __slots__ = ()

        def send(self, frame: Frame) -> None:
            nonlocal last_frame, last_message
            if type(frame) is not Push:
                traffic.send_down(self, frame)
                return
            if frame is last_frame:  # the same frame goes to every reader
                message = last_message
            else:
                message = last_message = naming.of(frame.entries[0])
                last_frame = frame
                if not message.size and len(frame.entries) == 1:
                    message.size = len(_JSON.encode(frame))
            assert message is not None  # noqa: S101 (set together with `last_frame`)
            node, server = self.device, self.server
            pushes = node.pushes
            if pushes is None:
                pushes = node.pushes = {}
            subject = message.subject
            occurrence = pushes[subject] = pushes.get(subject, node.pushed_before) + 1
            entry = frame.entries[0]
            if frame.attempt == occurrence == 1 and len(frame.entries) == 1:
                row(
                    kernel._now, server.index, server.number, Event.PUSHED, message.conversation, message.index,
                    entry.epoch, entry.seq, node.index, 1,
                )  # fmt: skip
                size = message.size
            else:
                size = traffic.push_again(self, frame, message, occurrence)
            node.bytes_down += size
            if node.meter is not None:
                node.meter.transfer(kernel._now, size * AIRTIME, down=size)
            if traffic.frames:
                traffic.sent_row(self, frame, message, occurrence, size, down=True)
            world.network.send_down(self, frame, message, push_salt, occurrence, size)

    return WorldWire


def receiver_down(world: World) -> Callable[[Flight], None]:
    """What happens when a frame reaches a device."""
    kernel, row, traffic, epoch = world.kernel, world.row, world.traffic, world.epoch
    send_up = world.network.send_up
    ack_salt = world.decisions.kind_salt(Kind.ACK)
    plain = not traffic.frames and not world.decisions.deviating

    def arrive(flight: Flight) -> None:
        wire, frame, message, occurrence = flight
        node = wire.device
        device = node.device
        if device is None or not wire.device_open:
            return
        if not plain or type(frame) is not Push or node.waiting is not None or node.special:
            traffic.receive_down(flight)
            return
        now = kernel._now
        device.handle_frame(wire, frame, now=now, wall=now + epoch)
        effects = device.poll()
        # hot: a push that continues what is known leads to one row and one acknowledgement, and moves no timer
        if len(effects) == len(_HOT) and type(effects[0]) is Write and type(effects[1]) is Transmit:
            records = effects[0].records
            entry = records[0]
            if len(records) == 1 and entry is frame.entries[0] and type(entry.body) is Message:
                node.disk.write(records)
                row(
                    now, node.index, node.lives, Event.SHOWN, message.conversation, message.index, entry.epoch,
                    entry.seq,
                )  # fmt: skip
                node.bytes_up += _ACK_BYTES
                node.requests += 1
                if node.meter is not None:
                    node.meter.transfer(now, _ACK_BYTES * AIRTIME, up=_ACK_BYTES)
                send_up(wire, effects[1].frame, message, ack_salt, occurrence, _ACK_BYTES)
                return
        node.carry_out(effects, message, occurrence)

    return arrive


def receiver_up(world: World) -> Callable[[Flight], None]:
    """What happens when a frame reaches a server."""
    kernel, row, traffic = world.kernel, world.row, world.traffic

    def arrive(flight: Flight) -> None:
        wire, frame, message, occurrence = flight
        if not wire.server_open:
            return
        server = wire.server
        if type(frame) is Ack:
            node = wire.device
            pushes = node.pushes
            if pushes is not None:
                pushes.pop(message.subject, None)
                if not pushes:
                    node.pushes = None  # an emptied dict is not small, and most devices are idle
            row(
                kernel._now, server.index, server.number, Event.ACKNOWLEDGED, message.conversation, message.index,
                frame.epoch, frame.upto, node.index,
            )  # fmt: skip
        if traffic.frames:
            traffic.received_row(server.index, server.number, wire.device.index, message, occurrence, frame)
        server.take(wire, frame)

    return arrive


class Traffic:
    """All frames but the ordinary push and its acknowledgement."""

    __slots__ = ("_salts", "_world", "frames")

    def __init__(self, world: World) -> None:
        self._world = world
        self._salts = {type_: world.decisions.kind_salt(kind) for type_, kind in _KINDS.items()}
        self.frames = world.frames

    # ------------------------------------------------------------------------------------------ from the device

    def send_up(self, wire: Wire, frame: Frame, message: Named | None, occurrence: int) -> None:
        """A device hands a frame over; `message` and `occurrence` name the push that it answers, if any."""
        world, node = self._world, wire.device
        kind = type(frame)
        salt = self._salts[kind]
        size = _ACK_BYTES if kind is Ack else len(_JSON.encode(frame))
        if kind is not Ack or message is None:
            message = node.subject_of(frame)
            occurrence = node.count(salt ^ message.subject)
        if type(frame) is Send and frame.attempt > 1:
            self._retried(node, frame)
        elif type(frame) is Ask:
            self.round_row(node, Event.ASKED, frame)
        node.bytes_up += size
        node.requests += 1
        if node.meter is not None:
            node.meter.transfer(world.kernel._now, size * AIRTIME, up=size)
        if self.frames:
            self.sent_row(wire, frame, message, occurrence, size, down=False)
        world.network.send_up(wire, frame, message, salt, occurrence, size)

    def round_row(self, node: DeviceNode, event: Event, frame: Ask | Page) -> None:
        """A device asks for a range, or a page with some of it reaches it."""
        self._world.fact(
            node, event, conversation=frame.conversation, epoch=frame.epoch, seq=frame.low, op=frame.high
        )  # fmt: skip

    def _retried(self, node: DeviceNode, frame: Send) -> None:
        world = self._world
        for draft in frame.drafts:
            named = world.naming.of_id(draft.client_id, frame.conversation)
            world.row(
                world.kernel._now, node.index, node.lives, Event.RETRIED, named.conversation, named.index, 0, 0, 0,
                frame.attempt,
            )  # fmt: skip

    # ------------------------------------------------------------------------------------------ from the server

    def send_down(self, wire: Wire, frame: Frame) -> None:
        """A server hands over something else than a push."""
        world, node = self._world, wire.device
        kind = type(frame)
        if type(frame) is Sent:
            self._accepted_rows(wire, frame)
        message = self._subject_of(node, frame)
        salt = self._salts[kind]
        occurrence = node.count(salt ^ message.subject)
        size = len(_JSON.encode(frame))
        node.bytes_down += size
        if node.meter is not None:
            node.meter.transfer(world.kernel._now, size * AIRTIME, down=size)
        if self.frames:
            self.sent_row(wire, frame, message, occurrence, size, down=True)
        world.network.send_down(wire, frame, message, salt, occurrence, size)

    def push_again(self, wire: Wire, frame: Push, message: Named, occurrence: int) -> int:
        """The rows of a repeated push, or of one with several entries; its bytes."""
        world, server = self._world, wire.server
        wire.device.most_pushes = max(wire.device.most_pushes, occurrence)
        event = Event.PUSHED if frame.attempt == 1 else Event.RETRIED
        for entry in frame.entries:
            named = world.naming.of(entry)
            world.row(
                world.kernel._now, server.index, server.number, event, named.conversation, named.index, entry.epoch,
                entry.seq, wire.device.index, frame.attempt,
            )  # fmt: skip
        return message.size if len(frame.entries) == 1 else len(_JSON.encode(frame))

    def _accepted_rows(self, wire: Wire, frame: Sent) -> None:
        world, server = self._world, wire.server
        for outcome in frame.outcomes:
            if outcome.answer is Answer.OK:
                named = world.naming.of_id(outcome.client_id, frame.conversation)
                world.row(
                    world.kernel._now, server.index, server.number, Event.ACCEPTED, named.conversation, named.index,
                    outcome.epoch or frame.epoch, outcome.seq, wire.device.index,
                )  # fmt: skip

    def _subject_of(self, node: DeviceNode, frame: Frame) -> Named:
        naming = self._world.naming
        if type(frame) is Sent:
            return naming.of_id(frame.outcomes[0].client_id, frame.conversation)
        if type(frame) is Page:
            return naming.other(f"{frame.conversation}[{frame.low}..{frame.high}]", frame.conversation)
        if type(frame) is Hint or type(frame) is EpochChanged:
            return naming.other(frame.conversation, frame.conversation)
        return naming.other(node.name)

    # ------------------------------------------------------------------------------------------ at the device

    def receive_down(self, flight: Flight) -> None:
        """A frame reaches a device: the plain way, for every frame and every device."""
        wire, frame, message, occurrence = flight
        node: DeviceNode = wire.device
        if node.device is None:
            return
        if self.frames:
            self.received_row(node.index, node.lives, wire.server.index, message, occurrence, frame)
        node.take(wire, frame, message, occurrence)

    # ------------------------------------------------------------------------------------------ rows of frames

    def kind_of(self, frame: object) -> Kind:
        """What kind of decision a frame is."""
        return _KINDS[type(frame)]

    def sent_row(self, wire: Wire, frame: Frame, message: Named, occurrence: int, size: int, *, down: bool) -> None:
        """A frame was handed over."""
        node, server = wire.device, wire.server
        sender, number, peer = (
            (server.index, server.number, node.index) if down else (node.index, node.lives, server.index)
        )
        self._world.frame_row(Event.SENT, sender, number, message, peer, occurrence, _KINDS[type(frame)], size)

    def received_row(self, index: int, number: int, peer: int, message: Named, occurrence: int, frame: Frame) -> None:
        """A frame arrived."""
        self._world.frame_row(Event.RECEIVED, index, number, message, peer, occurrence, _KINDS[type(frame)])
