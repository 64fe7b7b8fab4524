"""Which facts of a run are drawn: all, those about one message, or those that a broken promise is about.

A shrunk case still has hundreds of facts, and a person looks for a dozen. What matters of it: the messages that the
violation and the deviations name, on the devices that show, lack or wrote them; the frames that carry them, and those
that brought a fact about without being named after it (a page, a batch); what was wrong with these nodes meanwhile. An
acknowledgement that arrived as it should is left out.

What does not belong here: how the chosen facts look.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

import msgspec

from imsim.history import Event, Level
from imsim.sim.deviations import CrashAfter, CrashBefore, Partition, Pause
from imsim.study.diagram.flights import Flight
from imsim.study.diagram.words import SAID_BY_FRAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imsim.sim.deviations import Deviation
    from imsim.study.diagram.sheet import Sheet, Trouble
    from imsim.verify.finding import Violation

__all__ = ["Choice", "about", "deviating", "everything", "proving", "relevant", "within"]

_GREETINGS: Final = frozenset({"hello", "welcome", "refusal"})
_LASTING: Final = frozenset({
    Event.WIPED, Event.INSTALLED, Event.MISSING, Event.TRIMMED, Event.TAIL_LOST,
})  # fmt: skip
"""What changes the ground under a message, besides troubles."""
_ASIDE: Final = frozenset({
    Event.INVOKE, Event.OK, Event.ASKED, Event.ANSWERED, Event.VIEWED, Event.COUNTED, Event.SPENT,
})  # fmt: skip
"""No part of a message's story: an operation of a port is one where it failed or timed out; the others sum it up, or
are frames too."""
_REQUEST_AND_ANSWER: Final = 2
_OPERATIONS: Final = frozenset({Event.EDITED, Event.RECALLED})
_STOPS: Final = frozenset({Event.CRASHED, Event.PAUSED})
_STOPPING: Final = (CrashBefore, CrashAfter, Pause)


class Choice(msgspec.Struct, frozen=True, eq=False):
    """The rows that become marks, and the frames that become arrows, between two times in seconds."""

    places: frozenset[int]
    flights: tuple[Flight, ...]
    since: float = 0.0
    until: float = math.inf


def everything(sheet: Sheet) -> Choice:
    """All facts; what a frame says is not said again."""
    unsaid = _unsaid(sheet)
    places = (place for place, row in enumerate(sheet.rows) if row[3] not in unsaid)
    return Choice(frozenset(places), tuple(sheet.flights))


def about(sheet: Sheet, message: int) -> Choice:
    """The facts about one message and the edits and recalls of it, on every node."""
    name = sheet.history.messages.name(message)
    operations = {
        int(row[6])
        for place, row in enumerate(sheet.rows)
        if row[3] in _OPERATIONS and sheet.detail(place) == name
    }  # fmt: skip
    return _gathered(sheet, operations | {message}, sheet.devices)


def relevant(sheet: Sheet, violation: Violation | None, deviations: Sequence[Deviation]) -> Choice:
    """The facts that a broken promise is about, and where the case deviates from its seed."""
    cited = frozenset(row.place for row in violation.rows) if violation is not None else frozenset()
    deviated = deviating(sheet, deviations)
    named = {name for row in violation.rows for name in (row.message, row.detail)} if violation is not None else set()
    named |= {deviation.key.subject for deviation in deviations if deviation.key is not None}
    numbers = {number for name in named if name and (number := sheet.history.messages.find(name))}
    touched = {node for deviation in deviations for node in _nodes_of(sheet, deviation)}
    devices = {int(sheet.rows[place][1]) for place in cited} | touched | _authors(sheet, numbers)
    if violation is not None and violation.absence:
        cited |= {len(sheet.rows) - 1}  # only the end of the run proves it
    choice = _gathered(sheet, numbers, devices & sheet.devices or sheet.devices, cited=cited)
    if violation is not None:
        choice = _until(choice, max(cited))
    flights = [flight for flight in choice.flights if flight in deviated or not _is_routine(sheet, flight)]
    flights += [flight for flight in deviated if flight not in flights]
    caused = _caused(sheet, set() if numbers else touched | sheet.servers, deviations)
    extra = {place for trouble in caused for place in _ends_of(trouble)}
    return Choice(choice.places | extra, tuple(flights))


def proving(sheet: Sheet, choice: Choice, violations: Sequence[Violation]) -> Choice:
    """A choice, and the rows that prove these violations."""
    cited = {row.place for violation in violations for row in violation.rows}
    if any(violation.absence for violation in violations):
        cited.add(len(sheet.rows) - 1)
    return Choice(choice.places | cited, choice.flights)


def within(sheet: Sheet, choice: Choice, since: float, until: float) -> Choice:
    """What of a choice falls into a window of time, in seconds, both ends included."""

    def inside(place: int) -> bool:
        return since <= sheet.rows[place][0] <= until

    return Choice(
        frozenset(filter(inside, choice.places)),
        tuple(flight for flight in choice.flights if any(map(inside, flight.places))),
        since,
        until,
    )


def deviating(sheet: Sheet, deviations: Iterable[Deviation]) -> dict[Flight, str]:
    """The frames at which a case deviates, each with what is done to it."""
    keys = {}
    for deviation in deviations:
        if deviation.key is not None:
            key = deviation.key
            word = str(deviation.action.__struct_config__.tag).replace("_", " ")
            keys[str(key.kind), key.place, key.occurrence, key.subject] = word
    flights = sheet.flights if keys else ()
    return {flight: keys[name] for flight in flights for name in _keys(sheet, flight) if name in keys}


# ---------------------------------------------------------------------------------------------- gathering


def _gathered(sheet: Sheet, messages: set[int], devices: set[int], *, cited: frozenset[int] = frozenset()) -> Choice:
    """The facts about some messages on some devices, on all servers and in the log."""
    unsaid = _unsaid(sheet) | _ASIDE
    nodes = devices | sheet.servers
    marks = {
        place
        for place, row in enumerate(sheet.rows)
        if row[6] in messages and row[3] not in unsaid and (sheet.lane_of(place) or 0) in nodes | {0}
    } | cited
    flights = dict.fromkeys(
        flight
        for flight in sheet.flights
        if messages.intersection(flight.carries) and {flight.sender, flight.receiver} <= nodes | {0}
    )
    for place in sorted(marks):
        _add_cause(sheet, place, flights, nodes)
    touched = marks.union(*(flight.places for flight in flights))
    story = touched - cited or touched
    if story:
        first, last = min(story), max(touched)
        marks |= _meanwhile(sheet, nodes, touched, first, last)
        flights |= dict.fromkeys(_unheard(sheet, devices, first, last))
    return Choice(frozenset(marks), tuple(flights))


def _until(choice: Choice, last: int) -> Choice:
    """What is proven needs nothing that comes later."""
    return Choice(
        frozenset(place for place in choice.places if place <= last),
        tuple(flight for flight in choice.flights if (flight.arrivals or flight.places)[0] <= last),
    )


def _add_cause(sheet: Sheet, place: int, flights: dict[Flight, None], nodes: set[int]) -> None:
    """The frame that brought a row about, and what that frame answers if it is named after no message."""
    for _ in range(_REQUEST_AND_ANSWER):
        cause = sheet.causes.get(place)
        if cause is None or cause.sender not in nodes:
            return
        flights[cause] = None
        if cause.message or cause.sent is None:
            return
        place = cause.sent


def _meanwhile(sheet: Sheet, nodes: set[int], touched: set[int], first: int, last: int) -> set[int]:
    """What was wrong with some nodes between two rows, and what changed for them.

    Every crash and pause, and for each row of the story the connection that its node lacked then, or last; and for what
    began before the story, what was wrong with a server then, since that may be the reason.
    """
    present = [trouble for trouble in sheet.troubles if _is_wide(trouble) and trouble.overlaps(first, last)]
    involved: dict[int, list[int]] = {}
    for place in sorted(touched):
        involved.setdefault(sheet.lane_of(place) or 0, []).append(place)
    for node in nodes & involved.keys():
        own = [trouble for trouble in sheet.troubles if trouble.node == node and trouble.overlaps(first, last)]
        present += [trouble for trouble in own if trouble.event in _STOPS]
        apart = [trouble for trouble in own if trouble.event not in _STOPS]
        begins = [trouble.begin for trouble in apart]
        latest = {bisect_right(begins, place) - 1 for place in involved[node]} - {-1}
        present += [apart[number] for number in sorted(latest)]
    begin = min((trouble.begin for trouble in present if trouble.event is not Event.INSTALLED), default=first)
    present += [
        trouble for trouble in sheet.troubles if trouble.node in sheet.servers and trouble.overlaps(begin, first)
    ]
    places = {
        place
        for trouble in present
        for place in _ends_of(trouble)
        if place >= first or trouble.event is not Event.INSTALLED  # an old install is none of the story
    }
    places.update(
        place
        for place in range(first, last + 1)
        if sheet.rows[place][3] in _LASTING and sheet.lane_of(place) in involved.keys() & nodes | {0}
    )
    return places


def _unheard(sheet: Sheet, devices: set[int], first: int, last: int) -> list[Flight]:
    """The frames with which devices tried to get a connection, and that did not arrive."""
    return [
        flight
        for flight in sheet.flights
        if flight.fate is not None
        and flight.sent is not None
        and first <= flight.sent <= last
        and devices & {flight.sender, flight.receiver}
        and sheet.history.details.name(flight.kind) in _GREETINGS
    ]


def _unsaid(sheet: Sheet) -> frozenset[Event]:
    return (SAID_BY_FRAMES if sheet.history.level is Level.FRAMES else frozenset()) | {Event.TIMER}


def _is_wide(trouble: Trouble) -> bool:
    return trouble.event is Event.PARTITIONED


def _ends_of(trouble: Trouble) -> tuple[int, ...]:
    return (trouble.begin,) if trouble.end is None else (trouble.begin, trouble.end)


def _is_routine(sheet: Sheet, flight: Flight) -> bool:
    return sheet.is_acknowledgement(flight) and len(flight.arrivals) == 1


def _authors(sheet: Sheet, messages: set[int]) -> set[int]:
    return {int(row[1]) for row in sheet.rows if row[3] == Event.SUBMITTED and row[6] in messages}


# ---------------------------------------------------------------------------------------------- deviations


def _nodes_of(sheet: Sheet, deviation: Deviation) -> tuple[int, ...]:
    """The node at which a deviation happens, if its words name one."""
    if deviation.key is None:
        names = [getattr(deviation.action, field, "") for field in ("node", "a", "b")]
    else:
        names = [deviation.key.place.split()[-1]]
    return tuple(number for name in names if name and (number := sheet.history.nodes.find(name)))


def _caused(sheet: Sheet, nodes: set[int], deviations: Sequence[Deviation]) -> list[Trouble]:
    """The partitions of a case, and the crashes and pauses of these nodes if it causes any, whenever they were."""
    actions = [deviation.action for deviation in deviations]
    sites = {f"{a.a} {'->' if a.one_way else '|'} {a.b}" for a in actions if isinstance(a, Partition)}
    stopped = nodes if any(isinstance(action, _STOPPING) for action in actions) else set()
    return [
        trouble
        for trouble in sheet.troubles
        if trouble.detail in sites or (trouble.event in _STOPS and trouble.node in stopped)
    ]


def _keys(sheet: Sheet, flight: Flight) -> list[tuple[str, str, int, str]]:
    """The keys that the decision about a frame may have: rows do not name the subject of a frame without a message."""
    history = sheet.history
    kind, message = history.details.name(flight.kind), history.messages.name(flight.message)
    sender, receiver = history.nodes.name(flight.sender), history.nodes.name(flight.receiver)
    subjects = (message,) if message else (sender, receiver)
    places = (f"to {receiver}", f"from {sender}")
    return [(kind, place, flight.attempt, subject) for place in places for subject in subjects]
