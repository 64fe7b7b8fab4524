"""Time and failure around a backend: how long a call takes, whether it is done, and what its caller learns.

A call goes through four moments: it is *sent*, it *arrives*, it *takes effect*, and its *answer* reaches the caller.
The effect is one step of a plain state (log.py, keyvalue.py, …), so it is where the call is linearized, whatever
happens around it. What may go wrong is where the chain is cut:

    sent ──▶ arrives ──▶ takes effect ──▶ answer
         │           │                └ cut: Timeout, and it is done        (`timeout_after`)
         │           └ refused: Unavailable, not done                      (`unavailable`, an outage)
         └ cut: Timeout, and it is not done                                (`timeout_before`)

A call that is merely late, in the line of a busy backend or delayed on its way, times out at its caller and takes
effect all the same: *unknown* is not a kind of failure but what the caller knows. Likewise the crash of the caller
cuts nothing behind "sent".

Between "arrives" and "takes effect" a call waits for one of `capacity` places and is served for a random time, so that
load builds queues. Where every time is zero and nothing goes wrong, all four moments are the same instant and no event
is made. A backend that is never to be slow or broken needs no desk at all: its ports then are the direct ones.

Here is the desk, where the calls to one backend arrive; line.py is the way there.

What does not belong here: what a call does, and how a key is answered (decisions.py).
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from imsim.sim.decisions import Kind, draw, unit
from imsim.sim.resources import Station

if TYPE_CHECKING:
    from imsim.sim.decisions import Decisions
    from imsim.sim.deviations import Action
    from imsim.sim.kernel import Kernel
    from imsim.sim.runtime import SimRuntime

__all__ = ["Desk", "Ending", "Fate", "Observer", "Quantile", "Service"]

Quantile = Callable[[float], float]
"""Seconds for a uniform number in [0, 1): a distribution by its inverse."""


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """How fast a backend is, and how often it fails.

    Attributes:
        seconds: time to serve one call (None: none).
        capacity: calls served at once, while others wait (None: no limit).
        latency: time of one way between a server and the backend (None: none).
        unavailable: share of calls that are refused and not done.
        timeout_before: share of calls that are lost on their way, and not done.
        timeout_after: share of calls whose answer is lost, although they are done.

    Raises:
        ValueError: a share does not lie in 0..1, all of them are more than 1, or the capacity is below 1.
    """

    seconds: Quantile | None = None
    capacity: int | None = None
    latency: Quantile | None = None
    unavailable: float = 0.0
    timeout_before: float = 0.0
    timeout_after: float = 0.0

    def __post_init__(self) -> None:
        shares = (self.unavailable, self.timeout_before, self.timeout_after)
        if not (all(share >= 0.0 for share in shares) and sum(shares) <= 1.0):
            msg = f"the shares {shares} of calls that fail are negative or more than 1 together"
            raise ValueError(msg)
        if self.capacity is not None and self.capacity < 1:
            msg = f"a backend with a capacity of {self.capacity} serves nobody"
            raise ValueError(msg)


class Ending(enum.Enum):
    """What the caller of a call knows in the end; nothing, where a crash cut it off."""

    DONE = enum.auto()
    NOT_DONE = enum.auto()
    UNKNOWN = enum.auto()


class Observer(Protocol):
    """Is told of every call."""

    def began(self, node: str, incarnation: int, operation: str, subject: str) -> object:
        """A call begins: `operation` is `PORT.NAME`. What is returned stands for the call."""
        ...

    def ended(self, call: Any, ending: Ending) -> None:  # noqa: ANN401 - whatever `began` returned
        """Its caller knows what became of it."""
        ...


class Fate(enum.Enum):
    """Where the chain of one call is cut."""

    SERVED = enum.auto()
    LOST = enum.auto()
    REFUSED = enum.auto()
    UNANSWERED = enum.auto()
    FATAL = enum.auto()
    """It takes effect, and then its caller dies."""


class _Place:
    """What was asked at one place: the number of each subject, and how often."""

    __slots__ = ("counts", "numbers", "salt")

    def __init__(self, salt: int) -> None:
        self.salt = salt
        self.numbers: dict[str, int] = {}
        self.counts: dict[int, int] = {}


class Desk:
    """Where every server's calls to one backend arrive.

    Args:
        kernel: where the time passes.
        decisions: who answers the keys `PORT.OPERATION at NODE`.
        service: how fast it is, and how often it fails.
        port: the port's name in keys and messages, such as `kv`.
        subject_of: the workload's name for what a port calls its subject (a client id, a key, a conversation).
        observer: told of every call, if anybody is.

    Attributes:
        station: the line of waiting calls, if the capacity is limited.
        observer: as it was given.
    """

    __slots__ = (
        "_decisions",
        "_instant",
        "_keyed",
        "_places",
        "_refusing_until",
        "_subject_of",
        "kernel",
        "observer",
        "port",
        "service",
        "station",
    )

    def __init__(
        self,
        kernel: Kernel,
        decisions: Decisions,
        service: Service,
        *,
        port: str,
        subject_of: Callable[[str], str] = str,
        observer: Observer | None = None,
    ) -> None:
        self.kernel = kernel
        self.service = service
        self.port = port
        limited = service.capacity is not None and service.seconds is not None
        self.observer = observer
        self.station = Station(kernel, service.capacity or 1) if limited else None
        self._decisions = decisions
        self._subject_of = subject_of
        self._places: dict[tuple[str, str], _Place] = {}
        self._refusing_until = -1.0
        self._instant = service.seconds is None and service.latency is None
        self._keyed = decisions.deviating or service != Service(capacity=service.capacity)

    @property
    def refusing(self) -> bool:
        """Whether an outage lasts: whatever arrives is refused."""
        return self.kernel._now < self._refusing_until  # noqa: SLF001 - the loop wrote it

    def refuse(self, seconds: float) -> None:
        """Begin an outage; a longer one that lasts already is not cut short."""
        self._refusing_until = max(self._refusing_until, self.kernel.now + seconds)

    def recover(self) -> None:
        """End the outage, if one lasts, and whatever fails by chance: from now on every call is served."""
        self._refusing_until = -1.0
        self.service = msgspec.structs.replace(self.service, unavailable=0.0, timeout_before=0.0, timeout_after=0.0)

    def decide(self, operation: str, node: str, subject: str) -> tuple[int, Action | None]:
        """The bits of the next call about `subject`, and the deviation at its key; 0 where nothing is random."""
        if not self._keyed:
            return 0, None
        key = self._key(operation, node, subject)
        return self._decisions.decide(*key) if self._decisions.deviating else (draw(*key), None)

    def announce(self, observer: Observer, operation: str, runtime: SimRuntime, subject: str) -> object:
        """Tell the observer that a call about `subject` begins; what stands for it."""
        incarnation = runtime.incarnation.number
        return observer.began(runtime.node, incarnation, f"{self.port}.{operation}", self._subject_of(subject))

    def chance(self, operation: str, node: str, subject: str) -> float:
        """A number in [0, 1) for something about `subject` that happens by itself, and is no call."""
        return unit(draw(*self._key(operation, node, subject)))

    def serves_at_once(self, bits: int) -> bool:
        """Whether a call where no deviation says otherwise takes no time, and nothing goes wrong."""
        return self._instant and not self.refusing and (not bits or self.fate(bits) is Fate.SERVED)

    def fate(self, bits: int) -> Fate:
        """What happens to a call where no deviation says so."""
        service = self.service
        chance = unit(bits) - service.unavailable
        if chance < 0.0:
            return Fate.REFUSED
        chance -= service.timeout_before
        if chance < 0.0:
            return Fate.LOST
        return Fate.UNANSWERED if chance < service.timeout_after else Fate.SERVED

    def _key(self, operation: str, node: str, subject: str) -> tuple[int, int, int]:
        place = self._places.get((operation, node))
        if place is None:
            salt = self._decisions.salt(Kind.PORT, f"{self.port}.{operation} at {node}")
            place = self._places[operation, node] = _Place(salt)
        number = place.numbers.get(subject)
        if number is None:
            number = place.numbers[subject] = self._decisions.name(self._subject_of(subject))
        occurrence = place.counts[number] = place.counts.get(number, 0) + 1  # several subjects may share a name
        return place.salt, number, occurrence
