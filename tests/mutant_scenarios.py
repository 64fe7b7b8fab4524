"""The small scenarios in which mutants (mutants.py) must be noticed, and which the algorithm itself survives.

Each is what it changes of the smallest one, and has what a mistake needs to show: whatever makes up for it must be gone
as well, such as the next check, the next connection, or the server that would have told.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["BASE", "SCENARIOS"]

BASE: Final = """
duration = "40s"
[devices]
users = 3
kinds = ["phone", { name = "pc", users = ["alice", "bob"] }]
[[conversations.groups]]
name = "team"
members = ["alice", "bob", "carol"]
[traffic]
kind = "poisson"
rate = 600
edits = 0.2
recalls = 0.1
reads = 0.3
later = { distribution = "exponential", offset = "0.5s", mean = "4s" }
"""

_DATAGRAM: Final = {
    "network.kind": "datagram",
    "network.loss": 0.15,
    "network.duplicate": 0.1,
    "network.reorder": 0.2,
    "network.reorder_delay": "0.4s",
}
_POLL: Final = {"sync.strategy": "poll", "sync.interval": "5s"}
_PUSH: Final = {"sync.strategy": "push"}
_UNTOLD: Final = {
    "servers.count": 2,
    "traffic.rate": 2000,
    "faults.events": [
        {"kind": "unavailable", "port": "queue", "at": 31, "for": 20},
        {"kind": "kill", "at": 32, "devices": ["*/*"], "share": 1.0, "for": 0.1},
        {"kind": "crash", "server": 1, "at": 39.9, "for": 1},
    ],
}
"""A server dies with commits that the queue would not take: sessions of the other one never hear of them."""
_BACKENDS: Final = ("log", "kv", "queue", "locks", "peers")

SCENARIOS: Final[dict[str, dict[str, Any]]] = {
    "poll": _POLL,
    "long_poll": {"sync.strategy": "long_poll", "sync.hold": "8s"},
    "adaptive": {"sync.strategy": "adaptive", "sync.least": "2s", "sync.most": "10s", "sync.busy": [0, 24]},
    "datagram": _DATAGRAM,
    "poll over datagrams": _POLL | _DATAGRAM | {"network.loss": 0.3},
    "narrow": _DATAGRAM | {"servers.window": 2, "servers.page": 2, "sync.page": 2, "faults.random.cut": 300},
    "cuts": {"faults.random.cut": 300},
    "untold": {"sync.strategy": "hybrid", "sync.check": "5s"} | _UNTOLD,
    "weak backends": {
        f"backends.{port}.{fault}": 0.1
        for port in _BACKENDS
        for fault in ("unavailable", "timeout_before", "timeout_after")
    },
    "forgetful": {
        "servers.idempotency": "16s",
        **{f"backends.{port}.timeout_{when}": 0.1 for port in _BACKENDS for when in ("before", "after")},
    },
    "changes of mind": _DATAGRAM | {"traffic.edits": 0.9, "traffic.recalls": 0.8},
    "weak log": {f"backends.log.{fault}": 0.15 for fault in ("unavailable", "timeout_before", "timeout_after")},
    "slow backends": {
        **{f"backends.{port}.service": {"distribution": "exponential", "mean": "50ms"} for port in _BACKENDS},
        "faults.random.crash": 300,
        "faults.random.length": "2s",
    },
    "small store": {
        "presence.online": "5s",
        "presence.offline": "8s",
        "presence.linger": "2s",
        "backends.kv.unavailable": 0.2,
        "servers.offline_cap": 5,
        "faults.random.drop_cache": 300,
    },
    "short memory": _POLL
    | {
        "backends.log.service": {"distribution": "exponential", "mean": "50ms"},
        "servers.retention.entries": 5,
        "traffic.rate": 3000,
        "traffic.reads": 0.6,
        "faults.random.kill": 300,
        "faults.events": [
            {"kind": "crash", "at": 37, "server": 1, "for": 1},
            {"kind": "wipe", "at": 39, "device": "carol/phone"},
        ],
    },
    "membership": {"devices.users": 5, "conversations.joins": 300, "conversations.leaves": 300},
    "failovers": {
        "backends.log.durability": "async",
        "backends.log.replica_lag": {"distribution": "exponential", "mean": "2s"},
        "servers.reoffer_window": "5s",
        "faults.random.failover": 200,
        "faults.random.wipe": 60,
        "faults.random.kill": 100,
    },
    "lost tail": {
        "backends.log.durability": "async",
        "backends.log.replica_lag": "4s",
        "servers.reoffer_window": "5s",
        "traffic.rate": 3000,
        "faults.events": [
            {"kind": "failover", "at": 30},
            {"kind": "wipe", "at": 30.001, "device": "alice/phone"},
            {"kind": "wipe", "at": 30.001, "device": "alice/pc"},
        ],
    },
    "impatient": _DATAGRAM
    | {
        "network.loss": 0.3,
        "retry.send": {"policy": "fixed", "base": 0.5, "attempts": 2},
        "retry.deadline": "2s",
        "faults.random.crash": 200,
        "faults.random.length": "3s",
        "traffic.cancels": 0.2,
    },
    "busy": _DATAGRAM | {"traffic.rate": 9000, "network.reorder_delay": "3s", "duration": "60s"},
    "push": _PUSH,
    "untold push": _PUSH | _UNTOLD | {"servers.resume": "1h"},
    "polled membership": _POLL | {"devices.users": 5, "conversations.joins": 300, "conversations.leaves": 300},
    "pending kills": _DATAGRAM
    | {"network.loss": 0.5, "traffic.rate": 1500, "faults.random.kill": 300, "faults.random.length": "3s"},
    "impatient servers": _DATAGRAM
    | {
        "servers.count": 3,
        "network.loss": 0.3,
        "retry.send": {"policy": "fixed", "base": 0.5, "attempts": 2},
        "retry.deadline": "2s",
        "traffic.cancels": 0.3,
    },
    "crowded": _DATAGRAM
    | {f"backends.{port}.service": {"distribution": "exponential", "mean": "200ms"} for port in _BACKENDS}
    | {"traffic.rate": 1800, "faults.random.crash": 200, "faults.random.length": "2s", "duration": "30s"},
}
"""Small scenarios that the algorithm survives, by name: what they change of the smallest one."""
