"""What a world asks of a device and of a retry policy: the whole contract of one that somebody else wrote.

`imsim.protocol.device.Device` is one; a class with the same methods is another, and so is a program in any language
that imsim talks to (imsim/sim/foreign/). Three kinds of method, told apart by who calls them: *commands* are the
user's, *inputs* the driver's, and what is to be done comes out of `poll`. Every command and input takes `now`
(monotonic seconds) and `wall` (seconds of the wall clock). `imsim.testing.check_device` says whether a device conforms.

What does not belong here: what a device does (device.py), and who drives it (client/driver.py, sim/device_node.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imsim.ports import Draws, LocalStore, Randomness
    from imsim.protocol.config import DeviceConfig
    from imsim.protocol.effects import Effect
    from imsim.protocol.frames import Entry, Frame

__all__ = ["AnyDevice", "AnyRetryPolicy", "DeviceFactory"]


class AnyDevice(Protocol):
    """A device, whoever wrote it."""

    # ------------------------------------------------------------------------------------------ commands

    def open(self, *, now: float, wall: float) -> None:
        """The app comes to the foreground: connect and stay."""
        ...

    def close(self, *, now: float, wall: float) -> None:
        """The app goes away: leave the connection."""
        ...

    def send(
        self,
        conversation: str,
        content: str,
        *,
        now: float,
        wall: float,
        reply_to: str | None = None,
        deadline: float | None = None,
    ) -> str:
        """Write a message; returns its client id."""
        ...

    def edit(self, conversation: str, target: str, content: str, *, now: float, wall: float) -> str:
        """Give an own message a new content; returns the operation's client id."""
        ...

    def recall(self, conversation: str, target: str, *, now: float, wall: float) -> str:
        """Take an own message back after it was sent; returns the operation's client id."""
        ...

    def join(self, conversation: str, user: str, *, now: float, wall: float) -> str:
        """Ask that `user` be a member; returns the operation's client id."""
        ...

    def leave(self, conversation: str, *, now: float, wall: float) -> str:
        """Leave a conversation; returns the operation's client id."""
        ...

    def mark_read(self, conversation: str, seq: int, *, now: float, wall: float) -> str | None:
        """The user has read up to `seq`; the operation's client id, or None if that is no news."""
        ...

    def cancel(self, client_id: str, *, now: float, wall: float) -> bool:
        """Take an own message back before it is accepted; False if it is resolved already."""
        ...

    # ------------------------------------------------------------------------------------------ inputs

    def handle_connected(self, connection: Any, *, now: float, wall: float) -> None:  # noqa: ANN401 (the driver's own)
        """A connection is open; frames that come from it are handed over with it."""
        ...

    def handle_disconnected(self, reason: str, *, now: float, wall: float) -> None:
        """The connection is gone, or could not be made."""
        ...

    def handle_frame(self, connection: Any, frame: Frame, *, now: float, wall: float) -> None:  # noqa: ANN401
        """A frame came; those of an older connection are dropped."""
        ...

    def handle_hint(self, *, now: float, wall: float) -> None:
        """A platform push came."""
        ...

    def handle_wake(self, *, now: float, wall: float) -> None:
        """`wake_at` has come; early or late is harmless."""
        ...

    # ------------------------------------------------------------------------------------------ outputs

    def poll(self) -> Sequence[Effect]:
        """What is to be done, in order; each effect is handed out once."""
        ...

    @property
    def wake_at(self) -> float | None:
        """When `handle_wake` is due, monotonic seconds; None: never."""
        ...

    @property
    def online(self) -> bool:
        """Whether a session is open."""
        ...

    @property
    def own_log(self) -> str:
        """The user's own log (`imsim.protocol.frames.user_log`)."""
        ...

    def is_quiet(self) -> bool:
        """Whether everything known of is here and nothing of the user's waits."""
        ...

    def position(self, conversation: str) -> tuple[int, int]:
        """The cursor: the present epoch, and the seq below which everything is known; (1, 0) at first."""
        ...

    def changed(self) -> list[tuple[Entry, str | None]]:
        """The messages that were edited or recalled, each with what the user reads of it now (None: nothing)."""
        ...


class DeviceFactory(Protocol):
    """What makes devices: a class with `load`, or any object that has it.

    One that is a context manager is entered before a world runs and left after it. To search on several cores it must
    be picklable.
    """

    def load(
        self,
        store: LocalStore,
        config: DeviceConfig,
        random: Randomness,
        install: str,
        *,
        user: str,
        name: str,
        now: float,
    ) -> AnyDevice:
        """The device that `store` holds, or a new one (`imsim.protocol.device.Device.load` says more).

        A device that finds no records of this very `install` writes some at once; one that does, writes nothing.
        """
        ...


class AnyRetryPolicy(Protocol):
    """When to try again; those of retry.py are frozen structs, and any object with these methods will do."""

    def next_delay(self, attempt: int, previous: float, random: Draws) -> float | None:
        """The seconds to wait after the failed `attempt` (from 1), or None to give up."""
        ...

    def least_delay(self, attempt: int, previous: float) -> float:
        """A lower bound in seconds of what `next_delay` would give, without drawing."""
        ...

    def within(self, delay: float | None, elapsed: float) -> float | None:
        """The delay if it may still be waited, `elapsed` seconds after the first try; else None."""
        ...
