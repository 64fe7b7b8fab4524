"""One connection between a device and a server, as both ends use it: frames get their keys and their rows here.

The hot path of the whole simulator goes through this file and network.py: a frame is handed over, one keyed draw decides its fate, a
light call brings it to the other end. So what is asked of each frame is decided once, when the world is built: `Traffic`
is a set of closures over the world's parts, and the keys of the two frames that matter (a push and its
acknowledgement) are counted by what they carry.

Keys. The n-th push of alice-3 to bob/phone is counted until bob/phone acknowledged alice-3, since nothing is pushed after
that. An acknowledgement is named by the push that it answers. All other frames are counted by kind and subject.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imsim.history import Event
from imsim.protocol.frames import (
    Ack,
    Answer,
    Codec,
    EpochChanged,
    Frame,
    Heads,
    Hint,
    Page,
    Push,
    Send,
    Sent,
    Welcome,
)
from imsim.sim.decisions import FRAMES, Kind
from imsim.sim.network import Connection

if TYPE_CHECKING:
    from imsim.sim.device_node import DeviceNode
    from imsim.sim.naming import Named
    from imsim.sim.server_node import ServerNode
    from imsim.sim.world import World

__all__ = ["Traffic", "Wire"]

_ACK_BYTES = 64
_JSON = Codec.JSON


class Wire(Connection):
    """A connection; for the server it is the `Link` port, and `session` is the `Channel` by which it knows it."""

    __slots__ = ()

    device: DeviceNode
    server: ServerNode

    def send(self, frame: Frame) -> None:
        """Hand a frame to the device's end (the `Link` port)."""
        self.server.traffic.send_down(self, frame)

    def close(self, reason: str) -> None:
        """Close the server's end (the `Link` port)."""
        self.server.close(self, reason)


