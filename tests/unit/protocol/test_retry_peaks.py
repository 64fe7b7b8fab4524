"""Ten thousand clients lose one server together: how many of their retries meet in 20 ms?

A published calibration gives 10,000 without jitter, 438 with equal, 327 with full and 150 with decorrelated jitter.
Its setting was not stated; a first ceiling of 1 s, doubling, with every retry failing, gives the same numbers.
"""

from __future__ import annotations

import random

import numpy as np
import pytest

from imsim.protocol.retry import DecorrelatedJitter, EqualJitter, Exponential, FullJitter, RetryPolicy

CLIENTS = 10_000
WINDOW = 0.020
ATTEMPTS = 6


def peak(policy: RetryPolicy, seed: int) -> int:
    """The most retries within any window, every client failing at time 0 and at each of its retries."""
    source = random.Random(seed)
    times = np.empty((CLIENTS, ATTEMPTS))
    for client in range(CLIENTS):
        now, previous = 0.0, 0.0
        for attempt in range(1, ATTEMPTS + 1):
            previous = policy.next_delay(attempt, previous, source) or 0.0
            now += previous
            times[client, attempt - 1] = now
    moments = np.sort(times, axis=None)
    return int((np.searchsorted(moments, moments + WINDOW, side="right") - np.arange(moments.size)).max())


def test_peaks_come_in_the_published_order() -> None:
    none = peak(Exponential(base=1.0, cap=60.0), seed=7)
    equal = peak(EqualJitter(base=1.0, cap=60.0), seed=7)
    full = peak(FullJitter(base=1.0, cap=60.0), seed=7)
    decorrelated = peak(DecorrelatedJitter(base=1.0, cap=60.0), seed=7)
    assert none == CLIENTS
    assert none > equal > full > decorrelated
    assert equal == pytest.approx(438, rel=0.15)
    assert full == pytest.approx(327, rel=0.15)
    assert decorrelated == pytest.approx(150, rel=0.15)
