"""Parquet: a user's own table is read as strictly as JSON lines are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from imsim.errors import ConfigError
from imsim.history import Event, History, Level, Writer

if TYPE_CHECKING:
    from pathlib import Path

KEYS = "t, node, event, incarnation, conversation, message, epoch, seq, op, attempt, size, detail"
WORDS = ", ".join(event.word for event in Event)
OWN: dict[str, list[Any]] = {"t": [1.0, 2.0], "node": ["b", "a"], "event": ["shown", "read"]}


def test_a_table_of_pandas_is_the_same_history_as_the_same_lines(tmp_path: Path) -> None:
    frame = pd.DataFrame({**OWN, "seq": [5, 6], "message": pd.Categorical(["z", None], categories=["y", "z"])})
    frame.to_parquet(tmp_path / "own.parquet", index=False)
    (tmp_path / "own.jsonl").write_text(
        '{"t":1,"node":"b","event":"shown","seq":5,"message":"z"}\n{"t":2,"node":"a","event":"read","seq":6}\n'
    )
    table, lines = History.read(tmp_path / "own.parquet"), History.read(tmp_path / "own.jsonl")
    assert table.filter() == lines.filter()
    assert table.sha256 == lines.sha256
    assert table.messages.names == ["", "z"]


def test_an_empty_column_of_pandas_has_no_type_and_is_accepted(tmp_path: Path) -> None:
    pd.DataFrame({**OWN, "detail": [None, None]}).to_parquet(tmp_path / "own.parquet", index=False)
    assert [row.detail for row in History.read(tmp_path / "own.parquet").filter()] == ["", ""]


def test_a_column_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.parquet"
    columns = [pa.array(values) for values in (*OWN.values(), [1, 2], [3, 4])]
    parquet.write_table(pa.Table.from_arrays(columns, names=[*OWN, "seq", "seq"]), path)
    with pytest.raises(ConfigError) as caught:
        History.read(path)
    assert str(caught.value) == f"{path}: seq: expected one column, got 2"


def test_text_that_is_no_utf8_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "own.parquet"
    broken = pa.StringArray.from_buffers(1, *(pa.array([b"\xff"], pa.binary()).buffers()[1:]))
    parquet.write_table(pa.table({"t": [1.0], "node": broken, "event": ["shown"]}), path)
    with pytest.raises(ConfigError, match="expected a whole Parquet file, got something else"):
        History.read(path)


def test_nulls_are_zero_and_frames_raise_the_level(tmp_path: Path) -> None:
    table = pa.table({"t": [1], "node": ["n"], "event": ["sent"], "seq": pa.array([None], pa.int8())})
    parquet.write_table(table, tmp_path / "own.parquet")
    history = History.read(tmp_path / "own.parquet")
    assert (history.row(0).seq, history.row(0).event, history.level) == (0, Event.SENT, Level.FRAMES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nod": [1, 2]}, f"'nod': unknown key (did you mean 'node'?); allowed are {KEYS}"),
        ({"node": None}, "node: missing; a fact needs t, node and event"),
        ({"node": ["b", None]}, "row 1: node: missing; a fact needs t, node and event"),
        ({"t": [0.0, float("nan")]}, "row 1: t: expected a finite number of seconds >= 0, got nan"),
        ({"t": [0, -1]}, "row 1: t: expected a finite number of seconds >= 0, got -1.0"),
        ({"t": ["1", "2"]}, "t: expected seconds as numbers, got a column of string"),
        ({"seq": [0, -7]}, "row 1: seq: expected an integer from 0 to 4294967295, got -7"),
        ({"epoch": [65536, 0]}, "row 0: epoch: expected an integer from 0 to 65535, got 65536"),
        ({"epoch": [0.5, 0]}, "epoch: expected integers from 0 to 65535, got a column of double"),
        ({"epoch": [True, False]}, "epoch: expected integers from 0 to 65535, got a column of bool"),
        ({"node": [1, 2]}, "node: expected texts, got a column of int64"),
        (
            {"event": ["shown", "rad"]},
            f"row 1: event: expected one of {WORDS}, got 'rad' (did you mean 'read'?)",
        ),
    ],
)
def test_a_table_that_the_schema_does_not_allow_is_named(
    change: dict[str, list[Any] | None], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "own.parquet"
    columns = {key: values for key, values in {**OWN, **change}.items() if values is not None}
    parquet.write_table(pa.table(columns), path)
    with pytest.raises(ConfigError) as caught:
        History.read(path)
    assert str(caught.value) == f"{path}: {message}"


def test_rows_are_counted_through_all_batches(tmp_path: Path) -> None:
    path = tmp_path / "own.parquet"
    count = 70_000
    columns = {"t": [0] * count, "node": ["n"] * count, "event": ["shown"] * (count - 1) + ["x"]}
    parquet.write_table(pa.table(columns), path)
    with pytest.raises(ConfigError, match="row 69999: event: "):
        History.read(path)


@pytest.mark.parametrize("keep", [0, 3, 200])
def test_a_cut_file_says_so(keep: int, tmp_path: Path) -> None:
    path = tmp_path / "run.parquet"
    writer = Writer()
    writer.fact(1, "n", Event.SHOWN)
    writer.finish().write(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ConfigError) as caught:
        History.read(path)
    assert str(caught.value).startswith(f"{path}: expected a whole Parquet file, got something else (")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"{", "metadata imsim-history: expected a JSON object, got something else (Input data was truncated)"),
        (b'{"format":"imsim-history/9"}', "format: expected 'imsim-history/1', got 'imsim-history/9'"),
    ],
)
def test_a_wrong_header_is_named(header: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.parquet"
    parquet.write_table(pa.table(OWN).replace_schema_metadata({b"imsim-history": header}), path)
    with pytest.raises(ConfigError) as caught:
        History.read(path)
    assert str(caught.value) == f"{path}: {message}"
