"""From the facts that were chosen to the model that is drawn: moments in their order, and arrows between them.

What does not belong here: characters (text.py), coordinates (picture.py), and which facts are drawn (choice.py).
"""

from __future__ import annotations

import enum
import itertools
from typing import TYPE_CHECKING, Final

import msgspec

from imsim.history import Event, Row
from imsim.study.diagram.choice import deviating
from imsim.study.diagram.flights import Flight
from imsim.study.diagram.lanes import Lane, conditions, lanes_of
from imsim.study.diagram.model import Arrow, Layout, Mark, Moment
from imsim.study.diagram.words import SAID_BY_FRAMES, frame_words, shape_of, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imsim.sim.deviations import Deviation
    from imsim.study.diagram.choice import Choice
    from imsim.study.diagram.sheet import Sheet
    from imsim.verify.finding import Violation

__all__ = ["arrange"]

_BESIDE: Final = SAID_BY_FRAMES - {Event.SENT, Event.RECEIVED, Event.DROPPED}


def arrange(
    sheet: Sheet, choice: Choice, violations: Sequence[Violation] = (), deviations: Sequence[Deviation] = ()
) -> Layout:
    """Lay the chosen facts out."""
    lanes = lanes_of(sheet, choice)
    steps = _grouped(sheet, sorted(_steps(sheet, choice), key=_by_place))
    arrows, numbers = _arrows(sheet, choice, steps, lanes, deviations)
    cited = _cited(sheet, violations, steps)
    drawn = _drawn(sheet, choice)
    moments = []
    told = -1
    for step in steps:
        left_out = sum(place not in drawn for place in range(told + 1, step.items[0].place))
        told = max(told, step.items[-1].place)
        moments.append(_moment(sheet, step, numbers, lanes, cited, left_out))
    ends = list(itertools.accumulate((step.items[-1].place for step in steps), max))
    start = steps[0].items[0].place - 1 if steps else -1
    before, *after = conditions(sheet, [node for _, node in lanes], [start, *ends])
    partitions = [trouble for trouble in sheet.troubles if trouble.event is Event.PARTITIONED]
    return Layout(
        lanes=tuple(lane for lane, _ in lanes),
        moments=tuple(moments),
        arrows=tuple(arrows),
        before=before,
        conditions=tuple(after),
        parted=tuple(any(trouble.lasts(at) for trouble in partitions) for at in ends),
        violations=tuple(f"{violation.property.value}: {violation.sentence}" for violation in violations),
        deviations=tuple(map(str, deviations)),
        facts=len(sheet.rows),
        left_out=len(sheet.rows) - len(drawn),
        left_out_after=sum(place not in drawn for place in range(told + 1, len(sheet.rows))),
    )


# ---------------------------------------------------------------------------------------------- moments


class _Role(enum.Enum):
    MARK = 0
    LEAVES = 1
    ARRIVES = 2


class _Item(msgspec.Struct, frozen=True, eq=False):
    """One end of an arrow, or a mark."""

    place: int
    role: _Role
    lane: int | None
    flight: Flight | None = None


class _Step(msgspec.Struct):
    """The items of one moment."""

    t: float
    lane: int | None
    items: list[_Item]


def _by_place(item: _Item) -> tuple[int, int]:
    return item.place, item.role.value


def _steps(sheet: Sheet, choice: Choice) -> Iterator[_Item]:
    for place in choice.places:
        yield _Item(place, _Role.MARK, sheet.lane_of(place))
    for flight in choice.flights:
        ends = [(place, _Role.ARRIVES, flight.receiver) for place in flight.arrivals]
        if flight.sent is not None:
            ends.append((flight.sent, _Role.LEAVES, flight.sender))
        for place, role, lane in ends:
            if choice.since <= sheet.rows[place][0] <= choice.until:
                yield _Item(place, role, lane, flight)


def _grouped(sheet: Sheet, items: list[_Item]) -> list[_Step]:
    """Items at one node in one instant, each arrival beginning a new moment; the log writes beside its server."""
    steps: list[_Step] = []
    for item in items:
        step = None if item.role is _Role.ARRIVES else _step_of(sheet, steps, item)
        if step is None:
            steps.append(_Step(sheet.rows[item.place][0], item.lane, [item]))
        else:
            step.items.append(item)
            step.lane = step.lane or item.lane
    return steps


def _step_of(sheet: Sheet, steps: list[_Step], item: _Item) -> _Step | None:
    """The moment that an item belongs to: that of its cause, or else the last one, if it is of this instant here."""
    t, cause = sheet.rows[item.place][0], sheet.causes.get(item.place)
    now = list(itertools.takewhile(lambda step: step.t == t, reversed(steps)))
    here = [step for step in now if item.lane == step.lane or _beside(sheet, step.lane, item.lane)]
    for step in here:
        if cause is not None and step.items[0].flight is cause:
            return step
    return here[0] if here and here[0] is now[0] else None


def _beside(sheet: Sheet, one: int | None, other: int | None) -> bool:
    """Whether one of them is the log, and the other a server or the log too."""
    return 0 in {one, other} and {one, other} <= sheet.servers | {0}


