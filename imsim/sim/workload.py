"""A scenario's traffic as a plan: everything that users will want, sorted by time, and when their devices are online.

Everything about a message is drawn under the name of its sender and the number of the draw. So what a scenario leaves
out (`without`, which is how a failing case is shrunk) is taken away at the very end: every other name, time and
number stays what it was. An answer to a message that was taken away becomes an ordinary message, and an edit of it
goes with it.

What does not belong here: who the users are (cast.py), how they come to write (written.py, arrivals.py), and what
their devices make of it.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import msgspec

from imsim.errors import ConfigError, nearest
from imsim.scenario.traces import read_edges
from imsim.scenario.traffic import Action, Listed, Traced
from imsim.sim.cast import cast
from imsim.sim.intentions import CODES, SENDS, Intention, Rows, intention, name_of
from imsim.sim.sessions import sessions
from imsim.sim.steps import write_steps
from imsim.sim.written import write_drawn, write_trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imsim.scenario import Scenario
    from imsim.scenario.traces import Edges
    from imsim.sim.cast import Cast, Conversation, Device, User
    from imsim.sim.decisions import Decisions

__all__ = ["Intention", "Plan", "plan"]


class Plan:
    """Everything that will be wanted in a run.

    Attributes:
        duration: seconds after which nobody wants anything any more.
        users: the users; one without devices only receives.
        devices: the devices.
        conversations: the conversations that exist from the start, with their first members.
    """

    __slots__ = (
        "_active",
        "_cast",
        "_decisions",
        "_hour",
        "_order",
        "_rows",
        "conversations",
        "devices",
        "duration",
        "users",
    )

    def __init__(self, scenario: Scenario, decisions: Decisions, cast: Cast, rows: Rows) -> None:
        order = rows.order()
        if scenario.duration is not None:
            order = array("I", (row for row in order if rows.t[row] <= scenario.duration))
        if scenario.without:
            order, cast = _leave_out(scenario, rows, order, cast)
        self.users: tuple[User, ...] = cast.users
        self.devices: tuple[Device, ...] = cast.devices
        self.conversations: tuple[Conversation, ...] = cast.conversations
        last = rows.t[order[-1]] if order else 0.0
        self.duration = scenario.duration if scenario.duration is not None else last + 1.0
        self._cast = cast
        self._decisions = decisions
        self._hour = scenario.hour
        self._rows = rows
        self._order = order
        self._active: dict[int, array[float]] | None = None

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Intention]:
        """The intentions, rising in time."""
        return (intention(self._rows, self._cast, row) for row in self._order)

    def __getitem__(self, index: int) -> Intention:
        """The intention at a place in time order."""
        return intention(self._rows, self._cast, self._order[index])

    def time(self, index: int) -> float:
        """When the intention at a place in time order is due, without making it."""
        return self._rows.t[self._order[index]]

    def messages(self) -> int:
        """How many messages are sent in all."""
        return sum(self._rows.action[row] in SENDS for row in self._order)

    def sessions(self, device: Device) -> Iterator[tuple[float, float]]:
        """When a device is online: (begin, end), rising and apart, made while they are asked for."""
        if self._active is None:
            self._active = {}
            for row in self._order:
                self._active.setdefault(self._rows.device[row], array("d")).append(self._rows.t[row])
        return sessions(
            device.presence,
            self._decisions,
            device.name,
            hour=self._hour,
            until=self.duration,
            active=self._active.get(device.index, ()),
        )


def plan(scenario: Scenario, decisions: Decisions) -> Plan:
    """Everything that the users of a scenario will want.

    Raises:
        ConfigError: a trace cannot be read, a written step means something that is not there, or `without` does.
    """
    traffic, rows = scenario.traffic, Rows()
    edges = _edges(traffic) if isinstance(traffic, Traced) else None
    who = cast(scenario, decisions, edges)
    if isinstance(traffic, Listed):
        write_steps(rows, traffic, who, decisions)
    elif edges is not None:
        write_trace(rows, scenario, who, decisions, edges)
    else:
        write_drawn(rows, scenario, who, decisions)
    return Plan(scenario, decisions, who, rows)


def _edges(traffic: Traced) -> Edges:
    try:
        return read_edges(traffic.trace)
    except ConfigError as error:
        raise ConfigError(f"traffic.trace: {error}") from None


def _leave_out(scenario: Scenario, rows: Rows, order: array[int], cast: Cast) -> tuple[array[int], Cast]:
    """What remains without the messages, devices, users and conversations of `scenario.without`."""
    gone = set(scenario.without)
    names = {row: name_of(rows, cast, row) for row in order}
    things = [thing.name for part in (cast.users, cast.devices, cast.conversations) for thing in part]
    known = [*things, *names.values()]
    unknown = sorted(gone.difference(known))
    if unknown:
        message = f"without: no such message, device, user or conversation: {unknown[0]!r}{nearest(unknown[0], known)}"
        raise ConfigError(message)
    owners = {device.index: cast.users[device.user].name for device in cast.devices}
    kept = [device for device in cast.devices if not gone & {device.name, owners[device.index]}]
    places = {device.index: place for place, device in enumerate(kept)}
    talks = [conversation for conversation in cast.conversations if conversation.name not in gone]
    wheres = {conversation.index: place for place, conversation in enumerate(talks)}
    dropped: set[int] = set()
    for row in order:
        if names[row] in gone or rows.device[row] not in places or rows.conversation[row] not in wheres:
            dropped.add(row)
        elif rows.target[row] in dropped:
            if rows.action[row] in SENDS:
                rows.action[row], rows.target[row] = CODES[Action.SEND], -1
            else:
                dropped.add(row)
    order = array("I", (row for row in order if row not in dropped))
    for row in order:
        rows.device[row] = places[rows.device[row]]
        rows.conversation[row] = wheres[rows.conversation[row]]
    devices = tuple(msgspec.structs.replace(device, index=place) for place, device in enumerate(kept))
    conversations = tuple(msgspec.structs.replace(talk, index=place) for place, talk in enumerate(talks))
    users = tuple(
        msgspec.structs.replace(user, devices=tuple(places[index] for index in user.devices if index in places))
        for user in cast.users
    )
    return order, msgspec.structs.replace(cast, users=users, devices=devices, conversations=conversations)
