"""`list-append`: transactions as a JSON list or as lines, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from imsim.errors import ConfigError
from imsim.verify.formats.list_append import read_transactions
from imsim.verify.formats.read import Format, read
from imsim.verify.transactions.transaction import Transaction

PATH = Path("h.json")
ONE = '{"process": 1, "status": "ok", "call": 0, "return": 3, "ops": [["append", "x", 1], ["r", "x", [1]]]}'
TWO = '{"process": "phone", "status": "info", "call": 2.5, "return": null, "ops": [["r", 7, null]]}'


def test_a_list_and_lines_are_the_same():
    expected = [
        Transaction(process=1, status="ok", call=0, return_=3, ops=[("append", "x", 1), ("r", "x", [1])]),
        Transaction(process="phone", status="info", call=2.5, return_=None, ops=[("r", 7, None)]),
    ]
    for text in (f"[{ONE},\n {TWO}]", f"{ONE}\n\n{TWO}\n", f"\n[\n{ONE}, {TWO}\n]\n"):
        assert read_transactions(text.encode(), PATH) == expected


@pytest.mark.parametrize("text", [f"[{ONE}]", ONE, f"  [\n  {ONE}\n]", f"{TWO}\n{ONE}"])
def test_the_format_is_told(tmp_path, text):
    path = tmp_path / "history"
    path.write_text(text, encoding="utf-8")
    assert read(path)[0] is Format.LIST_APPEND


def test_an_empty_list_is_a_history_if_its_format_is_named(tmp_path):
    path = tmp_path / "history"
    path.write_text("[]", encoding="utf-8")
    assert read(path, Format.LIST_APPEND) == (Format.LIST_APPEND, [])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"ok"', '"okay"', r"Invalid enum value 'okay' - at `\$.status`"),
        ('"append"', '"push"', r"Invalid enum value 'push' - at `\$.ops\[0\]\[0\]`"),
        ('"call": 0, ', "", "Object missing required field `call`"),
        ('"call"', '"cal"', "Object contains unknown field `cal`"),
        ('"return": 3', '"return": null', "return: expected a time, since its status is ok, got null"),
        ('"call": 0', '"call": 4', "return: expected a time from its call at 4.* on, got 3"),
        ('"x", 1]', '"x", [1]]', r"ops: append: expected one value, got \[1\]"),
        ('"x", 1]', '"x", null]', "ops: append: expected one value, got None"),
        ("[1]]]", "1]]", "ops: r: expected a list of all values, or null, got 1"),
        ('"x", 1]', '"x", 1.5]', r"Expected `int \| str \| array \| null`, got `float`"),
    ],
)
@pytest.mark.parametrize(("frame", "line"), [("{two}\n{bad}\n", 2), ("[\n{two},\n{two},\n\n{bad}]", 5)])
def test_what_is_wrong_is_named_with_its_line(old, new, says, frame, line):
    bad = ONE.replace(old, new, 1)
    assert bad != ONE
    number = frame.count("{two}")
    with pytest.raises(ConfigError, match=rf"^h.json: line {line}: transaction {number}: {says}"):
        read_transactions(frame.format(two=TWO, bad=bad).encode(), PATH)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"[{ONE},\n{TWO}", "line 2: expected one JSON list of transactions: Input data was truncated"),
        (f"{ONE}\n{TWO[:-5]}", "line 2: transaction 1: "),
        (f"[{ONE}]\n7", "line 2: expected one JSON list of transactions: JSON is malformed"),
        ("[7]", "line 1: transaction 0: Expected `object`, got `int`"),
    ],
)
def test_what_is_no_json_is_named_with_its_line(text, says):
    with pytest.raises(ConfigError, match=f"^h.json: {says}"):
        read_transactions(text.encode(), PATH)
