"""Rules that hold between the sections of a scenario, each told with the key path where it is broken.

Every rule is a function from a scenario to the flaws that it finds, in a table; the loader reports the first. A rule
asks only what no single key can know: does this site exist, can these users be made, is that file there. Those of the
faults are in fault_rules.py.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from imsim.scenario.check import FlawError, unknown
from imsim.scenario.fault_rules import faults_hit_something
from imsim.scenario.faults import Partition
from imsim.scenario.network import LinkKind
from imsim.scenario.people import ROLES, GroupKind
from imsim.scenario.traffic import Action, Daily, Gaps, Listed, Poisson, Traced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imsim.scenario.model import Scenario

__all__ = ["broken_rules"]

MOST_DEVICES: Final = 5_000_000
MOST_MESSAGES: Final = 20_000_000


def broken_rules(scenario: Scenario) -> Iterator[FlawError]:
    """What is wrong between the sections, in the order in which it should be told."""
    for rule in _RULES:
        yield from rule(scenario)


def _somebody_talks(scenario: Scenario) -> Iterator[FlawError]:
    groups, traffic = scenario.conversations.groups, scenario.traffic
    if not groups and not isinstance(traffic, Traced | Listed):
        yield FlawError("conversations.groups", "empty: nobody has anybody to talk to")
    if groups and isinstance(traffic, Traced):
        yield FlawError("conversations.groups", "a trace brings its own conversations: leave the groups out")
    for key in ("count", "users"):
        if isinstance(traffic, Traced) and getattr(scenario.devices, key) is not None:
            yield FlawError(f"devices.{key}", "a trace brings its own users: leave it out")
    if isinstance(traffic, Poisson | Daily) and scenario.duration is None:
        yield FlawError("duration", "missing: this kind of traffic has no end of its own")
    if isinstance(traffic, Daily) and not any(traffic.hours):
        yield FlawError("traffic.hours", "expected at least one weight above 0")


def _groups_are_sound(scenario: Scenario) -> Iterator[FlawError]:
    for index, group in enumerate(scenario.conversations.groups):
        path = f"conversations.groups[{index}]"
        if group.members and group.name is None:
            yield FlawError(f"{path}.name", "missing: a group with members by name needs one")
        if group.members and len(set(group.members)) != len(group.members):
            yield FlawError(f"{path}.members", "the same user twice")
        if len(group.members) == 1:
            yield FlawError(f"{path}.members", "expected at least 2 users, got 1")
    titles = Counter(group.title() for group in scenario.conversations.groups)
    for title, times in titles.items():
        if times > 1:
            yield FlawError("conversations.groups", f"two groups are called {title!r}: give each a name of its own")


def _people_can_be_made(scenario: Scenario) -> Iterator[FlawError]:
    devices, users = scenario.devices, scenario.users()
    if devices.count is not None:
        if devices.users is not None:
            yield FlawError("devices.users", "cannot be given beside devices.count: give one of them")
        if any(kind.roles or kind.users or kind.share < 1 for kind in devices.kinds):
            yield FlawError("devices.count", "cannot be given where some users lack some kinds: give devices.users")
        elif devices.count % len(devices.kinds):
            each = len(devices.kinds)
            yield FlawError(
                "devices.count", f"expected a multiple of {each}, the kinds a user has, got {devices.count}"
            )
    if users is None:
        return
    key, given = ("devices.count", devices.count) if devices.count is not None else ("devices.users", devices.users)
    wanted = devices.users if devices.count is None else devices.count // len(devices.kinds)
    needed = _users_needed(scenario)
    if wanted is not None and wanted < needed:
        yield FlawError(key, f"too few for conversations.groups, which need {needed} users: got {given}")
    if len(users) * len(devices.kinds) > MOST_DEVICES:
        yield FlawError("devices", f"more than {MOST_DEVICES} devices")


def _users_needed(scenario: Scenario) -> int:
    """The users that the groups need at least."""
    named = {name for group in scenario.conversations.groups for name in group.members}
    own, others = 0, 0
    for group in scenario.conversations.groups:
        count = group.count or 1
        if group.members:
            continue
        if group.kind in ROLES:
            own += group.leaders + count * (group.size - 1 if group.kind is GroupKind.CLASS else 1)
        elif group.kind is GroupKind.TEAM:
            others = max(others, count * group.size if group.count else min(group.size, 2))
        else:
            others = max(others, 2)
    return max(len(named) + own, others)


def _kinds_are_sound(scenario: Scenario) -> Iterator[FlawError]:
    kinds, users = scenario.devices.kinds, scenario.users()
    names = [kind.name for kind in kinds]
    for index, kind in enumerate(kinds):
        path = f"devices.kinds[{index}]"
        if names.index(kind.name) != index:
            yield FlawError(f"{path}.name", f"{kind.name!r} is there twice")
        if users is None:
            continue
        roles = sorted({role for _, role in users})
        people = [name for name, _ in users]
        yield from (unknown(f"{path}.roles", "role", role, roles) for role in kind.roles if role not in roles)
        yield from (unknown(f"{path}.users", "user", user, people) for user in kind.users if user not in set(people))
    for role in sorted({role for _, role in users or ()}):
        if not any((not kind.roles or role in kind.roles) and not kind.users for kind in kinds):
            yield FlawError("devices.kinds", f"no kind is for every {role}")


def _sites_exist(scenario: Scenario) -> Iterator[FlawError]:
    sites = scenario.network.sites
    used = [(f"servers.sites[{index}]", site) for index, site in enumerate(scenario.servers.sites)]
    used += [(f"devices.kinds[{i}].site", kind.site) for i, kind in enumerate(scenario.devices.kinds) if kind.site]
    for index, link in enumerate(scenario.network.links):
        used += [(f"network.links[{index}].between", site) for site in link.between]
    for index, fault in enumerate(scenario.faults.events):
        if isinstance(fault, Partition):
            used += [(f"faults.events[{index}].sites", site) for site in fault.sites]
            used += [(f"faults.events[{index}].others", site) for site in fault.others]
    if len(set(sites)) != len(sites):
        yield FlawError("network.sites", "the same site twice")
    yield from (unknown(path, "site", site, sites) for path, site in used if site not in sites)
    if scenario.faults.random.partition and len(sites) < 2:  # noqa: PLR2004 (two sides)
        yield FlawError("faults.random.partition", "a partition needs two network.sites")


def _sites_are_connected(scenario: Scenario) -> Iterator[FlawError]:
    network = scenario.network
    reached = set(network.sites[:1])
    for _ in network.sites:
        for link in network.links:
            if reached & set(link.between):
                reached |= set(link.between)
    for site in network.sites:
        if site not in reached:
            yield FlawError("network.links", f"no way from {network.sites[0]!r} to {site!r}")


def _links_let_something_pass(scenario: Scenario) -> Iterator[FlawError]:
    network = scenario.network
    for name, profile in network.profiles.items():
        path, outages = f"network.profiles.{name}", profile.outages
        if profile.kind is LinkKind.STREAM and profile.loss >= 1:
            yield FlawError(f"{path}.loss", "expected a number < 1 on a stream, which would stall for ever, got 1")
        if outages.every and outages.length >= outages.every:
            allowed = f"expected less than outages.every ({outages.every:g} s)"
            yield FlawError(f"{path}.outages.length", f"{allowed}, got {outages.length:g} s")
    for index, link in enumerate(network.links):
        if link.loss >= 1:
            yield FlawError(f"network.links[{index}].loss", "expected a number < 1, or the sites are not linked, got 1")


def _traffic_is_sound(scenario: Scenario) -> Iterator[FlawError]:
    traffic, users = scenario.traffic, scenario.users() or ()
    if traffic.size.most > scenario.servers.content:
        yield FlawError("traffic.size.most", f"more than servers.content ({scenario.servers.content} bytes) allows")
    titles = [group.title() for group in scenario.conversations.groups]
    roles = sorted({role for _, role in users})
    for index, burst in enumerate(traffic.bursts):
        path = f"traffic.bursts[{index}]"
        if burst.group is not None and burst.group not in titles:
            yield unknown(f"{path}.group", "group", burst.group, titles)
        if users:
            yield from (unknown(f"{path}.roles", "role", role, roles) for role in burst.roles if role not in roles)
        if scenario.duration is not None and burst.at > scenario.duration:
            yield FlawError(f"{path}.at", f"after the end: duration is {scenario.duration:g} s, got {burst.at:g} s")
    if isinstance(traffic, Gaps) and not traffic.messages_per_device and not traffic.bursts:
        yield FlawError("traffic.messages_per_device", "0, and no bursts: nothing would be sent")


def _traffic_is_bounded(scenario: Scenario) -> Iterator[FlawError]:
    traffic, users = scenario.traffic, scenario.users() or ()
    messages = float(sum(burst.messages for burst in traffic.bursts) * len(users))
    if isinstance(traffic, Gaps):
        messages += traffic.messages_per_device * len(users) * len(scenario.devices.kinds)
    elif isinstance(traffic, Poisson | Daily):
        messages += traffic.rate * len(users) * (scenario.duration or 0.0) / 3600.0
    if messages > MOST_MESSAGES:
        yield FlawError("traffic", f"about {messages:.0f} messages: more than {MOST_MESSAGES} are not planned at once")


def _steps_make_sense(scenario: Scenario) -> Iterator[FlawError]:
    traffic, users = scenario.traffic, [name for name, _ in scenario.users() or ()]
    if not isinstance(traffic, Listed):
        return
    known = set(users)
    kinds = [kind.name for kind in scenario.devices.kinds]
    for index, step in enumerate(traffic.steps):
        path = f"traffic.steps[{index}]"
        if step.user not in known:
            yield unknown(f"{path}.from", "user", step.user, users)
        if step.device is not None and step.device not in kinds:
            yield unknown(f"{path}.device", "kind of device", step.device, kinds)
        if step.to == step.user:
            yield FlawError(f"{path}.to", "a user cannot write to themselves")
        if step.to in known and step.action in {Action.JOIN, Action.LEAVE}:
            yield FlawError(f"{path}.to", f"a pair cannot be {step.action.value}ed: name a group")
        if scenario.duration is not None and step.at > scenario.duration:
            yield FlawError(f"{path}.at", f"after the end: duration is {scenario.duration:g} s, got {step.at:g} s")


def _sync_is_sound(scenario: Scenario) -> Iterator[FlawError]:
    sections = [("sync", scenario.sync)]
    sections += [(f"devices.kinds[{i}].sync", k.sync) for i, k in enumerate(scenario.devices.kinds) if k.sync]
    for path, sync in sections:
        if sync.least > sync.most:
            yield FlawError(f"{path}.least", f"expected at most {path}.most ({sync.most:g} s), got {sync.least:g} s")
    if scenario.servers.silence <= scenario.servers.ping:
        yield FlawError("servers.silence", "expected more than servers.ping, or every quiet connection is dead")


def _traces_are_there(scenario: Scenario) -> Iterator[FlawError]:
    traffic, network = scenario.traffic, scenario.network
    if isinstance(traffic, Traced):
        yield from _missing("traffic.trace", traffic.trace, traffic.source)
    stems = [("network.trace", stem) for stem in network.trace]
    stems += [(f"network.profiles.{name}.trace", p.trace) for name, p in network.profiles.items() if p.trace]
    for path, stem in stems:
        for direction in ("up", "down"):
            yield from _missing(path, f"{stem}.{direction}", network.trace_source)


def _missing(path: str, file: str, source: str) -> Iterator[FlawError]:
    if Path(file).is_dir():
        yield FlawError(path, f"expected a file, got a directory: {file}")
    elif not Path(file).exists():
        yield FlawError(path, f"no such file: {file}" + (f"; {source}" if source else ""))


_RULES: Final[tuple[Callable[[Scenario], Iterator[FlawError]], ...]] = (
    _somebody_talks,
    _groups_are_sound,
    _people_can_be_made,
    _kinds_are_sound,
    _sites_exist,
    _sites_are_connected,
    _links_let_something_pass,
    faults_hit_something,
    _traffic_is_sound,
    _traffic_is_bounded,
    _steps_make_sense,
    _sync_is_sound,
    _traces_are_there,
)
