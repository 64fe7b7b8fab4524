"""What every retry policy promises (imsim/protocol/retry.py): a device and a session rely on it without looking.

A policy answers three questions: how long to wait after a failed attempt (`next_delay`), what that is at least
(`least_delay`, so that nobody draws before it matters), and whether a deadline allows the wait (`within`).
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Final

from imsim.testing.promise import PlainBook, expect, is_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imsim.ports import Draws
    from imsim.protocol.contract import AnyRetryPolicy

__all__ = ["RETRY_POLICY", "check_retry_policy"]

RETRY_POLICY: Final = PlainBook("RetryPolicy")

_HAIR: Final = 1e-9
_FRESH: Final = 0.0
_ELAPSED: Final = (0.0, 1.0, 60.0, 3600.0, 1e6)


def check_retry_policy(policy: AnyRetryPolicy, *, attempts: int = 40, only: Sequence[str] | None = None) -> None:
    """Check that a policy keeps every promise.

    Args:
        policy: the policy.
        attempts: how many attempts in a row are looked at.
        only: names of promises (`RETRY_POLICY.sentences`), instead of all.

    Raises:
        AssertionError: a promise is broken; the message says which.
        ConfigError: `only` names a promise that does not exist.
    """
    RETRY_POLICY.check(policy, attempts, only=only)


class _Always(random.Random):
    """Always draws the same share of what it may."""

    def __init__(self, share: float) -> None:
        super().__init__(0)
        self._share = share

    def random(self) -> float:
        return self._share


def _luck(number: int) -> Iterator[Draws]:
    """The least, the most, and three fair draws."""
    yield _Always(0.0)
    yield _Always(1.0 - _HAIR)
    for seed in range(3):
        yield random.Random(f"{number}/{seed}")


def _asked(policy: AnyRetryPolicy, attempts: int) -> Iterator[tuple[int, float, float | None]]:
    """Each attempt, the delay before it, and the delay that some draw gives after it."""
    for lucky in range(5):
        previous = _FRESH
        for attempt in range(1, attempts + 1):
            draws = list(_luck(attempt))[lucky]
            delay = policy.next_delay(attempt, previous, draws)
            yield attempt, previous, delay
            if delay is None:
                break
            previous = delay


@RETRY_POLICY.promise("a delay is a finite number of seconds, not negative, or None")
def gives_seconds(policy: AnyRetryPolicy, attempts: int) -> None:
    """For the least, the most and fair draws."""
    for attempt, previous, delay in _asked(policy, attempts):
        if delay is not None and not is_seconds(delay):
            raise AssertionError(f"after attempt {attempt}, with {previous} s before it: {delay!r}")


@RETRY_POLICY.promise("no delay is shorter than least_delay says")
def bounds_from_below(policy: AnyRetryPolicy, attempts: int) -> None:
    """A timer set to the bound must not come late."""
    for attempt, previous, delay in _asked(policy, attempts):
        least = policy.least_delay(attempt, previous)
        if not 0.0 <= least < math.inf or (delay is not None and delay < least - _HAIR):
            raise AssertionError(f"after attempt {attempt}: a delay of {delay} s, where at least {least} s were said")


@RETRY_POLICY.promise("its answers hang on its arguments alone")
def keeps_no_state(policy: AnyRetryPolicy, attempts: int) -> None:
    """Asked again backwards, it answers the same."""
    asked = [(attempt, previous) for attempt, previous, _ in _asked(policy, attempts)]

    def answers(questions: Sequence[tuple[int, float]]) -> list[tuple[float | None, float]]:
        return [
            (policy.next_delay(attempt, previous, random.Random(f"{attempt}")), policy.least_delay(attempt, previous))
            for attempt, previous in questions
        ]

    expect(answers(asked[::-1])[::-1], answers(asked), "its answers, asked backwards")


@RETRY_POLICY.promise("once it has given up, it has given up")
def gives_up_for_good(policy: AnyRetryPolicy, attempts: int) -> None:
    """No later attempt is waited for."""
    given = [policy.next_delay(attempt, _FRESH, random.Random(f"{attempt}")) for attempt in range(1, attempts + 1)]
    if None in given:
        last = given.index(None)
        expect([delay for delay in given[last:] if delay is not None], [], f"its delays after attempt {last + 1}")


@RETRY_POLICY.promise("a deadline lets a delay be or ends it, and never later turns round")
def heeds_its_deadline(policy: AnyRetryPolicy, attempts: int) -> None:  # noqa: ARG001 (one shape a book)
    """`within` gives the very delay, or None from some moment on."""
    expect(policy.within(None, 0.0), None, "within, where the policy has given up")
    for delay in (0.0, 1.0, 60.0):
        answers = [policy.within(delay, elapsed) for elapsed in _ELAPSED]
        alive = [answer for answer in answers if answer is not None]
        expect(answers, [delay] * len(alive) + [None] * (len(answers) - len(alive)), f"within for {delay} s")
