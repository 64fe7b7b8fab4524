"""Retry arithmetic, against the numbers that were published for it."""

from __future__ import annotations

import itertools
import random

import msgspec
import pytest

from imsim.protocol.retry import (
    Breaker,
    BreakerState,
    Circuit,
    Cyclic,
    DecorrelatedJitter,
    EqualJitter,
    Exponential,
    Fixed,
    FullJitter,
    RetryBudget,
    RetryPolicy,
    Stability,
    after,
)

POLICIES = [
    Fixed(base=2.0),
    Exponential(base=1.0, multiplier=1.6, cap=120.0, jitter=0.2),
    FullJitter(base=0.5, cap=20.0),
    EqualJitter(base=0.5, cap=8.0),
    DecorrelatedJitter(base=1.0, cap=30.0),
    Cyclic(delays=(1.0, 2.0, 4.0), spread=0.5),
]


class Always:
    """Draws that sit at one point of their range."""

    def __init__(self, point: float) -> None:
        self.point = point

    def random(self) -> float:
        return self.point

    def uniform(self, a: float, b: float, /) -> float:
        return a + (b - a) * self.point


LOW, MIDDLE, HIGH = Always(0.0), Always(0.5), Always(1.0)


def delays(policy: RetryPolicy, draws: Always, count: int) -> list[float | None]:
    found: list[float | None] = []
    previous = 0.0
    for attempt in range(1, count + 1):
        delay = policy.next_delay(attempt, previous, draws)
        found.append(delay)
        previous = delay or 0.0
    return found


def test_exponential_without_jitter_is_the_capped_power() -> None:
    assert delays(Exponential(base=0.5, cap=5.0), LOW, 6) == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_grpc_grows_by_1_6_give_or_take_a_fifth_up_to_120_s() -> None:
    grpc = Exponential(base=1.0, multiplier=1.6, cap=120.0, jitter=0.2)
    assert delays(grpc, MIDDLE, 3) == pytest.approx([1.0, 1.6, 2.56])
    assert delays(grpc, LOW, 3) == pytest.approx([0.8, 1.28, 2.048])
    assert delays(grpc, HIGH, 20)[-1] == pytest.approx(144.0)


def test_full_jitter_spans_zero_to_the_ceiling() -> None:
    policy = FullJitter(base=1.0, cap=10.0)
    assert delays(policy, LOW, 5) == [0.0] * 5
    assert delays(policy, HIGH, 5) == [1.0, 2.0, 4.0, 8.0, 10.0]


def test_equal_jitter_is_half_fixed_half_random() -> None:
    policy = EqualJitter(base=1.0, cap=10.0)
    assert delays(policy, LOW, 5) == [0.5, 1.0, 2.0, 4.0, 5.0]
    assert delays(policy, HIGH, 5) == [1.0, 2.0, 4.0, 8.0, 10.0]


def test_decorrelated_jitter_draws_between_base_and_three_times_the_previous() -> None:
    policy = DecorrelatedJitter(base=1.0, cap=20.0)
    assert delays(policy, LOW, 4) == [1.0] * 4
    assert delays(policy, HIGH, 4) == [3.0, 9.0, 20.0, 20.0]


def test_openim_reconnect_goes_round_its_list() -> None:
    assert delays(Cyclic(), HIGH, 7) == [1.0, 2.0, 4.0, 8.0, 16.0, 1.0, 2.0]


def test_mattermost_reconnect_ends_in_its_last_delay() -> None:
    policy = Cyclic(delays=(3.0,) * 7 + (192.0, 243.0, 300.0), again_from=9, spread=2.0)
    assert delays(policy, LOW, 13) == [3.0] * 7 + [192.0, 243.0] + [300.0] * 4
    assert delays(policy, HIGH, 1) == [5.0]


def test_cyclic_may_go_on_from_its_middle() -> None:
    assert delays(Cyclic(delays=(1.0, 2.0, 3.0), again_from=1), LOW, 6) == [1.0, 2.0, 3.0, 2.0, 3.0, 2.0]


def test_the_last_attempt_is_followed_by_none() -> None:
    assert delays(Fixed(base=1.0, attempts=3), LOW, 4) == [1.0, 1.0, None, None]


