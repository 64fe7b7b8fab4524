"""The plug-in point of synchronisation: when to check, how long to stay, what a commit means.

A strategy is a frozen config with two halves, both pure. The *device half* answers moments of a device's life with
a new frozen state and a few actions; the *session half* tells the server what a commit means for such a device and
how long a check may be held. The mechanics that every strategy shares (catch-up in pages, merging, holes, single
flight, time-outs, reconnecting) are not here but in the device: a strategy only ever decides *when*.

Moments: `on_start` (a session is open; the server has told where this device is behind), `on_heads` (a check was
answered), `on_quiet` (everything known of is here and nothing of the user's waits), `on_timer` (the strategy's own
wake), `on_hint` (a platform push). Hello names the strategy, so the halves cannot disagree.
"""

from __future__ import annotations

import enum
from typing import ClassVar, Protocol, Union

import msgspec

__all__ = ["Action", "CheckNow", "Delivery", "Rest", "Step", "Strategy", "Timing", "View", "Wake"]


class Delivery(enum.Enum):
    """What a commit means for a connected device."""

    PUSH = "push"
    HINT = "hint"
    NOTHING = "nothing"


class View(msgspec.Struct, frozen=True, gc=False):
    """What a device half may look at.

    Attributes:
        wall: the device's wall clock, seconds since the epoch.
        behind: whether the device knows of entries that are not here.
        troubles: requests and connections that failed in a row.
    """

    wall: float
    behind: bool
    troubles: int


class Timing(msgspec.Struct, frozen=True, gc=False):
    """The state of a strategy that keeps one interval (seconds); others define their own frozen state."""

    interval: float = 0.0


class CheckNow(msgspec.Struct, frozen=True, gc=False):
    """Ask the server where this device is behind; it may hold the question for `hold` seconds."""

    hold: float = 0.0


class Wake(msgspec.Struct, frozen=True, gc=False):
    """Call `on_timer` at `at` (monotonic seconds); replaces an earlier wake."""

    at: float


class Rest(msgspec.Struct, frozen=True, gc=False):
    """Leave the connection and come back at `until`, or earlier if the user sends or a hint comes."""

    until: float


Action = Union[CheckNow, Wake, Rest]  # noqa: UP007
Step = tuple[Timing, tuple[Action, ...]]


class Strategy(Protocol):
    """Both halves; an instance is an immutable config."""

    name: ClassVar[str]
    checks: ClassVar[bool]
    """Whether the device half ever checks; if not, the session need not remember positions that are up to date."""

    def initial(self) -> Timing:
        """The state of a device that has just been loaded."""
        ...

    def on_start(self, state: Timing, view: View, now: float) -> Step:
        """A session is open."""
        ...

    def on_heads(self, state: Timing, view: View, now: float) -> Step:
        """A check was answered; `view.behind` says whether it found something."""
        ...

    def on_quiet(self, state: Timing, view: View, now: float) -> Step:
        """All that is known of is here, and nothing of the user's waits."""
        ...

    def on_timer(self, state: Timing, view: View, now: float) -> Step:
        """The strategy's own wake is due."""
        ...

    def on_hint(self, state: Timing, view: View, now: float) -> Step:
        """A hint came while connected."""
        ...

    def on_commit(self) -> Delivery:
        """Session half: what a commit in one of the device's conversations means."""
        ...

    def on_check(self, hold: float) -> float:
        """Session half: seconds for which a check that finds nothing may be held."""
        ...

    def worst_staleness(self) -> float | None:
        """Seconds within which a healed, connected device notices what it missed, round trips apart; None: no bound."""
        ...


class Passive(msgspec.Struct, frozen=True, gc=False):
    """The halves of a strategy that never acts by itself; the others change what differs."""

    checks: ClassVar[bool] = True

    def initial(self) -> Timing:
        """No interval."""
        return Timing()

    def on_start(self, state: Timing, view: View, now: float) -> Step:  # noqa: ARG002
        """Nothing: Hello told where the device is behind."""
        return state, ()

    def on_heads(self, state: Timing, view: View, now: float) -> Step:  # noqa: ARG002
        """Nothing: the device pulls what it is behind by itself."""
        return state, ()

    def on_quiet(self, state: Timing, view: View, now: float) -> Step:  # noqa: ARG002
        """Nothing."""
        return state, ()

    def on_timer(self, state: Timing, view: View, now: float) -> Step:  # noqa: ARG002
        """Nothing: no wake was asked for."""
        return state, ()

    def on_hint(self, state: Timing, view: View, now: float) -> Step:  # noqa: ARG002
        """A hint is followed at once."""
        return state, (CheckNow(),)

    def on_commit(self) -> Delivery:
        """Commits are not told."""
        return Delivery.NOTHING

    def on_check(self, hold: float) -> float:  # noqa: ARG002
        """Checks are answered at once."""
        return 0.0
