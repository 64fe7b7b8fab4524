"""Who writes into the history what only the level of frames records, and what nobody else sees.

A frame that is lost or doubled is known to the network alone, and how a call of a port ends to the way to its backend.
What everybody knows is written where it happens (world.py, wire.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from imsim.history import Event
from imsim.sim.backends.service import Ending

if TYPE_CHECKING:
    from imsim.sim.world import World

__all__ = ["Losses", "Operations"]


class Losses:
    """Writes what the network loses and doubles."""

    __slots__ = ("_world",)

    def __init__(self, world: World) -> None:
        self._world = world

    def frame_lost(self, arrival: Any, reason: Any, *, down: bool) -> None:  # noqa: ANN401, ARG002 (the network's own)
        """A frame was dropped."""
        self._row(Event.DROPPED, arrival, down=down)

    def frame_doubled(self, arrival: Any, *, down: bool) -> None:  # noqa: ANN401
        """A frame will arrive twice."""
        self._row(Event.DUPLICATED, arrival, down=down)

    def _row(self, event: Event, arrival: Any, *, down: bool) -> None:  # noqa: ANN401
        wire, frame, message, occurrence = arrival
        sender, receiver = (wire.server, wire.device) if down else (wire.device, wire.server)
        number = sender.number if down else sender.lives
        kind = self._world.traffic.kind_of(frame)
        self._world.frame_row(event, sender.index, number, message, receiver.index, occurrence, kind)


_EVENTS: Final = {Ending.DONE: Event.OK, Ending.NOT_DONE: Event.FAIL, Ending.UNKNOWN: Event.INFO}


class _Call(NamedTuple):
    """The columns that the rows of one call share."""

    node: int
    incarnation: int
    message: int
    number: int
    detail: int


class Operations:
    """Writes how the servers' calls of their backends begin and end."""

    __slots__ = ("_calls", "_world")

    def __init__(self, world: World) -> None:
        self._world = world
        self._calls = 0

    def began(self, node: str, incarnation: int, operation: str, subject: str) -> _Call:
        """A call begins."""
        writer = self._world.writer
        self._calls += 1
        message = writer.messages.find(subject) or 0
        call = _Call(writer.nodes.index(node), incarnation, message, self._calls, writer.details.index(operation))
        self._row(Event.INVOKE, call)
        return call

    def ended(self, call: _Call, ending: Ending) -> None:
        """Its caller knows what became of it."""
        self._row(_EVENTS[ending], call)

    def _row(self, event: Event, call: _Call) -> None:
        world = self._world
        world.row(
            world.kernel.now, call.node, call.incarnation, event, 0, call.message, 0, 0, call.number, 0, 0, call.detail
        )
