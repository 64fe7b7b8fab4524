"""What the leases on SQLite do beyond what every one promises (tests/conformance/)."""

from __future__ import annotations

from imsim.adapters.sqlite import SCHEMA, Database, SqliteLocks


async def test_a_lease_and_its_token_outlive_a_process_whose_clock_began_anew(tmp_path):
    database = Database(tmp_path / "a.db", SCHEMA)
    first = await SqliteLocks(database, lambda: 500.0, lambda: 1000.0).acquire("team", "one", 10.0, timeout=1.0)
    database.close()

    database = Database(tmp_path / "a.db", SCHEMA)
    seen = await SqliteLocks(database, lambda: 3.0, lambda: 1004.0).acquire("team", "two", 10.0, timeout=1.0)
    assert (seen.holder, seen.token, seen.until) == ("one", first.token, 3.0 + 6.0)
    taken = await SqliteLocks(database, lambda: 20.0, lambda: 1010.5).acquire("team", "two", 10.0, timeout=1.0)
    assert (taken.holder, taken.token, taken.until) == ("two", first.token + 1, 30.0)
    database.close()
