"""A soak: small random worlds, each with a handful of faults, keep every promise and converge."""

from __future__ import annotations

import pytest

from imsim.protocol.frames import Message
from imsim.sim.world import World
from imsim.verify.verdict import Outcome, judge
from tests.random_scenarios import FEATURES, overrides_of, scenario_of

HARD = (
    1, 4, 11, 13, 19, 28, 42, 44, 60, 62, 63, 88, 101, 102, 142, 145, 187, 258, 343, 384, 414, 612, 620, 952, 1341,
    1445, 1489, 1540, 1990, 2338, 2578, 2609, 2721, 2859,
)  # fmt: skip
"""Scenarios in which a promise was once broken."""
MORE = range(3000, 3030)


@pytest.mark.parametrize("number", [*HARD, *MORE])
def test_every_promise_is_kept(number):
    outcome = World(scenario_of(number), seed=number).run()
    verdict = judge(outcome.history)
    assert verdict.outcome is Outcome.HOLDS, f"{overrides_of(number)}\n{verdict}"
    assert outcome.converged, overrides_of(number)


@pytest.mark.parametrize("number", [3, 9, 12, 21, 33])
def test_every_device_shows_its_user_what_the_log_says(number):
    """The same promise without the judge: views against the log, as sets and orders."""
    world = World(scenario_of(number, **QUORUM), seed=number)
    assert world.run().converged
    log = world.backends.log
    for node in world.devices.values():
        device = node.device
        for conversation in device.conversations():
            state = log.state(conversation)
            entries = log.read(conversation, 1, state.committed)
            if any(_is_change(entry, node.user) for entry in entries):
                continue  # who came or left may read a part only
            written = [entry.client_id for entry in entries if type(entry.body) is Message]
            assert [row.client_id for row in device.view(conversation)] == written
            assert device.unread(conversation) == device.recount(conversation)
            assert device.position(conversation) == (state.epoch, state.committed)


QUORUM = {"backends__log__durability": None, "faults__random__failover": None}


def _is_change(entry, user):
    return getattr(entry.body, "user", None) == user


def test_the_soak_meets_every_feature_and_every_goal_that_it_can():
    met, features = {}, set()
    for number in [*HARD, *MORE]:
        features |= set(overrides_of(number)[0])
        for goal, times in judge(World(scenario_of(number), seed=number).run().history).met.items():
            met[goal] = met.get(goal, 0) + times
    assert features == set(FEATURES)
    assert {goal for goal, times in met.items() if not times} <= {"a partition of sites", "a trimmed log"}
