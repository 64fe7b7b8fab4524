"""What a device's disk on SQLite does beyond what every one promises (tests/conformance/)."""

from __future__ import annotations

import pytest

from imsim.adapters.sqlite import SqliteStore
from imsim.errors import ConfigError, Unavailable, WorldError
from imsim.protocol.frames import Entry, Message
from imsim.protocol.records import Installed, Known, Queued, Resolved, SendState

ROW = Entry("team", 1, 1, "a-1", "alice", 1.5, Message("hé", "a-0"))


def test_every_kind_of_record_comes_back(tmp_path):
    written = [
        Installed("i", "n"),
        ROW,
        Queued("a-2", "team", 1.0, Message("x"), 3.0),
        Known("team", 1, ((1, 2),)),
        Resolved("a-3", SendState.FAILED, "expired", Queued("a-3", "team", 1.0, Message("y"))),
    ]
    store = SqliteStore(tmp_path / "a.db")
    store.write(written)
    assert list(store.records()) == written
    store.close()


def test_a_write_that_fails_in_the_middle_leaves_nothing(tmp_path):
    store = SqliteStore(tmp_path / "a.db")
    store.write([Installed("i", "n")])
    store._database._connection.execute("PRAGMA max_page_count = 12")
    with pytest.raises(Unavailable, match="full"):
        store.write([ROW, Entry("team", 1, 2, "a-2", "alice", 0.0, Message("x" * 100_000))])
    assert list(store.records()) == [Installed("i", "n")]
    assert store.row("a-1") is None
    store.close()


def test_two_devices_never_share_a_store(tmp_path):
    store = SqliteStore(tmp_path / "a.db")
    with pytest.raises(WorldError, match="is in use"):
        SqliteStore(tmp_path / "a.db")
    store.close()
    SqliteStore(tmp_path / "a.db").close()


def test_a_file_that_is_no_store_is_left_to_others(tmp_path):
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam, " * 100)
    for _ in range(2):
        with pytest.raises(ConfigError, match="cannot be used"):
            SqliteStore(tmp_path / "letter.txt")
