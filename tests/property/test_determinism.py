"""Same scenario, seed and deviations: the same bytes. And a deviation changes nothing before it happens."""

from __future__ import annotations

import functools
import itertools
import os
import random
import subprocess
import sys
from collections import Counter

import pytest

from imsim.history import LEVEL_OF, Event, Level
from imsim.scenario import StrategyName, load
from imsim.sim import deviations
from imsim.sim.decisions import Decisions, Kind
from imsim.sim.deviations import Deviation, parse, possible
from imsim.sim.world import World
from imsim.verify.verdict import Outcome, judge
from tests.conftest import REPOSITORY
from tests.random_scenarios import scenario_of

TINY = REPOSITORY / "models" / "tiny.toml"
SHORT_DAY = {
    "duration": "90m", "devices.users": 12, "hour": 8.7, "traffic.bursts": [],
    "conversations.groups": [
        {"kind": "team", "size": 6},
        {"kind": "channel", "name": "all-hands", "size": 12},
        {"kind": "direct", "count": 6},
    ],
    "faults.events": [
        {"kind": "crash", "at": "20m", "for": "30s"},
        {"kind": "partition", "at": "40m", "for": "3m", "sites": ["office"], "others": ["dc"]},
        {"kind": "wipe", "at": "50m", "device": "erin/phone"},
        {"kind": "unavailable", "at": "60m", "for": "20s", "port": "kv"},
    ],
}  # fmt: skip
"""The first hour and a half of the office's day, for a dozen people."""

SCENARIOS = {
    **{f"tiny {strategy}": lambda s=strategy: load(TINY, {"sync.strategy": s.value}) for strategy in StrategyName},
    "enterprise": lambda: load(REPOSITORY / "models" / "enterprise.toml", SHORT_DAY),
}


def digest(scenario, seed, *cases):
    return World(scenario, seed=seed, deviations=cases).run().history.sha256


@pytest.mark.parametrize("name", SCENARIOS)
def test_twice_in_one_process(name):
    scenario = SCENARIOS[name]()
    assert digest(scenario, 3) == digest(SCENARIOS[name](), 3) != digest(scenario, 4)


PROGRAM = """
from tests.property.test_determinism import SCENARIOS, case_of, digest
for name in SCENARIOS:
    print(name, digest(SCENARIOS[name](), 3), sep=":")
print("case", digest(SCENARIOS["tiny hybrid"](), 3, case_of(7)[1]), sep=":")
"""


def test_in_other_processes_with_other_hash_seeds():
    told = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for seed in ("1", "271828")
    ]
    here = [f"{name}:{digest(build(), 3)}" for name, build in SCENARIOS.items()]
    assert told[0][:-1] == told[1][:-1] == here
    assert told[0][-1] == told[1][-1] == f"case:{digest(SCENARIOS['tiny hybrid'](), 3, case_of(7)[1])}"


def test_the_level_of_the_history_changes_nothing_that_happens():
    scenario = scenario_of(3)
    whole, plain = (World(scenario, seed=3, level=level).run().history for level in (Level.FRAMES, Level.MESSAGES))
    assert _told_at_any(whole) == _told_at_any(plain)


def _told_at_any(history):
    """What is told at every level; where a device stands is asked more often at the finer one."""
    rows = map(history.row, range(len(history)))
    kept = [row for row in rows if LEVEL_OF[row.event] is Level.MESSAGES and row.event is not Event.COUNTED]
    return [_fact(row) for row in kept]


def _fact(row):
    return row.t, row.node, row.event, row.conversation, row.message, row.epoch, row.seq, row.attempt, row.detail


# ---------------------------------------------------------------------------------------------- deviations

FIRST = load(TINY)


def recorded(scenario, seed, *cases):
    """A run, the keys that it was asked, and the rows that were there when each was asked."""
    world = World(scenario, seed=seed, deviations=cases, recording=True)
    rows, asked = [], world.decisions.record
    ask = Decisions.decide

    def watched(self, salt, subject, occurrence):
        world.writer._settle()
        rows.append(world.writer._store.rows)
        return ask(self, salt, subject, occurrence)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Decisions, "decide", watched)
        history = world.run().history
    return world, history, asked, rows


@functools.cache
def plain():
    return recorded(FIRST, 1)


_HOW = {
    deviations.Delay: [0.5, 3.0],
    deviations.Pause: [0.5, 3.0],
    deviations.Hold: list(deviations.Release),
}


def case_of(number):
    """A deviation at one of the keys that the plain run of the tiny model was asked."""
    world, _, asked, _ = plain()
    drawn = random.Random(number)
    while True:
        place = drawn.randrange(len(asked))
        key = world.decisions.key_of(asked[place])
        actions = possible(key.kind)
        if actions:
            action = drawn.choice(actions)
            how = _HOW.get(action)
            return place, Deviation(key, action() if how is None else action(drawn.choice(how)))


def test_recording_changes_nothing():
    assert digest(FIRST, 1) == plain()[1].sha256


@pytest.mark.parametrize("number", range(40))
def test_a_deviation_changes_nothing_before_it_happens_and_breaks_no_promise(number):
    place, deviation = case_of(number)
    assert parse(str(deviation)) == deviation
    _, usual, usually_asked, usual_rows = plain()
    _, history, asked, rows = recorded(FIRST, 1, deviation)
    assert asked[: place + 1] == usually_asked[: place + 1]
    assert rows[: place + 1] == usual_rows[: place + 1]
    before = range(rows[place])
    assert [history.row(i) for i in before] == [usual.row(i) for i in before]
    assert judge(history).outcome is Outcome.HOLDS, f"{deviation}\n{judge(history)}"


def test_deviations_change_what_follows():
    changed = sum(digest(FIRST, 1, case_of(number)[1]) != plain()[1].sha256 for number in range(40))
    assert changed > 30


@pytest.mark.parametrize("number", [5, 7, 8, 11, 12, 17])
def test_no_key_is_asked_twice_and_every_key_has_words(number):
    world = World(scenario_of(number), seed=number, recording=True)
    world.run()
    counted = Counter(world.decisions.record)
    assert [str(world.decisions.key_of(asked)) for asked, times in counted.items() if times > 1] == []
    kinds = {world.decisions.key_of(asked).kind for asked in counted}
    assert {Kind.PORT, Kind.WRITE, Kind.HELLO, Kind.SEND, Kind.ACK} <= kinds


LOSSY = {"network.kind": "datagram", "network.loss": 0.3, "faults.events": []}
WITHOUT = ((), ("bob-1",), ("alice/pc",))


def fates(without):
    """Of every frame about a message: whether it was lost."""
    world = World(load(TINY, {**LOSSY, "without": list(without)}), seed=1, recording=True)
    history = world.run().history
    lost = {}
    for row in map(history.row, range(len(history))):
        if row.message and row.event.word in {"sent", "dropped"}:
            peer = history.nodes.name(row.op)
            lost[row.node, peer, row.message, row.attempt, row.detail] = row.event.word == "dropped"
    return lost


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(WITHOUT, 2)))
def test_a_key_that_is_asked_in_two_runs_is_answered_alike(one, other):
    """Whether the 2nd push of alice-3 to bob/phone is lost hangs on that alone, not on what else there is."""
    these, those = fates(one), fates(other)
    shared = these.keys() & those.keys()
    assert len(shared) > 30
    assert these.keys() != those.keys()
    assert {True, False} == {these[key] for key in shared}
    assert {key: these[key] for key in shared} == {key: those[key] for key in shared}
