"""What a world counts beside its facts: numbers that no promise needs, and that a row each would cost too much.

Either world fills them in at its end, so figures of a simulated and of a live run can be laid side by side. What does
not belong here: whatever can be worked out from the facts.
"""

from __future__ import annotations

import msgspec

__all__ = ["Counters", "DeviceCounters"]


class DeviceCounters(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One device's share.

    Attributes:
        bytes_up, bytes_down: bytes that it sent and received.
        wakes: times that it was woken: its radio, or an app that slept.
        joules: energy that its radio drew; None where nobody measured.
    """

    bytes_up: int = 0
    bytes_down: int = 0
    wakes: int = 0
    joules: float | None = None


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """What a world counted.

    Attributes:
        events: things that the kernel of a simulation carried out, 0 in a live world.
        seconds: from the begin of the run to its end, in the world's own time.
        queue_depth: the longest that a server's queue ever was; None where nobody measured.
        kills: processes that were killed on purpose, in a live world.
        devices: by the device's name.
    """

    events: int = 0
    seconds: float = 0.0
    queue_depth: int | None = None
    kills: int = 0
    devices: dict[str, DeviceCounters] = {}
