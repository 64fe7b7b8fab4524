"""How users come to write: drawn by rate and rhythm, or taken from a trace; and what follows from what they wrote.

Every message has 64 random bits of its own, drawn under its sender's (or device's) name; what concerns the message is
split off from them: the device, the conversation, the size, whether it answers, is edited, recalled, cancelled, and by
whom it is read. A second pass in time order adds what follows from messages, since an answer needs something to answer.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from imsim.scenario.people import ROLES
from imsim.scenario.traffic import Action, Daily, Gaps, Poisson
from imsim.sim.arrivals import Rhythm, burst_times, gap_times
from imsim.sim.decisions import Kind, draw, remix, unit
from imsim.sim.intentions import CODES, SENDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imsim.scenario import Scenario
    from imsim.scenario.traces import Edges
    from imsim.scenario.traffic import Traffic
    from imsim.sim.cast import Cast, User
    from imsim.sim.decisions import Decisions
    from imsim.sim.intentions import Rows

__all__ = ["write_drawn", "write_trace"]

_MESSAGE, _IN_BURST, _CHANGE = 31, 32, 33
"""Subjects of the draws about one name."""
_WHERE, _SIZE, _REPLY, _EDIT, _EDIT_AT, _RECALL, _RECALL_AT, _CANCEL, _CANCEL_AT = range(2, 11)
_READER = 64
"""Further numbers about one message are split off its bits; those of the n-th user as a reader from here on."""
_SEND, _REPLIES = CODES[Action.SEND], CODES[Action.REPLY]
_LEADERS = frozenset(leader for leader, _ in ROLES.values())
_HOUR = 3600.0
_FEWEST = 3
"""Conversations of fewer members do not change."""

Wish = tuple[float, int, str | None, int]
"""A message that a user wants to write: when, on which device (-1: any), in which group (None: any), its bits."""


def write_drawn(rows: Rows, scenario: Scenario, cast: Cast, decisions: Decisions) -> None:
    """Write the traffic of gaps, a rate, or a day's rhythm, with its bursts and all that follows."""
    traffic = scenario.traffic
    left = _write_changes(rows, scenario, cast, decisions)
    places = _Places(cast)
    bits_of = array("Q", bytes(8 * len(rows.t)))
    rhythm = _rhythm(scenario)
    for user in cast.users:
        for t, chosen, group, bits in _wishes(scenario, rhythm, cast, user, decisions):
            conversation = places.draw(user.index, group, unit(remix(bits, _WHERE)))
            if conversation is None or t >= left.get((conversation, user.index), t + 1.0):
                continue
            device = chosen if chosen >= 0 else user.device(bits)
            size = traffic.size.quantile(unit(remix(bits, _SIZE)))
            rows.add(t, _SEND, user.index, device, conversation, size=size)
            bits_of.append(bits)
    _write_consequences(rows, traffic, cast, bits_of, left)


def write_trace(rows: Rows, scenario: Scenario, cast: Cast, decisions: Decisions, edges: Edges) -> None:
    """Write a trace's messages, counted from its first one, and all that follows."""
    numbers = {user.name: user.index for user in cast.users}
    pairs = {conversation.members: conversation.index for conversation in cast.conversations}
    salts = [decisions.salt(Kind.WORKLOAD, f"at {user.name}") for user in cast.users]
    written = [0] * len(cast.users)
    bits_of = array("Q")
    begin = edges.t[0]
    for src, dst, t in zip(edges.src, edges.dst, edges.t, strict=True):
        user, other = numbers[src], numbers[dst]
        written[user] += 1
        bits = draw(salts[user], _MESSAGE, written[user])
        conversation = pairs[(user, other) if user < other else (other, user)]
        size = scenario.traffic.size.quantile(unit(remix(bits, _SIZE)))
        rows.add(t - begin, _SEND, user, cast.users[user].device(bits), conversation, size=size)
        bits_of.append(bits)
    _write_consequences(rows, scenario.traffic, cast, bits_of, {})


# ---------------------------------------------------------------------------------------------- messages


class _Places:
    """Where each user may write, with weights."""

    def __init__(self, cast: Cast) -> None:
        self._of: list[list[int]] = [[] for _ in cast.users]
        self._conversations = cast.conversations
        for conversation in cast.conversations:
            for member in conversation.members:
                self._of[member].append(conversation.index)

    def draw(self, user: int, group: str | None, uniform: float) -> int | None:
        """One of the user's conversations (of a group), as often as its weight says; None where there is none."""
        mine = self._of[user]
        if group is not None:
            mine = [index for index in mine if self._conversations[index].group == group]
        if len(mine) == 1:
            return mine[0] if self._conversations[mine[0]].weight > 0.0 or group is not None else None
        weights = [self._conversations[index].weight for index in mine]
        left = uniform * sum(weights)
        for index, weight in zip(mine, weights, strict=True):
            left -= weight
            if left < 0.0:
                return index
        return None


def _rhythm(scenario: Scenario) -> Rhythm | None:
    traffic = scenario.traffic
    if isinstance(traffic, Poisson):
        return Rhythm(traffic.rate, None, scenario.hour)
    return Rhythm(traffic.rate, traffic.hours, scenario.hour) if isinstance(traffic, Daily) else None


