"""What runs in a world: the real algorithms, or something else instead of some of them.

Who wrote a device of their own puts it here. Who wants to know what a mistake in the real ones does *swaps* a function
of theirs for another while a world is built and runs: that is how the zoo's flaws (imsim/verify/zoo/) are planted, each
the few lines that were wrong. Swapping reaches every world of the process meanwhile, so worlds run one after the other.
"""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final, TypedDict

import msgspec

from imsim.protocol.contract import DeviceFactory
from imsim.protocol.device import Device

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["REAL", "Algorithms", "Instead", "Swap"]


class Swap(msgspec.Struct, frozen=True):
    """One function instead of another.

    Attributes:
        owner: the class or module that has it.
        name: its name there.
        function: what stands there meanwhile; one of a module, so that a process can hand it to another.
    """

    owner: Any
    name: str
    function: Any


class Algorithms(msgspec.Struct, frozen=True, kw_only=True):
    """What runs in a world.

    Attributes:
        device: what makes the device that runs on every device (`imsim.protocol.contract`): a class, or another object
            with `load`. One that is a context manager is entered before the world runs.
        swaps: what stands instead of functions of the real algorithms.
    """

    device: DeviceFactory = Device
    swaps: tuple[Swap, ...] = ()

    @contextlib.contextmanager
    def in_force(self) -> Iterator[None]:
        """The swaps are made, and in the end undone; who makes the devices knows that a world begins, and ends."""
        kept = [(swap, vars(swap.owner)[swap.name]) for swap in self.swaps]
        for swap, _ in kept:
            setattr(swap.owner, swap.name, swap.function)
        try:
            with self.device if isinstance(self.device, AbstractContextManager) else contextlib.nullcontext():
                yield
        finally:
            for swap, real in kept:
                setattr(swap.owner, swap.name, real)

    def wrote(self, module: str) -> bool:
        """Whether a module that is not imsim's own has some of them."""
        theirs = {self.device.__module__, *(swap.function.__module__ for swap in self.swaps)}
        return module in theirs and (module.startswith("imsim.verify.zoo") or not module.startswith("imsim."))


class Instead(TypedDict, total=False):
    """The same as keywords: `imsim.check(scenario, device=MyDevice)`."""

    device: DeviceFactory
    swaps: tuple[Swap, ...]


REAL: Final = Algorithms()
"""Nothing instead of anything."""
