"""A scenario: everything that one run is asked, as one frozen value.

A scenario is complete. Profiles that a model names are resolved into it and durations are seconds, so that two equal
scenarios mean equal runs, whatever files they came from. `to_toml` writes it back, leaving out what is a default;
`to_json` gives the canonical bytes, everything in them.

Reading files is load.py's work, and what values may be is said by the sections themselves.
"""

from __future__ import annotations

import enum
from typing import Annotated

import msgspec
from msgspec import Meta

from imsim.scenario import text
from imsim.scenario.budget import Budget
from imsim.scenario.faults import Faults
from imsim.scenario.network import Network
from imsim.scenario.people import Conversations, Devices, Presence, population
from imsim.scenario.policy import Retry, StrategyName, Sync
from imsim.scenario.servers import Backends, Durability, Servers
from imsim.scenario.traffic import Gaps, Traced, Traffic
from imsim.scenario.values import Seconds, Section

__all__ = ["History", "HistoryLevel", "Scenario"]

_PUSHING = frozenset({StrategyName.PUSH, StrategyName.HYBRID})
_ROUND_TRIPS = 30.0
"""Seconds granted to convergence beside what the settings themselves can take."""
_BUDGET = 300.0
"""Seconds granted to messages that wait for a retry budget."""


class HistoryLevel(enum.StrEnum):
    """How much a run records."""

    MESSAGES = "messages"
    FRAMES = "frames"


class History(Section, frozen=True, kw_only=True):
    """What a run leaves behind."""

    level: Annotated[
        HistoryLevel, Meta(description="messages (facts about messages) or frames (every frame as well).")
    ] = HistoryLevel.MESSAGES


class Scenario(Section, frozen=True, kw_only=True):
    """Everything that one run is asked."""

    name: Annotated[str, Meta(max_length=100, description="What it is called; by default the file's name.")] = ""
    description: Annotated[str, Meta(max_length=10_000, description="What it shows.")] = ""
    hour: Annotated[
        Annotated[float, Meta(ge=0, le=24, extra={"unit": "hour of the day"})],
        Meta(description="Hour of the day at which it begins."),
    ] = 9.0
    duration: Annotated[
        Seconds | None, Meta(description="When traffic and faults end; none: with the last message.")
    ] = None
    settle: Annotated[
        Seconds | None,
        Meta(
            description="Time granted to convergence after that; none: what sync and retry settings can need. "
            "After less, what is missing proves nothing."
        ),
    ] = None
    without: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=200)], ...],
        Meta(
            description="Messages (alice-3), devices (bob/pc), users or conversations that are left out; all else "
            "stays as it was."
        ),
    ] = ()
    devices: Annotated[Devices, Meta(description="The users and their devices.")] = Devices()
    servers: Annotated[Servers, Meta(description="The servers.")] = Servers()
    backends: Annotated[Backends, Meta(description="What the servers stand on.")] = Backends()
    conversations: Annotated[Conversations, Meta(description="Who talks with whom.")] = Conversations()
    traffic: Annotated[Traffic, Meta(description="What is written.")] = Gaps()
    presence: Annotated[Presence, Meta(description="Who is there when.")] = Presence()
    network: Annotated[Network, Meta(description="The network.")] = Network()
    sync: Annotated[Sync, Meta(description="How devices learn of what is new.")] = Sync()
    retry: Annotated[Retry, Meta(description="What is tried again.")] = Retry()
    faults: Annotated[Faults, Meta(description="What goes wrong.")] = Faults()
    budget: Annotated[Budget, Meta(description="What it may cost.")] = Budget()
    history: Annotated[History, Meta(description="What is recorded.")] = History()

    def settle_seconds(self) -> float:
        """The time granted to convergence: `settle`, or what the settings can need."""
        return self.needed_seconds() if self.settle is None else self.settle

    def needed_seconds(self) -> float:
        """The time to convergence that sync, retries, pings and leases can take together."""
        staleness = max(bound or 0.0 for bound in self._bounds())
        retries = sum(_longest(policy) for policy in (self.retry.send, self.retry.connect, self.retry.ask))
        retries = 2.0 * retries
        naming = self.servers.reoffer_window if self.backends.log.durability is Durability.ASYNC else 0.0
        bounds = 0.0 if self.retry.budget is None else _BUDGET
        bounds += 0.0 if self.retry.breaker is None else 2.0 * self.retry.breaker.cool_down
        return _ROUND_TRIPS + staleness + retries + bounds + self.servers.silence + 2.0 * self.servers.lease + naming

    def worst_staleness(self) -> float:
        """The longest, in seconds, that a strategy in use may leave a device without what is committed.

        One that states no bound finds what it missed at its next connection, which devices get when half of the time
        to convergence is over.
        """
        return max(self.settle_seconds() / 2 if bound is None else bound for bound in self._bounds())

    def pushes(self) -> bool:
        """Whether servers push messages to some devices, rather than being asked for them."""
        return any(sync.strategy in _PUSHING for sync in self._strategies())

    def _bounds(self) -> list[float | None]:
        """What each strategy in use states."""
        return [sync.config().worst_staleness() for sync in self._strategies()]

    def _strategies(self) -> tuple[Sync, ...]:
        """The strategies in use."""
        return (self.sync, *(kind.sync for kind in self.devices.kinds if kind.sync is not None))

    def users(self) -> tuple[tuple[str, str], ...] | None:
        """The users with their roles, (name, role), in order; None where a trace brings them."""
        if isinstance(self.traffic, Traced):
            return None
        return population(self.devices, self.conversations)

    def to_json(self) -> bytes:
        """The canonical bytes: every key, in one order."""
        return msgspec.json.encode(self, order="deterministic")

    def to_toml(self) -> str:
        """A model file that loads as this scenario; defaults are left out."""
        return text.to_toml(text.without_defaults(self))


def _longest(policy: object) -> float:
    """The longest delay of a retry policy, in seconds."""
    delays = getattr(policy, "delays", None)
    if delays is not None:
        return float(max(delays) + getattr(policy, "spread", 0.0))
    return float(getattr(policy, "cap", getattr(policy, "base", 0.0)))
