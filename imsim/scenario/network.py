"""The network of a model: what a device's access link does, and the graph of sites behind it.

A *profile* is one access link (a phone on 4G, a PC on Wi-Fi), both directions of it. A device is attached to one site
of the graph; servers stand at sites; edges between sites add their own latency and loss. Without sites there is a
single one, and only the profiles count.

A frame on a `stream` is never lost or reordered: a loss costs one retransmission time-out instead, and a cut ends the
connection. On a `datagram` link each frame has its own fate.

Energy follows Huang et al. (MobiSys 2012): waking the radio costs a promotion, each transfer is followed by a tail in
which the radio stays up, and the bytes themselves cost next to nothing.
"""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta

from imsim.scenario.values import ByteRate, Bytes, Delay, Name, Seconds, Section, Shape, Share, Weight

__all__ = ["Energy", "LinkKind", "Network", "NetworkProfile", "Outages", "SiteLink"]

Milliwatts = Annotated[float, Meta(ge=0, le=1e6, extra={"unit": "mW"})]
MilliwattsPerMegabit = Annotated[float, Meta(ge=0, le=1e6, extra={"unit": "mW per Mbit/s"})]


class LinkKind(enum.StrEnum):
    """What a link promises."""

    STREAM = "stream"
    DATAGRAM = "datagram"


class Outages(Section, frozen=True, kw_only=True):
    """Gaps in coverage, such as tunnels: each device has its own, spread around a period."""

    every: Annotated[Seconds, Meta(description="Mean time from the begin of one outage to the next; 0: none.")] = 0.0
    length: Annotated[Seconds, Meta(description="Mean length of an outage.")] = 0.0
    jitter: Annotated[Share, Meta(description="Both vary evenly by this share, up and down.")] = 0.5


class Energy(Section, frozen=True, kw_only=True):
    """What the radio draws; the defaults are those of LTE."""

    promotion_s: Annotated[Seconds, Meta(description="Time to wake the radio.")] = 0.26
    promotion_mw: Annotated[Milliwatts, Meta(description="Power while waking.")] = 1210.7
    tail_s: Annotated[Seconds, Meta(description="Time for which the radio stays up after a transfer.")] = 11.576
    tail_mw: Annotated[Milliwatts, Meta(description="Power in the tail.")] = 1060.0
    base_mw: Annotated[Milliwatts, Meta(description="Power of a transfer, at any rate.")] = 1288.04
    up_mw_per_mbps: Annotated[MilliwattsPerMegabit, Meta(description="Added while sending.")] = 438.39
    down_mw_per_mbps: Annotated[MilliwattsPerMegabit, Meta(description="Added while receiving.")] = 51.97


class NetworkProfile(Section, frozen=True, kw_only=True):
    """One kind of access link, both directions of it."""

    kind: Annotated[LinkKind, Meta(description="stream (in order, loss is a stall) or datagram.")] = LinkKind.STREAM
    latency: Annotated[Delay, Meta(description="One-way latency, drawn for each frame.")] = Delay(
        distribution=Shape.LOGNORMAL, mean=0.015, offset=0.005, sigma=0.6
    )
    loss: Annotated[Share, Meta(description="Share of frames lost, each direction.")] = 0.0
    duplicate: Annotated[Share, Meta(description="Share of frames that arrive twice (datagram).")] = 0.0
    reorder: Annotated[Share, Meta(description="Share of frames held back so that later ones pass (datagram).")] = 0.0
    reorder_delay: Annotated[Seconds, Meta(description="How long such a frame is held back.")] = 0.05
    bandwidth_up: Annotated[ByteRate | None, Meta(description="Capacity from the device; none: unlimited.")] = None
    bandwidth_down: Annotated[ByteRate | None, Meta(description="Capacity to the device; none: unlimited.")] = None
    queue_bytes: Annotated[Bytes | None, Meta(description="Bytes that may wait at the link; none: no limit.")] = None
    trace: Annotated[
        str | None, Meta(description="Stem of a capacity trace in mahimahi's format: STEM.up and STEM.down.")
    ] = None
    outages: Annotated[Outages, Meta(description="Gaps in coverage.")] = Outages()
    rto: Annotated[Seconds, Meta(description="Retransmission time-out: the stall that a loss costs a stream.")] = 0.3
    energy: Annotated[Energy | None, Meta(description="What the radio draws; none: nobody measures.")] = Energy()


class SiteLink(Section, frozen=True, kw_only=True):
    """An edge of the graph of sites, both directions alike."""

    between: Annotated[tuple[Name, Name], Meta(description="The two sites.")]
    latency: Annotated[Delay, Meta(description="One-way latency, drawn for each frame.")] = Delay(mean=0.01)
    loss: Annotated[Share, Meta(description="Share of frames lost, each direction.")] = 0.0


class Network(Section, frozen=True, kw_only=True):
    """Who has which access link, and what lies behind it.

    In a file, any key of a profile may also stand here (`network.loss = 0.1`): it then overrides every profile in use.
    """

    profile: Annotated[
        Name | None, Meta(description="The profile of every device, unless its kind says otherwise; goes before mix.")
    ] = None
    mix: Annotated[
        dict[str, Weight],
        Meta(description="Profiles over which users are spread, with weights, such as {wifi = 1, 4g = 2}."),
    ] = {}  # noqa: RUF012 (msgspec copies an empty default)
    profiles: Annotated[
        dict[str, NetworkProfile], Meta(description="Profiles of this model's own, beside models/networks/.")
    ] = {}  # noqa: RUF012
    trace: Annotated[
        tuple[str, ...], Meta(description="Stems of capacity traces over which users are spread; one, or a list.")
    ] = ()
    trace_source: Annotated[str, Meta(description="Where to get the traces; told when one is missing.")] = ""
    sites: Annotated[tuple[Name, ...], Meta(description="The sites; the first is where devices are by default.")] = ()
    links: Annotated[tuple[SiteLink, ...], Meta(description="The edges between sites.")] = ()

    def shares(self) -> dict[str, float]:
        """The profiles of devices whose kind names none, each with its weight."""
        if self.profile is not None:
            return {self.profile: 1.0}
        return {name: weight for name, weight in self.mix.items() if weight > 0} or {"wifi": 1.0}
