"""What a search says in the end."""

from __future__ import annotations

import pytest

from imsim.verify.search.found import Coverage, Found
from imsim.verify.verdict import Outcome


def found(**what):
    plain = {"outcome": Outcome.HOLDS, "cases": 9, "seconds": 1.0, "failures": (), "unknown": (), "unmet": ()}
    return Found(**{**plain, "coverage": Coverage(strategies={"random": 9}), **what})


def test_a_case_of_which_nothing_is_known_leaves_it_unknown():
    text = str(found(outcome=Outcome.UNKNOWN, unknown=((4, 2),)))
    assert "nothing is known of 1 cases, the first of them number 4.2" in text


def test_chance_proves_a_bound_and_everything_proves_all():
    assert "at 95 % at most 33.33% of such cases do" in str(found())
    every = Coverage(strategies={"exhaustive": 9})
    text = str(found(coverage=every, everything="up to 1 deviation"))
    assert "all 9 cases hold: up to 1 deviation" in text
    assert "95 %" not in text
    both = str(found(coverage=Coverage(strategies={"exhaustive": 5, "pct": 4}), everything="up to 1 deviation"))
    assert "all 5 cases hold" in both
    assert "95 %" in both
    assert "cases: 5 × exhaustive, 4 × pct" in both


@pytest.mark.parametrize("interrupted", [True, False])
def test_an_interrupted_search_says_so(interrupted):
    assert ("the search was interrupted" in str(found(interrupted=interrupted))) is interrupted
