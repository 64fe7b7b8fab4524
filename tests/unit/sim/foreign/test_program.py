"""A program is asked a line at a time, and ended where it does not answer; nothing of it stays behind.

The limit is long until the program runs, and short only for the line that is never answered: how busy the machine is
changes nothing.
"""

from __future__ import annotations

import json
import os
import select
import sys
from pathlib import Path

import pytest

from imsim.sim.foreign.program import Program, ProgramError

PROGRAM = Path(__file__).parents[3] / "foreign_program.py"


def said(do, **more):
    return json.dumps({"n": 1, "do": do, **more}).encode() + b"\n"


@pytest.fixture
def started():
    """Starts the program that does one thing wrong, and ends it in the end."""
    programs = []

    def start(line, what):
        program = Program([sys.executable, str(PROGRAM), line, what], 30.0)
        programs.append(program)
        assert program.ask(said("hello"))
        return program

    yield start
    for program in programs:
        program.close()


@pytest.mark.parametrize(("what", "heard"), [("hang", "grants more)"), ("half a line", 'it said: {"n":')])
def test_it_may_not_hang(started, what, heard):
    program = started("load", what)
    if what == "half a line":
        program.ask(said("load"))
    program.limit = 0.05
    with pytest.raises(ProgramError) as told:
        program.ask(said("load"))
    assert str(told.value).startswith("it did not answer within 0.05 s (does it flush its output? --device-limit")
    assert str(told.value).endswith(heard)


def test_a_line_that_it_never_reads_may_not_fill_the_pipe(started):
    program = started("begin", "deaf")
    program.ask(said("begin"))
    program.limit = 0.05
    with pytest.raises(ProgramError, match="it did not answer"):
        program.ask(said("load", content="x" * (1 << 20)))


@pytest.mark.parametrize(
    ("errors", "quoted"),
    [
        ("boom", "boom"),
        ("a|b|c|d", "b | c | d"),
        ("x.js:7|Error: no such module|  at a|  at b|  at c|}|Node 20", "Error: no such module | at c | } | Node 20"),
        (
            "Exception in main: A|  at a|Caused by: BException|  at b|  at c|  at d",
            "Caused by: BException | at b | at c | at d",
        ),
    ],
)
def test_the_cause_is_quoted_where_others_stand_below_it(errors, quoted):
    text = "import sys; input(); sys.exit(sys.argv[1].replace('|', '\\n'))"
    program = Program([sys.executable, "-c", text, errors], 30.0)
    with pytest.raises(ProgramError) as told:
        program.ask(b"{}\n")
    assert f"it ended with exit code 1; on standard error: {quoted}" in str(told.value)


PARENT = """
import json, os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
for line in sys.stdin:
    print(json.dumps({"own": os.getpid(), "group": os.getpgid(0), "child": child.pid}), flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="tells of the end of any process, and is Linux's")
def test_what_it_started_ends_with_it_and_a_terminal_reaches_neither():
    program = Program([sys.executable, "-c", PARENT], 30.0)
    told = json.loads(program.ask(b"{}\n"))
    assert told["group"] == told["own"] != os.getpgid(0)
    child = os.pidfd_open(told["child"])
    program.close()
    assert select.select([child], [], [], 30.0)[0] == [child]
    os.close(child)
