from __future__ import annotations

import pytest

from imsim.scenario.faults import Port
from imsim.sim.backends import LeaseTable, Service


def test_a_holder_believes_in_its_lease_no_longer_than_the_table_does(stage):
    backends = stage.backends(services={Port.LOCKS: Service(latency=lambda _: 1.0)})
    one, two = stage.server(backends, "server-1"), stage.server(backends, "server-2")
    told, lease = stage.call(one, one.ports.locks.acquire("room", "one", 10.0, timeout=5.0))
    assert (told, lease.until) == (2.0, 10.0)  # the table gave it at second 1, until 11
    stage.kernel.run(until=10.5)
    _, other = stage.call(two, two.ports.locks.acquire("room", "two", 10.0, timeout=5.0))
    assert (other.holder, other.token) == ("two", 2)


def test_a_told_lease_ends_when_the_holders_does(stage):
    backends = stage.backends()
    one, two = stage.server(backends, "server-1"), stage.server(backends, "server-2")
    stage.call(one, one.ports.locks.acquire("room", "one", 10.0, timeout=5.0))
    stage.kernel.run(until=4.0)
    _, told = stage.call(two, two.ports.locks.acquire("room", "two", 10.0, timeout=5.0))
    assert (told.holder, told.until) == ("one", 10.0)


def test_a_lease_is_free_at_the_moment_of_its_end(stage):
    table = LeaseTable(lambda: stage.kernel.now)
    table.acquire("room", "one", 5.0)
    stage.kernel.run(until=5)
    assert table.acquire("room", "two", 5.0).token == 2


def test_a_lease_of_no_length_is_refused(stage):
    with pytest.raises(ValueError, match="never be held"):
        LeaseTable(lambda: 0.0).acquire("room", "one", 0.0)
