"""The schema is fixed for ever: these tests pin numbers and widths, and the documentation to both."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from imsim.errors import ConfigError
from imsim.history import COLUMNS, LEVEL_OF, ROW, Event, Level, Names, dtype

DOCS = Path(__file__).parents[3] / "docs" / "history.md"


def test_a_row_has_the_documented_width_and_columns() -> None:
    assert ROW.size == 44
    assert COLUMNS == (
        "t", "node", "incarnation", "event", "flags", "conversation", "message",
        "epoch", "seq", "op", "attempt", "size", "detail",
    )  # fmt: skip


def test_numpy_sees_the_layout_that_struct_packs() -> None:
    values = (1.5, 2, 3, 4, 0, 6, 7, 8, 9, 10, 11, 12, 13)
    import numpy as np

    layout = dtype()
    assert layout.itemsize == ROW.size
    assert layout.names == COLUMNS
    assert np.frombuffer(ROW.pack(*values), layout)[0].item() == values


def test_the_event_numbers_are_dense_and_never_change() -> None:
    assert [event.value for event in Event] == list(range(1, len(Event) + 1))
    assert (Event.SUBMITTED, Event.SHOWN, Event.TAIL_LOST, Event.SENT, Event.INVOKE) == (1, 5, 15, 22, 32)
    assert (Event.SUPPRESSED, Event.GAP, Event.CAUGHT_UP) == (36, 44, 45)


def test_frames_and_operations_are_recorded_only_at_the_finer_level() -> None:
    finer = {event for event, level in LEVEL_OF.items() if level is Level.FRAMES}
    assert finer == {
        Event.SENT, Event.DROPPED, Event.DUPLICATED, Event.RECEIVED, Event.TIMER,
        Event.INVOKE, Event.OK, Event.FAIL, Event.INFO,
    }  # fmt: skip
    assert set(LEVEL_OF) == set(Event)


def test_the_documentation_lists_exactly_the_events() -> None:
    table = re.findall(r"^\| (\d+) \| `(\w+)` \| (\w+) \|", DOCS.read_text(), re.MULTILINE)
    assert table == [(str(event.value), event.word, LEVEL_OF[event].name.lower()) for event in Event]


def test_the_documentation_lists_exactly_the_columns_and_their_widths() -> None:
    codes = {"f8": "d", "u4": "I", "u2": "H", "u1": "B"}
    table = re.findall(r"^\| `(\w+)` \| (\w\d)", DOCS.read_text(), re.MULTILINE)
    assert tuple(column for column, _ in table) == COLUMNS
    assert struct.Struct("<" + "".join(codes[width] for _, width in table)).format == ROW.format


def test_names_are_numbered_by_first_use_and_zero_is_none() -> None:
    names = Names()
    assert [names.index(name) for name in ("", "b", "a", "b")] == [0, 1, 2, 1]
    assert names.names == ["", "b", "a"]
    assert names.name(2) == "a"
    assert len(names) == 3


def test_finding_a_name_adds_none() -> None:
    names = Names()
    assert names.find("a") is None
    assert len(names) == 1


def test_a_name_that_no_file_can_hold_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"expected a name that UTF-8 can spell, got '\\ud800'"):
        Names().index("\ud800")


def test_importing_history_loads_no_table_library() -> None:
    code = "import sys, imsim.history; print(sorted({'numpy', 'pandas', 'pyarrow', 'matplotlib'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"
