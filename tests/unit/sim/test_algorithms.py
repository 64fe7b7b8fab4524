"""What runs in a world: swaps hold for one world and are undone whatever happens, and reach other processes."""

from __future__ import annotations

import pickle

import pytest

from imsim.protocol.outbox import Outbox
from imsim.scenario import load
from imsim.sim.algorithms import REAL, Algorithms, Swap
from imsim.sim.world import World
from imsim.study.run import simulate
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


def test_only_what_is_not_of_imsim_is_written_by_somebody_else():
    assert Algorithms(device=Hasty).wrote("tests.flawed_devices")
    assert not REAL.wrote("imsim.protocol.device")
    assert not REAL.wrote("tests.flawed_devices")
    assert SWAPPED.wrote(__name__)


def test_swaps_can_be_given_as_keywords():
    with pytest.raises(Exception, match="swapped"):
        simulate(load("tiny"), swaps=SWAPPED.swaps)
