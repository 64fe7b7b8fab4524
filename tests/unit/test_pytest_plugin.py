"""The pytest plugin: a promise in one line; what breaks it as a case, a picture, and a command to see it again."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from imsim.verify.search import Case

pytest_plugins = ["pytester"]

FLAWED = (Path(__file__).parents[1] / "flawed_devices.py").read_text(encoding="utf-8")

TEST = """
import imsim
import pytest
from flawed_devices import Hasty, Raises

def test_ours(imsim_check):
    assert imsim_check(imsim.load("tiny"), runs=40).failures == ()

def test_hasty(imsim_check):
    imsim_check(imsim.load("tiny"), device=Hasty)

def test_raises(imsim_check):
    imsim_check(imsim.load("tiny"), device=Raises)

def test_mistaken(imsim_check):
    imsim_check(imsim.load("tiny"), properties=["no lose"])

def test_world(imsim_world):
    assert imsim_world(imsim.load("tiny")).seed == 4

def test_bad_day(imsim_world):
    assert imsim_world(imsim.load("tiny")).metrics.lost == 1
"""


@pytest.fixture
def run(pytester):
    """Run pytest on `TEST` in a folder of its own, without what this pytest was told."""
    pytester.makepyfile(flawed_devices=FLAWED, test_chat=TEST)
    pytester.makeini("[pytest]")
    pytester.syspathinsert()

    def call(*arguments):
        without = [text for name in ("asyncio", "cacheprovider", "randomly", "xdist") for text in ("-p", f"no:{name}")]
        return pytester.runpytest_inprocess(*without, *arguments)

    return call


def test_what_breaks_a_promise_is_kept_drawn_and_seen_again(run, pytester):
    result = run("-k", "hasty", "--imsim-seed", "4", "--imsim-runs", "40")
    result.assert_outcomes(failed=1)
    (file,) = (pytester.path / ".imsim" / "failures").iterdir()
    case = Case.read(file)
    shown = result.stdout.str()
    assert "imsim: seed 4" in shown
    assert case.breaks in shown
    assert "a broken promise" in shown, "the legend of the picture"
    command = f"pytest test_chat.py::test_hasty --imsim-replay .imsim/failures/{file.name}"
    assert f"see it again: {command}" in shown
    assert "Traceback" not in shown

    again = run("test_chat.py::test_hasty", "--imsim-replay", str(file))
    again.assert_outcomes(failed=1)
    assert case.breaks in again.stdout.str()

    known = run("-k", "hasty", "--imsim-runs", "1", "--imsim-report", "report.jsonl")
    known.assert_outcomes(failed=1)
    (line,) = (pytester.path / "report.jsonl").read_text().splitlines()
    told = json.loads(line)
    assert (told["test"], told["verdict"], told["cases"]) == ("test_chat.py::test_hasty", "violated", 1)
    assert told["failures"][0]["property"] == case.breaks


def test_the_command_is_for_where_it_was_typed(run, pytester, monkeypatch):
    below = pytester.mkdir("below")
    monkeypatch.chdir(below)
    result = run("../test_chat.py", "-k", "raises", "--imsim-runs", "1")
    told = next(line for line in result.stdout.lines if line.startswith("see it again: "))
    run(*shlex.split(told.partition("see it again: pytest ")[2])).assert_outcomes(failed=1)
    (file,) = (pytester.path / ".imsim" / "failures").iterdir()
    assert told == f"see it again: pytest ../test_chat.py::test_raises --imsim-replay ../.imsim/failures/{file.name}"


def test_a_report_is_begun_anew_and_one_that_cannot_be_written_is_told_first(run, pytester):
    report = pytester.path / "report.jsonl"
    report.write_text("of an earlier run\n")
    run("-k", "world", "--imsim-seed", "4", "--imsim-report", str(report))
    assert report.read_text() == ""
    result = run("-k", "hasty", "--imsim-report", "nowhere/report.jsonl")
    assert "--imsim-report: nowhere/report.jsonl: cannot be written: No such file" in result.stderr.str()


def test_a_search_that_holds_passes_and_a_search_that_knows_nothing_does_not(run):
    run("-k", "ours").assert_outcomes(passed=1)
    unsure = run("-k", "hasty", "--imsim-runs", "1")
    unsure.assert_outcomes(failed=1)
    assert "never met, though the faults in use could" in unsure.stdout.str()


def test_a_world_has_the_seed_of_the_option_and_tells_it_when_the_test_fails(run):
    result = run("-k", "world or bad_day", "--imsim-seed", "4")
    result.assert_outcomes(passed=1, failed=1)
    assert "tiny, seed 4" in result.stdout.str()


@pytest.mark.parametrize(
    ("option", "given", "least"), [("--imsim-seed", "-1", 0), ("--imsim-seed", "x", 0), ("--imsim-runs", "0", 1)]
)
def test_mistyped_options_are_told(run, option, given, least, capsys):
    run(option, given)
    assert f"argument {option}: expected an integer >= {least}, got '{given}'" in capsys.readouterr().err


def test_a_mistake_in_a_test_is_told_in_a_line(run):
    result = run("-k", "mistaken")
    result.assert_outcomes(failed=1)
    assert "imsim: properties no lose: no such promise (did you mean 'no loss'?)" in result.stdout.str()
    assert "Traceback" not in result.stdout.str()
    assert "hunt.py" not in result.stdout.str()


def test_a_case_that_is_none_is_told(run):
    result = run("-k", "hasty", "--imsim-replay", "none.toml")
    assert "none.toml: cannot be read: No such file or directory" in result.stdout.str()
