"""The people of a model: who has which devices, who talks with whom, and who is there when.

Users and their roles follow from the groups, in the order in which these are written: a `class` brings teachers and
pupils, `support` brings agents and customers, and everybody else is a `member`. So a model needs no list of users, and
it grows by one number. Names are readable (alice, bob, …), since they are what a verdict and a replay talk about.

What a user *does* is traffic.py's matter.
"""

from __future__ import annotations

import enum
import math
from typing import Annotated, ClassVar, Final

from msgspec import Meta

from imsim.scenario.policy import Sync  # noqa: TC001 (msgspec resolves it at run time)
from imsim.scenario.values import Count, Delay, Name, PerDay, PerHour, Seconds, Section, Shape, Share, Weight

__all__ = [
    "ROLES",
    "Conversations",
    "DeviceKind",
    "Devices",
    "Group",
    "GroupKind",
    "PlatformPush",
    "Presence",
    "may_have",
    "population",
    "user_name",
]

_NAMES: Final = (
    "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi",
    "ivan", "judy", "karl", "lena", "mona", "nils", "olga", "paul",
)  # fmt: skip

Hour = Annotated[float, Meta(ge=0, le=24, extra={"unit": "hour of the day"})]


class PlatformPush(Section, frozen=True, kw_only=True):
    """The phone platform's own push service, which can wake an app that is not running."""

    delay: Annotated[Delay, Meta(description="From the server to the device.")] = Delay(
        distribution=Shape.EXPONENTIAL, offset=0.2, mean=1.0
    )
    loss: Annotated[Share, Meta(description="Share of pushes that never come.")] = 0.05


class Presence(Section, frozen=True, kw_only=True):
    """When a device has a connection: sessions, nights, and what wakes it in between."""

    online: Annotated[
        Seconds | None, Meta(description="Mean length of a session (exponential); none: always online but at night.")
    ] = None
    offline: Annotated[Seconds, Meta(description="Mean pause between two sessions (exponential).")] = 600.0
    night: Annotated[
        tuple[Hour, Hour] | None, Meta(description="Hours of sleep, such as [23, 7]: no session in between.")
    ] = None
    wake_ups: Annotated[
        PerDay, Meta(description="Wake-ups of the app by itself while it sleeps, each for one catch-up.")
    ] = 0.0
    linger: Annotated[
        Seconds, Meta(description="A device that sends is opened for it, and stays online at least this long.")
    ] = 30.0
    push: Annotated[
        PlatformPush | None, Meta(description="Platform push while asleep, as a table; none: the device is not woken.")
    ] = None


class DeviceKind(Section, frozen=True, kw_only=True):
    """One kind of device that users have; a bare string is its name."""

    shorthand: ClassVar[str] = "name"

    name: Annotated[Name, Meta(description="What it is called, such as phone: a device is USER/NAME.")]
    roles: Annotated[tuple[Name, ...], Meta(description="Only users of these roles have one; empty: all.")] = ()
    users: Annotated[tuple[Name, ...], Meta(description="Only these users have one; empty: all.")] = ()
    share: Annotated[Share, Meta(description="Share of those users who have one.")] = 1.0
    network: Annotated[
        dict[str, Weight], Meta(description="Profiles and their weights, instead of the model's; a name is one.")
    ] = {}  # noqa: RUF012 (msgspec copies an empty default)
    site: Annotated[Name | None, Meta(description="The site to which it is attached; none: the first.")] = None
    sync: Annotated[Sync | None, Meta(description="A sync section of its own; none: the model's.")] = None
    presence: Annotated[Presence | None, Meta(description="A presence section of its own; none: the model's.")] = None
    skew: Annotated[Seconds, Meta(description="The wall clock is off by an even draw between minus and plus this.")] = (
        0.0
    )
    drift: Annotated[
        Annotated[float, Meta(ge=0, le=100_000, extra={"unit": "ppm"})],
        Meta(description="The monotonic clock runs wrong by an even draw between minus and plus this."),
    ] = 0.0


def may_have(kind: DeviceKind, user: str, role: str) -> bool:
    """Whether a user of this name and role is among those who have such a device."""
    return (not kind.users or user in kind.users) and (not kind.roles or role in kind.roles)


