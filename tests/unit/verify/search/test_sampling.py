"""Random cases: functions of scenario, seed and number; made of the faults that they name; and had again as cases."""

from __future__ import annotations

import msgspec
import pytest

from imsim.scenario import load
from imsim.sim.algorithms import REAL
from imsim.sim.decisions import Kind
from imsim.sim.world import World
from imsim.verify.search import Case, try_case
from imsim.verify.search.sampling import FAULTS, sample, survey

ACTIONS = {
    "drop": "drop", "lose_push": "drop", "duplicate": "duplicate", "delay": "delay", "cut": "cut",
    "crash_before": "crash", "crash_after": "crash", "pause": "pause", "timeout_before": "time out",
    "timeout_after": "time out", "partition": "partition", "clock_jump": "clock",
}  # fmt: skip


@pytest.fixture(scope="module")
def tiny():
    return load("tiny")


@pytest.fixture(scope="module")
def ground(tiny):
    return survey(tiny, seed=1, algorithms=REAL)


def run(tiny, ground, index, seed=1):
    draft = sample(tiny, ground, seed=seed, index=index)
    return draft, try_case(draft.case, improviser=draft.improviser)


def test_a_survey_tells_what_there_is(ground):
    assert ground.sites == ("home", "city")
    assert ground.duration == 60.0
    assert ground.servers == ("server-1",)
    assert {"to bob/phone", "from bob/phone", "at bob/phone", "at server-1"} <= set(ground.places)
    assert all(place.count(" ") == 1 for place in ground.places)
    assert {Kind.PUSH, Kind.SEND, Kind.PORT, Kind.WRITE} <= ground.asked.keys()


def test_clocks_jump_at_nodes_that_there_are_whoever_has_which_device():
    """Half of the users have a PC, and which half hangs on the seed."""
    kinds = ["phone", {"name": "pc", "share": 0.5}]
    mixed = load(
        "tiny",
        {"devices.kinds": kinds, "faults.events": [], "traffic.steps": [{"at": 1.0, "from": "bob", "to": "team"}]},
    )
    where = survey(mixed, seed=1, algorithms=REAL)
    jumped = set()
    for index in range(60):
        draft = sample(mixed, where, seed=1, index=index)
        jumped |= {d.action.node for d in draft.case.deviations if hasattr(d.action, "node")}
        World(mixed, seed=draft.case.seed, deviations=draft.case.deviations)
    assert {"server-1", "bob/pc", "alice/pc"} <= jumped


def test_a_case_hangs_on_its_number_alone(tiny, ground):
    for index in (0, 5, 11):
        assert run(tiny, ground, index)[1].case == run(tiny, ground, index)[1].case
    assert run(tiny, ground, 5)[1].case != run(tiny, ground, 5, seed=2)[1].case


def test_what_was_improvised_is_a_case_that_gives_the_same_history(tiny, ground):
    found = [run(tiny, ground, index)[1] for index in range(20)]
    assert sum(len(trial.case.deviations) for trial in found) > 20
    for trial in found:
        assert try_case(trial.case).history.sha256 == trial.history.sha256


def test_cases_do_what_their_faults_allow_and_nothing_else(tiny, ground):
    used = set()
    for index in range(40):
        draft, trial = run(tiny, ground, index)
        done = {ACTIONS[deviation.action.__struct_config__.tag] for deviation in trial.case.deviations}
        assert done <= set(draft.faults)
        used |= done
    assert used == set(FAULTS)


def test_without_several_sites_there_are_no_partitions(tiny, ground):
    alone = msgspec.structs.replace(ground, sites=("home",))
    assert not any("partition" in sample(tiny, alone, seed=1, index=index).faults for index in range(60))


def test_nothing_is_improvised_after_the_world_is_healed(tiny):
    """Connections, pings and what else happens until everybody has everything are asked about no more."""
    asked = []
    for settle in ("1s", "10m"):
        scenario = load("tiny", {"settle": settle, "faults.events": []})
        counted: list[Kind] = []
        trial = try_case(Case(scenario=scenario, seed=1), improviser=lambda kind, *_, to=counted: to.append(kind))
        assert len(counted) == trial.decisions
        asked.append(counted)
    assert asked[0] == asked[1]
    assert len(try_case(Case(scenario=tiny, seed=1)).history) > 0