class Traffic:
    """Frames in both directions, with their keys and rows, for one world."""

    __slots__ = ("_kinds", "_push_message", "_pushed", "_salts", "_world")

    def __init__(self, world: World) -> None:
        self._world = world
        kinds = {type_: FRAMES[type_.__struct_config__.tag] for type_ in _FRAME_TYPES}
        self._kinds = kinds
        self._salts = {type_: world.decisions.kind_salt(kind) for type_, kind in kinds.items()}
        self._pushed: Push | None = None
        self._push_message: Named | None = None

    # ------------------------------------------------------------------------------------------ to the server

    def send_up(self, wire: Wire, node: DeviceNode, frame: Frame, message: Named | None, occurrence: int) -> None:
        """A device hands a frame over; `message` and `occurrence` name the push that it answers, if any."""
        world = self._world
        kind = type(frame)
        salt = self._salts[kind]
        if kind is Ack and message is not None:
            size = _ACK_BYTES
        else:
            message = node.subject_of(frame)
            occurrence = node.count(salt ^ message.subject)
            size = _ACK_BYTES if kind is Ack else len(_JSON.encode(frame))
            if kind is Send and frame.attempt > 1:  # type: ignore[union-attr]
                self._retried(node, frame)  # type: ignore[arg-type]
        node.bytes_up += size
        node.requests += 1
        if world.meters is not None:
            world.meters.note(node, size, up=True)
        world.network.send_up(wire, frame, message, salt, occurrence, size)

    def arrive_up(self, flight: tuple[Wire, Frame, Named, int]) -> None:
        """A frame reaches the server."""
        wire, frame, message, occurrence = flight
        server = wire.server
        if not wire.server_open:
            return
        world = self._world
        node = wire.device
        if type(frame) is Ack:
            pushes = node.pushes
            if pushes is not None:
                pushes.pop(message.subject, None)
            world.row(
                world.kernel._now, server.index, server.number, Event.ACKNOWLEDGED, message.conversation,
                message.index, frame.epoch, frame.upto, node.index,
            )  # fmt: skip
        if world.frames:
            world.frame_row(Event.RECEIVED, server.index, server.number, message, node.index, occurrence, self._kinds[type(frame)])
        server.handle_frame(wire, frame)

    # ------------------------------------------------------------------------------------------ to the device

    def send_down(self, wire: Wire, frame: Frame) -> None:
        """A server hands a frame over."""
        kind = type(frame)
        node = wire.device
        if kind is not Push:
            self._send_other(wire, node, frame)
            return
        if frame is self._pushed:  # the same frame goes to every reader
            message = self._push_message
        else:
            message = self._world.naming.of(frame.entries[0])  # type: ignore[union-attr]
            if not message.size:
                message.size = len(_JSON.encode(frame))
            self._pushed, self._push_message = frame, message  # type: ignore[assignment]
        assert message is not None  # noqa: S101 (set together with `_pushed`)
        pushes = node.pushes
        if pushes is None:
            pushes = node.pushes = {}
        subject = message.subject
        occurrence = pushes[subject] = pushes.get(subject, 0) + 1
        self._push_rows(wire, node, frame, message)  # type: ignore[arg-type]
        world = self._world
        size = message.size
        node.bytes_down += size
        if world.meters is not None:
            world.meters.note(node, size, up=False)
        world.network.send_down(wire, frame, message, self._salts[Push], occurrence, size)

    def _push_rows(self, wire: Wire, node: DeviceNode, frame: Push, message: Named) -> None:
        world = self._world
        server = wire.server
        now = world.kernel._now
        event = Event.PUSHED if frame.attempt == 1 else Event.RETRIED
        for entry in frame.entries:
            named = message if len(frame.entries) == 1 else world.naming.of(entry)
            world.row(
                now, server.index, server.number, event, named.conversation, named.index, entry.epoch, entry.seq,
                node.index, frame.attempt,
            )  # fmt: skip

    def _send_other(self, wire: Wire, node: DeviceNode, frame: Frame) -> None:
        world = self._world
        kind = type(frame)
        if kind is Sent:
            self._accepted_rows(wire, node, frame)  # type: ignore[arg-type]
        message = self._subject_of(node, frame)
        salt = self._salts[kind]
        occurrence = node.count(salt ^ message.subject)
        size = len(_JSON.encode(frame))
        node.bytes_down += size
        if world.meters is not None:
            world.meters.note(node, size, up=False)
        world.network.send_down(wire, frame, message, salt, occurrence, size)

    def kind_of(self, frame: object) -> Kind:
        """What kind of decision a frame is."""
        return self._kinds[type(frame)]

    def _subject_of(self, node: DeviceNode, frame: Frame) -> Named:
        naming = self._world.naming
        if type(frame) is Sent:
            return naming.of_id(frame.outcomes[0].client_id, frame.conversation)
        if type(frame) is Page:
            return naming.other(f"{frame.conversation}[{frame.low}..{frame.high}]", frame.conversation)
        if type(frame) is Hint or type(frame) is EpochChanged:
            return naming.other(f"{frame.conversation}", frame.conversation)
        return naming.other(node.name)

    def _accepted_rows(self, wire: Wire, node: DeviceNode, frame: Sent) -> None:
        world = self._world
        server = wire.server
        for outcome in frame.outcomes:
            if outcome.answer is Answer.OK:
                named = world.naming.of_id(outcome.client_id, frame.conversation)
                world.row(
                    world.kernel._now, server.index, server.number, Event.ACCEPTED, named.conversation, named.index,
                    outcome.epoch or frame.epoch, outcome.seq, node.index,
                )  # fmt: skip

    def arrive_down(self, flight: tuple[Wire, Frame, Named, int]) -> None:
        """A frame reaches the device."""
        wire, frame, message, occurrence = flight
        node = wire.device
        device = node.device
        if device is None or not wire.device_open:
            return
        world = self._world
        if world.frames:
            world.frame_row(
                Event.RECEIVED, node.index, node.lives, message, wire.server.index, occurrence, self._kinds[type(frame)]
            )
        if node.waiting is not None:
            node.command("handle_frame", wire, frame)
            return
        was_online = device.online
        now, wall = node.time()
        device.handle_frame(wire, frame, now=now, wall=wall)
        if device.online and not was_online:
            world.fact(node, Event.CONNECTED, detail="resumed" if type(frame) is Welcome and frame.resumed else "")
        node.run(message if type(frame) is Push else None, occurrence)

    def _retried(self, node: DeviceNode, frame: Send) -> None:
        world = self._world
        for draft in frame.drafts:
            named = world.naming.of_id(draft.client_id, frame.conversation)
            world.row(
                world.kernel._now, node.index, node.lives, Event.RETRIED, named.conversation, named.index, 0, 0, 0,
                frame.attempt,
            )  # fmt: skip


def _all_frame_types() -> tuple[type, ...]:
    args: tuple[Any, ...] = Frame.__args__  # type: ignore[attr-defined]
    return args


_FRAME_TYPES = _all_frame_types()
