"""What Hypothesis draws for a search: functions of scenario, seed and number, in any process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from imsim.errors import ConfigError
from imsim.scenario import load
from imsim.sim.algorithms import REAL
from imsim.verify.search import check
from imsim.verify.search.drawn import BLOCK, Drawn
from imsim.verify.search.portfolio import sources
from imsim.verify.search.sampling import survey
from imsim.verify.search.strategy import Strategy
from tests.flawed_devices import Hasty

SCRIPT = """
import sys
for name in sys.argv[1:]:
    __import__(name)
from imsim.scenario import load
from imsim.sim.algorithms import REAL
from imsim.verify.search.drawn import Drawn, _block
from imsim.verify.search.sampling import survey
tiny = load("tiny")
source = Drawn(tiny, survey(tiny, seed=1, algorithms=REAL), 1, REAL, 20)
print([(case.seed, str(case)) for number in (3, 0) for case in _block(source, number)])
"""


@pytest.fixture(scope="module")
def tiny():
    return load("tiny")


@pytest.fixture(scope="module")
def ground(tiny):
    return survey(tiny, seed=1, algorithms=REAL)


def told(source, indices):
    return [one for index in indices for one in source.tell(index, (index,))]


def test_cases_do_not_hang_on_the_process_nor_on_what_it_has_loaded():
    """Hypothesis collects numbers from loaded modules, and likes to draw them."""
    prints = [
        subprocess.run([sys.executable, "-c", SCRIPT, *names], capture_output=True, text=True, check=True).stdout
        for names in ((), ("imsim.study.run", "imsim.cli", "imsim.verify.linear.check"))
    ]
    assert prints[0] == prints[1]
    assert prints[0].count("delay") > 2


def test_cases_of_a_block_differ_and_so_do_blocks_and_seeds(tiny, ground):
    cases = []
    for seed in (1, 2):
        source = Drawn(tiny, ground, seed, REAL, 20)
        for one in told(source, (1, 2, BLOCK + 1, BLOCK + 2)):
            assert one.failures == {}
            cases.append((one.deviated, one.actions, one.decisions))
    assert len(set(cases)) > 5


def test_a_mistake_is_found_and_shrunk_by_our_own_shrinker(tiny):
    found = check(tiny, strategy="hypothesis", runs=40, seed=3, jobs=1, device=Hasty)
    (failure,) = found.failures
    assert failure.strategy is Strategy.HYPOTHESIS
    assert len(failure.smallest.deviations) == 1
    assert failure.shrunk.finished


def test_without_hypothesis_it_says_so_and_all_goes_without(tiny, ground, monkeypatch):
    monkeypatch.setattr("imsim.verify.search.drawn.importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"strategy hypothesis: Hypothesis .* is not installed"):
        Drawn(tiny, ground, 1, REAL, 20)
    words = [source.strategy for source, _ in sources(Strategy.ALL, tiny, seed=1, algorithms=REAL, depth=1)]
    assert words == [Strategy.EXHAUSTIVE, Strategy.RANDOM, Strategy.PCT]
