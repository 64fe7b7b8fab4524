"""The hunt: what is found is shrunk and replayed, and what is not found is not called found."""

from __future__ import annotations

import msgspec
import pytest

from imsim.errors import ConfigError
from imsim.verify import zoo
from imsim.verify.search.strategy import Strategy
from imsim.verify.zoo.hunt import Hunted, Tally, hunt, hunt_all


def test_a_flaw_is_hunted_by_every_strategy_and_replayed():
    hunted = hunt(zoo.flaw("poison-message"), budget=20)
    assert hunted.found
    assert hunted.breaks == "no loss"
    assert list(hunted.tallies) == [strategy.value for strategy in Strategy]
    assert all(tally.found and tally.cases for tally in hunted.tallies.values())
    assert (hunted.flawed, hunted.correct) == ("violated", "holds")
    assert hunted.false_alarms == 0
    assert hunted.case.deviations == ()


def test_what_is_not_there_is_not_found():
    none = msgspec.structs.replace(zoo.flaw("poison-message"), swaps=())
    hunted = hunt(none, budget=0.01)
    assert not hunted.found
    assert hunted.case is None
    assert not any(tally.found for tally in hunted.tallies.values())


def test_a_case_that_breaks_the_correct_algorithms_too_is_a_false_alarm():
    tally = Tally(found=True, cases=10, seconds=1.0, false_alarms=1)
    case = zoo.flaw("early-cursor").case
    hunted = Hunted(id="x", breaks="order", tallies={"all": tally}, case=case, flawed="violated", correct="violated")
    assert not hunted.found
    assert hunted.false_alarms == 2


def test_several_are_hunted_at_once_and_told_in_their_order():
    flaws = [zoo.flaw("shared-offline-cap"), zoo.flaw("poison-message")]
    together = list(hunt_all(flaws, budget=0.01, jobs=2))
    assert [hunted.id for hunted in together] == [flaw.id for flaw in flaws]
    assert all(hunted.found for hunted in together)


@pytest.mark.parametrize(("how", "sentence"), [({"seed": -1}, "seed: expected"), ({"jobs": 0}, "jobs: expected")])
def test_a_number_that_is_none_is_refused(how, sentence):
    with pytest.raises(ConfigError, match=sentence):
        next(hunt_all(zoo.FLAWS, **how))
