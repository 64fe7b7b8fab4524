"""What a search says in the end."""

from __future__ import annotations

import pytest

from imsim.verify.search.found import Coverage, Depth, Found
from imsim.verify.verdict import Outcome


def found(**what):
    plain = {"outcome": Outcome.HOLDS, "cases": 9, "seconds": 1.0, "failures": (), "unknown": (), "unmet": ()}
    return Found(**{**plain, "coverage": Coverage(strategies={"random": 9}), **what})


def test_a_case_of_which_nothing_is_known_leaves_it_unknown():
    text = str(found(outcome=Outcome.UNKNOWN, unknown=((4, 2),)))
    assert "nothing is known of 1 cases, the first of them number 4.2" in text


def test_chance_proves_a_bound_and_everything_proves_all():
    assert "at 95 % at most 33.33% of such cases do" in str(found())
    depths = (Depth(0, 1, 1), Depth(1, 8, 8), Depth(2, 3, 70))
    every = Coverage(strategies={"exhaustive": 12}, depths=depths)
    text = str(found(coverage=every, everything="up to 1 deviation"))
    assert "all 9 cases hold: up to 1 deviation\n3 of the 70 cases with 2 deviations were tried" in text
    assert "95 %" not in text
    both = Coverage(strategies={"exhaustive": 9, "pct": 4}, depths=depths[:2])
    text = str(found(coverage=both, everything="up to 1 deviation"))
    assert "all 9 cases hold: up to 1 deviation\n" in text
    assert "95 %" in text
    assert "cases: 9 × exhaustive, 4 × pct" in text


def test_where_not_even_one_depth_is_whole_nothing_is_said_of_all():
    begun = Coverage(strategies={"exhaustive": 5}, depths=(Depth(0, 1, 1), Depth(1, 4, 8)))
    text = str(found(coverage=begun))
    assert "4 of the 8 cases with 1 deviation were tried" in text
    assert "all" not in text


@pytest.mark.parametrize("interrupted", [True, False])
def test_an_interrupted_search_says_so(interrupted):
    assert ("the search was interrupted" in str(found(interrupted=interrupted))) is interrupted
