"""Spilled or not, a history is the same; and a spill leaves nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imsim.errors import InternalError, WorldError
from imsim.history import ROW, Event, History, Writer

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 5000  # a few blocks, the last one not full


def recorded(spill_bytes: int, directory: Path | None = None) -> History:
    writer = Writer(spill_bytes=spill_bytes, directory=directory)
    for name in range(7):
        writer.nodes.index(f"node-{name}")
    row = writer.row
    for number in range(ROWS):
        row(number / 8, number % 7, 1, 1 + number % len(Event), 0, 0, 1, number)
    return writer.finish()


@pytest.mark.parametrize("spill_bytes", [0, ROW.size * 2000, ROW.size * (ROWS - 1)])
def test_a_spilled_history_equals_one_in_memory(spill_bytes: int, tmp_path: Path) -> None:
    memory, spilled = recorded(10**9), recorded(spill_bytes, tmp_path)
    assert len(spilled) == len(memory) == ROWS
    assert list(spilled.rows()) == list(memory.rows())
    assert b"".join(spilled.raw_chunks()) == b"".join(memory.raw_chunks())
    assert spilled.sha256 == memory.sha256
    assert (spilled.array() == memory.array()).all()
    assert [spilled.row(place) for place in (0, 1999, -1)] == [memory.row(place) for place in (0, 1999, -1)]


def test_the_spill_file_has_no_name_and_no_trace(tmp_path: Path) -> None:
    with recorded(0, tmp_path) as history:
        assert list(tmp_path.iterdir()) == []
        assert len(history) == ROWS


@pytest.mark.parametrize("spill_bytes", [0, 10**9])
def test_a_closed_history_answers_nothing(spill_bytes: int) -> None:
    history = recorded(spill_bytes)
    history.close()
    for ask in (
        history.rows,
        history.array,
        history.frame,
        history.filter,
        lambda: history.row(0),
        lambda: history.sha256,
    ):
        with pytest.raises(InternalError, match=r"^a history was read after it was closed$"):
            ask()


def test_rows_may_be_cited_while_they_are_read() -> None:
    for spill_bytes in (0, 10**9):
        history = recorded(spill_bytes)
        assert [history.row(place).seq for place, _ in enumerate(history.rows())] == list(range(ROWS))


def test_two_readers_do_not_disturb_each_other() -> None:
    for spill_bytes in (0, 10**9):
        history = recorded(spill_bytes)
        assert all(first == second for first, second in zip(history.rows(), history.rows(), strict=True))


def test_a_spill_that_cannot_be_written_is_the_worlds_fault(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match=r"^the history's spill file cannot be written: No such file or directory$"):
        recorded(0, tmp_path / "absent")
