"""Flaws of retrying: too often, all at once, or for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from imsim.protocol.device import Device
from imsim.protocol.frames import Message, Page, Push
from imsim.sim.algorithms import Swap
from imsim.verify.zoo.flaw import Flaw

if TYPE_CHECKING:
    from imsim.protocol.frames import Body, Frame

__all__ = ["FLAWS"]

_handle_frame = Device.handle_frame


def _only_what_is_understood(device: Device, connection: Any, frame: Frame, *, now: float, wall: float) -> None:
    """A frame that cannot be decoded is dropped, and so is never acknowledged."""
    if not isinstance(frame, Push | Page) or all(_is_plain(entry.body) for entry in frame.entries):
        _handle_frame(device, connection, frame, now=now, wall=wall)


def _is_plain(body: Body) -> bool:
    return type(body) is not Message or body.content.isascii()


FLAWS: Final = (
    Flaw(
        id="poison-message",
        wrong="A message that a device cannot decode is never acknowledged, and comes again and again.",
        seen="whatsapp-rust#647",
        breaks="no loss",
        place="a strange letter",
        swaps=(Swap(Device, "handle_frame", _only_what_is_understood),),
    ),
)
