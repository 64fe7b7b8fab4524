"""An exported case is a test that runs on its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from imsim.scenario import load
from imsim.sim.deviations import parse
from imsim.verify.search import Case, to_pytest

BAD = parse("crash before the 1st write of alice-2+edit at alice/phone")


@pytest.fixture
def case():
    description = 'quotes """ and \\ backslashes'
    return Case(scenario=load("tiny", {"description": description}), seed=1_000_161, deviations=(BAD,), breaks="order")


def pytest_says(text, tmp_path):
    file = tmp_path / "test_found.py"
    file.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(file)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_it_passes_where_the_promise_is_kept(case):
    space: dict[str, Any] = {}
    exec(to_pytest(case), space)  # noqa: S102 (our own text)
    space["test_order_tiny"]()


def test_it_fails_where_the_promise_is_broken_and_says_why(case, tmp_path):
    code, out = pytest_says(to_pytest(case, device="tests.flawed_devices:Hasty"), tmp_path)
    assert code == 1
    assert "nothing out of nowhere" in out
    assert str(BAD) in out


def test_it_starts_the_program_that_is_the_device(case, tmp_path):
    example = Path(__file__).parents[4] / "examples" / "devices" / "python" / "device.py"
    forgotten = msgspec.structs.replace(case, deviations=(parse("crash before the 1st send of bob-3 from bob/phone"),))
    code, out = pytest_says(to_pytest(forgotten, command=f"{sys.executable} '{example}' --forget-outbox"), tmp_path)
    assert code == 1
    assert "retries ended" in out


def test_its_text_holds_the_very_case(case):
    space: dict[str, Any] = {}
    exec(to_pytest(case), space)  # noqa: S102 (our own text)
    assert Case.from_toml(space["CASE"]) == case
