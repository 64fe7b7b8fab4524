"""Reading: tuples, spelled-out rows, arrays, frames and the notebook's table."""

from __future__ import annotations

import subprocess
import sys

import pytest

from imsim.history import Event, History, Level, Row, Writer


def example() -> History:
    writer = Writer(Level.FRAMES)
    writer.fact(0.5, "alice/phone", Event.SUBMITTED, conversation="team", message="alice-1", size=24)
    writer.fact(0.6, "server-1", Event.ACCEPTED, conversation="team", message="alice-1", epoch=1, seq=1)
    writer.fact(0.7, "bob/phone", Event.SHOWN, conversation="team", message="alice-1", epoch=1, seq=1)
    writer.fact(0.8, "", Event.PARTITIONED, detail="office | <cloud>")
    return writer.finish()


def test_a_row_spells_out_its_names() -> None:
    assert example().row(1) == Row(
        t=0.6, node="server-1", incarnation=0, event=Event.ACCEPTED, conversation="team", message="alice-1",
        epoch=1, seq=1, op=0, attempt=0, size=0, detail="", place=1,
    )  # fmt: skip


def test_a_row_prints_as_one_line_without_what_is_empty() -> None:
    assert str(example().row(2)) == "row 2: 0.700000s bob/phone shown conversation=team message=alice-1 epoch=1 seq=1"
    assert str(example().row(3)) == "row 3: 0.800000s - partitioned detail=office | <cloud>"


def test_rows_beyond_the_end_do_not_exist() -> None:
    history = example()
    assert history.row(-1) == history.row(3)
    for place in (4, -5):
        with pytest.raises(IndexError):
            history.row(place)


_A_MISTAKE = """
import gc, sys
from imsim.history import Event, Writer

def look(history):
    try:
        {row.t for row in history.rows()}  # rows are plain tuples
    except AttributeError as error:
        error.kept = [error, sys._getframe()]

writer = Writer()
writer.fact(0.0, "alice/phone", Event.GAP)
look(writer.finish())
del writer
gc.collect()
print("alive")
"""


def test_an_error_while_rows_are_read_does_not_end_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", _A_MISTAKE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "alive\n", "")


def test_filtering_keeps_the_rows_that_agree_with_everything() -> None:
    history = example()
    assert [row.place for row in history.filter(message="alice-1")] == [0, 1, 2]
    assert [row.place for row in history.filter(message="alice-1", node="bob/phone")] == [2]
    assert [row.place for row in history.filter(event=Event.SHOWN)] == [2]
    assert history.filter(event=Event.SHOWN, node="server-1") == []
    assert history.filter(node="nobody") == []
    assert history.nodes.find("nobody") is None
    assert len(history.filter()) == 4


def test_the_array_is_read_only() -> None:
    rows = example().array()
    assert rows["t"].tolist() == [0.5, 0.6, 0.7, 0.8]
    with pytest.raises(ValueError, match="read-only"):
        rows["t"][0] = 1.0


def test_the_frame_has_names_and_plain_numbers() -> None:
    frame = example().frame()
    assert "flags" not in frame
    assert frame["node"].tolist() == ["alice/phone", "server-1", "bob/phone", ""]
    assert frame["event"].tolist() == ["submitted", "accepted", "shown", "partitioned"]
    assert frame["seq"].tolist() == [0, 1, 1, 0]
    assert {str(frame[column].dtype) for column in ("node", "event", "message", "detail")} == {"category"}


def test_an_empty_history_can_be_read_in_every_way() -> None:
    history = Writer().finish()
    assert (len(history), list(history.rows()), history.filter(), len(history.array())) == (0, [], [], 0)
    assert len(history.frame()) == 0
    assert "0 facts at level messages: none" in history._repr_html_()


def test_the_digest_depends_on_every_row() -> None:
    writer = Writer(Level.FRAMES)
    writer.fact(0.5, "alice/phone", Event.SUBMITTED, conversation="team", message="alice-1", size=25)
    assert writer.finish().sha256 != example().sha256
    assert example().sha256 == example().sha256


def test_the_notebook_sees_counts_head_and_tail_escaped() -> None:
    shown = example()._repr_html_()
    assert "4 facts at level frames: submitted 1, accepted 1, shown 1, partitioned 1" in shown
    assert shown.count("<tr>") == 5
    assert "office | &lt;cloud&gt;" in shown
    writer = Writer()
    for number in range(20):
        writer.fact(number, "n", Event.SHOWN)
    assert writer.finish()._repr_html_().count("<tr>") == 11
