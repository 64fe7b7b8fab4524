"""Marks: each has its words and its place, and counts."""

from __future__ import annotations

import re
from pathlib import Path

from imsim.protocol import marks

PROTOCOL = Path(marks.__file__).parent
NAMES = [name for name, value in vars(marks).items() if isinstance(value, marks.Mark)]


def test_each_has_words_of_its_own():
    assert len({mark.words for mark in marks.MARKS}) == len(marks.MARKS) == len(NAMES)
    assert str(marks.SEND_REPEATED) == "a send is repeated"


def test_each_is_passed_somewhere():
    code = "".join(path.read_text() for path in PROTOCOL.rglob("*.py") if path.name != "marks.py")
    assert set(re.findall(r"\bmarks\.([A-Z_]+)", code)) == set(NAMES)


def test_passing_counts():
    mark = marks.Mark("here")
    mark()
    mark()
    assert mark.times == 2
