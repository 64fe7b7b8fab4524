"""check, replay, export: what they print and write, and how they end."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from imsim.history import History
from imsim.study.diagram import view

HASTY = ("--device", "flawed_devices:Hasty")
EXAMPLE = Path(__file__).parents[3] / "examples" / "devices" / "python" / "device.py"
FOUND = ("check", "tiny", "--runs", "40", "--seed", "4", "--jobs", "1", *HASTY)


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    """A folder with a module of a user's own, as it lies beside a model."""
    shutil.copy(Path(__file__).parents[2] / "flawed_devices.py", tmp_path)
    (tmp_path / "torn.py").write_text("class Mine(", encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def test_a_search_that_finds_nothing_says_what_it_tried(imsim):
    code, out, err = imsim("check", "tiny", "--runs", "60", "--jobs", "1")
    assert (code, err) == (0, "")
    assert out.startswith("seed 1\nholds: 60 cases in ")
    assert not Path(".imsim").exists()


def test_a_case_that_does_not_fit_the_terminal_says_so(imsim, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    imsim(*FOUND)
    (file,) = Path(".imsim/failures").iterdir()

    code, out, _ = imsim("replay", str(file), *HASTY)

    assert code == 1
    assert "crash before the " in out
    assert "\n(no diagram: " in out
    assert "columns, got 30" in out


def test_a_case_whose_story_is_too_long_says_so(imsim, monkeypatch):
    imsim(*FOUND)
    (file,) = Path(".imsim/failures").iterdir()
    monkeypatch.setattr(view, "_MOST_MOMENTS", 1)

    code, out, _ = imsim("replay", str(file), *HASTY)

    assert code == 1
    assert "\n(no diagram: a diagram has at most 1 moments" in out


def test_what_is_found_is_kept_replayed_and_exported(imsim):
    code, out, _ = imsim(*FOUND)
    assert code == 1
    (file,) = Path(".imsim/failures").iterdir()
    assert f"see it again: imsim replay {file} --device flawed_devices:Hasty" in out

    code, out, _ = imsim("replay", str(file), *HASTY, "--history", "found.jsonl")
    assert code == 1
    assert "violated" in out
    assert "a broken promise" in out, "the legend of the diagram"
    assert len(History.read("found.jsonl"))
    code, out, _ = imsim("replay", str(file))
    assert code == 0, "the correct device keeps the promise"
    assert "crash before" in out

    code, out, _ = imsim("export", str(file), "--pytest", *HASTY)
    assert code == 0
    assert "from flawed_devices import Hasty" in out
    compile(out, "test_found.py", "exec")

    code, out, _ = imsim(*FOUND, "--json")
    told = json.loads(out)
    assert (code, told["cases"], told["verdict"]) == (1, 1, "violated")
    assert told["failures"][0]["case"] == str(file)
    assert told["failures"][0]["index"] == -1


def test_a_program_is_a_device_that_is_checked_replayed_and_exported(imsim):
    typed = shlex.join([sys.executable, str(EXAMPLE), "--forget-outbox"])
    program = ("--device-cmd", typed, "--device-limit", "30s")
    code, out, _ = imsim("check", "tiny", "--runs", "20", "--jobs", "1", *program)
    assert code == 1
    assert "retries ended: " in out
    (file,) = Path(".imsim/failures").iterdir()
    assert f"see it again: imsim replay {file} --device-cmd {shlex.quote(typed)} --device-limit 30s" in out

    code, out, _ = imsim("replay", str(file), *program)
    assert (code, "a broken promise" in out) == (1, True)
    code, out, _ = imsim("replay", str(file))
    assert code == 0, "the correct device keeps the promise"
    code, out, _ = imsim("export", str(file), "--pytest", *program)
    assert code == 0
    assert (
        f'imsim.replay(imsim.Case.from_toml(CASE), device=imsim.DeviceCommand("{typed}", limit="30s")).assert_ok()'
        in out
    )
    compile(out, "test_found.py", "exec")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_program_that_never_greets_is_no_device(imsim, jobs):
    typed = shlex.join([sys.executable, "-c", "raise SystemExit('no licence')"])
    code, _, err = imsim("check", "tiny", "--runs", "9", "--jobs", jobs, "--device-cmd", typed)
    assert code == 2
    assert err.endswith("told hello: it ended with exit code 1; on standard error: no licence\n")
    assert err.count("\n") == 1
    assert not Path(".imsim").exists()


def test_an_object_may_make_the_devices(imsim):
    code, out, _ = imsim(*FOUND[:-1], "flawed_devices:maker")
    assert code == 1
    assert out.endswith("--device flawed_devices:maker\n")


def test_a_run_takes_a_class_or_a_program(imsim):
    code, out, _ = imsim("run", "tiny", "--json", "--device-cmd", shlex.join([sys.executable, str(EXAMPLE)]))
    assert (code, json.loads(out)["verdict"]) == (0, "holds")
    code, _, err = imsim("run", "tiny", "--device", "flawed_devices:Raises")
    assert code == 1
    assert "open again" in err


def test_json_is_one_object_on_one_line(imsim):
    code, out, _ = imsim("check", "tiny", "--runs", "20", "--jobs", "1", "--json")
    assert out.count("\n") == 1
    told = json.loads(out)
    assert {"cases", "seconds", "verdict", "failures", "coverage"} <= told.keys()
    assert (told["cases"], told["failures"]) == (20, [])
    assert code == {"holds": 0, "unknown": 3}[told["verdict"]]


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (("check", "tiny", "--runs", "0"), "runs: expected an integer >= 1, got 0"),
        (("check", "tiny", "--budget", "soon"), "--budget soon: expected a duration such as 60s or 5m"),
        (("check", "tiny", "--budget", "0s"), "--budget 0s: expected a duration"),
        (("check", "tiny", "--property", "no los"), "--property no los: no such promise (did you mean 'no loss'?)"),
        (("check", "tiny", "--device", "flawed_devices"), "--device flawed_devices: expected MODULE:CLASS"),
        (("check", "tiny", "--device", "nowhere:X"), "--device nowhere:X: cannot be imported"),
        (("check", "tiny", "--device", "flawed_devices:Hast"), "has no class 'Hast' (did you mean 'Hasty'?)"),
        (("check", "tiny", "--device", "json:JSONDecoder"), "--device json:JSONDecoder: no device: it has no load"),
        (
            ("check", "tiny", "--device", "torn:Mine"),
            "torn:Mine: cannot be imported: '(' was never closed (torn.py, li",
        ),
        (
            ("check", "tiny", "--device-cmd", "./my-sdk"),
            "--device-cmd: there is no program './my-sdk', and no shell reads the command: ./my-sdk",
        ),
        (("check", "tiny", "--device-cmd", "sh", *HASTY), "--device-cmd: a device is either a class or a program"),
        (
            ("check", "tiny", "--device-cmd", "sh", "--device-limit", "5 parsecs"),
            "--device-limit 5 parsecs: expected a duration such as 60s or 5m",
        ),
        (("check", "tiny", "--device-limit", "5s"), "--device-limit: it is for a program, and no --device-cmd"),
        (("check", "tiny", "--device-cmd", ""), "--device-cmd: the command of a device is empty"),
        (("check", "tiny", "--device", ""), "--device : expected MODULE:CLASS"),
        (("check", "tiny", "--flaw", ""), "--flaw: "),
        (("run", "tiny", "--device-cmd", "my-sdk"), "--device-cmd: there is no program 'my-sdk'"),
        (("run", "tiny", "--live", *HASTY), "--live: runs imsim's own devices only"),
        (("check", "tini"), "tini"),
        (("replay", "none.toml"), "none.toml: cannot be read"),
        (("export", "none.toml"), "export: expected a form: --pytest"),
    ],
)
def test_mistakes_are_told_in_one_line(imsim, typed, says):
    code, out, err = imsim(*typed)
    assert code == 2
    assert "Traceback" not in out + err
    assert says in err
    assert err.count("\n") == 1
