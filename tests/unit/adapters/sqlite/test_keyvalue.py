"""What the key-value port on SQLite does beyond what every one promises (tests/conformance/)."""

from __future__ import annotations

import pytest

from imsim.adapters.sqlite import SCHEMA, Database, SqliteKeyValue
from imsim.errors import AlgorithmError


@pytest.fixture
def database(tmp_path):
    made = Database(tmp_path / "a.db", SCHEMA)
    yield made
    made.close()


async def test_what_has_expired_leaves_the_file_with_the_next_write_that_expires(database):
    wall = [100.0]
    kv = SqliteKeyValue(database, lambda: wall[0])
    for number in range(50):
        await kv.compare_and_set(f"presence/{number}", None, 1, expires_in=5.0, timeout=1.0)
    await kv.increment("counter", timeout=1.0)
    wall[0] = 110.0
    assert database.read("SELECT count(*) FROM pairs") == [(51,)]
    await kv.compare_and_set("presence/new", None, 1, expires_in=5.0, timeout=1.0)
    keys = [key for (key,) in database.read("SELECT key FROM pairs ORDER BY key")]
    assert keys == ["counter", "presence/new"]


async def test_counters_and_expiry_go_on_after_a_restart(tmp_path):
    wall = [100.0]
    for expected in (1, 2, 3):
        database = Database(tmp_path / "b.db", SCHEMA)
        kv = SqliteKeyValue(database, lambda: wall[0])
        assert await kv.increment("incarnation", timeout=1.0) == expected
        await kv.compare_and_set("soft", None, "here", expires_in=15.0, timeout=1.0)
        wall[0] += 10.0
        assert await kv.get("soft", timeout=1.0) == (None if expected == 2 else "here")
        database.close()


async def test_what_is_no_counter_is_not_counted(database):
    kv = SqliteKeyValue(database, lambda: 0.0)
    await kv.compare_and_set("name", None, "alice", timeout=1.0)
    for change in (kv.increment("name", timeout=1.0), kv.raise_to("name", 7, timeout=1.0)):
        with pytest.raises(AlgorithmError, match="name holds 'alice', which is no counter"):
            await change
    assert await kv.get("name", timeout=1.0) == "alice"