def test_an_endless_policy_survives_ten_thousand_failures() -> None:
    assert FullJitter(cap=30.0).next_delay(10_000, 30.0, HIGH) == 30.0


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: type(policy).__name__)
def test_no_draw_falls_below_the_least_delay(policy: RetryPolicy) -> None:
    source = random.Random(11)
    previous = 0.0
    for attempt in range(1, 300):
        delay = policy.next_delay(attempt, previous, source)
        assert delay is not None
        assert delay >= policy.least_delay(attempt, previous) >= 0.0
        previous = delay


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: type(policy).__name__)
def test_the_least_delay_is_met_by_the_lowest_draw(policy: RetryPolicy) -> None:
    for attempt, previous in itertools.product((1, 2, 5, 40), (0.0, 1.0, 30.0)):
        assert policy.next_delay(attempt, previous, LOW) == pytest.approx(policy.least_delay(attempt, previous))


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: type(policy).__name__)
def test_a_policy_survives_being_written_and_read(policy: RetryPolicy) -> None:
    assert msgspec.convert(msgspec.to_builtins(policy), RetryPolicy) == policy


def test_the_deadline_refuses_a_try_that_would_come_too_late() -> None:
    policy = Fixed(base=2.0, deadline=10.0)
    assert policy.within(2.0, 8.0) == 2.0
    assert policy.within(2.0, 8.1) is None
    assert policy.within(None, 0.0) is None
    assert Fixed().within(2.0, 1e9) == 2.0


def test_retry_after_is_a_floor_below_the_policys_own_spread() -> None:
    assert after(1.5, None) == 1.5
    assert after(1.5, 10.0) == 11.5
    assert after(None, 10.0) is None


def test_a_budget_lets_one_in_ten_requests_be_retried() -> None:
    budget = RetryBudget(ratio=0.1, burst=10.0)
    tokens, retries = 0.0, 0
    for _ in range(1000):
        tokens = budget.requested(tokens)
        paid = budget.retried(tokens)
        if paid is not None:
            tokens, retries = paid, retries + 1
    assert retries == 100


def test_a_budget_saves_up_no_more_than_its_burst() -> None:
    budget = RetryBudget(ratio=0.5, burst=3.0)
    tokens = budget.burst
    for _ in range(50):
        tokens = budget.requested(tokens)
    spent = 0
    while (paid := budget.retried(tokens)) is not None:
        tokens, spent = paid, spent + 1
    assert spent == 3


def test_a_breaker_opens_on_failures_in_a_row_only() -> None:
    breaker, state = Breaker(failures=3, cool_down=10.0), BreakerState()
    state = breaker.failed(breaker.failed(state, 1.0), 2.0)
    state = breaker.succeeded(state)
    state = breaker.failed(breaker.failed(state, 3.0), 4.0)
    assert breaker.ask(state, 4.0) == (True, state)
    state = breaker.failed(state, 5.0)
    assert state == BreakerState(Circuit.OPEN, 0, 5.0)
    assert breaker.ask(state, 14.9) == (False, state)


def test_a_probe_decides_a_half_open_breaker() -> None:
    breaker = Breaker(failures=1, cool_down=10.0, probes=1)
    opened = breaker.failed(BreakerState(), 0.0)
    allowed, probing = breaker.ask(opened, 10.0)
    assert allowed
    assert probing.circuit is Circuit.HALF_OPEN
    assert breaker.ask(probing, 10.1)[0] is False
    assert breaker.succeeded(probing).circuit is Circuit.CLOSED
    assert breaker.failed(probing, 11.0) == BreakerState(Circuit.OPEN, 0, 11.0)


def test_a_late_answer_does_not_close_an_open_breaker() -> None:
    breaker = Breaker(failures=1)
    opened = breaker.failed(BreakerState(), 5.0)
    assert breaker.succeeded(opened) == opened
    assert breaker.failed(opened, 7.0) == opened


def test_attempts_are_reset_on_stability_and_not_on_connect() -> None:
    rule = Stability(seconds=10.0)
    assert rule.attempts(7, accepted=None, ended=1000.0) == 7
    assert rule.attempts(7, accepted=100.0, ended=109.9) == 7
    assert rule.attempts(7, accepted=100.0, ended=110.0) == 0
