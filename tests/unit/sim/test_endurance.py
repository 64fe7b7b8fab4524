"""What servers keep for their clients' sake does not grow with time."""

from __future__ import annotations

from collections import Counter

from imsim.scenario import loads
from imsim.sim.world import World

_DAYS = """
[devices]
users = 3
[[conversations.groups]]
name = "team"
members = ["alice", "bob", "carol"]
[traffic]
kind = "poisson"
rate = 100
reads = 0.3
[network]
kind = "datagram"
duplicate = 0.2
[servers]
idempotency = "15m"
[faults.random]
wipe = 4
length = "5s"
"""


def kept_after(duration):
    world = World(loads(_DAYS, {"duration": duration}), seed=1)
    world.run()
    return Counter(key.partition("/")[0] for key in world.backends.values)


def test_claims_and_registers_are_as_many_after_six_hours_as_after_two():
    short, long = kept_after("2h"), kept_after("6h")
    for kind in ("claim", "heard", "heard-in", "offline", "presence"):
        assert long[kind] < 1.5 * short[kind] + 10, kind
    # three devices, a stride of claims each, and those of the installs that fell silent in the last half an hour
    assert long["claim"] < 3 * (64 + 20) + 6 * 20
