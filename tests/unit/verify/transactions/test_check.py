"""Each anomaly in its smallest history, and what it rules out; and histories in which there is none."""

from __future__ import annotations

import pytest

from imsim.errors import ConfigError
from imsim.verify.transactions.check import check_transactions
from imsim.verify.transactions.transaction import Transaction
from imsim.verify.verdict import Outcome


def w(key, value):
    return ("append", key, value)


def r(key, *values):
    return ("r", key, list(values))


def together(*rows, status=()):
    """Transactions that all overlap, each of a process of its own."""
    return [
        Transaction(
            process=n,
            status=(kind := dict(status).get(n, "ok")),
            call=0,
            return_=9 if kind == "ok" else None,
            ops=list(ops),
        )
        for n, ops in enumerate(rows)
    ]


def in_turn(*rows, processes=None):
    """Transactions one after the other; by default each of a process of its own."""
    return [
        Transaction(process=processes[n] if processes else n, status="ok", call=2 * n, return_=2 * n + 1, ops=list(ops))
        for n, ops in enumerate(rows)
    ]


CASES = {
    "G0": (
        together([w("x", 1), w("y", 1)], [w("x", 2), w("y", 2)], [r("x", 1, 2)], [r("y", 2, 1)]),
        "read-uncommitted",
    ),
    "duplicate-elements": (together([w("x", 1)], [r("x", 1, 1)]), "read-uncommitted"),
    "garbage-read": (together([r("x", 7)]), "read-uncommitted"),
    "G1a": (together([w("x", 1)], [r("x", 1)], status={0: "fail"}.items()), "read-committed"),
    "G1b": (together([w("x", 1), w("x", 2)], [r("x", 1)]), "read-committed"),
    "G1c": (together([w("x", 1), r("y", 1)], [w("y", 1), r("x", 1)]), "read-committed"),
    "dirty-update": (together([w("x", 1)], [w("x", 2)], [r("x", 1, 2)], status={0: "fail"}.items()), "read-committed"),
    "incompatible-order": (together([w("x", 1)], [w("x", 2)], [r("x", 1, 2)], [r("x", 2, 1)]), "read-committed"),
    "future-read": (together([r("x", 1), w("x", 1)]), "read-committed"),
    "internal": (together([w("x", 1)], [w("x", 2), r("x", 2, 1)], [r("x", 2, 1)]), "read-atomic"),
    "lost-update": (together([r("x"), w("x", 1)], [r("x"), w("x", 2)], [r("x", 1, 2)]), "snapshot-isolation"),
    "G-single": (together([w("x", 1), w("y", 1)], [r("x", 1), r("y")], [r("y", 1)]), "snapshot-isolation"),
    "G-nonadjacent": (
        together([w("x", 1)], [r("x", 1), r("y")], [w("y", 1)], [r("y", 1), r("x")]),
        "snapshot-isolation",
    ),
    "G2": (together([r("x"), w("y", 1)], [r("y"), w("x", 1)], [r("x", 1)], [r("y", 1)]), "serializable"),
    "G-single-process": (
        [
            Transaction(process=1, status="ok", call=0, return_=1, ops=[w("x", 1)]),
            Transaction(process=1, status="ok", call=1, return_=9, ops=[r("x")]),
        ],
        "strong-session-serializable",
    ),
    "G-single-realtime": (in_turn([w("x", 1)], [r("x")]), "strict-serializable"),
    "G1c-realtime": (in_turn([r("x", 1)], [w("x", 1)]), "strict-serializable"),
    "G0-realtime": (in_turn([w("x", 1)], [w("x", 2)], [r("x", 2, 1)]), "strict-serializable"),
    "G2-realtime": (
        [
            Transaction(process=1, status="ok", call=0, return_=1, ops=[w("x", 1)]),
            Transaction(process=2, status="ok", call=2, return_=3, ops=[r("z")]),
            Transaction(process=3, status="ok", call=0, return_=9, ops=[r("x"), w("z", 1)]),
        ],
        "strict-serializable",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_anomaly_is_named_and_rules_out_the_weakest_model_that_forbids_it(name):
    transactions, model = CASES[name]
    found = check_transactions(transactions)
    assert found.outcome is Outcome.VIOLATED
    assert name in found.counts
    assert found.rules_out == (model,)
    explained = next(each for each in found.explained if each.name == name)
    assert all(sentence.endswith(".") for sentence in explained.sentences)


@pytest.mark.parametrize("name", ["G0", "G1c", "G-single", "G2", "G-single-process", "G-single-realtime", "G1b"])
def test_a_pure_anomaly_has_one_name(name):
    assert list(check_transactions(CASES[name][0]).counts) == [name]


GOOD = {
    "nothing": [],
    "one after the other": in_turn([w("x", 1)], [r("x", 1), w("x", 2)], [r("x", 1, 2)]),
    "what overlaps in either order": together([w("x", 1)], [r("x")], [r("x", 1)]),
    "an unknown read": in_turn([w("x", 1)], [("r", "x", None)]),
    "what failed and was not seen": together([w("x", 1)], [r("x")], status={0: "fail"}.items()),
    "what may have happened, and did": together([w("x", 1)], [r("x", 1)], status={0: "info"}.items()),
    "what may have happened, and did not": together([w("x", 1)], [r("x")], status={0: "info"}.items()),
    "own appends": in_turn([w("x", 1), r("x", 1), w("x", 2), r("x", 1, 2)]),
    "what nobody saw": in_turn([r("x")], [w("x", 1)], [w("x", 2)]),
    "a reader of all who appends unseen": together([w("x", 1)], [r("x", 1), w("x", 2)], [r("x", 1)]),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_history_without_anomalies_holds(name):
    found = check_transactions(GOOD[name])
    assert (found.outcome, found.counts, found.rules_out) == (Outcome.HOLDS, {}, ())


@pytest.mark.parametrize("read", [r("x", 2, 1), r("x", 2), r("x", 1, 3, 2)])
def test_what_was_appended_together_stands_in_that_order(read):
    """Its own order is a part of every order; a cycle of one transaction with itself is no cycle of the graph."""
    found = check_transactions(together([w("x", 1), w("x", 2)], [read], [w("x", 3)]))
    assert found.outcome is Outcome.VIOLATED
    assert "incompatible-order" in found.counts or "G0" in found.counts


def test_what_never_ended_may_happen_late_but_what_it_did_is_part_of_the_order():
    late = in_turn([r("x")], [r("x", 1)])
    late.append(Transaction(process=7, status="info", call=0, ops=[w("x", 1), w("y", 1)]))
    assert check_transactions(late).outcome is Outcome.HOLDS
    late.append(Transaction(process=8, status="ok", call=9, return_=10, ops=[r("y")]))
    assert list(check_transactions(late).counts) == ["G-single-realtime"]


def test_a_cycle_is_told_edge_by_edge_and_in_messaging_terms():
    (explained,) = check_transactions(CASES["G-single"][0]).explained
    assert explained.transactions == (1, 0)
    assert explained.sentences == (
        "A cycle: 1 did not see the 1 that 0 appended to 'y'; 1 read what 0 appended to 'x'.",
        "A device saw what was sent later, and missed what was sent before it.",
    )


def test_components_that_have_nothing_to_do_with_each_other_are_counted():
    one = CASES["G1c"][0]
    other = [
        Transaction(
            process=f"p{each.process}",
            status="ok",
            call=0,
            return_=9,
            ops=[(f, f"{key}2", value) for f, key, value in each.ops],
        )
        for each in one
    ]
    assert check_transactions([*one, *other]).counts == {"G1c": 2}


def test_a_session_that_overlaps_itself_is_refused():
    rows = [Transaction(process=1, status="ok", call=c, return_=c + 5, ops=[r("x")]) for c in (0, 3)]
    with pytest.raises(
        ConfigError, match=r"transaction 1: process 1 calls at 3.* before transaction 0, .*, has returned"
    ):
        check_transactions(rows)


def test_a_value_that_is_appended_twice_is_refused():
    with pytest.raises(
        ConfigError, match="transactions 0 and 1 both append 1 to 'x': nobody could tell whose was read"
    ):
        check_transactions(together([w("x", 1)], [w("x", 1)]))


def test_a_large_component_is_decided_within_its_budget():
    """All in one cycle: the searches are about linear, and past the budget the first answer is taken."""
    n = 2000
    ring = [[w(f"k{at}", 1), r(f"k{(at + 1) % n}", 1)] for at in range(n)]
    assert list(check_transactions(together(*ring)).counts) == ["G1c"]
    skew = [[w(f"k{at}", 1), r(f"k{(at + 1) % n}")] for at in range(n)]
    for budget in (10.0, 0.0):
        assert list(check_transactions(together(*skew), budget=budget).counts) == ["G2"]
