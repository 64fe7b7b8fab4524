"""Flaws of retrying: too often, all at once, or for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from imsim.protocol.connector import Connector
from imsim.protocol.device import Device
from imsim.protocol.frames import Message, Page, Push
from imsim.protocol.retry import EqualJitter
from imsim.protocol.services.idempotency import InFlight
from imsim.sim.algorithms import Swap
from imsim.verify.zoo.flaw import Flaw

if TYPE_CHECKING:
    from imsim.ports import Draws
    from imsim.protocol.frames import Body, Frame

__all__ = ["FLAWS"]

_handle_frame = Device.handle_frame
_handle_connected = Connector.handle_connected


def _at_the_ceiling(policy: EqualJitter, attempt: int, _previous: float, _random: Draws) -> float:
    """Everybody waits for as long as everybody else."""
    return policy.ceiling(attempt)


def _forget_failures(connector: Connector, connection: Any, now: float) -> None:
    """A connection that is open is a success."""
    connector._attempt, connector._delay = 0, 0.0
    _handle_connected(connector, connection, now)


async def _work_each_time(_calls: InFlight[Any], _key: str, _payload: object, work: Any) -> Any:
    """Who asks again is served again, whoever is being served."""
    return await work()


def _only_what_is_understood(device: Device, connection: Any, frame: Frame, *, now: float, wall: float) -> None:
    """A frame that cannot be decoded is dropped, and so is never acknowledged."""
    if not isinstance(frame, Push | Page) or all(_is_plain(entry.body) for entry in frame.entries):
        _handle_frame(device, connection, frame, now=now, wall=wall)


def _is_plain(body: Body) -> bool:
    return type(body) is not Message or body.content.isascii()


FLAWS: Final = (
    Flaw(
        id="backoff-no-jitter",
        wrong="Whoever was cut off together tries again together.",
        seen="coder#24096",
        breaks="within budget",
        place="a crowd",
        swaps=(Swap(EqualJitter, "_delay", _at_the_ceiling),),
    ),
    Flaw(
        id="backoff-reset-on-open",
        wrong="The count of failures is reset when a connection opens, and not when it has proved stable.",
        seen="chat-gui#872",
        breaks="within budget",
        place="a server that refuses",
        swaps=(Swap(Connector, "handle_connected", _forget_failures),),
    ),
    Flaw(
        id="retries-pile-up",
        wrong="A server that is slow does the work for every repeat of a request again.",
        seen="synapse#1742",
        breaks="within budget",
        place="a slow server",
        swaps=(Swap(InFlight, "share", _work_each_time),),
    ),
    Flaw(
        id="poison-message",
        wrong="A message that a device cannot decode is never acknowledged, and comes again and again.",
        seen="whatsapp-rust#647",
        breaks="no loss",
        place="a strange letter",
        swaps=(Swap(Device, "handle_frame", _only_what_is_understood),),
    ),
)
