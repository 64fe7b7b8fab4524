"""The benchmark: its arithmetic, and that both programs do the same work."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from imsim.scenario import load
from imsim.study import bench
from imsim.study.run import simulate

PLAIN = Path(__file__).parents[2] / "bench/plain_simpy.py"


def test_the_ratio_is_the_median_over_neighbours():
    assert bench.median_ratio([(4.0, 2.0), (9.0, 3.0), (1.0, 1.0)]) == 2.0
    with pytest.raises(ValueError, match="no pairs"):
        bench.median_ratio([])


def test_a_figure_says_whether_it_reached_its_target():
    fast = bench.Figure("speed", 4.2, 4.0)
    heavy = bench.Figure("memory", 1.5, 1.2, "KB", least=False)

    assert (fast.met, heavy.met) == (True, False)
    assert str(fast).split() == ["speed", "4.2", "x", ">=", "4", "met"]
    assert str(heavy).split() == ["memory", "1.5", "KB", "<=", "1.2", "NOT", "MET"]


def test_both_programs_deliver_the_same_number_of_messages():
    done = subprocess.run([sys.executable, PLAIN, "20", "10"], capture_output=True, text=True, check=True)
    plain = json.loads(done.stdout)
    ours = simulate(load("bench", ["devices.count=20"]), seed=1)

    assert plain["delivered"] == ours.metrics.deliveries == ours.metrics.expected == 20 * 10 * 10


def test_a_run_that_fails_is_an_error_and_not_a_figure():
    with pytest.raises(bench.InternalError, match="failed"):
        bench._json([sys.executable, "-c", "raise SystemExit('no')"])


def test_the_table_is_complete(monkeypatch):
    monkeypatch.setattr(bench, "_TICKS", 2_000)
    monkeypatch.setattr(bench, "_idle", lambda devices: bench.Figure("idle", devices / 20_000, 1.2, "KB", least=False))
    lines = []

    assert bench.run_bench(full=False, say=lines.append, devices=20) == 0
    assert [line.split("  ")[0].split(",")[0] for line in lines[:-1]] == [
        "events a second",
        "deliveries a second",
        "verdict's share of the run",
        "history's share of the run",
        "deliveries a second",
        "idle",
    ]
    assert lines[-1].endswith("of 6 targets met")
