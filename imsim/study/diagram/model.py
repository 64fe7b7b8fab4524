"""The one model that all renderings of a diagram draw: lanes, moments, marks, arrows, and what lasts.

Time is not to scale: a message takes milliseconds and a repetition seconds, so a *moment* is one instant at one node,
what arrives there, what follows from it and what leaves, and moments are as far from one another as their text needs.
(Lamport, "Time, clocks, and the ordering of events in a distributed system", 1978, whose pictures these are.)

What does not belong here: how it is made (layout.py), characters (text.py), and coordinates (picture.py).
"""

from __future__ import annotations

import msgspec

from imsim.history import Event
from imsim.study.diagram.flights import Fate
from imsim.study.diagram.lanes import Condition, Lane
from imsim.study.diagram.words import Shape

__all__ = ["Arrow", "Layout", "Mark", "Moment"]


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """One fact on a lane.

    Attributes:
        lane: the place of its lane; None if it is about the whole world.
        event, shape, words: what it says.
        place: its row in the history.
        proves: the numbers of the violations that cite it, from 1.
        breaks: those of them that it proves: it is the last row that they cite, or the end of the run.
    """

    lane: int | None
    event: Event
    shape: Shape
    words: str
    place: int
    proves: tuple[int, ...] = ()
    breaks: tuple[int, ...] = ()


class Arrow(msgspec.Struct, frozen=True, kw_only=True):
    """One frame, or a copy of one.

    Attributes:
        words: kind, message and occurrence.
        message: what it is named after.
        source, target: places of lanes; None for a node that the history does not name.
        start, end: the moments in which it left and arrived; None if that is not drawn, or never was.
        seconds: how long it was under way.
        fate: why it did not arrive; None if it did.
        copy: whether it is the second of a doubled frame.
        action: what the case did to it, in words; empty if nothing.
    """

    words: str
    message: str
    source: int | None
    target: int | None
    start: int | None = None
    end: int | None = None
    seconds: float | None = None
    fate: Fate | None = None
    copy: bool = False
    action: str = ""


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One instant at one node.

    Attributes:
        t: seconds.
        lane: where; None for the whole world or the log alone.
        arrival: the number of the arrow that arrives.
        marks: the facts.
        departures: the numbers of the arrows that leave.
        left_out: facts of the run before it, and after the moment before, that are not drawn.
    """

    t: float
    lane: int | None
    arrival: int | None
    marks: tuple[Mark, ...]
    departures: tuple[int, ...]
    left_out: int


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """A diagram before it is drawn.

    Attributes:
        lanes: from left to right.
        moments: from top to bottom.
        arrows: by their numbers.
        before: what state each lane is in before the first moment.
        conditions: for each moment, what state each lane is in after it.
        parted: for each moment, whether some sites cannot reach each other after it.
        violations: the promises that are broken, in a sentence each; `Mark.proves` counts them from 1.
        deviations: what the case does, in words.
        facts, left_out: rows of the run, and those of them that are not drawn.
        left_out_after: of these, how many come after the last moment.
    """

    lanes: tuple[Lane, ...]
    moments: tuple[Moment, ...]
    arrows: tuple[Arrow, ...]
    before: tuple[Condition, ...]
    conditions: tuple[tuple[Condition, ...], ...]
    parted: tuple[bool, ...]
    violations: tuple[str, ...]
    deviations: tuple[str, ...]
    facts: int
    left_out: int
    left_out_after: int