class Devices(Section, frozen=True, kw_only=True):
    """How many users there are, and what each of them carries."""

    count: Annotated[
        Count | None, Meta(description="Devices in all; users follow. none: as many as the groups need.")
    ] = None
    users: Annotated[Count | None, Meta(description="Users in all. none: as many as the groups need.")] = None
    kinds: Annotated[
        tuple[DeviceKind, ...], Meta(min_length=1, max_length=20, description="Device kinds: names or tables.")
    ] = (DeviceKind(name="phone"),)
    write_time: Annotated[Delay, Meta(description="Time of one durable write on the device.")] = Delay()


class GroupKind(enum.StrEnum):
    """How a group's members are found."""

    TEAM = "team"
    CHANNEL = "channel"
    DIRECT = "direct"
    CLASS = "class"
    SUPPORT = "support"


class Group(Section, frozen=True, kw_only=True):
    """One or many conversations of the same make."""

    kind: Annotated[
        GroupKind,
        Meta(
            description="team: users in order; channel: members drawn (all if fewer); direct: pairs drawn; "
            "class: a teacher and pupils; support: pairs of an agent and a customer."
        ),
    ] = GroupKind.TEAM
    name: Annotated[
        Name | None, Meta(description="Conversations are called NAME-1, NAME-2, …; none: after the kind.")
    ] = None
    count: Annotated[
        Count | None, Meta(description="Conversations; none: one, or for teams as many as take in all users.")
    ] = None
    size: Annotated[
        Annotated[int, Meta(ge=2, le=1_000_000)], Meta(description="Members of each (a class: teacher included).")
    ] = 10
    leaders: Annotated[
        Count, Meta(description="Teachers or agents among whom the conversations are shared out in turn.")
    ] = 1
    members: Annotated[
        tuple[Name, ...], Meta(description="The members by name, of a single conversation called NAME.")
    ] = ()
    weight: Annotated[
        Weight,
        Meta(description="How often a member writes here, against the other conversations of the same user."),
    ] = 1.0

    def title(self) -> str:
        """What its conversations are called, before the number."""
        return self.name or self.kind.value


class Conversations(Section, frozen=True, kw_only=True):
    """Who talks with whom, and how that changes."""

    groups: Annotated[tuple[Group, ...], Meta(max_length=10_000, description="The groups, in order.")] = ()
    joins: Annotated[PerHour, Meta(description="Users that join each conversation of three or more.")] = 0.0
    leaves: Annotated[PerHour, Meta(description="Members that leave each conversation of three or more.")] = 0.0


ROLES: Final = {GroupKind.CLASS: ("teacher", "pupil"), GroupKind.SUPPORT: ("agent", "customer")}
"""The two roles of each kind of group that has roles of its own: leaders first."""


def user_name(index: int) -> str:
    """The readable name of the `index`-th user (from 0)."""
    return _NAMES[index] if index < len(_NAMES) else f"u{index + 1}"


def population(devices: Devices, conversations: Conversations) -> tuple[tuple[str, str], ...]:
    """The users with their roles, in order: (name, role).

    Users that a group names come first, then the leaders and followers of each group with roles, then members up to
    what `devices` asks for, or else as many as the largest team, channel or set of pairs needs.
    """
    found: dict[str, str] = {name: "member" for group in conversations.groups for name in group.members}
    spare = (name for name in map(user_name, range(10_000_000)) if name not in found)
    wanted = devices.users
    if devices.count is not None:
        wanted = math.ceil(devices.count / len(devices.kinds))
    ordinary = 0
    for group in conversations.groups:
        if group.members:
            continue
        if group.kind in ROLES:
            leader, follower = ROLES[group.kind]
            found.update({next(spare): leader for _ in range(group.leaders)})
            found.update({next(spare): follower for _ in range(_followers(group))})
        else:
            ordinary = max(ordinary, _members(group))
    total = wanted if wanted is not None else max(len(found), ordinary)
    found.update({next(spare): "member" for _ in range(total - len(found))})
    return tuple(found.items())


def _followers(group: Group) -> int:
    each = group.size - 1 if group.kind is GroupKind.CLASS else 1
    return (group.count or 1) * each


def _members(group: Group) -> int:
    if group.kind is GroupKind.TEAM:
        return (group.count or 1) * group.size
    return group.size if group.kind is GroupKind.CHANNEL else 2 * (group.count or 1)
