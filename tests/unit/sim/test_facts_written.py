"""What the simulated world writes down: every fact that the documentation promises, at the level that it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import imsim
from imsim.history import COLUMNS, LEVEL_OF, Event, Level
from imsim.scenario import loads
from tests.mutants import BASE, SCENARIOS

EVENT = COLUMNS.index("event")
DOCS = Path(__file__).parents[3] / "docs" / "history.md"

EVERYTHING = (
    SCENARIOS["failovers"]
    | SCENARIOS["impatient"]
    | {
        "duration": "90s",
        "devices.users": 5,
        "conversations.joins": 300,
        "conversations.leaves": 300,
        "traffic.replies": 0.3,
        "servers.retention.entries": 3,
        "servers.retention.age": "1s",
        "servers.sites": ["there"],
        "network.sites": ["here", "there"],
        "network.links": [{"between": ["here", "there"]}],
        "presence.online": "5s",
        "presence.offline": "6s",
        "presence.linger": "1s",
        "presence.push": {"loss": 0.1},
        "faults.random.pause": 300,
        "faults.random.partition": 300,
        "faults.random.length": "3s",
    }
)
"""Whatever can happen to a conversation, its people and its servers."""


def written(level: Level, overrides: dict[str, object], seed: int) -> set[Event]:
    scenario = loads(BASE, {**overrides, "history.level": level.name.lower()})
    return {Event(row[EVENT]) for row in imsim.simulate(scenario, seed=seed).history.rows()}


def for_logs_of_your_own() -> set[Event]:
    """What the documentation says that no world writes."""
    sentence = re.search(r"^(`slept`[^:]*) are for logs of your own:", DOCS.read_text(), re.MULTILINE)
    assert sentence is not None
    return {Event[word.upper()] for word in re.findall(r"`(\w+)`", sentence[1])}


def test_every_fact_is_written_but_those_that_are_for_logs_of_your_own() -> None:
    found = written(Level.FRAMES, {}, 1) | written(Level.FRAMES, SCENARIOS["weak backends"], 1)
    for seed in (1, 3):
        found |= written(Level.FRAMES, EVERYTHING, seed)
    assert found == set(Event) - for_logs_of_your_own()


@pytest.mark.parametrize("seed", [1, 3])
def test_the_coarser_level_leaves_out_exactly_the_finer_facts(seed: int) -> None:
    finer = written(Level.FRAMES, EVERYTHING, seed)
    assert written(Level.MESSAGES, EVERYTHING, seed) == {event for event in finer if LEVEL_OF[event] is Level.MESSAGES}
