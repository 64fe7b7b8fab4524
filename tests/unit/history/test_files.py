"""Saving: which formats, all or nothing, and nothing that could not be read back."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from imsim.errors import ConfigError, InternalError
from imsim.history import Event, History, Level, Writer

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = [".jsonl", ".parquet"]

# A history and its file must not depend on the seed of Python's string hashes.
RECORD = """
import sys
from imsim.history import Event, History, Writer
writer = Writer()
for number, name in enumerate(sorted({"carol", "alice", "bob", "dave"})):
    writer.fact(number / 3, name, Event.SHOWN, message=f"m-{name}", detail=name[::-1])
history = writer.finish()
history.write(sys.argv[1])
print(history.sha256)
"""


def example(level: Level = Level.MESSAGES) -> History:
    writer = Writer(level)
    writer.nodes.index("never used, but numbered")
    writer.fact(0.1 + 0.2, "n", Event.SHOWN, conversation="c", message="m", epoch=1, seq=2, size=3, detail="d")
    writer.fact(1, "", Event.HEALED)
    return writer.finish()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("level", Level)
def test_what_is_read_back_is_what_was_written(suffix: str, level: Level, tmp_path: Path) -> None:
    history = example(level)
    history.write(tmp_path / f"run{suffix}")
    back = History.read(str(tmp_path / f"run{suffix}"))
    assert list(back.rows()) == list(history.rows())
    assert back.sha256 == history.sha256
    assert back.level is level
    assert back.nodes.names == history.nodes.names
    assert back.filter() == history.filter()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_empty_history_is_a_file_too(suffix: str, tmp_path: Path) -> None:
    Writer().finish().write(tmp_path / f"run{suffix}")
    assert len(History.read(tmp_path / f"run{suffix}")) == 0


def test_both_formats_and_the_spilled_rows_agree(tmp_path: Path) -> None:
    writer = Writer(spill_bytes=0)
    for number in range(70_000):  # more than one batch of either format
        writer.row(number / 7, 0, 0, Event.SHOWN, 0, 0, 1, number)
    history = writer.finish()
    for suffix in SUFFIXES:
        history.write(tmp_path / f"run{suffix}")
        assert History.read(tmp_path / f"run{suffix}").sha256 == history.sha256


@pytest.mark.parametrize(
    ("name", "given"),
    [("run.csv", "'.csv'"), ("run", "''"), ("run.json", "'.json' (did you mean '.jsonl'?)")],
)
def test_another_suffix_is_refused_before_anything_happens(name: str, given: str, tmp_path: Path) -> None:
    path = tmp_path / name
    message = f"{path}: expected a file name that ends in .jsonl or .parquet, got {given}"
    for act in (example().write, History.read):
        with pytest.raises(ConfigError) as caught:
            act(path)
        assert str(caught.value) == message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_cannot_be_written_or_read_says_so(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / "absent" / f"run{suffix}"
    with pytest.raises(ConfigError) as caught:
        example().write(path)
    assert str(caught.value) == f"{path}: cannot be written: No such file or directory"
    with pytest.raises(ConfigError) as caught:
        History.read(path)
    assert str(caught.value) == f"{path}: cannot be read: No such file or directory"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_failure_half_way_leaves_the_old_file_and_no_other(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"run{suffix}"
    example().write(path)
    before = path.read_bytes()
    other = Writer()
    other.fact(5, "other", Event.SHOWN)
    history = other.finish()

    def broken(_: History) -> dict[str, object]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("imsim.history.lines.header_of", broken)
    monkeypatch.setattr("imsim.history.parquet.header_of", broken)
    with pytest.raises(ConfigError, match="cannot be written: No space left on device"):
        history.write(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((float("nan"), 0, 0, 5, 0, 0, 0, 0), "history: t: a row holds a time that is negative or not finite"),
        ((-1.0, 0, 0, 5, 0, 0, 0, 0), "history: t: a row holds a time that is negative or not finite"),
        ((0.0, 1, 0, 5, 0, 0, 0, 0), "history: node: a row holds 1, and the largest is 0"),
        ((0.0, 0, 0, 5, 0, 3, 0, 0), "history: message: a row holds 3, and the largest is 0"),
        ((0.0, 0, 0, 200, 0, 0, 0, 0), f"history: event: a row holds 200, and the largest is {len(Event)}"),
        ((0.0, 0, 0, 0, 0, 0, 0, 0), "history: event: a row holds 0, and the smallest is 1"),
    ],
)
def test_a_row_that_no_reader_would_accept_is_not_written(
    row: tuple[float, int, int, int, int, int, int, int], message: str, tmp_path: Path
) -> None:
    writer = Writer()
    writer.row(*row)
    history = writer.finish()
    with pytest.raises(InternalError) as caught:
        history.write(tmp_path / "run.jsonl")
    assert str(caught.value) == message
    assert list(tmp_path.iterdir()) == []


def test_the_same_bytes_with_another_hash_seed(tmp_path: Path) -> None:
    results = []
    for seed in ("0", "1", "4242"):
        path = tmp_path / f"{seed}.jsonl"
        shown = subprocess.run(
            [sys.executable, "-c", RECORD, str(path)],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        results.append((shown.stdout, path.read_bytes()))
    assert results[0] == results[1] == results[2]
