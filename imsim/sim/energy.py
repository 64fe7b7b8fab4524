"""What a radio draws: a sum in closed form, kept up at each transfer, with no timer of its own.

A radio that sleeps is woken by a promotion, and after every transfer it stays up for a tail before it sleeps again
(Huang et al., MobiSys 2012). Between two transfers it was therefore in the tail for the shorter of the time between
them and the tail's length, and asleep for the rest: that is all there is to know, and the second transfer is when it
is reckoned. The power added by throughput is proportional to it, so the energy that it adds is proportional to the
bytes alone.

What does not belong here: how long a transfer takes, and whose it is. Nobody needs a meter where nobody asks for
energy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from imsim.scenario.network import Energy

__all__ = ["EnergyMeter"]

_MEGABIT: Final = 125_000
"""Bytes."""


class EnergyMeter:
    """The radio of one device; times never go back.

    Attributes:
        wakes: promotions so far.
    """

    __slots__ = ("_millijoules", "_model", "_up_until", "wakes")

    def __init__(self, model: Energy) -> None:
        self._model = model
        self._millijoules = 0.0
        self._up_until: float | None = None  # the end of the last transfer; None: the radio was never woken
        self.wakes = 0

    def transfer(self, now: float, seconds: float, *, up: int = 0, down: int = 0) -> None:
        """The radio begins at `now` to carry `up` bytes from the device and `down` bytes to it, for `seconds`."""
        model = self._model
        until = self._up_until
        end = now + seconds
        if until is None or now - until >= model.tail_s:
            self.wakes += 1
            drawn = model.promotion_s * model.promotion_mw
            if until is not None:
                drawn += model.tail_s * model.tail_mw
            until = now
        elif now > until:
            drawn = (now - until) * model.tail_mw
            until = now
        else:
            drawn = 0.0
        if end > until:  # what overlaps with another transfer drew its base power already
            drawn += (end - until) * model.base_mw
            until = end
        self._up_until = until
        self._millijoules += drawn + (up * model.up_mw_per_mbps + down * model.down_mw_per_mbps) / _MEGABIT

    def joules(self, now: float) -> float:
        """What the radio drew up to `now`, in joules."""
        tail = 0.0
        if self._up_until is not None:
            tail = min(max(now - self._up_until, 0.0), self._model.tail_s) * self._model.tail_mw
        return (self._millijoules + tail) / 1000
