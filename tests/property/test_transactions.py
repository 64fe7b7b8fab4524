"""The checker agrees with trying every serial order, at each of the three levels of serializability."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsim.verify.transactions.anomalies import Model
from imsim.verify.transactions.check import check_transactions
from imsim.verify.verdict import Outcome
from tests.small_transactions import LEVELS, by_trying, small_transactions

WORDS = [model.word for model in Model]


def allows(found, level):
    """Whether what was found leaves a level possible."""
    return all(WORDS.index(model) > WORDS.index(level) for model in found.rules_out)


def disagreements(seed):
    transactions = small_transactions(Random(seed))
    found = check_transactions(transactions)
    return [
        (seed, level, found.counts) for level in LEVELS if allows(found, level) is not by_trying(transactions, level)
    ]


@pytest.mark.parametrize("block", range(3))
def test_two_thousand_small_histories_are_judged_as_by_trying_every_order(block):
    assert [each for seed in range(block * 700, (block + 1) * 700) for each in disagreements(seed)] == []


def test_the_small_histories_have_every_kind_of_violation_that_small_ones_can_have():
    names = {name for seed in range(3000) for name in check_transactions(small_transactions(Random(seed))).counts}
    assert names >= {
        "G0", "G1a", "G1b", "G1c", "G-single", "G2", "G-single-process", "G-single-realtime", "duplicate-elements",
        "incompatible-order", "internal", "lost-update",
    }  # fmt: skip


@given(st.integers(0, 10**9))
def test_order_in_the_file_does_not_matter(seed):
    transactions = small_transactions(Random(seed))
    one, other = check_transactions(transactions), check_transactions(transactions[::-1])
    assert one.rules_out == other.rules_out


@given(st.integers(0, 10**9))
def test_every_violation_is_explained_twice(seed):
    found = check_transactions(small_transactions(Random(seed)))
    assert (found.outcome is Outcome.VIOLATED) is bool(found.counts) is bool(found.explained) is bool(found.rules_out)
    assert {each.name for each in found.explained} == set(found.counts)
    for each in found.explained:
        assert all(sentence.endswith(".") for sentence in each.sentences)
