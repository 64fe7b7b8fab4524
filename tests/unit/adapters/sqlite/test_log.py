"""What the log on SQLite does beyond what every one promises (tests/conformance/)."""

from __future__ import annotations

from imsim.adapters.sqlite import SCHEMA, Database, SqliteLog
from imsim.ports import FENCED, OK, Durability, LogState
from imsim.protocol.frames import Entry, Message


def entry(seq: int) -> Entry:
    return Entry("team", 1, seq, f"a-{seq}", "alice", 0.0, Message("x"))


async def test_slots_fences_and_the_ends_of_the_log_outlive_a_restart(tmp_path):
    database = Database(tmp_path / "a.db", SCHEMA)
    log = SqliteLog(database)
    assert log.durability is Durability.QUORUM
    for seq in (1, 2, 4):
        assert await log.write("team", 1, seq, entry(seq), 7, timeout=1.0) is OK
    assert await log.commit("team", 1, 9, timeout=1.0) == 2
    assert await log.trim("team", 2, timeout=1.0) == 2
    database.close()

    database = Database(tmp_path / "a.db", SCHEMA)
    log = SqliteLog(database)
    assert await log.state("team", timeout=1.0) == LogState(1, 0, 2, 2)
    assert await log.write("team", 1, 3, entry(3), 6, timeout=1.0) is FENCED
    assert await log.write("team", 1, 1, entry(1), 7, timeout=1.0) is FENCED
    assert await log.write("team", 1, 3, entry(3), 7, timeout=1.0) is OK
    assert await log.commit("team", 1, 9, timeout=1.0) == 4
    assert await log.read("team", 1, 9, timeout=1.0) == [entry(2), entry(3), entry(4)]
    database.close()
