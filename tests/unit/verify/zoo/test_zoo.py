"""The zoo itself: every flaw is what it says it is, and nothing is said of the correct algorithms."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from imsim.errors import ConfigError
from imsim.verify import zoo
from imsim.verify.finding import Property
from imsim.verify.search import replay
from imsim.verify.verdict import Outcome
from imsim.verify.zoo.scenes import SCENES

DOCS = Path(__file__).parents[4] / "docs" / "zoo.md"
MOST = 5
"""Faults of a case that a person still reads."""


@pytest.mark.parametrize("flaw", zoo.FLAWS, ids=lambda flaw: flaw.id)
def test_the_smallest_case_breaks_the_promise_of_the_flawed_variant_and_none_of_the_correct_one(flaw):
    flawed = replay(flaw.case, swaps=flaw.swaps)
    assert flaw.breaks in flawed.failures
    assert replay(flaw.case).outcome is Outcome.HOLDS
    assert len(flaw.smallest) <= MOST


@pytest.mark.parametrize("flaw", zoo.FLAWS, ids=lambda flaw: flaw.id)
def test_a_flaw_can_be_handed_to_another_process(flaw):
    assert pickle.loads(pickle.dumps(flaw)) == flaw  # noqa: S301 (what this very line made)


def test_what_is_said_of_the_flaws_is_well_formed():
    ids = [flaw.id for flaw in zoo.FLAWS]
    assert len(set(ids)) == len(ids)
    assert not set(ids) & zoo.MISSING.keys()
    assert {flaw.breaks for flaw in zoo.FLAWS} <= {promise.value for promise in Property}
    assert all(flaw.wrong.endswith(".") and flaw.seen and flaw.swaps for flaw in zoo.FLAWS)


def test_the_docs_have_every_flaw_as_the_code_has_it():
    rows = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    told = [
        f"| `{flaw.id}` | {flaw.wrong} | {flaw.breaks} | {flaw.place}, {len(flaw.smallest)} | {flaw.seen} |"
        for flaw in zoo.FLAWS
    ]
    assert rows == told


def test_every_scene_is_somebody_s():
    assert {flaw.place for flaw in zoo.FLAWS} == SCENES.keys()


def test_a_flaw_is_found_by_its_name():
    assert zoo.flaw("early-cursor").id == "early-cursor"
    with pytest.raises(ConfigError, match=r"early-curser: no such flaw \(did you mean 'early-cursor'\?\)"):
        zoo.flaw("early-curser")
    with pytest.raises(ConfigError, match="lease-shorter-than-work: not in the zoo yet: nothing is done under a lock"):
        zoo.flaw("lease-shorter-than-work")
