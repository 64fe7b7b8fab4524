"""Searches on several cores from scripts and notebooks, which no process loads again."""

from __future__ import annotations

import subprocess
import sys
import types

import pytest

from imsim.errors import ConfigError
from imsim.protocol.device import Device
from imsim.scenario import load
from imsim.verify.search import check
from imsim.verify.search.pool import can_load, is_of_main

SCRIPT = """
import imsim
from imsim.errors import ImsimError
from imsim.protocol.device import Device

print("loaded")

class Own(Device):
    __slots__ = ()

try:
    print(imsim.check(imsim.load("tiny"), runs=3, {how}).cases)
except ImsimError as error:
    print(type(error).__name__, error)
"""


def run(tmp_path, how, *, typed):
    """Run it from its file, or as typed into a notebook: from nowhere."""
    script = SCRIPT.format(how=how)
    (tmp_path / "script.py").write_text(script)
    ran = subprocess.run(
        [sys.executable, "-" if typed else "script.py"], input=script, cwd=tmp_path, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return ran.stdout, ran.stderr


@pytest.mark.parametrize(
    ("how", "typed"), [("jobs=2", False), ("jobs=2", True), ("device=Own", False), ("device=Own", True)]
)
def test_a_script_without_a_guard_and_a_notebook_may_search(tmp_path, how, typed):
    assert run(tmp_path, how, typed=typed) == ("loaded\n3\n", "")


def test_what_only_the_script_has_is_not_handed_to_processes_unless_they_can_load_it(tmp_path):
    out, _ = run(tmp_path, "device=Own, jobs=2", typed=True)
    assert out.startswith("loaded\nConfigError jobs: what is to run is defined in your script, ")
    assert out.endswith('under `if __name__ == "__main__":`, or leave out jobs\n')


def test_what_is_of_a_module_is_not_of_the_script():
    assert not is_of_main(Device)
    assert can_load(Device.__module__)


def test_what_is_of_a_module_that_no_process_finds_runs_in_this_one(monkeypatch):
    nowhere = types.ModuleType("nowhere")
    nowhere.Own = type("Own", (Device,), {"__slots__": (), "__module__": "nowhere"})
    monkeypatch.setitem(sys.modules, "nowhere", nowhere)
    assert not can_load("nowhere")
    assert check(load("tiny"), runs=3, device=nowhere.Own).cases == 3


def test_what_cannot_be_handed_to_a_process_is_told():
    class Local(Device):
        __slots__ = ()

    assert check(load("tiny"), runs=3, device=Local).cases == 3
    with pytest.raises(ConfigError, match=r"^jobs: what is to run cannot be handed to another process: .*Local"):
        check(load("tiny"), runs=3, device=Local, jobs=2)
