"""The lines of the protocol: what the page about it says is what is said, all of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from imsim.protocol import effects, frames, records
from imsim.protocol.contract import AnyDevice
from imsim.sim.foreign.host import PROTOCOL
from imsim.sim.foreign.lines import Answer, Greeting, LineError, Look, State, decode, effects_of, encode, told

PAGE = (Path(__file__).parents[4] / "docs" / "device-protocol.md").read_text(encoding="utf-8")
LINES = [
    line for block in re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL) for line in block.splitlines()
]
TABLED = (
    *frames.Frame.__args__,
    *frames.Body.__args__,
    *(kind for kind in records.Record.__args__ if kind is not frames.Entry),
    *effects.Notice.__args__,
)
VALUES = (frames.Entry, frames.Draft, frames.Position, frames.Head, frames.Outcome, frames.Resume, frames.Limits)


def row_of(kind, name):
    fields = ", ".join(f"`{field.name}`" + ("" if field.required else "?") for field in msgspec.structs.fields(kind))
    return f"| `{name}` | {fields or '–'} |"


@pytest.mark.parametrize("kind", TABLED)
def test_everything_that_is_said_is_on_the_page(kind):
    assert row_of(kind, kind.__struct_config__.tag) in PAGE


@pytest.mark.parametrize("kind", VALUES)
def test_so_is_what_is_in_it(kind):
    assert row_of(kind, kind.__name__.lower()) in PAGE


@pytest.mark.parametrize("line", [line for line in LINES if '"do"' not in line])
def test_an_answer_on_the_page_is_one(line):
    said = json.loads(line)
    kinds = {"protocol": Greeting, "positions": Look, "effects": State}
    decode(line.encode(), next((kind for key, kind in kinds.items() if key in said), Answer))


def test_every_line_is_on_the_page():
    named = {
        name for cell in re.findall(r"^\| (`[a-z_`, ]+) \|", PAGE, re.MULTILINE) for name in re.findall("`(.*?)`", cell)
    }
    methods = {name.removeprefix("handle_") for name in vars(AnyDevice) if not name.startswith("_")}
    silent = {"poll", "wake_at", "online", "own_log", "is_quiet", "position", "changed"}
    assert methods - silent <= named
    assert {"hello", "begin", "load", "look"} <= named
    assert f"version **{PROTOCOL}**" in PAGE


def test_a_row_is_an_entry_with_a_type():
    entry = frames.Entry("team", 1, 2, "a-0", "alice", 1.5, frames.Message("hi"))
    state = {"n": 1, "effects": [{"type": "write", "records": [told(entry)]}]}
    line = encode({**state, "wake_at": None, "online": False, "quiet": False})
    assert b'{"type":"row","entry":{"conversation":"team"' in line
    assert effects_of(decode(line, State)) == [effects.Write((entry,))]


@pytest.mark.parametrize("line", [b"", b"[]", b'{"n": 1.5}', b'{"n": 1}\xff', b"[" * 5000])
def test_whatever_else_is_said_is_no_answer(line):
    with pytest.raises(LineError):
        decode(line, State)
