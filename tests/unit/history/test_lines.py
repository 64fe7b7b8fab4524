"""JSON lines: the header, a user's own log, and one clear message for each mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from imsim.errors import ConfigError
from imsim.history import Event, History, Level, Writer

DOCS = Path(__file__).parents[3] / "docs" / "history.md"
GOOD = '{"t":1,"node":"n","event":"shown"}'
KEYS = "t, node, event, incarnation, conversation, message, epoch, seq, op, attempt, size, detail"
HEADER_KEYS = "format, level, nodes, conversations, messages, details"
WORDS = ", ".join(event.word for event in Event)
SEQ = "seq: expected an integer from 0 to 4294967295, got"
SECONDS = "t: expected a finite number of seconds >= 0, got"


def test_a_fact_holds_only_what_is_not_empty(tmp_path: Path) -> None:
    writer = Writer()
    writer.fact(0.5, "n", Event.SHOWN, seq=3)
    writer.finish().write(tmp_path / "run.jsonl")
    assert (tmp_path / "run.jsonl").read_text() == (
        '{"format":"imsim-history/1","level":"messages","nodes":["n"],"conversations":[],"messages":[],"details":[]}\n'
        '{"t":0.5,"node":"n","event":"shown","seq":3}\n'
    )


def test_a_log_without_header_is_numbered_by_first_appearance(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('{"event":"shown","node":"b","t":1}\n\n{"t":2.5,"node":"a","event":"read","message":"m"}')
    history = History.read(path)
    assert history.nodes.names == ["", "b", "a"]
    assert history.level is Level.MESSAGES
    assert [(row.t, row.node, row.event, row.message) for row in history.filter()] == [
        (1.0, "b", Event.SHOWN, ""),
        (2.5, "a", Event.READ, "m"),
    ]


def test_a_log_with_frames_is_of_that_level(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(GOOD + '\n{"t":1,"node":"n","event":"sent"}\n' + GOOD)
    assert History.read(path).level is Level.FRAMES


def test_the_documented_examples_are_read_as_the_page_says(tmp_path: Path) -> None:
    saved, mapped = re.findall(r"```jsonl\n(.*?)```", DOCS.read_text(), re.DOTALL)
    path = tmp_path / "run.jsonl"
    path.write_text(saved)
    again = tmp_path / "again.jsonl"
    History.read(path).write(again)
    assert again.read_text() == saved
    path.write_text(mapped)
    life = [row.event for row in History.read(path).filter(message="a7:19")]
    sent = [Event.SUBMITTED, Event.COMMITTED, Event.ACCEPTED, Event.SHOWN, Event.RESOLVED]
    assert life == [*sent, Event.PUSHED, Event.RETRIED, Event.SHOWN]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"t":1,"nod":"n","event":"shown"}', f"'nod': unknown key (did you mean 'node'?); allowed are {KEYS}"),
        ('{"t":1,"node":"n","event":"shown","flags":0}', f"'flags': unknown key; allowed are {KEYS}"),
        ('{"t":1,"event":"shown"}', "node: missing; a fact needs t, node and event"),
        ('{"node":"n","event":"shown"}', "t: missing; a fact needs t, node and event"),
        (
            '{"t":1,"node":"n","event":"shwn"}',
            f"event: expected one of {WORDS}, got 'shwn' (did you mean 'shown'?)",
        ),
        ('{"t":1,"node":"n","event":5}', f"event: expected one of {WORDS}, got 5"),
        ('{"t":-1,"node":"n","event":"shown"}', f"{SECONDS} -1"),
        ('{"t":"1","node":"n","event":"shown"}', f"{SECONDS} '1'"),
        ('{"t":null,"node":"n","event":"shown"}', f"{SECONDS} None"),
        ('{"t":1,"node":7,"event":"shown"}', "node: expected a text, got 7"),
        ('{"t":1,"node":"n","event":"shown","seq":-3}', f"{SEQ} -3"),
        ('{"t":1,"node":"n","event":"shown","seq":4294967296}', f"{SEQ} 4294967296"),
        ('{"t":1,"node":"n","event":"shown","seq":1.5}', f"{SEQ} 1.5"),
        ('{"t":1,"node":"n","event":"shown","seq":true}', f"{SEQ} True"),
        ('{"t":1,"node":"n","event":"shown","seq":null}', f"{SEQ} None"),
        ("[1,2]", "expected one JSON object a line, got [1, 2]"),
        (
            '{"t":1 "node":"n"}',
            "expected one JSON object a line, got something else (JSON is malformed: expected ',' or '}' (byte 7))",
        ),
        (
            '{"format":"imsim-history/1"}',
            f"'format': unknown key; allowed are {KEYS}",
        ),
    ],
)
def test_a_line_that_the_schema_does_not_allow_is_named(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(f"{GOOD}\n{line}\n{GOOD}\n")
    with pytest.raises(ConfigError) as caught:
        History.read(path)
    assert str(caught.value) == f"{path}: line 2: {message}"


@pytest.mark.parametrize(
    "line",
    [b'{"t":NaN,"node":"n","event":"shown"}', b'{"t":1e999}', b'{"t":1,"node":"\xff"}', b"[" * 100_000, b"\x00"],
)
def test_whatever_a_line_holds_it_is_one_error(line: bytes, tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_bytes(line + b"\n")
    with pytest.raises(ConfigError, match=r"line 1: expected one JSON object a line, got something else"):
        History.read(path)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ('{"format":"imsim-history/2"}', "format: expected 'imsim-history/1', got 'imsim-history/2'"),
        ('{"format":"imsim-history/1","level":"mesages"}',
         "level: expected messages or frames, got 'mesages' (did you mean 'messages'?)"),
        ('{"format":"imsim-history/1","level":1}', "level: expected messages or frames, got 1"),
        ('{"format":"imsim-history/1","node":[]}',
         f"'node': unknown key (did you mean 'nodes'?); allowed are {HEADER_KEYS}"),
        ('{"format":"imsim-history/1","nodes":"n"}', "nodes: expected a list of names, got 'n'"),
        ('{"format":"imsim-history/1","nodes":[1]}', "nodes: expected a text, got 1"),
        ('{"format":"imsim-history/1","nodes":["a","a"]}',
         "nodes: expected different names, none of them empty, got 'a' again"),
    ],
)  # fmt: skip
def test_a_wrong_header_is_named(header: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(header + "\n")
    with pytest.raises(ConfigError) as caught:
        History.read(path)
    assert str(caught.value) == f"{path}: line 1: {message}"


def test_a_cut_last_line_says_so(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(GOOD + "\n" + GOOD[:20])
    with pytest.raises(ConfigError) as caught:
        History.read(path)
    cut = "the last line is cut off after 20 bytes, or no JSON object (Input data was truncated)"
    assert str(caught.value) == f"{path}: line 2: {cut}"


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_file_is_no_history(text: str, tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        History.read(path)
    assert str(caught.value) == f"{path}: expected a header or at least one fact, got an empty file"
