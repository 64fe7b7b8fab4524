"""The shipped algorithms in every case of models/tiny.toml with one fault."""

from __future__ import annotations

from imsim.scenario import load
from imsim.verify.search import check
from imsim.verify.search.found import Depth
from imsim.verify.verdict import Outcome

TINY_CASES = 2433, 3_248_389
"""Cases with at most one and at most two deviations, the run without any included."""


def test_every_case_holds_and_what_follows_from_them_is_counted():
    one, two = TINY_CASES
    found = check(load("tiny"), strategy="exhaustive", runs=one)
    assert found.outcome is Outcome.HOLDS, str(found)
    assert found.coverage.depths == (Depth(0, 1, 1), Depth(1, one - 1, one - 1), Depth(2, 0, two - one))
    assert "all 2,433 cases hold: up to 1 deviation, on links of constant latency" in str(found)
    assert "0 of the 3,245,956 cases with 2 deviations were tried" in str(found)
