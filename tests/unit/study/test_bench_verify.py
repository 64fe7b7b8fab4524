"""The checkers' benchmark: its histories are what they are said to be, and a wrong verdict is told."""

from __future__ import annotations

import pytest

from imsim.study import bench_verify
from imsim.study.bench_verify import list_history, register_history, run_bench_verify, spoilt
from imsim.verify.linear.check import check_linearizable
from imsim.verify.linear.models import MODELS
from imsim.verify.linear.operation import Status
from imsim.verify.transactions.check import check_transactions
from imsim.verify.verdict import Outcome


@pytest.mark.parametrize("seed", range(20))
def test_a_register_that_works_holds_and_a_spoilt_one_does_not(seed):
    history = register_history(60, 4, seed, pending=0.1)
    assert sum(each.status is Status.OK for each in history) > 40
    assert any(each.status is Status.INFO for each in history)
    assert check_linearizable(history, MODELS["cas-register"]).outcome is Outcome.HOLDS
    assert check_linearizable(spoilt(history), MODELS["cas-register"]).outcome is Outcome.VIOLATED


def test_lists_that_work_hold_and_are_read_often():
    history = list_history(500, 1)
    assert check_transactions(history).outcome is Outcome.HOLDS
    assert sum(function == "r" for each in history for function, *_ in each.ops) > 300


def test_every_figure_is_told(monkeypatch):
    monkeypatch.setattr(bench_verify, "_HISTORIES", 2)
    lines = []
    assert run_bench_verify(say=lines.append, large=100, lists=(20, 40)) == 0
    assert [line.split("  ")[0] for line in lines[:-1]] == [
        "170 operations, mean",
        "170 operations, worst",
        "register, 100 operations by 10, holds",
        "register, 100 operations by 10, violated",
        "list-append, 40 transactions",
        "time a transaction, 40 over 20",
    ]
    assert lines[-1].endswith("of 6 targets met")


def test_a_wrong_verdict_is_told(monkeypatch):
    monkeypatch.setattr(bench_verify, "_HISTORIES", 2)
    monkeypatch.setattr(bench_verify, "spoilt", list)
    lines = []
    assert run_bench_verify(say=lines.append, large=100, lists=(20, 40)) == 1
    assert lines[-1].endswith("; a verdict is wrong")
