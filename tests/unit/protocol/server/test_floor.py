from __future__ import annotations

import pytest

from imsim.errors import Timeout
from imsim.protocol.server.config import ServerConfig
from imsim.protocol.server.floor import Floors
from tests.ports_memory import Faulty, MemoryKeyValue, MemoryRuntime

DAY = 86400.0


@pytest.fixture
def runtime():
    return MemoryRuntime()


@pytest.fixture
def kv():
    kv = MemoryKeyValue()
    kv.values.update({f"claim/n-{counter}": f"claim of {counter}" for counter in range(10)})
    return kv


def floors(runtime, kv):
    return Floors(runtime, kv, ServerConfig(floor_stride=4, claim_retention=8 * DAY))


def claims(kv):
    return sorted(int(key[8:]) for key in kv.values if key.startswith("claim/"))


def test_raising_a_floor_drops_the_claims_below_it(runtime, kv):
    runtime.run(floors(runtime, kv).raise_floor("n", 7))
    assert kv.values["floor/n"] == 7
    assert claims(kv) == [7, 8, 9]


def test_the_floor_is_raised_before_the_first_claim_is_dropped(runtime, kv):
    kv.gate = gate = Faulty(kv_get=["ok", "lost"])
    with pytest.raises(Timeout):
        runtime.run(floors(runtime, kv).raise_floor("n", 7))
    assert gate.calls[0] == "kv.raise_to"
    assert kv.values["floor/n"] == 7
    assert claims(kv) == list(range(10))


def test_a_sweep_that_failed_is_made_up_for(runtime, kv):
    kv.gate = Faulty(kv_compare_and_set=["ok", "ok", "lost"])
    with pytest.raises(Timeout):
        runtime.run(floors(runtime, kv).raise_floor("n", 5))
    assert claims(kv) == list(range(2, 10))
    runtime.run(floors(runtime, kv).raise_floor("n", 6))
    assert claims(kv) == list(range(6, 10))


def test_a_floor_never_falls(runtime, kv):
    runtime.run(floors(runtime, kv).raise_floor("n", 7))
    runtime.run(floors(runtime, kv).raise_floor("n", 3))
    assert kv.values["floor/n"] == 7


def test_it_follows_what_is_resolved_a_stride_behind(runtime, kv):
    following = floors(runtime, kv)
    following.follow("n", 3)
    runtime.settle()
    assert "floor/n" not in kv.values
    following.follow("n", 4)
    runtime.settle()
    assert kv.values["floor/n"] == 4
    following.follow("n", 7)
    runtime.settle()
    assert kv.values["floor/n"] == 4
    following.follow("n", 8)
    runtime.settle()
    assert kv.values["floor/n"] == 8


def test_a_counter_beyond_all_measure_is_followed_step_by_step(runtime, kv):
    following = floors(runtime, kv)
    for steps in (1, 2):
        following.follow("n", 1 << 50)
        runtime.settle()
        assert kv.values["floor/n"] == 1000 * steps


def test_following_goes_on_after_a_failure(runtime, kv):
    following = floors(runtime, kv)
    kv.gate = Faulty(kv_raise_to=["lost"])
    following.follow("n", 5)
    runtime.settle()
    assert "floor/n" not in kv.values
    following.follow("n", 5)
    runtime.settle()
    assert kv.values["floor/n"] == 5


def test_only_who_is_silent_for_longer_than_the_retention_is_forgotten(runtime, kv):
    following = floors(runtime, kv)
    assert runtime.run(following.age("n")) is False
    following.follow("n", 0)
    runtime.settle()
    runtime.advance(8 * DAY)
    assert runtime.run(following.age("n")) is False
    runtime.advance(1.5 * DAY)
    assert runtime.run(following.age("n")) is True
    assert claims(kv) == []
    assert kv.values["floor/n"] == 10


def test_being_heard_by_another_server_counts(runtime, kv):
    here, there = floors(runtime, kv), floors(runtime, kv)
    here.follow("n", 0)
    runtime.settle()
    for _ in range(12):
        runtime.advance(1.01 * DAY)
        there.follow("n", 0)
        runtime.settle()
    assert runtime.run(here.age("n")) is False


def test_the_note_is_made_again_when_it_could_not_be(runtime, kv):
    following = floors(runtime, kv)
    kv.gate = Faulty(kv_compare_and_set=["lost"])
    following.follow("n", 0)
    runtime.settle()
    assert "heard/n" not in kv.values
    runtime.advance(60.0)
    following.follow("n", 0)
    runtime.settle()
    assert kv.values["heard/n"].wall == 60.0
