"""Which sources there are, and how many cases a process is handed at once."""

from __future__ import annotations

import pytest

from imsim.scenario import load
from imsim.sim.algorithms import REAL
from imsim.verify.search.portfolio import sources
from imsim.verify.search.strategy import Strategy


@pytest.fixture(scope="module")
def tiny():
    return load("tiny")


def of(tiny, strategy):
    return sources(strategy, tiny, seed=1, algorithms=REAL, depth=1)


def test_all_is_every_other_strategy_once(tiny):
    words = [source.strategy for source, _ in of(tiny, Strategy.ALL)]
    assert len(words) == len(set(words))
    assert set(words) == set(Strategy) - {Strategy.ALL}


@pytest.mark.parametrize("strategy", [one for one in Strategy if one is not Strategy.ALL])
def test_one_strategy_has_one_source(tiny, strategy):
    ((source, turn),) = of(tiny, strategy)
    assert source.strategy is strategy
    assert turn > 0


@pytest.mark.parametrize(("seconds", "largest"), [(0.9, 2), (30.0, 1), (0.001, 20)])
def test_where_a_run_takes_long_little_is_handed_out_at_once(tiny, monkeypatch, seconds, largest):
    ticks = iter([0.0, seconds])
    monkeypatch.setattr("imsim.verify.search.portfolio.time.monotonic", lambda: next(ticks))
    ((source, _),) = of(tiny, Strategy.RANDOM)
    assert source.largest == largest
