"""The benchmark: its arithmetic, its table, and that both programs do the same work."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from imsim.history import Level
from imsim.scenario import load
from imsim.study import bench
from imsim.study.bench import Figure, Spread, ratios
from imsim.study.run import simulate

PLAIN = Path(__file__).parents[2] / "bench/plain_simpy.py"
RUN = {"verdict": "holds", "delivered": 400, "expected": 400, "lost": 0, "wall_s": 2.0, "verdict_s": 0.1}
RUN |= {"record_s": 0.5, "peak_rss_mb": 30.0, "events": 999}


def test_the_ratio_is_the_median_over_neighbours():
    assert ratios([(4.0, 2.0), (9.0, 3.0), (1.0, 1.0)]) == Spread(2.0, 1.0, 3.0)
    with pytest.raises(ValueError, match="nothing was measured"):
        ratios([])


@pytest.mark.parametrize(
    ("value", "least", "met"), [(4.0, True, True), (3.9, True, False), (4.0, False, True), (4.1, False, False)]
)
def test_a_figure_says_whether_it_reached_its_target(value, least, met):
    figure = Figure(name="speed", value=Spread(value, 1.0, 9.0), target=4.0, least=least, note="both programs")

    assert figure.met is met
    assert str(figure).split()[0:2] == ["speed", f"{value:.3g}"]
    assert "(1-9)" in str(figure)
    assert str(figure).endswith("met      both programs" if met else "not met  both programs")
    assert ("not met" in str(figure)) is not met


def test_both_programs_deliver_the_same_number_of_messages():
    done = subprocess.run([sys.executable, PLAIN, "20", "10"], capture_output=True, text=True, check=True)
    plain = json.loads(done.stdout)
    ours = simulate(load("bench", ["devices.count=20"]), seed=1)

    assert plain["delivered"] == ours.metrics.deliveries == ours.metrics.expected == 20 * 10 * 10


def answers(monkeypatch, **other):
    """Have every process of the benchmark answer at once; returns the list of what was run."""
    asked = []

    def answered(command):
        asked.append(command)
        words = command[command.index("imsim.study.bench_worker") + 1 :] if "-m" in command else ["plain", command[2]]
        found = {
            "kernel": {"events_per_s": [{"light": 3.0, "simpy": 2.0}]},
            "idle": {"devices": 100, "online": 100, "bytes": 2048.0},
            "plain": {"delivered": 100, "wall_s": 1.0, "rss_mb": 40},
            "run": RUN,
        }[words[0]]
        return {**found, **other.get(words[0], {})}

    monkeypatch.setattr(bench, "_json", answered)
    return asked


def test_the_full_table_is_complete_and_each_figure_is_what_was_measured(monkeypatch):
    asked = answers(monkeypatch)
    lines = []

    assert bench.run_bench(full=True, say=lines.append) == 0

    table = dict(re.split(" {2,}", line)[:2] for line in lines[1:-1])
    assert table == {
        "light calls over SimPy, 1,000 timers": "1.5 x",
        "speed over plain SimPy, 2,000 devices, messages": "2 x",
        "history's share of the run, 2,000 devices, messages": "0.25",
        "verdict's share of the run, 2,000 devices, messages": "0.05",
        "speed over plain SimPy, 2,000 devices, frames": "2 x",
        "speed over plain SimPy, 20,000 devices, messages": "2 x",
        "history's share of the run, 20,000 devices, messages": "0.25",
        "verdict's share of the run, 20,000 devices, messages": "0.05",
        "peak memory over plain SimPy, 20,000 devices, messages": "0.75 x",
        "speed over plain SimPy, 20,000 devices, frames": "2 x",
        "time a delivery, 50,000 over 2,000 devices": "1 x",
        "memory of an idle, connected device of 100,000": "2 KB",
    }
    assert lines[-1] == "4 of 12 targets met"
    turns = ["run" if "run" in command else "plain" for command in asked[1:13]]
    assert turns == ["run", "plain"] * 6


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"run": {"verdict": "violated"}}, "verdict violated"),
        ({"run": {"delivered": 399}}, "level messages"),
        ({"idle": {"online": 99}}, "only 99 of 100"),
    ],
)
def test_a_run_that_breaks_a_promise_is_an_error_and_not_a_figure(monkeypatch, other, said):
    answers(monkeypatch, **other)
    lines = []

    assert bench.run_bench(full=False, say=lines.append) == 1
    assert said in lines[-1]


def test_a_program_that_fails_is_an_error_and_not_a_figure(monkeypatch, tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit('no')")
    monkeypatch.setattr(bench, "_kernel", lambda: bench._json([sys.executable, str(broken)]))
    lines = []

    assert bench.run_bench(full=False, say=lines.append) == 1
    assert lines[-1] == f"failed: {broken}: exit 1: no"


def test_the_level_of_the_history_is_what_was_asked():
    from imsim.study.bench_worker import answer

    messages, frames = (answer(["run", "10", level.name.lower()]) for level in (Level.MESSAGES, Level.FRAMES))

    assert messages["delivered"] == frames["delivered"] == 10 * 10 * 10
    assert messages["record_s"] > 0.0
    assert messages["history_sha256"] != frames["history_sha256"]
