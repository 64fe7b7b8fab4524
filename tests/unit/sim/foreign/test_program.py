"""A program is asked a line at a time, and ended where it does not answer; nothing of it stays behind.

The limit is long until the program runs, and short only for the line that is never answered: how busy the machine is
changes nothing.
"""

from __future__ import annotations

import json
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


@pytest.mark.parametrize(("what", "heard"), [("hang", ""), ("half a line", ': {"n":')])
def test_it_may_not_hang(started, what, heard):
    program = started("load", what)
    if what == "half a line":
        program.ask(said("load"))
    program.limit = 0.05
    with pytest.raises(ProgramError) as told:
        program.ask(said("load"))
    assert str(told.value) == f"it did not answer within 0.05 s (--device-limit, or limit=…, grants more){heard}"


def test_a_line_that_it_never_reads_may_not_fill_the_pipe(started):
    program = started("begin", "deaf")
    program.ask(said("begin"))
    program.limit = 0.05
    with pytest.raises(ProgramError, match="it did not answer"):
        program.ask(said("load", content="x" * (1 << 20)))
