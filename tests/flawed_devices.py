"""Devices with one mistake each, for the search to find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.protocol.device import Device
from imsim.protocol.effects import Transmit

if TYPE_CHECKING:
    from imsim.protocol.effects import Effect

__all__ = ["Hasty", "Maker", "Raises", "maker"]


class Hasty(Device):
    """Speaks before what it says is durable: harmless until it crashes in between."""

    __slots__ = ()

    def poll(self) -> list[Effect]:
        effects = super().poll()
        said = [effect for effect in effects if type(effect) is Transmit]
        return said + [effect for effect in effects if type(effect) is not Transmit]


class Raises(Device):
    """Cannot stand a hint."""

    __slots__ = ()

    def open(self, *, now: float, wall: float) -> None:
        if now > 20.0:
            raise ValueError("open again")
        super().open(now=now, wall=wall)


class Maker:
    """An object that makes devices."""

    def load(self, *args, **names) -> Device:
        return Hasty.load(*args, **names)


maker = Maker()
