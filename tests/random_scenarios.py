"""Small random scenarios: everything that may go wrong, mixed anew for each number, so that a soak meets pairs of
faults.

Each number gives one scenario, the same for ever: a choice of strategy, network, people, retries, backends and faults
(*swarm* testing after Groce et al., ISSTA 2012: a scenario that has everything hides what any single thing would show).
All of them are within what the architecture promises to survive, so the verdict must be *holds*.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

from imsim.scenario import loads

if TYPE_CHECKING:
    from imsim.scenario import Scenario

__all__ = ["FEATURES", "overrides_of", "scenario_of"]

_BASE: Final = """
duration = "90s"
settle = "30m"
[devices]
users = 4
kinds = ["phone", { name = "pc", users = ["alice", "bob"] }]
[[conversations.groups]]
name = "team"
members = ["alice", "bob", "carol"]
[[conversations.groups]]
name = "pair"
members = ["alice", "dave"]
[traffic]
kind = "poisson"
rate = 240
edits = 0.15
recalls = 0.1
reads = 0.3
cancels = 0.1
replies = 0.1
later = { distribution = "exponential", offset = "0.5s", mean = "5s" }
[history]
level = "frames"
"""

_STRATEGIES: Final = (
    {"sync.strategy": "push"},
    {"sync.strategy": "hybrid", "sync.check": "10s"},
    {"sync.strategy": "poll", "sync.interval": "8s"},
    {"sync.strategy": "poll", "sync.interval": "15s", "sync.rest": True},
    {"sync.strategy": "long_poll", "sync.hold": "12s"},
    {"sync.strategy": "adaptive", "sync.least": "2s", "sync.most": "20s", "sync.rest_above": "10s"},
)


def _events(number: random.Random, kind: str, **columns: Any) -> dict[str, Any]:
    return {"kind": kind, "at": round(number.uniform(5.0, 80.0), 2), **columns}


def _loss(number: random.Random) -> dict[str, Any]:
    return {"network.loss": number.choice([0.02, 0.1, 0.3])}


def _datagram(number: random.Random) -> dict[str, Any]:
    chances = {"network.duplicate": 0.1, "network.reorder": 0.2, "network.reorder_delay": "0.4s"}
    return {"network.kind": "datagram", **chances}


def _crash(number: random.Random) -> dict[str, Any]:
    return {"faults.random.crash": 120, "faults.random.length": "4s"}


def _pause(number: random.Random) -> dict[str, Any]:
    return {"faults.random.pause": 120, "faults.random.length": "6s"}


def _cut(number: random.Random) -> dict[str, Any]:
    return {"faults.random.cut": 120}


def _kill(number: random.Random) -> dict[str, Any]:
    return {"faults.random.kill": 80, "faults.random.length": "5s"}


def _wipe(number: random.Random) -> dict[str, Any]:
    return {"faults.random.wipe": 40}


def _unavailable(number: random.Random) -> dict[str, Any]:
    return {"faults.random.unavailable": 60, "faults.random.length": "3s"}


def _timeouts(number: random.Random) -> dict[str, Any]:
    shares: dict[str, Any] = {}
    for port in ("log", "kv", "queue", "locks", "peers"):
        shares[f"backends.{port}.timeout_before"] = number.choice([0.0, 0.05])
        shares[f"backends.{port}.timeout_after"] = number.choice([0.0, 0.05])
        shares[f"backends.{port}.unavailable"] = number.choice([0.0, 0.05])
    return shares


def _slow(number: random.Random) -> dict[str, Any]:
    service = {"distribution": "exponential", "mean": number.choice(["5ms", "50ms"])}
    return {f"backends.{port}.service": service for port in ("log", "kv", "queue", "locks", "peers")}


def _several(number: random.Random) -> dict[str, Any]:
    return {"servers.count": number.choice([2, 3]), "servers.lease": "5s"}


def _asleep(number: random.Random) -> dict[str, Any]:
    push = {"loss": 0.2} if number.random() < 0.7 else None
    asleep: dict[str, Any] = {"presence.online": "10s", "presence.offline": "15s", "presence.linger": "3s"}
    return asleep | ({} if push is None else {"presence.push": push})


def _failover(number: random.Random) -> dict[str, Any]:
    lag = {"distribution": "exponential", "mean": "2s"}
    return {"backends.log.durability": "async", "backends.log.replica_lag": lag, "faults.random.failover": 80}


def _redelivery(number: random.Random) -> dict[str, Any]:
    return {"backends.queue.redelivery": 0.3}


def _cache(number: random.Random) -> dict[str, Any]:
    return {"faults.random.drop_cache": 100, "servers.offline_cap": number.choice([1, 2, 5]), "backends.kv.lag": "1s"}


def _read_fan_out(number: random.Random) -> dict[str, Any]:
    return {"servers.fanout": number.choice([0, 2])}


def _narrow(number: random.Random) -> dict[str, Any]:
    return {"servers.window": number.choice([1, 3]), "servers.page": 2, "sync.page": number.choice([1, 2])}


def _impatient(number: random.Random) -> dict[str, Any]:
    attempts = {"policy": "fixed", "base": 0.5, "attempts": number.choice([1, 2, 3])}
    return {"retry.push": attempts, "retry.send": attempts, "retry.deadline": number.choice(["2s", "10s"])}


def _membership(number: random.Random) -> dict[str, Any]:
    return {"conversations.joins": 60, "conversations.leaves": 60}


def _writing(number: random.Random) -> dict[str, Any]:
    return {"devices.write_time": {"distribution": "exponential", "mean": number.choice(["20ms", "300ms"])}}


def _clocks(number: random.Random) -> dict[str, Any]:
    return {"faults.random.clock_jump": 60, "faults.random.jump": "1h"}


def _crowded(number: random.Random) -> dict[str, Any]:
    return {"servers.mailbox": 1, "traffic.rate": 900}


def _forgetful(number: random.Random) -> dict[str, Any]:
    return {"servers.resume": number.choice(["0s", "1s"]), "servers.ping": "3s", "servers.silence": "6s"}


FEATURES: Final = {
    found.__name__.removeprefix("_"): found
    for found in (
        _loss, _datagram, _crash, _pause, _cut, _kill, _wipe, _unavailable, _timeouts, _slow, _several, _asleep,
        _failover, _redelivery, _cache, _read_fan_out, _narrow, _impatient, _membership, _writing, _clocks, _crowded,
        _forgetful,
    )
}  # fmt: skip
"""What may go wrong or be unusual, by name: each gives overrides of the small model."""


def overrides_of(number: int) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The features of a scenario, by name, and the overrides that they come to."""
    drawn = random.Random(number)
    names = tuple(name for name in FEATURES if drawn.random() < 0.25)
    overrides: dict[str, Any] = dict(drawn.choice(_STRATEGIES))
    for name in names:
        overrides |= FEATURES[name](drawn)
    return names, overrides


def scenario_of(number: int, **changes: Any) -> Scenario:
    """The scenario of this number; `changes` are overrides with `__` for a dot, and None takes one away."""
    _, overrides = overrides_of(number)
    for key, value in changes.items():
        overrides[key.replace("__", ".")] = value
    return loads(_BASE, {key: value for key, value in overrides.items() if value is not None})
