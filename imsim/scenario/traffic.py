"""What users do: messages over time, and the edits, recalls, replies, reads and cancels that follow them.

One kind of traffic a model, each with its keys; what all kinds share stands in every one. A message's time, size and
fate hang on its own name (`alice-3`, the third that alice sends), never on its neighbours, so a model can lose a user
or a message and everything else stays as it was.
"""

from __future__ import annotations

import enum
from typing import Annotated, Union

import msgspec
from msgspec import Meta

from imsim.scenario.values import Count, Delay, Name, PerHour, Seconds, Section, Shape, Share, Sizes

__all__ = ["Action", "Burst", "Daily", "Gaps", "Listed", "Poisson", "Step", "Traced", "Traffic"]


class Action(enum.StrEnum):
    """What a user can do."""

    SEND = "send"
    REPLY = "reply"
    EDIT = "edit"
    RECALL = "recall"
    READ = "read"
    CANCEL = "cancel"
    JOIN = "join"
    LEAVE = "leave"


class Burst(Section, frozen=True, kw_only=True):
    """Many users write within a short time: a lecture begins, a sale opens."""

    at: Annotated[Seconds, Meta(description="When it begins.")]
    length: Annotated[Seconds, Meta(description="Messages are spread evenly over this time.")] = 60.0
    messages: Annotated[Count, Meta(description="Messages of each user that takes part.")] = 1
    share: Annotated[Share, Meta(description="Share of the users that takes part.")] = 1.0
    roles: Annotated[tuple[Name, ...], Meta(description="Only users of these roles; empty: all.")] = ()
    group: Annotated[Name | None, Meta(description="Only into conversations of the group of this name; none: any.")] = (
        None
    )


class _Traffic(Section, frozen=True, kw_only=True, tag_field="kind"):
    size: Annotated[Sizes, Meta(description="Size of a message's content.")] = Sizes(
        distribution=Shape.LOGNORMAL, mean=120, sigma=0.8
    )
    bursts: Annotated[tuple[Burst, ...], Meta(max_length=1000, description="Bursts on top of it.")] = ()
    replies: Annotated[Share, Meta(description="Share of messages that answer the one before.")] = 0.0
    edits: Annotated[Share, Meta(description="Share of messages that their author edits.")] = 0.0
    recalls: Annotated[Share, Meta(description="Share of messages that their author recalls.")] = 0.0
    cancels: Annotated[Share, Meta(description="Share of messages that their author cancels at once.")] = 0.0
    reads: Annotated[Share, Meta(description="Share of pairs of message and other member that end in a read.")] = 0.0
    later: Annotated[Delay, Meta(description="From a message to its edit, recall or read.")] = Delay(
        distribution=Shape.EXPONENTIAL, offset=2.0, mean=30.0
    )
    cancel_after: Annotated[Delay, Meta(description="From a message to its cancel.")] = Delay(
        distribution=Shape.EXPONENTIAL, mean=0.5
    )
    leader_weight: Annotated[
        Annotated[float, Meta(ge=0, le=1000)],
        Meta(description="Teachers and agents write this many times as often as others."),
    ] = 1.0


class Gaps(_Traffic, frozen=True, kw_only=True, tag="gaps"):
    """Each device sends a fixed number of messages, with exponential gaps."""

    messages_per_device: Annotated[
        Annotated[int, Meta(ge=0, le=1_000_000)], Meta(description="Messages that each device sends.")
    ] = 10
    mean_gap: Annotated[Seconds, Meta(description="Mean time between two of them.")] = 10.0


class Poisson(_Traffic, frozen=True, kw_only=True, tag="poisson"):
    """Users write at a constant rate, independently, until the model's duration ends."""

    rate: Annotated[PerHour, Meta(description="Messages of each user.")]


class Daily(_Traffic, frozen=True, kw_only=True, tag="daily"):
    """Users write at a rate that follows the hour of the day, until the model's duration ends."""

    rate: Annotated[PerHour, Meta(description="Messages of each user, averaged over a whole day.")]
    hours: Annotated[
        tuple[Annotated[float, Meta(ge=0, le=1e6)], ...],
        Meta(min_length=24, max_length=24, description="Weight of each hour, from midnight."),
    ]


class Step(Section, frozen=True, kw_only=True):
    """One thing that one user does at one time."""

    at: Annotated[Seconds, Meta(description="When.")]
    user: Annotated[Name, Meta(description="Who.")] = msgspec.field(name="from")
    to: Annotated[str, Meta(max_length=200, description="A conversation, or a user for the two alone.")]
    action: Annotated[Action, Meta(description="send, reply, edit, recall, read, cancel, join or leave.")] = Action.SEND
    text: Annotated[str | None, Meta(description="What is written; none: filler of the model's size.")] = None
    target: Annotated[
        str | None, Meta(description="The message meant, such as alice-3; none: the last one before.")
    ] = None
    device: Annotated[Name | None, Meta(description="On which kind of device; none: drawn.")] = None


class Listed(_Traffic, frozen=True, kw_only=True, tag="list"):
    """Exactly what is written down."""

    steps: Annotated[tuple[Step, ...], Meta(min_length=1, max_length=1_000_000, description="In any order.")]


class Traced(_Traffic, frozen=True, kw_only=True, tag="trace"):
    """A recorded trace: who wrote to whom, and when. Users and pairs follow from it."""

    trace: Annotated[
        Annotated[str, Meta(min_length=1)],
        Meta(description="A file of lines `src dst unix-time`, or the Parquet file that `imsim import` made of one."),
    ]
    source: Annotated[str, Meta(description="Where to get the trace; told when it is missing.")] = ""


Traffic = Union[Gaps, Poisson, Daily, Listed, Traced]  # noqa: UP007 (msgspec builds its decoder from the union)
