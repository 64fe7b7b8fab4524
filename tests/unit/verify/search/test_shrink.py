"""Shrinking: the same promise broken by less, the same result every time, and an end in time."""

from __future__ import annotations

import msgspec
import pytest

from imsim.errors import ConfigError
from imsim.protocol.device import Device
from imsim.protocol.frames import Welcome
from imsim.scenario import load
from imsim.sim.algorithms import Algorithms
from imsim.sim.deviations import Delay, parse
from imsim.verify.search import Case, shrink, try_case
from tests.flawed_devices import Hasty

HASTY = Algorithms(device=Hasty)
GUILTY = "crash before the 1st write of alice-2+edit at alice/phone"
INNOCENT = (
    "partition home from city from 35.158 s until 37.158 s",
    "delay the 1st push of bob-1 to alice/pc by 2 s",
    "jump the clock of alice/phone by 3600 s at 30.166 s",
    "drop the 1st ack of alice-1 from bob/phone",
)


@pytest.fixture(scope="module")
def case():
    words = (*INNOCENT[:2], GUILTY, *INNOCENT[2:])
    draft = Case(scenario=load("tiny"), seed=1_000_161, deviations=tuple(map(parse, words)))
    (breaks,) = try_case(draft, algorithms=HASTY).failures
    return msgspec.structs.replace(draft, breaks=breaks)


def test_what_is_not_needed_is_left_out(case):
    shrunk = shrink(case, algorithms=HASTY)
    assert [str(deviation) for deviation in shrunk.case.deviations] == [GUILTY]
    assert shrunk.case.scenario.faults.events == ()
    assert "bob" in shrunk.case.scenario.without
    assert shrunk.finished
    assert shrunk.story
    assert case.breaks in try_case(shrunk.case, algorithms=HASTY).failures


def test_conversations_that_are_not_needed_are_left_out(case):
    pair = [{"name": "team", "members": ["alice", "bob"]}, {"name": "other", "members": ["alice", "bob"]}]
    steps = [{"at": 2.0, "from": "bob", "to": "other"}, {"at": 30.0, "from": "alice", "to": "other"}]
    told = msgspec.to_builtins(load("tiny").traffic.steps)
    wide = load("tiny", {"conversations.groups": pair, "traffic.steps": [*told, *steps]})
    shrunk = shrink(
        Case(scenario=wide, seed=1_000_161, deviations=(parse(GUILTY),), breaks=case.breaks), algorithms=HASTY
    )
    assert shrunk.finished
    assert "other" in shrunk.case.scenario.without
    assert "team" not in shrunk.case.scenario.without


def test_much_is_left_out_in_few_runs(case):
    """Half of two hundred innocent faults at once."""
    words = [f"delay the {n}th push of bob-{m} to alice/pc by 2 s" for n in range(4, 21) for m in (1, 2, 3)]
    deviations = (*map(parse, words), parse(GUILTY))
    shrunk = shrink(msgspec.structs.replace(case, deviations=deviations), algorithms=HASTY)
    assert [str(one) for one in shrunk.case.deviations] == [GUILTY]
    assert shrunk.replays < 80


class Impatient(Device):
    """Gives up for good when the first answer is later than a second."""

    __slots__ = ()

    def handle_frame(self, connection, frame, *, now, wall):
        if type(frame) is Welcome and now > 1.0:
            raise TimeoutError("it took too long")
        super().handle_frame(connection, frame, now=now, wall=wall)


def test_one_long_delay_stands_for_several():
    words = [
        "delay the 1st connect of server-1 from alice/pc by 0.4 s",
        "delay the 1st hello of alice/pc from alice/pc by 0.4 s",
        "delay the 1st welcome of alice/pc to alice/pc by 0.4 s",
    ]
    quiet = load("tiny", {"faults.events": []})
    impatient = Algorithms(device=Impatient)
    draft = Case(scenario=quiet, seed=1, deviations=tuple(map(parse, words)), breaks="contract")
    for place in range(3):
        fewer = draft.deviations[:place] + draft.deviations[place + 1 :]
        assert not try_case(msgspec.structs.replace(draft, deviations=fewer), algorithms=impatient).failures
    shrunk = shrink(draft, algorithms=impatient)
    (one,) = shrunk.case.deviations
    assert one.action == Delay(1.2)


def test_shrinking_is_repeatable_and_ends_where_nothing_more_goes(case):
    first = shrink(case, algorithms=HASTY)
    assert shrink(case, algorithms=HASTY).case == first.case
    assert shrink(first.case, algorithms=HASTY).case == first.case


def test_a_budget_ends_it_with_the_best_so_far(case):
    shrunk = shrink(case, algorithms=HASTY, replays=4)
    assert shrunk.replays == 4
    assert not shrunk.finished
    assert case.breaks in try_case(shrunk.case, algorithms=HASTY).failures


def test_a_case_that_does_not_fail_is_refused(case):
    with pytest.raises(ConfigError, match="does not break"):
        shrink(case)


def test_seconds_become_simple():
    late = "delay the 1st push of bob-1 to alice/pc by 30 s"
    draft = Case(
        scenario=load("tiny"), seed=1_000_161, deviations=(parse(late), parse(GUILTY)), breaks="nothing out of nowhere"
    )
    values = [getattr(d.action, "seconds", None) for d in shrink(draft, algorithms=HASTY).case.deviations]
    assert values == [None], "the delay has nothing to do with it"
