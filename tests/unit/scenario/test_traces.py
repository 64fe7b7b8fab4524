"""Recorded traffic: read, imported, and refused where it is no trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from imsim.errors import ConfigError
from imsim.scenario.traces import import_edges, read_edges

DATA = Path(__file__).parents[4] / "shared" / "data" / "CollegeMsg.txt"


def written(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "edges.txt"
    path.write_text(content)
    return path


def test_edges_come_out_rising_in_time_whatever_stands_around_them(tmp_path: Path) -> None:
    edges = read_edges(written(tmp_path, "# a comment\nsrc dst time\n\n2 1 20\nann,bob,10.5\n% more\n3 3 15\n"))
    assert (edges.src, edges.dst, edges.t) == (["ann", "u2"], ["bob", "u1"], [10.5, 20.0])
    assert edges.skipped == 1, "a message to oneself is none"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("1 2 3\n1 2\n", r"edges\.txt:2: expected 'src dst unix-time', got '1 2'"),
        ("1 2 3\nsrc dst time\n", r"edges\.txt:2: expected"),
        ("1 2 yesterday\n", r"edges\.txt:1: expected"),
        ("1 2 nan\n", r"edges\.txt:1: expected"),
        ("1 2 -5\n", r"edges\.txt:1: expected"),
        ("1 2 3 4\n", r"edges\.txt:1: expected"),
        ("1 2 3\n1 2 1700000000000\n", r"edges\.txt:2: expected 'src dst unix-time', got '1 2 1700000000000'"),
        ("1 2 1e308\n", r"edges\.txt:1: expected"),
        ("a/b c 1\n", r"edges\.txt:1: expected a user's name without '/', and without '~' at its begin, got 'a/b'"),
        ("a ~b 1\n", r"edges\.txt:1: expected a user's name .*, got '~b'"),
        ("a b\0 1\n", r"edges\.txt:1: expected a user's name"),
        ("", "no messages in it"),
        ("src dst time\n", "no messages in it"),
        ("1 1 5\n", "no messages in it"),
    ],
)
def test_what_is_no_trace_is_told_with_its_line(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_edges(written(tmp_path, content))


def test_bytes_that_are_no_text_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "edges.txt"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_edges(path)
    for name in ("missing.txt", "missing.parquet"):
        with pytest.raises(ConfigError, match=rf"{name}: cannot be read: No such file or directory$"):
            read_edges(tmp_path / name)
    with pytest.raises(ConfigError, match=r"cannot be read: Is a directory$"):
        read_edges(tmp_path)


def test_a_user_is_the_same_whether_called_by_number_or_by_name(tmp_path: Path) -> None:
    edges = read_edges(written(tmp_path, "1 u1 5\n1 u2 6\n2 1 7\n"))
    assert (edges.src, edges.dst, edges.skipped) == (["u1", "u2"], ["u2", "u1"], 1)


def test_an_imported_trace_is_the_same_trace(tmp_path: Path) -> None:
    source = written(tmp_path, "1 2 30\n2 1 10\n2 2 15\n3 1 20\n")
    found = import_edges(source, tmp_path / "t.parquet")
    assert (found.messages, found.users, found.seconds, found.skipped) == (3, 3, 20.0, 1)
    again, first = read_edges(tmp_path / "t.parquet"), read_edges(source)
    assert (again.src, again.dst, again.t) == (first.src, first.dst, first.t)


def test_nothing_half_written_is_left_behind(tmp_path: Path) -> None:
    bad = written(tmp_path, "1 2 3\nbroken\n")
    with pytest.raises(ConfigError):
        import_edges(bad, tmp_path / "t.parquet")
    with pytest.raises(ConfigError, match="cannot be written"):
        import_edges(written(tmp_path, "1 2 3\n"), tmp_path / "no" / "t.parquet")
    (tmp_path / "folder.parquet").mkdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        import_edges(tmp_path / "edges.txt", tmp_path / "folder.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["edges.txt", "folder.parquet"]


def test_parquet_must_have_the_columns(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"src": ["a"], "t": [1.0]}), path)
    with pytest.raises(ConfigError, match="there is no dst"):
        read_edges(path)
    pq.write_table(pa.table({"src": ["a"], "dst": ["b"], "t": [None]}), path)
    with pytest.raises(ConfigError, match="row 1: expected src, dst and seconds"):
        read_edges(path)
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(ConfigError, match="cannot be read as Parquet"):
        read_edges(path)


@pytest.mark.skipif(not DATA.is_file(), reason="the trace is not here: ../shared/data/CollegeMsg.txt")
def test_the_college_trace_is_complete() -> None:
    edges = read_edges(DATA)
    assert len(edges.t) == 59_835
    assert len({*edges.src, *edges.dst}) == 1_899
    assert edges.skipped == 0
