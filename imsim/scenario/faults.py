"""What goes wrong on purpose: events at written times, and random ones at a rate.

Every interval ends by itself, and all faults are healed when the model's duration ends: convergence is judged on a
world in which everybody can reach everybody. Servers are numbered from 1; a device is `user/kind`, and where several
may be meant, a pattern such as `*/phone`.
"""

from __future__ import annotations

import enum
from typing import Annotated, Union

import msgspec
from msgspec import Meta

from imsim.scenario.values import Count, Name, PerHour, Seconds, Section, Share

__all__ = [
    "ClockJump", "Crash", "Cut", "DropCache", "Failover", "Fault", "Faults", "Heal", "Kill", "Partition", "Pause",
    "Port", "Rates", "Restart", "Restore", "SignIn", "Unavailable", "Wipe",
]  # fmt: skip

_Number = Annotated[int, Meta(ge=1, le=1000)]
_Device = Annotated[str, Meta(pattern=r"^[^/]+/[^/]+$")]
_Server = Annotated[_Number, Meta(description="Which server, from 1.")]
_At = Annotated[Seconds, Meta(description="When.")]
_For = Annotated[Seconds, Meta(description="For how long.")]
_One = Annotated[_Device, Meta(description="Which device: USER/KIND.")]
_Some = Annotated[tuple[_Device, ...], Meta(min_length=1, description="Which devices: USER/KIND, * for any part.")]
_Part = Annotated[Share, Meta(description="Share of these devices that is hit.")]


class _Fault(Section, frozen=True, kw_only=True, tag_field="kind"):
    at: _At


class Crash(_Fault, frozen=True, kw_only=True, tag="crash"):
    """A server dies without warning, and is started again after a while."""

    server: _Server = 1
    length: _For = msgspec.field(name="for", default=10.0)


class Restart(_Fault, frozen=True, kw_only=True, tag="restart"):
    """A server dies and is started again at once."""

    server: _Server = 1


class Pause(_Fault, frozen=True, kw_only=True, tag="pause"):
    """A server stands still (a collector, a frozen machine), and goes on as if nothing had been."""

    server: _Server = 1
    length: _For = msgspec.field(name="for", default=10.0)


class Partition(_Fault, frozen=True, kw_only=True, tag="partition"):
    """Sites cannot reach other sites."""

    sites: Annotated[tuple[Name, ...], Meta(min_length=1, description="One side.")]
    others: Annotated[tuple[Name, ...], Meta(description="The other side; empty: all other sites.")] = ()
    one_way: Annotated[bool, Meta(description="Only frames from sites to others are lost.")] = False
    length: _For = msgspec.field(name="for", default=30.0)
    times: Annotated[Count, Meta(description="How often it happens (flapping).")] = 1
    every: Annotated[Seconds, Meta(description="From the begin of one to the begin of the next.")] = 60.0


class Heal(_Fault, frozen=True, kw_only=True, tag="heal"):
    """Every partition ends."""


class Cut(_Fault, frozen=True, kw_only=True, tag="cut"):
    """Connections break, and what is in flight on them is lost."""

    devices: _Some = ("*/*",)
    share: _Part = 1.0


class Kill(_Fault, frozen=True, kw_only=True, tag="kill"):
    """An app's process dies, and is started again after a while; its disk stays."""

    devices: _Some = ("*/*",)
    share: _Part = 1.0
    length: _For = msgspec.field(name="for", default=10.0)


class Wipe(_Fault, frozen=True, kw_only=True, tag="wipe"):
    """A device loses its disk and begins anew."""

    device: _One


class Restore(_Fault, frozen=True, kw_only=True, tag="restore"):
    """A device goes back to a backup of its disk."""

    device: _One
    age: Annotated[Seconds, Meta(description="How old the backup is.")] = 600.0


class SignIn(_Fault, frozen=True, kw_only=True, tag="sign_in"):
    """A user begins to use one more device."""

    user: Annotated[Name, Meta(description="Who.")]
    device: Annotated[Name, Meta(description="Its kind: one of devices.kinds that this user has none of, or a copy.")]


class ClockJump(_Fault, frozen=True, kw_only=True, tag="clock_jump"):
    """A wall clock jumps; the monotonic one does not."""

    node: Annotated[str, Meta(min_length=1, description="A device (USER/KIND) or a server (server-1).")]
    by: Annotated[
        Annotated[float, Meta(ge=-3.2e8, le=3.2e8, extra={"unit": "seconds"})],
        Meta(description="How far, backwards if negative."),
    ]


class Failover(_Fault, frozen=True, kw_only=True, tag="failover"):
    """The log loses its leader: with durability async the replica's lag is the tail that is lost."""


class Port(enum.StrEnum):
    """The ports of a server."""

    LOG = "log"
    KV = "kv"
    QUEUE = "queue"
    LOCKS = "locks"
    PEERS = "peers"


class Unavailable(_Fault, frozen=True, kw_only=True, tag="unavailable"):
    """A backend refuses everything for a while."""

    port: Annotated[Port, Meta(description="log, kv, queue, locks or peers.")] = Port.KV
    length: _For = msgspec.field(name="for", default=10.0)


class DropCache(_Fault, frozen=True, kw_only=True, tag="drop_cache"):
    """What was stored for offline users is gone; the log has it still."""


Fault = Union[  # noqa: UP007 (msgspec builds its decoder from the union)
    Crash,
    Restart,
    Pause,
    Partition,
    Heal,
    Cut,
    Kill,
    Wipe,
    Restore,
    SignIn,
    ClockJump,
    Failover,
    Unavailable,
    DropCache,
]


class Rates(Section, frozen=True, kw_only=True):
    """Random faults, each a Poisson process of its own."""

    crash: Annotated[PerHour, Meta(description="Crashes of each server.")] = 0.0
    pause: Annotated[PerHour, Meta(description="Pauses of each server.")] = 0.0
    partition: Annotated[PerHour, Meta(description="Partitions of each pair of sites.")] = 0.0
    unavailable: Annotated[PerHour, Meta(description="Outages of each backend.")] = 0.0
    failover: Annotated[PerHour, Meta(description="Failovers of the log.")] = 0.0
    drop_cache: Annotated[PerHour, Meta(description="Losses of the offline store.")] = 0.0
    cut: Annotated[PerHour, Meta(description="Cut connections of each device.")] = 0.0
    kill: Annotated[PerHour, Meta(description="Killed apps of each device.")] = 0.0
    wipe: Annotated[PerHour, Meta(description="Wipes of each device.")] = 0.0
    clock_jump: Annotated[PerHour, Meta(description="Clock jumps of each device.")] = 0.0
    length: Annotated[Seconds, Meta(description="Mean length of those that last (exponential).")] = 10.0
    jump: Annotated[Seconds, Meta(description="A clock jumps by an even draw between minus and plus this.")] = 3600.0


class Faults(Section, frozen=True, kw_only=True):
    """Everything that goes wrong on purpose."""

    events: Annotated[tuple[Fault, ...], Meta(max_length=100_000, description="Faults at written times.")] = ()
    random: Annotated[Rates, Meta(description="Faults at random times.")] = Rates()
