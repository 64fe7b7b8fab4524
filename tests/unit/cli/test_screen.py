"""Where it is shown: colours and a bar on a terminal, plain lines in a pipe, and a reader who may leave."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from imsim.cli.screen import span

ROOT = Path(__file__).resolve().parents[3]
COMMAND = (sys.executable, "-m", "imsim.cli")
FORGETFUL = (
    sys.executable,
    "-c",
    "from imsim import cli; from imsim.protocol.inbox import Inbox; Inbox.knows = lambda *_: False; cli.main()",
)
"""The same, with a mistake in the algorithm: every message is new."""
_CODE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_COLOUR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3|9)[0-7](?:;[0-9]+)*m")


def environment(**more):
    plain = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}}
    return {**plain, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "100", **more}


def on_a_terminal(*arguments, command=COMMAND, **more):
    """What a terminal gets, and the exit code."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*command, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment(**more)
    )
    os.close(theirs)
    got = b""
    while chunk := _read(ours):
        got += chunk
    os.close(ours)
    return process.wait(), got.decode()


def _read(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end of a pseudo-terminal is closed
        return b""


def test_a_terminal_gets_a_bar_a_table_and_colours():
    code, shown = on_a_terminal("run", "tiny")
    lines = _CODE.sub("", shown).replace("\r\n", "\n").splitlines()

    assert code == 0
    assert lines[0] == "seed 1"
    assert "━" in shown, "no bar was drawn"
    assert any(re.fullmatch(r"deliveries +18 of 18", line) for line in lines)
    assert "\x1b[1;32mholds: " in shown


def test_a_violation_is_red_and_a_reader_may_want_no_colour():
    assert "\x1b[1;31mviolated: " in on_a_terminal("run", "tiny", command=FORGETFUL)[1]
    code, shown = on_a_terminal("run", "tiny", command=FORGETFUL, NO_COLOR="1")
    assert code == 1
    assert "violated: " in shown
    assert not _COLOUR.search(shown)


def test_the_models_are_wrapped_on_a_terminal():
    code, shown = on_a_terminal("models")

    assert code == 0
    assert max(len(_CODE.sub("", line)) for line in shown.splitlines()) <= 100


def test_help_has_boxes_on_a_terminal_only():
    assert "╭─ Commands" in on_a_terminal("--help")[1]
    piped = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True, env=environment()).stdout
    assert "Commands:" in piped
    assert "╭" not in piped
    assert not _CODE.search(piped)


def test_a_pipe_gets_plain_lines_and_no_progress():
    done = subprocess.run([*COMMAND, "run", "tiny"], capture_output=True, text=True, check=True, env=environment())

    assert done.stderr == ""
    assert not _CODE.search(done.stdout)
    assert done.stdout.splitlines()[0] == "seed 1"
    assert "not exercised: " in done.stdout


@pytest.mark.parametrize(("command", "code"), [(COMMAND, 0), (FORGETFUL, 1)])
def test_a_reader_who_leaves_changes_no_verdict(command, code, tmp_path):
    ours, theirs = os.pipe()
    os.close(ours)
    facts = tmp_path / "facts.jsonl"
    arguments = [*command, "run", "tiny", "--history", str(facts)]
    done = subprocess.run(arguments, stdout=theirs, stderr=subprocess.PIPE, text=True, check=False, env=environment())
    os.close(theirs)

    assert (done.returncode, done.stderr) == (code, "")
    assert facts.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("arguments", [("run", "tiny"), ("run", "tiny", "--json"), ("schema",)])
def test_what_cannot_be_printed_is_told(arguments):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=environment()
        )

    assert (done.returncode, done.stderr) == (2, "imsim: standard output: No space left on device\n")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (90, "1 min 30 s"), (3600, "1 h"), (11_520, "3 h 12 min"),
     (86_400, "1 d"), (193.2 * 86_400, "193 d 4 h")],
)  # fmt: skip
def test_a_duration_is_told_in_the_units_that_matter(seconds, said):
    assert span(seconds) == said