def _wishes(scenario: Scenario, rhythm: Rhythm | None, cast: Cast, user: User, decisions: Decisions) -> Iterator[Wish]:
    """The messages that one user wants to write, in no order."""
    traffic = scenario.traffic
    salt = decisions.salt(Kind.WORKLOAD, f"at {user.name}")
    factor = traffic.leader_weight if user.role in _LEADERS else 1.0
    if rhythm is not None:
        for turn, t in enumerate(rhythm.times(salt, scenario.duration or 0.0, factor=factor), start=1):
            yield t, -1, None, draw(salt, _MESSAGE, turn)
    if isinstance(traffic, Gaps) and factor > 0.0:
        for device in user.devices:
            own = decisions.salt(Kind.WORKLOAD, f"at {cast.devices[device].name}")
            times = gap_times(own, round(traffic.messages_per_device * factor), traffic.mean_gap / factor)
            for turn, t in enumerate(times, start=1):
                yield t, device, None, draw(own, _MESSAGE, turn)
    for number, burst in enumerate(traffic.bursts):
        if burst.roles and user.role not in burst.roles:
            continue
        for turn, t in enumerate(burst_times(salt, number, burst)):
            yield t, -1, burst.group, draw(salt, _IN_BURST, number << 32 | turn)


# ---------------------------------------------------------------------------------------------- what follows


def _write_consequences(
    rows: Rows, traffic: Traffic, cast: Cast, bits_of: array[int], left: dict[tuple[int, int], float]
) -> None:
    """Number the messages, and write the replies, edits, recalls, cancels and reads that they bring."""
    rows.count_messages(len(cast.users))
    if not (traffic.replies or traffic.edits or traffic.recalls or traffic.cancels or traffic.reads):
        return
    latest: dict[int, tuple[int, int]] = {}  # per conversation: the last message, and the last by another author
    for row in rows.order():
        if rows.action[row] not in SENDS:
            continue
        bits, where, user = bits_of[row], rows.conversation[row], rows.user[row]
        last, other = latest.get(where, (-1, -1))
        answered = other if last >= 0 and rows.user[last] == user else last
        latest[where] = (row, answered)
        if answered >= 0 and unit(remix(bits, _REPLY)) < traffic.replies:
            rows.action[row], rows.target[row] = _REPLIES, answered
        if unit(remix(bits, _CANCEL)) < traffic.cancels:
            _follow(rows, row, Action.CANCEL, traffic.cancel_after.quantile(unit(remix(bits, _CANCEL_AT))))
            continue
        if unit(remix(bits, _EDIT)) < traffic.edits:
            size = traffic.size.quantile(unit(remix(bits, _EDIT_AT + _READER)))
            _follow(rows, row, Action.EDIT, traffic.later.quantile(unit(remix(bits, _EDIT_AT))), size=size)
        if unit(remix(bits, _RECALL)) < traffic.recalls:
            _follow(rows, row, Action.RECALL, traffic.later.quantile(unit(remix(bits, _RECALL_AT))))
        if traffic.reads:
            _write_reads(rows, row, traffic, cast, bits, left)


def _follow(rows: Rows, row: int, action: Action, wait: float, *, size: int = 0) -> None:
    """What the author does to a message later, on the same device."""
    rows.add(
        rows.t[row] + wait,
        CODES[action],
        rows.user[row],
        rows.device[row],
        rows.conversation[row],
        number=1,
        size=size,
        target=row,
    )


def _write_reads(
    rows: Rows, row: int, traffic: Traffic, cast: Cast, bits: int, left: dict[tuple[int, int], float]
) -> None:
    where, author = rows.conversation[row], rows.user[row]
    for reader in cast.conversations[where].members:
        if reader == author:
            continue
        own = remix(bits, _READER + reader)
        if unit(own) >= traffic.reads:
            continue
        t = rows.t[row] + traffic.later.quantile(unit(remix(own, _EDIT_AT)))
        if t < left.get((where, reader), t + 1.0):
            device = cast.users[reader].device(own)
            rows.add(t, CODES[Action.READ], reader, device, where, number=1, target=row)


def _write_changes(rows: Rows, scenario: Scenario, cast: Cast, decisions: Decisions) -> dict[tuple[int, int], float]:
    """Write the joins and leaves; returns when (conversation, user) left, each at most once and for good."""
    left: dict[tuple[int, int], float] = {}
    settings = scenario.conversations
    rate = settings.joins + settings.leaves
    if rate == 0.0:
        return left
    until = scenario.duration if scenario.duration is not None else _HOUR
    rhythm = Rhythm(rate, None, scenario.hour)
    for conversation in cast.conversations:
        if len(conversation.members) < _FEWEST:
            continue
        salt = decisions.salt(Kind.WORKLOAD, f"at {conversation.name}")
        members = list(conversation.members)
        ever = set(members)
        for turn, t in enumerate(rhythm.times(salt, until), start=1):
            bits = draw(salt, _CHANGE, turn)
            joins = unit(bits) * rate < settings.joins
            among = [user.index for user in cast.users if user.index not in ever] if joins else members
            if not among or (not joins and len(members) < _FEWEST):
                continue
            user = among[int(unit(remix(bits, _WHERE)) * len(among))]
            if joins:
                members.append(user)
                ever.add(user)
            else:
                members.remove(user)
                left[conversation.index, user] = t
            code = CODES[Action.JOIN if joins else Action.LEAVE]
            device = cast.users[user].device(bits)
            rows.add(t, code, user, device, conversation.index, number=1)
    return left
