"""The lanes of a diagram, from left to right, and the state that each is in as time passes.

Servers stand in the middle, the devices of one user side by side, those who write on the left; the log is at the right
edge, since no frame goes there. So arrows are short, and a conversation reads from left to right.

What does not belong here: what happens on a lane (layout.py).
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

import msgspec

from imsim.history import Event
from imsim.study.diagram.sheet import LOG

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imsim.study.diagram.choice import Choice
    from imsim.study.diagram.sheet import Sheet

__all__ = ["Condition", "Lane", "Role", "conditions", "lanes_of"]


class Role(enum.Enum):
    """Who a lane belongs to."""

    DEVICE = "device"
    SERVER = "server"
    LOG = "log"


class Lane(msgspec.Struct, frozen=True):
    """One node, or the log."""

    name: str
    role: Role


class Condition(enum.Enum):
    """The state of a node."""

    UP = "up"
    OFFLINE = "no connection"
    PAUSED = "stands still"
    DOWN = "down"


def lanes_of(sheet: Sheet, choice: Choice) -> list[tuple[Lane, int]]:
    """The lanes with their nodes' numbers, 0 for the log: all nodes at which something that was chosen happens."""
    seen: dict[int, None] = {}
    for place in sorted(choice.places):
        node = sheet.lane_of(place)
        if node is not None:
            seen[node] = None
    for flight in choice.flights:
        seen.update(dict.fromkeys((flight.sender, flight.receiver)))
    named = [node for node in seen if node]
    left, right = _sides(_by_user(sheet, choice, [node for node in named if node in sheet.devices]))
    servers = sorted(node for node in named if node in sheet.servers)
    lanes = [(Lane(sheet.history.nodes.name(node), _role(sheet, node)), node) for node in (*left, *servers, *right)]
    if any(sheet.lane_of(place) == 0 for place in choice.places):
        lanes.append((Lane(LOG, Role.LOG), 0))
    return lanes


def _role(sheet: Sheet, node: int) -> Role:
    return Role.DEVICE if node in sheet.devices else Role.SERVER


def _by_user(sheet: Sheet, choice: Choice, devices: list[int]) -> list[list[int]]:
    """Devices by their user, who writes first coming first."""
    writers = dict.fromkeys(
        int(sheet.rows[place][1]) for place in sorted(choice.places) if sheet.event(place) is Event.SUBMITTED
    )
    users: dict[str, list[int]] = {}
    for device in (*(node for node in writers if node in devices), *sorted(set(devices) - writers.keys())):
        users.setdefault(sheet.history.nodes.name(device).split("/")[0], []).append(device)
    return list(users.values())


def _sides(users: list[list[int]]) -> tuple[list[int], list[int]]:
    """The users left and right of the servers, a user's devices staying together unless there is only one."""
    groups = users if len(users) > 1 else [[device] for user in users for device in user]
    total = sum(map(len, groups))
    left: list[int] = []
    while groups and 2 * len(left) < total and (not left or len(groups) > 1):
        left += groups[0]
        groups = groups[1:]
    return left, [device for group in groups for device in group]


# ---------------------------------------------------------------------------------------------- conditions


class _State:
    """Of one node."""

    __slots__ = ("connected", "down", "paused")

    def __init__(self, *, connected: bool) -> None:
        self.connected = connected
        self.down = self.paused = False

    def condition(self) -> Condition:
        if self.down:
            return Condition.DOWN
        if self.paused:
            return Condition.PAUSED
        return Condition.UP if self.connected else Condition.OFFLINE


def _crash(state: _State) -> None:
    state.down, state.paused = True, False


def _restart(state: _State) -> None:
    state.down = False


def _pause(state: _State) -> None:
    state.paused = True


def _resume(state: _State) -> None:
    state.paused = False


def _connect(state: _State) -> None:
    state.connected = True


def _disconnect(state: _State) -> None:
    state.connected = False


_CHANGES: Final[dict[float | int, Callable[[_State], None]]] = {
    Event.CRASHED: _crash,
    Event.RESTARTED: _restart,
    Event.PAUSED: _pause,
    Event.RESUMED: _resume,
    Event.CONNECTED: _connect,
    Event.DISCONNECTED: _disconnect,
}


def conditions(sheet: Sheet, nodes: Sequence[int], places: Sequence[int]) -> tuple[tuple[Condition, ...], ...]:
    """After each of these rows, which come in order, the condition of each node."""
    connecting = {int(row[1]) for row in sheet.rows if row[3] in {Event.CONNECTED, Event.DISCONNECTED}}
    states = {node: _State(connected=node not in connecting) for node in nodes}
    changes = [(place, int(row[1]), _CHANGES[row[3]]) for place, row in enumerate(sheet.rows) if row[3] in _CHANGES]
    found, done = [], 0
    for place in places:
        while done < len(changes) and changes[done][0] <= place:
            _, node, change = changes[done]
            if node in states:
                change(states[node])
                if change is _crash and node in sheet.devices:
                    _disconnect(states[node])
            done += 1
        found.append(tuple(states[node].condition() for node in nodes))
    return tuple(found)
