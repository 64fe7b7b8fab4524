"""Who takes part in a run: users, their devices, and the conversations that exist from the start.

Everything about a user or a device is drawn under its own name, so leaving one out changes nothing about the others.
Conversations follow from the model's groups; a trace brings a user for each label and a conversation for each pair.

When anybody says anything is workload.py's matter.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from imsim.errors import ConfigError
from imsim.scenario.people import ROLES, GroupKind, Presence, may_have
from imsim.scenario.policy import Sync
from imsim.scenario.traffic import Listed
from imsim.sim.decisions import Kind, draw, halves, remix, unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imsim.scenario import Scenario
    from imsim.scenario.people import DeviceKind, Group
    from imsim.scenario.traces import Edges
    from imsim.sim.decisions import Decisions

__all__ = ["Cast", "Conversation", "Device", "User", "cast", "pair_name"]

_SHARE, _PROFILE, _CLOCK, _PAIR = 1, 2, 3, 4
"""Subjects of the draws about one name; what they are about is the place."""


class User(msgspec.Struct, frozen=True, gc=False):
    """One user: `index` is their place in `Cast.users`; `devices` are indices into `Cast.devices`."""

    index: int
    name: str
    role: str
    devices: tuple[int, ...]

    def device(self, bits: int) -> int:
        """The index of one of the user's devices, drawn by the bits of what is done on it."""
        if len(self.devices) == 1:
            return self.devices[0]
        return self.devices[int(unit(remix(bits)) * len(self.devices))]


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """One device of one user.

    Attributes:
        index: its place in `Cast.devices`.
        name: `user/kind`.
        user: index of its user.
        kind: the name of its kind.
        profile: name of its network profile.
        trace: stem of a capacity trace that goes before the profile's own; None: none.
        site: where it is attached; None where the model has no sites.
        sync: how it synchronises.
        presence: when it is online.
        skew: seconds that its wall clock is ahead.
        drift: parts per million that its clocks run too fast.
    """

    index: int
    name: str
    user: int
    kind: str
    profile: str
    trace: str | None
    site: str | None
    sync: Sync
    presence: Presence
    skew: float
    drift: float


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation: `members` are indices of users, leaders first; `group` is the title of its group."""

    index: int
    name: str
    group: str
    members: tuple[int, ...]
    weight: float = 1.0


class Cast(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody, everything, and who talks with whom."""

    users: tuple[User, ...]
    devices: tuple[Device, ...]
    conversations: tuple[Conversation, ...]


def pair_name(one: str, other: str) -> str:
    """What the conversation of two users is called."""
    return f"{one}+{other}"


def cast(scenario: Scenario, decisions: Decisions, edges: Edges | None = None) -> Cast:
    """The cast of a scenario; `edges` where its traffic is a trace.

    Raises:
        ConfigError: the trace has more users than a model may.
    """
    people = scenario.users()
    if people is None:
        if edges is None:
            raise ConfigError("traffic.trace: the trace was not read")
        people = tuple((name, "member") for name in dict.fromkeys(_alternating(edges)))
    devices = tuple(_devices(scenario, decisions, people))
    owned: list[list[int]] = [[] for _ in people]
    for device in devices:
        owned[device.user].append(device.index)
    users = tuple(User(index, name, role, tuple(owned[index])) for index, (name, role) in enumerate(people))
    found = _traced(users, edges) if edges is not None else _grouped(scenario, decisions, users)
    return Cast(users=users, devices=devices, conversations=tuple(found))


def _alternating(edges: Edges) -> Iterator[str]:
    for src, dst in zip(edges.src, edges.dst, strict=True):
        yield src
        yield dst


# ---------------------------------------------------------------------------------------------- devices


def _devices(scenario: Scenario, decisions: Decisions, people: Sequence[tuple[str, str]]) -> Iterator[Device]:
    network = scenario.network
    shares = network.shares()
    index = 0
    for user, (name, role) in enumerate(people):
        for kind in _kinds_of(scenario, decisions, name, role):
            label = f"{name}/{kind.name}"
            salt = decisions.salt(Kind.WORKLOAD, f"at {label}")
            skew, drift = halves(draw(salt, _CLOCK, 1))
            yield Device(
                index=index,
                name=label,
                user=user,
                kind=kind.name,
                profile=_weighted(kind.network or shares, unit(draw(salt, _PROFILE, 1))),
                trace=network.trace[user % len(network.trace)] if network.trace else None,
                site=kind.site or (network.sites[0] if network.sites else None),
                sync=kind.sync or scenario.sync,
                presence=kind.presence or scenario.presence,
                skew=kind.skew * (2.0 * skew - 1.0),
                drift=kind.drift * (2.0 * drift - 1.0),
            )
            index += 1


