"""The small scenarios in which the flaws show, and which the correct algorithms survive.

Each is what it changes of the smallest one: two users with a phone each, who share a team in which the one writes three
messages, on links of constant latency. Mechanisms that make up for one another are set apart: a server that repeats its
pushes hides a device that never asks for a gap, so in some there is *one* push (`retry.push` of an hour), and in others
no push at all.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

from imsim.scenario import loads

if TYPE_CHECKING:
    from imsim.scenario import Scenario

__all__ = ["SCENES", "scene"]

_BASE: Final = """
duration = "20s"
[devices]
kinds = ["phone"]
[[conversations.groups]]
name = "team"
members = ["alice", "bob"]
[traffic]
kind = "list"
steps = [
  { at = 1, from = "alice", to = "team" },
  { at = 3, from = "alice", to = "team" },
  { at = 5, from = "alice", to = "team" },
]
[network]
latency = "20ms"
[servers]
presence = false
"""


def _said(*steps: tuple[float, str, str], to: str = "team") -> list[dict[str, Any]]:
    """Steps `(at, who, action)`, where an action may say more: `edit alice-1 pc`."""
    return [_step(at, who, *action.split(), to=to) for at, who, action in steps]


def _step(at: float, who: str, action: str, target: str = "", device: str = "phone", *, to: str) -> dict[str, Any]:
    step: dict[str, Any] = {"at": at, "from": who, "to": to, "action": action, "device": device}
    return step | ({"target": target} if target else {})


_CROWD: Final = ("alice", "bob", "carol", "dave", "erin", "frank")
_ROOMS: Final = ("hall", "attic", "cellar", "garden")
_PHONE_AND_PC: Final = ["phone", {"name": "pc", "users": ["alice"]}]
_TWO_GROUPS: Final = [{"name": name, "members": ["alice", "bob"]} for name in ("team", "pair")]
_BOB_AWAY: Final = [{"kind": "kill", "at": 0.5, "devices": ["bob/phone"], "for": 3.2}]
_ONE_PUSH: Final = {"network.kind": "datagram", "retry.push": {"policy": "fixed", "base": 3600}, "sync.check": "5s"}
"""The server pushes once, on links that may lose it; devices ask for the rest."""
_IN_A_ROW: Final = {"traffic.steps": _said(*((at, "alice", "send") for at in (6, 6.2, 6.4)))}
_POLL: Final = {"sync.strategy": "poll", "sync.interval": "3s"}

SCENES: Final[dict[str, dict[str, Any]]] = {
    "one message": {"traffic.steps": _said((1, "alice", "send"))},
    "one message over datagrams": {"network.kind": "datagram", "traffic.steps": _said((1, "alice", "send"))},
    "two messages": {"traffic.steps": _said((1, "alice", "send"), (5, "alice", "send"))},
    "one push": _ONE_PUSH | _IN_A_ROW,
    "one push over a link that doubles": _ONE_PUSH | _IN_A_ROW | {"network.duplicate": 0.3},
    "a last push": _ONE_PUSH | {"traffic.steps": _said((1, "alice", "send"))},
    "one push and a recall": _ONE_PUSH
    | {"traffic.steps": _said((1, "alice", "send"), (3, "alice", "send"), (3.1, "alice", "recall alice-1"))},
    "a polling phone": _POLL | {"sync.page": 1},
    "a polling phone far away": _POLL | {"sync.page": 1, "network.latency": "250ms"},
    "a slow writer": _POLL | {"traffic.steps": _said((1, "alice", "send"), (2.9, "alice", "send"))},
    "a server away": {
        "traffic.steps": _said((1, "alice", "send"), (2, "alice", "send")),
        "faults.events": [{"kind": "crash", "at": 0.5, "for": 3}],
    },
    "a recall": _ONE_PUSH | {"traffic.steps": _said((1, "alice", "send"), (3, "alice", "recall alice-1"))},
    "an edit and a recall": {
        "devices.kinds": _PHONE_AND_PC,
        "traffic.steps": _said((1, "alice", "send"), (3, "alice", "edit alice-1 pc"), (3.1, "alice", "recall alice-1")),
    },
    "a phone and a pc": {"devices.kinds": _PHONE_AND_PC, "traffic.steps": _said((1, "alice", "send"))},
    "read on the other device": {
        "devices.kinds": _PHONE_AND_PC,
        "traffic.steps": _said((1, "bob", "send"), (2, "alice", "read bob-1")),
    },
    "two conversations": {
        "conversations.groups": _TWO_GROUPS,
        "traffic.steps": [
            *_said((1, "alice", "send")),
            *_said((2, "alice", "send"), (3, "bob", "read alice-2"), to="pair"),
        ],
    },
    "a late subscription": {
        "conversations.groups": _TWO_GROUPS,
        "traffic.steps": _said((2.9, "alice", "send")),
        "backends.log.service": "100ms",
        "faults.events": [{"kind": "kill", "at": 2, "devices": ["bob/phone"], "for": 0.22}],
    },
    "a lagging replica": {
        "backends.kv.lag": "3s",
        "traffic.steps": _said((1, "alice", "send"), (3, "alice", "send")),
        "faults.events": _BOB_AWAY,
    },
    "a noisy group": {
        "servers.offline_cap": 2,
        "conversations.groups": _TWO_GROUPS,
        "traffic.steps": [
            *_said((1, "alice", "send"), (1.2, "alice", "send")),
            *_said((1.4, "alice", "send"), to="pair"),
        ],
        "faults.events": _BOB_AWAY,
    },
    "a first message": {"sync.check": "5s", "traffic.steps": _said((1, "alice", "send"))},
    "far behind": _POLL
    | {
        "sync.page": 1,
        "network.latency": "500ms",
        "retry.ask": {"policy": "fixed", "base": 2},
        "traffic.steps": _said(*((1 + 0.1 * number, "alice", "send") for number in range(8))),
    },
    "a failover": {
        "backends.log.durability": "async",
        "backends.log.replica_lag": "1s",
        "servers.reoffer_window": "1s",
        "faults.events": [{"kind": "failover", "at": 3.5}],
    },
    "a crowd": {
        "duration": "80s",
        "devices.users": len(_CROWD),
        "conversations.groups": [{"name": name, "members": list(_CROWD)} for name in _ROOMS],
        "traffic.steps": [step for name in _ROOMS for step in _said(*((41, user, "send") for user in _CROWD), to=name)],
        "faults.events": [{"kind": "pause", "at": 40.9, "for": 18}],
        "retry.send": {"policy": "equal_jitter", "base": 16, "cap": 60},
        "retry.connect": {"policy": "full_jitter", "base": 16, "cap": 60},
        "retry.push": {"policy": "fixed", "base": 3600},
        "budget.storm": 3.3,
    },
    "a server that refuses": {
        "duration": "180s",
        "traffic.steps": _said((0.4, "alice", "send")),
        "faults.events": [
            {"kind": "unavailable", "port": "log", "at": 1, "for": 179},
            {"kind": "cut", "at": 1.5},
        ],
        "budget.requests": 120,
    },
    "a slow server": {
        "duration": "40s",
        "traffic.steps": _said((1, "alice", "send"), (11, "bob", "send"), (21, "alice", "send"), (31, "bob", "send")),
        "backends.log.service": "1s",
        "backends.kv.service": "1s",
        "retry.send": {"policy": "fixed", "base": 0.5},
        "budget.retries": 160,
    },
    "a strange letter": {"traffic.steps": [{"at": 1, "from": "alice", "to": "team", "text": "Grüße"}]},
}
"""By name: what each changes of the smallest one."""


@functools.cache
def scene(name: str) -> Scenario:
    """The scenario of this name."""
    return loads(_BASE, {"name": name.replace(" ", "-"), **SCENES[name]}, source=f"zoo: {name}")
