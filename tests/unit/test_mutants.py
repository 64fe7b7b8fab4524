"""Every file of the algorithm has a mistake that the verdict notices, and nothing is noticed where there is none."""

from __future__ import annotations

import pytest

from imsim.scenario import loads
from imsim.study.run import simulate
from imsim.verify.verdict import Outcome
from tests import mutants
from tests.mutant_scenarios import BASE, SCENARIOS
from tests.mutants import MUTANTS, PROTOCOL, WITHOUT, Mutant

_OTHERS = frozenset(range(1, 9))
"""Seeds of which nobody chose any because it holds."""
_USED = sorted({mutant.scenario for mutant in MUTANTS})


def _files() -> set[str]:
    return {str(path.relative_to(PROTOCOL)) for path in PROTOCOL.rglob("*.py")}


def _named(mutant: Mutant) -> str:
    return f"{mutant.file}: {mutant.name}"


def test_every_file_of_the_algorithm_has_a_mutant_or_a_reason() -> None:
    assert {mutant.file for mutant in MUTANTS} | set(WITHOUT) == _files()


def test_no_file_has_both_a_mutant_and_a_reason_to_have_none() -> None:
    assert not {mutant.file for mutant in MUTANTS} & set(WITHOUT)
    assert all(WITHOUT.values())


def test_names_tell_mutants_apart_and_every_scenario_is_used() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert sorted(SCENARIOS) == _USED


@pytest.mark.parametrize("mutant", MUTANTS, ids=_named)
def test_what_a_mutant_replaces_is_in_its_file_once(mutant: Mutant) -> None:
    assert mutant.old != mutant.new
    assert (PROTOCOL / mutant.file).read_text(encoding="utf-8").count(mutant.old) == 1


@pytest.mark.parametrize("mutant", MUTANTS, ids=_named)
def test_the_verdict_catches(mutant: Mutant, tmp_path) -> None:
    outcomes = mutants.outcomes(tmp_path, mutant)
    assert outcomes[-1] in {Outcome.VIOLATED.word, "broken"}, f"{mutant.scenario}, seeds {mutant.seeds}: {outcomes}"


@pytest.mark.parametrize("name", _USED)
def test_without_a_mutant_the_same_runs_hold_and_others(name: str) -> None:
    scenario = loads(BASE, SCENARIOS[name])
    for seed in sorted(_OTHERS | {seed for mutant in MUTANTS if mutant.scenario == name for seed in mutant.seeds}):
        verdict = simulate(scenario, seed=seed).verdict
        assert verdict.outcome is Outcome.HOLDS, f"seed {seed}: {verdict}"