def _kinds_of(scenario: Scenario, decisions: Decisions, name: str, role: str) -> list[DeviceKind]:
    """The kinds of device that a user has; at least one."""
    fitting = [kind for kind in scenario.devices.kinds if may_have(kind, name, role)]
    owned = [
        kind
        for kind in fitting
        if kind.share >= 1.0
        or unit(draw(decisions.salt(Kind.WORKLOAD, f"at {name}/{kind.name}"), _SHARE, 1)) < kind.share
    ]
    return owned or fitting[:1]


def _weighted(weights: dict[str, float], uniform: float) -> str:
    """One of the names, as often as its weight says."""
    left = uniform * math.fsum(weights.values())
    for name, weight in weights.items():
        left -= weight
        if left < 0.0:
            return name
    return next(reversed(weights))


# ---------------------------------------------------------------------------------------------- conversations


def _traced(users: tuple[User, ...], edges: Edges) -> Iterator[Conversation]:
    numbers = {user.name: user.index for user in users}
    pairs = dict.fromkeys(
        tuple(sorted((numbers[src], numbers[dst]))) for src, dst in zip(edges.src, edges.dst, strict=True)
    )
    for index, pair in enumerate(pairs):
        name = pair_name(users[pair[0]].name, users[pair[1]].name)
        yield Conversation(index=index, name=name, group="pair", members=pair)


def _grouped(scenario: Scenario, decisions: Decisions, users: tuple[User, ...]) -> list[Conversation]:
    numbers = {user.name: user.index for user in users}
    named = {numbers[name] for group in scenario.conversations.groups for name in group.members}
    in_order = iter([user.index for user in users if user.index not in named])
    ordinary = [user.index for user in users if user.role == "member"]
    found: list[Conversation] = []
    for group in scenario.conversations.groups:
        if group.members:
            made = [(group.name or "", tuple(numbers[name] for name in group.members))]
        else:
            sets = _SETS[group.kind](group, decisions, len(users), ordinary, in_order)
            made = [(f"{group.title()}-{number}", members) for number, members in enumerate(sets, start=1)]
        for name, members in made:
            found.append(
                Conversation(index=len(found), name=name, group=group.title(), members=members, weight=group.weight)
            )
    if isinstance(scenario.traffic, Listed):
        found.extend(_pairs_of_steps(scenario.traffic, users, len(found)))
    return found


def _pairs_of_steps(traffic: Listed, users: tuple[User, ...], start: int) -> Iterator[Conversation]:
    """The pairs that written steps address by a user's name."""
    numbers = {user.name: user.index for user in users}
    pairs = dict.fromkeys(
        tuple(sorted((numbers[step.user], numbers[step.to]))) for step in traffic.steps if step.to in numbers
    )
    for index, pair in enumerate(pairs, start=start):
        name = pair_name(users[pair[0]].name, users[pair[1]].name)
        yield Conversation(index=index, name=name, group="pair", members=pair)


def _teams(
    group: Group, _decisions: Decisions, _users: int, ordinary: list[int], _in_order: Iterator[int]
) -> list[tuple[int, ...]]:
    last = len(ordinary) if group.count is None else group.count * group.size
    teams = [tuple(ordinary[low : low + group.size]) for low in range(0, last, group.size)]
    if len(teams) > 1 and len(teams[-1]) == 1:  # nobody is left alone
        teams[-2:] = [teams[-2] + teams[-1]]
    return teams


def _channels(
    group: Group, decisions: Decisions, users: int, _ordinary: list[int], _in_order: Iterator[int]
) -> list[tuple[int, ...]]:
    channels = []
    for number in range(1, (group.count or 1) + 1):
        salt = decisions.salt(Kind.WORKLOAD, f"at {group.title()}-{number}")
        drawn = sorted(range(users), key=lambda user: draw(salt, user, 1))
        channels.append(tuple(sorted(drawn[: group.size])))
    return channels


def _directs(
    group: Group, decisions: Decisions, users: int, _ordinary: list[int], _in_order: Iterator[int]
) -> list[tuple[int, ...]]:
    salt = decisions.salt(Kind.WORKLOAD, f"at {group.title()}")
    wanted = min(group.count or 1, users * (users - 1) // 2)
    pairs: dict[tuple[int, ...], None] = {}
    occurrence = 0
    while len(pairs) < wanted:
        occurrence += 1
        one, other = halves(draw(salt, _PAIR, occurrence))
        first, second = int(one * users), int(other * (users - 1))
        pairs[tuple(sorted((first, second + (second >= first))))] = None
    return list(pairs)


def _led(
    group: Group, _decisions: Decisions, _users: int, _ordinary: list[int], in_order: Iterator[int]
) -> list[tuple[int, ...]]:
    leaders = [next(in_order) for _ in range(group.leaders)]
    each = group.size - 1 if group.kind is GroupKind.CLASS else 1
    return [
        (leaders[number % group.leaders], *(next(in_order) for _ in range(each))) for number in range(group.count or 1)
    ]


_SETS = {GroupKind.TEAM: _teams, GroupKind.CHANNEL: _channels, GroupKind.DIRECT: _directs, **dict.fromkeys(ROLES, _led)}
