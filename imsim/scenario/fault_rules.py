"""The rules of the faults that a scenario lists: each has somebody to befall, and a time within the run.

What does not belong here: what a fault does (faults.py, imsim/sim/faults.py), the rules of other sections (rules.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from imsim.scenario.check import FlawError, unknown
from imsim.scenario.faults import ClockJump, Crash, Cut, Kill, Partition, Pause, Restart, Restore, SignIn, Wipe
from imsim.scenario.people import may_have

if TYPE_CHECKING:
    from collections.abc import Iterator

    import msgspec

    from imsim.scenario.model import Scenario

__all__ = ["faults_hit_something"]

_WILD: Final = frozenset("*?[")
"""What makes a name a pattern, which may fit anything."""


def faults_hit_something(scenario: Scenario) -> Iterator[FlawError]:
    """What is wrong with the faults that a scenario lists."""
    users = scenario.users()
    people = None if users is None else [name for name, _ in users]
    kinds = [kind.name for kind in scenario.devices.kinds]
    for index, fault in enumerate(scenario.faults.events):
        path = f"faults.events[{index}]"
        if scenario.duration is not None and fault.at > scenario.duration:
            yield FlawError(f"{path}.at", f"after the end: duration is {scenario.duration:g} s, got {fault.at:g} s")
        if isinstance(fault, Crash | Restart | Pause) and fault.server > scenario.servers.count:
            yield FlawError(f"{path}.server", f"expected an integer <= servers.count, got {fault.server}")
        if isinstance(fault, Partition) and fault.times > 1 and fault.every < fault.length:
            yield FlawError(f"{path}.every", "shorter than the partition itself lasts")
        if isinstance(fault, SignIn) and people is not None and fault.user not in people:
            yield unknown(f"{path}.user", "user", fault.user, people)
        if isinstance(fault, SignIn) and fault.device.partition("-")[0] not in kinds:
            yield unknown(f"{path}.device", "kind of device", fault.device, kinds)
        yield from _devices_exist(path, fault, scenario)


def _devices_exist(path: str, fault: msgspec.Struct, scenario: Scenario) -> Iterator[FlawError]:
    named: tuple[str, ...] = ()
    if isinstance(fault, Wipe | Restore):
        path, named = f"{path}.device", (fault.device,)
    elif isinstance(fault, Cut | Kill):
        path, named = f"{path}.devices", fault.devices
    elif isinstance(fault, ClockJump):
        path, nodes = f"{path}.node", [f"server-{number + 1}" for number in range(scenario.servers.count)]
        if "/" not in fault.node and fault.node not in nodes:
            yield unknown(path, "node", fault.node, nodes)
        named = (fault.node,) if "/" in fault.node else ()
    signed_in = {f"{event.user}/{event.device}" for event in scenario.faults.events if isinstance(event, SignIn)}
    for device in named:
        if device not in signed_in:
            yield from _device_exists(path, device, scenario)


def _device_exists(path: str, device: str, scenario: Scenario) -> Iterator[FlawError]:
    user, _, name = device.partition("/")
    users, kinds = scenario.users(), {kind.name: kind for kind in scenario.devices.kinds}
    if users is not None and not _WILD & set(user):
        roles = dict(users)
        if user not in roles:
            yield unknown(path, "user", user, roles)
        elif name in kinds and not may_have(kinds[name], user, roles[user]):
            yield FlawError(path, f"{user} has no {name}")
    if name not in kinds and not _WILD & set(name):
        yield unknown(path, "kind of device", name, kinds)
