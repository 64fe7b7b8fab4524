"""What runs in a world: swaps hold for one world and are undone whatever happens, and reach other processes."""

from __future__ import annotations

import contextlib
import pickle
import re
import threading

import pytest

from imsim.errors import AlgorithmError, ConfigError
from imsim.protocol.device import Device
from imsim.protocol.outbox import Outbox
from imsim.protocol.retry import Fixed
from imsim.protocol.sync import Push
from imsim.scenario import load
from imsim.sim.algorithms import REAL, Algorithms, Swap
from imsim.sim.world import World
from imsim.study.run import simulate
from imsim.verify.search import check
from tests import flawed_parts as parts
from tests.flawed_devices import Hasty


def raises(*_: object, **__: object) -> None:
    raise LookupError("swapped")


SWAPPED = Algorithms(swaps=(Swap(Outbox, "__init__", raises),))


def test_a_swap_is_undone_even_after_an_error():
    real = Outbox.__init__
    with pytest.raises(Exception, match="swapped"):
        World(load("tiny"), seed=1, algorithms=SWAPPED).run()
    assert Outbox.__init__ is real


def test_what_runs_can_be_handed_to_another_process():
    assert pickle.loads(pickle.dumps(SWAPPED)) == SWAPPED  # noqa: S301 (our own)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"device": 3}, "device: 3 cannot be one: it has no load"),
        ({"device": None}, "device: None cannot be one: it has no load"),
        ({"send": 2.0}, "send: 2.0 cannot be one: it has no next_delay, least_delay, within"),
        ({"connect": Fixed}, "connect: expected an object, got the class Fixed"),
        ({"sync": "push"}, "sync: 'push' cannot be one: it has no initial, on_start"),
        ({"ports": {}}, "ports: expected a function of the ports of a server's process, got {}"),
    ],
)
def test_what_cannot_be_what_it_is_given_for_is_told_at_once(given, says):
    with pytest.raises(ConfigError, match=re.escape(says)):
        Algorithms(**given)


def test_only_what_is_not_of_imsim_is_written_by_somebody_else():
    assert Algorithms(device=Hasty).wrote("tests.flawed_devices")
    assert not REAL.wrote("imsim.protocol.device")
    assert not REAL.wrote("tests.flawed_devices")
    assert SWAPPED.wrote(__name__)


def test_swaps_can_be_given_as_keywords():
    with pytest.raises(Exception, match="swapped"):
        simulate(load("tiny"), swaps=SWAPPED.swaps)


@pytest.mark.parametrize("what", ["send", "connect", "ask", "push"])
def test_a_policy_of_ones_own_is_asked(what):
    assert simulate(load("tiny"), **{what: parts.Doubling()}).verdict.outcome.word == "holds"
    with pytest.raises(AlgorithmError, match=r"raised ValueError at .* s"):
        simulate(load("tiny"), **{what: parts.Unfinished()})


def test_a_strategy_of_ones_own_is_known_to_both_halves():
    run = simulate(load("tiny"), sync=parts.Rounds())
    assert run.verdict.outcome.word == "holds"
    assert not check(load("tiny"), runs=20, jobs=1, sync=parts.Rounds()).failures


def test_a_strategy_that_does_not_do_as_it_says_is_found():
    (failure,) = check(load("tiny"), runs=5, jobs=1, sync=parts.Lazy()).failures
    assert failure.case.breaks == "no loss"


def test_a_strategy_is_granted_what_it_says_that_it_needs():
    scenario = load("tiny")
    assert REAL.grace(scenario) == 0.0
    assert Algorithms(sync=parts.Rounds()).grace(scenario) == 10.0
    assert Algorithms(sync=Push()).grace(scenario) == scenario.settle_seconds() / 2


def test_a_client_of_ones_own_that_adds_nothing_changes_nothing():
    assert simulate(load("tiny"), ports=parts.around_the_log).verdict.outcome.word == "holds"
    assert not check(load("tiny"), runs=20, jobs=1, ports=parts.around_the_log).failures


def test_a_client_that_forgets_is_found():
    (failure,) = check(load("tiny"), runs=20, jobs=1, ports=parts.forgetting).failures
    assert failure.smallest.deviations == ()


def test_a_client_that_raises_is_to_blame():
    with pytest.raises(AlgorithmError, match=r"tests.flawed_parts raised LookupError at 0.0 s, in .*: no such backend"):
        simulate(load("tiny"), ports=parts.raising)


def test_all_of_it_can_be_handed_to_another_process():
    mine = Algorithms(device=Hasty, sync=parts.Rounds(), ports=parts.forgetting)
    assert pickle.loads(pickle.dumps(mine)) == mine  # noqa: S301 (our own)
    assert mine.modules() == {"tests.flawed_devices", "tests.flawed_parts"}


def test_what_cannot_be_handed_over_is_tried_in_one_process():
    lock = threading.Lock()

    class Mine(parts.Doubling):
        held = lock

    mine = Mine()
    mine.mutex = lock
    assert check(load("tiny"), runs=5, send=mine).cases == 5


def test_who_makes_devices_may_be_an_object_that_knows_of_worlds():
    class Maker(contextlib.ExitStack):
        worlds = 0

        def __enter__(self):
            self.worlds += 1
            return super().__enter__()

        def load(self, *args, **names):
            return Device.load(*args, **names)

    maker = Maker()
    simulate(load("tiny"), device=maker)
    assert maker.worlds == 1
