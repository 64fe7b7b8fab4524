"""Columns: the same from memory and from a file, block by block, and no silent answer about what was not kept."""

from __future__ import annotations

import numpy as np
import pytest

from imsim.errors import InternalError
from imsim.history import Event, Writer
from imsim.verify import columns
from imsim.verify.columns import Columns


@pytest.fixture(params=[False, True], ids=["memory", "file"])
def history(request):
    """9 shown rows, each after a committed one."""
    writer = Writer(spill_bytes=0 if request.param else 64_000_000)
    for seq in range(1, 10):
        writer.fact(seq, "server-1", Event.COMMITTED, seq=seq, epoch=seq % 3)
        writer.fact(seq + 0.5, "bob/pc", Event.SHOWN, seq=seq)
    return writer.finish()


def test_columns_are_those_of_the_rows(history):
    read = Columns(history)
    places = np.flatnonzero(read.events == Event.COMMITTED)[2:5]

    assert read.epochs == 3
    assert read.column("seq", places).tolist() == [3, 4, 5]
    assert read.times(places).tolist() == [3.0, 4.0, 5.0]
    assert read.of(Event.COMMITTED, "seq").tolist() == list(range(1, 10))
    assert read.block(Event.COMMITTED).column("seq").tolist() == list(range(1, 10))
    assert read.block(Event.COMMITTED).times.tolist() == list(range(1, 10))
    assert read.of(Event.FAILED, "seq").tolist() == []


@pytest.mark.parametrize("rows", [1, 4, 100])
def test_shown_rows_come_in_blocks_and_in_order(history, monkeypatch, rows):
    monkeypatch.setattr(columns, "_BLOCK_ROWS", rows)

    blocks = list(Columns(history).shown())

    assert [place for block in blocks for place in block.place.tolist()] == list(range(1, 18, 2))
    assert [seq for block in blocks for seq in block.column("seq").tolist()] == list(range(1, 10))


@pytest.mark.parametrize("place", [1, 17])
def test_columns_of_rows_that_were_not_kept_are_refused(place):
    writer = Writer(spill_bytes=0)
    for seq in range(1, 10):
        writer.fact(seq, "server-1", Event.COMMITTED, seq=seq)
        writer.fact(seq, "bob/pc", Event.SHOWN, seq=seq)

    with pytest.raises(InternalError, match="only counted"):
        Columns(writer.finish()).column("seq", np.array([place]))


def test_columns_of_an_event_that_is_only_counted_are_refused(history):
    with pytest.raises(InternalError, match="only counted"):
        Columns(history).of(Event.SHOWN, "seq")
