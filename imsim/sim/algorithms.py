"""What runs in a world: the real algorithms, or something else instead of some of them.

Who wrote a device, a retry policy or a client of a backend of their own puts it here. Who wants to know what a mistake
in the real ones does *swaps* a function of theirs for another while a world is built and runs: that is how the zoo's
flaws (imsim/verify/zoo/) are planted, each the few lines that were wrong. Swapping reaches every world of the process
meanwhile, so worlds run one after the other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final, TypedDict

import msgspec

from imsim.errors import ConfigError
from imsim.protocol.contract import AnyRetryPolicy, DeviceFactory
from imsim.protocol.device import Device
from imsim.protocol.server.server import Ports
from imsim.protocol.sync import Strategy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imsim.protocol.config import DeviceConfig
    from imsim.scenario import Scenario

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
        send, connect, ask, push: when to repeat what was sent, connections, questions and pushes, instead of what the
            scenario's `retry` says. Where they wait longer than that, the scenario needs a `settle` that is enough.
        sync: the strategy of every device and its session, instead of what the scenario's `sync` says.
        ports: what the servers stand on: it is given the ports of each process of a server, and gives those that it
            uses, such as a client of one's own around `ports.kv`.
        swaps: what stands instead of functions of the real algorithms.
    """

    device: DeviceFactory = Device
    send: AnyRetryPolicy | None = None
    connect: AnyRetryPolicy | None = None
    ask: AnyRetryPolicy | None = None
    push: AnyRetryPolicy | None = None
    sync: Strategy | None = None
    ports: Callable[[Ports], Ports] | None = None
    swaps: tuple[Swap, ...] = ()

    def __post_init__(self) -> None:
        """Tell of what cannot be what it is given for before anything runs.

        Raises:
            ConfigError: something has not the methods that are asked of it.
        """
        for name, contract in _CONTRACTS.items():
            part = getattr(self, name)
            if part is not None or name == "device":
                _check(name, part, contract)
        if not (self.ports is None or callable(self.ports)):
            raise ConfigError(f"ports: expected a function of the ports of a server's process, got {self.ports!r}")

    def configured(self, config: DeviceConfig) -> DeviceConfig:
        """The config of a device, with the policies that are not the scenario's."""
        own = {"send": self.send, "connect": self.connect, "ask": self.ask, "sync": self.sync}
        given: dict[str, Any] = {name: policy for name, policy in own.items() if policy is not None}
        return msgspec.structs.replace(config, **given) if given else config

    def grace(self, scenario: Scenario) -> float:
        """Seconds in which a device may lack something, besides those that the scenario's own settings may need."""
        if self.sync is None:
            return 0.0
        bound = self.sync.worst_staleness()
        return scenario.settle_seconds() / 2 if bound is None else bound

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
        return module in self.modules()

    def modules(self) -> frozenset[str]:
        """The modules that have some of them, imsim's own left out, the zoo's not."""
        functions = (swap.function for swap in self.swaps)
        parts = (self.device, self.send, self.connect, self.ask, self.push, self.sync, self.ports, *functions)
        names = {str(part.__module__) for part in parts if part is not None}
        return frozenset(name for name in names if name.startswith("imsim.verify.zoo") or not name.startswith("imsim."))


class Instead(TypedDict, total=False):
    """The same as keywords: `imsim.check(scenario, device=MyDevice)`."""

    device: DeviceFactory
    send: AnyRetryPolicy
    connect: AnyRetryPolicy
    ask: AnyRetryPolicy
    push: AnyRetryPolicy
    sync: Strategy
    ports: Callable[[Ports], Ports]
    swaps: tuple[Swap, ...]


_CONTRACTS: Final[dict[str, type]] = {
    "device": DeviceFactory,
    **dict.fromkeys(("send", "connect", "ask", "push"), AnyRetryPolicy),
    "sync": Strategy,
}
"""What each has to be."""


def _check(name: str, part: object, contract: type) -> None:
    missing = [word for word in vars(contract) if not word.startswith("_") and not hasattr(part, word)]
    if missing:
        raise ConfigError(f"{name}: {part!r} cannot be one: it has no {', '.join(missing)}")
    if contract is not DeviceFactory and isinstance(part, type):
        raise ConfigError(f"{name}: expected an object, got the class {part.__name__}")


REAL: Final = Algorithms()
"""Nothing instead of anything."""
