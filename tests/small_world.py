"""A small world with a plain network, so that a test can say exactly what happens when: two users, three devices.

Every frame takes 20 ms, nothing is lost, pings are rare and nobody acts but as the test says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from imsim.scenario import loads
from imsim.sim.deviations import parse
from imsim.sim.world import World
from imsim.verify.verdict import Outcome, judge

if TYPE_CHECKING:
    from imsim.history import History, Row

__all__ = ["Small", "scenario", "steps"]

_BASE: Final = """
duration = "60s"
[devices]
kinds = ["phone", { name = "pc", users = ["alice"] }]
[[conversations.groups]]
name = "team"
members = ["alice", "bob"]
[traffic]
kind = "list"
steps = [{ at = "1s", from = "alice", to = "team", device = "phone", text = "hello" }]
[network]
profile = "plain"
[network.profiles.plain]
kind = "stream"
latency = { mean = "20ms" }
[servers]
ping = "1h"
silence = "2h"
[sync]
strategy = "push"
[history]
level = "frames"
"""


def steps(*lines: str) -> list[dict[str, Any]]:
    """Steps of a written traffic: `5 bob send`, `7 alice/pc edit alice-1`, to the team."""
    found = []
    for line in lines:
        at, who, action, *target = line.split()
        user, _, device = who.partition("/")
        step: dict[str, Any] = {"at": float(at), "from": user, "to": "team", "action": action}
        if device:
            step["device"] = device
        if target:
            step["target"] = target[0]
        found.append(step)
    return found


def scenario(**changes: Any):
    """The small scenario; `changes` are overrides with `__` for a dot."""
    return loads(_BASE, {key.replace("__", "."): value for key, value in changes.items()})


class Small:
    """One run of it, and what may be asked of it afterwards.

    Args:
        cases: deviations in words.
        seed: the run's.
        changes: overrides, see `scenario`.
    """

    def __init__(self, *cases: str, seed: int = 1, **changes: Any) -> None:
        self.world = World(scenario(**changes), seed=seed, deviations=[parse(case) for case in cases])
        self.outcome: Any = None

    def run(self) -> Small:
        self.outcome = self.world.run()
        return self

    def run_until(self, seconds: float) -> Small:
        """Begin, or go on, and stop in the middle; `stop` when nothing more is asked."""
        world = self.world
        if world.kernel.now == 0.0:
            world.begin()
        world.kernel.run(until=seconds)
        return self

    def stop(self) -> None:
        """Close what still runs."""
        for server in self.world.servers:
            server.end()

    @property
    def history(self) -> History:
        return self.outcome.history

    @property
    def rows(self) -> list[Row]:
        return [self.history.row(place) for place in range(len(self.history))]

    def facts(self, word: str, **columns: Any) -> list[Row]:
        """The rows of an event, as far as these columns agree."""
        return [
            row
            for row in self.rows
            if row.event.word == word and all(getattr(row, name) == value for name, value in columns.items())
        ]

    def times(self, word: str, **columns: Any) -> list[float]:
        return [round(row.t, 6) for row in self.facts(word, **columns)]

    def texts(self, device: str) -> list[str | None]:
        """What the user of a device reads in the team."""
        return [row.content for row in self.world.devices[device].device.view("team")]

    def assert_holds(self) -> Small:
        verdict = judge(self.history)
        assert verdict.outcome is Outcome.HOLDS, str(verdict)
        assert self.outcome.converged
        return self
