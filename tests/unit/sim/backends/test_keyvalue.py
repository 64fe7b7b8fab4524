from __future__ import annotations

import pytest

from imsim.errors import AlgorithmError
from imsim.sim.backends import ValueMap


class Now:
    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def now():
    return Now()


def test_a_stale_read_is_what_was_there_a_lag_ago(now):
    values = ValueMap(now, replica_lag=10.0)
    was = {}
    for second in range(40):
        now.seconds = float(second)
        if second % 3 == 0:
            values.compare_and_set("key", values.get("key"), f"at {second}")
        was[second] = values.get("key")
        if second >= 10:
            assert values.get("key", fresh=False) == was[second - 10], second


def test_a_stale_read_knows_nothing_of_a_young_key(now):
    values = ValueMap(now, replica_lag=1.0)
    now.seconds = 5.0
    values.compare_and_set("key", None, "new")
    now.seconds = 5.9
    assert values.get("key", fresh=False) is None
    assert values.get("key") == "new"
    now.seconds = 6.0
    assert values.get("key", fresh=False) == "new"


def test_a_stale_read_sees_a_deleted_and_an_expired_value_for_a_lag(now):
    values = ValueMap(now, replica_lag=2.0)
    values.compare_and_set("deleted", None, "x")
    values.compare_and_set("expired", None, "y", expires_in=5.0)
    now.seconds = 5.0
    values.compare_and_set("deleted", "x", None)
    assert values.get("expired") is None
    now.seconds = 6.9
    assert values.get("deleted", fresh=False) == "x"
    assert values.get("expired", fresh=False) == "y"
    now.seconds = 7.0
    assert values.get("deleted", fresh=False) is None
    assert values.get("expired", fresh=False) is None


def test_counters_lag_too(now):
    values = ValueMap(now, replica_lag=1.0)
    values.increment("count")
    now.seconds = 3.0
    values.raise_to("count", 9)
    assert (values.get("count", fresh=False), values.get("count")) == (1, 9)


def test_without_a_lag_every_read_is_fresh(now):
    values = ValueMap(now)
    values.compare_and_set("key", None, "a")
    assert values.get("key", fresh=False) == "a"


def test_an_expired_counter_starts_again_at_0(now):
    values = ValueMap(now)
    values.compare_and_set("count", None, 7, expires_in=1.0)
    now.seconds = 1.0
    assert values.increment("count") == 1


def test_an_expired_value_is_gone_at_its_very_moment(now):
    values = ValueMap(now)
    values.compare_and_set("key", None, "a", expires_in=1.0)
    now.seconds = 0.999
    assert values.get("key") == "a"
    now.seconds = 1.0
    assert values.get("key") is None


@pytest.mark.parametrize("operation", ["increment", "raise_to"])
def test_counting_what_is_no_counter_is_the_algorithms_fault(now, operation):
    values = ValueMap(now)
    values.compare_and_set("key", None, "text")
    with pytest.raises(AlgorithmError, match="no counter"):
        getattr(values, operation)("key", 1)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_an_expiry_lies_in_the_future(now, seconds):
    with pytest.raises(ValueError, match="not in the future"):
        ValueMap(now).compare_and_set("key", None, "a", expires_in=seconds)


def test_a_negative_lag_is_refused(now):
    with pytest.raises(ValueError, match="negative"):
        ValueMap(now, replica_lag=-1.0)