def _moment(
    sheet: Sheet,
    step: _Step,
    numbers: dict[tuple[int, _Role], int],
    lanes: list[tuple[Lane, int]],
    cited: dict[int, tuple[tuple[int, ...], tuple[int, ...]]],
    left_out: int,
) -> Moment:
    at = {node: index for index, (_, node) in enumerate(lanes)}
    arrivals = [numbers[item.place, item.role] for item in step.items if item.role is _Role.ARRIVES]
    brought = next((sheet.row(item.place).message for item in step.items if item.role is _Role.ARRIVES), "")
    marks = []
    for item in step.items:
        if item.role is _Role.MARK:
            row = sheet.row(item.place)
            proves, breaks = cited.get(item.place, ((), ()))
            marks.append(_mark(row, at.get(-1 if item.lane is None else item.lane), brought, proves, breaks))
    return Moment(
        t=step.t,
        lane=None if step.lane is None else at.get(step.lane),
        arrival=arrivals[0] if arrivals else None,
        marks=tuple(marks),
        departures=tuple(numbers[item.place, item.role] for item in step.items if item.role is _Role.LEAVES),
        left_out=left_out,
    )


def _mark(row: Row, lane: int | None, brought: str, proves: tuple[int, ...], breaks: tuple[int, ...]) -> Mark:
    return Mark(
        lane=lane,
        event=row.event,
        shape=shape_of(row.event),
        words=words_of(row, brought=brought),
        place=row.place,
        proves=proves,
        breaks=breaks,
    )


def _cited(
    sheet: Sheet, violations: Sequence[Violation], steps: list[_Step]
) -> dict[int, tuple[tuple[int, ...], tuple[int, ...]]]:
    """For each row that is drawn, the violations that cite it, and those that it proves."""
    drawn = {item.place for step in steps for item in step.items if item.role is _Role.MARK}
    proves: dict[int, list[int]] = {}
    breaks: dict[int, list[int]] = {}
    for number, violation in enumerate(violations, start=1):
        places = sorted(drawn.intersection(row.place for row in violation.rows))
        for place in places:
            proves.setdefault(place, []).append(number)
        proof = len(sheet.rows) - 1 if violation.absence else max(places, default=-1)
        if proof in drawn:
            breaks.setdefault(proof, []).append(number)
    return {place: (tuple(proves.get(place, ())), tuple(breaks.get(place, ()))) for place in {*proves, *breaks}}


def _drawn(sheet: Sheet, choice: Choice) -> set[int]:
    """The rows that a diagram tells: marks, both ends of arrows, and what the rows beside these say again."""
    drawn = set(choice.places)
    ends: set[tuple[float, int, int]] = set()
    for flight in choice.flights:
        drawn.update(flight.places)
        if flight.sent is not None:
            t = sheet.rows[flight.sent][0]
            ends |= {(t, flight.sender, flight.receiver), (t, flight.sender, 0)}
        ends.update((sheet.rows[place][0], flight.receiver, flight.sender) for place in flight.arrivals)
    said = {place for place, row in enumerate(sheet.rows) if row[3] in _BESIDE and (row[0], row[1], row[9]) in ends}
    return drawn | said


# ---------------------------------------------------------------------------------------------- arrows


def _arrows(
    sheet: Sheet,
    choice: Choice,
    steps: list[_Step],
    lanes: list[tuple[Lane, int]],
    deviations: Sequence[Deviation],
) -> tuple[list[Arrow], dict[tuple[int, _Role], int]]:
    """The arrows, and the number of the one that begins or ends in a row."""
    at = {node: index for index, (_, node) in enumerate(lanes)}
    moment = {(item.place, item.role): index for index, step in enumerate(steps) for item in step.items}
    actions = deviating(sheet, deviations)
    arrows: list[Arrow] = []
    numbers: dict[tuple[int, _Role], int] = {}
    for flight in choice.flights:
        for copy, arrival in enumerate(flight.arrivals or [None]):
            arrow = _arrow(sheet, flight, at, actions.get(flight, ""), arrival, copy=copy > 0)
            start = None if flight.sent is None else moment.get((flight.sent, _Role.LEAVES))
            end = None if arrival is None else moment.get((arrival, _Role.ARRIVES))
            if start is not None and flight.sent is not None and not copy:
                numbers[flight.sent, _Role.LEAVES] = len(arrows)
            if arrival is not None:
                numbers[arrival, _Role.ARRIVES] = len(arrows)
            arrows.append(msgspec.structs.replace(arrow, start=start, end=end))
    return arrows, numbers


def _arrow(sheet: Sheet, flight: Flight, at: dict[int, int], action: str, arrival: int | None, *, copy: bool) -> Arrow:
    history = sheet.history
    row = sheet.row(next(itertools.chain(flight.arrivals, flight.places)))
    message = history.messages.name(flight.message)
    carried = [history.messages.name(number) for number in flight.carries]
    subject = ", ".join(carried) or row.conversation
    seconds = None
    if arrival is not None and flight.sent is not None:
        seconds = sheet.rows[arrival][0] - sheet.rows[flight.sent][0]
    words = frame_words(history.details.name(flight.kind), subject, flight.attempt)
    return Arrow(
        words=f"copy of {words}" if copy else words,
        message=message,
        source=at.get(flight.sender),
        target=at.get(flight.receiver),
        seconds=seconds,
        fate=flight.fate,
        copy=copy,
        action=action,
    )
