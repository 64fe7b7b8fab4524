"""What every strategy of synchronisation promises (imsim/protocol/sync/strategy.py), on both of its halves.

The heart of it is the bound that a strategy states: somebody who is connected and healed, and missed a commit, checks
within `worst_staleness()` seconds. Strategies are driven through the moments of a quiet device's life, in which nothing
comes by itself, and the longest time between two checks is looked at.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from imsim.protocol.sync import CheckNow, Delivery, Rest, Strategy, View, Wake
from imsim.testing.promise import PlainBook, expect, is_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from imsim.protocol.sync import Timing
    from imsim.protocol.sync.strategy import Step

__all__ = ["SYNC_POLICY", "check_sync_policy"]

SYNC_POLICY: Final = PlainBook("SyncPolicy")

_HAIR: Final = 1e-6
_ROUNDS: Final = 12
_DAY: Final = 86400.0
_VIEWS: Final = tuple(
    View(wall=hour * 3600.0, behind=behind, troubles=troubles)
    for hour in (3.0, 12.0)
    for behind in (False, True)
    for troubles in (0, 1, 40)
)


def check_sync_policy(strategy: Strategy, *, only: Sequence[str] | None = None) -> None:
    """Check that a strategy keeps every promise.

    Args:
        strategy: the strategy.
        only: names of promises (`SYNC_POLICY.sentences`), instead of all.

    Raises:
        AssertionError: a promise is broken; the message says which.
        ConfigError: `only` names a promise that does not exist.
    """
    SYNC_POLICY.check(strategy, only=only)


def _moments(strategy: Strategy) -> dict[str, Callable[[Timing, View, float], Step]]:
    return {
        "on_start": strategy.on_start,
        "on_heads": strategy.on_heads,
        "on_quiet": strategy.on_quiet,
        "on_timer": strategy.on_timer,
        "on_hint": strategy.on_hint,
    }


def _answers(strategy: Strategy) -> Iterator[tuple[str, float, Timing, View, Step]]:
    """Every moment in every view, from the first state and from what follows it."""
    states = [strategy.initial()]
    for _ in range(3):
        for name, moment in _moments(strategy).items():
            for view in _VIEWS:
                now = 1000.0 * len(states)
                step = moment(states[-1], view, now)
                given: object = step
                if not (isinstance(given, tuple) and len(given) == 2):  # noqa: PLR2004 (a state, and actions)
                    raise AssertionError(f"{name} at {now:g} s with {view}: {given!r} is no state with its actions")
                yield name, now, states[-1], view, step
        states.append(step[0])


@SYNC_POLICY.promise("it has a name, and a bound that is None or a number of seconds")
def introduces_itself(strategy: Strategy) -> None:
    """Hello carries the name; the judge goes by the bound."""
    name: object = strategy.name
    if not (isinstance(name, str) and name):
        raise AssertionError(f"its name is {strategy.name!r}")
    bound = strategy.worst_staleness()
    if bound is not None and not (is_seconds(bound) and bound):
        raise AssertionError(f"worst_staleness() is {bound!r}")


@SYNC_POLICY.promise("the same moment gets the same answer, and no state is changed in place")
def is_pure(strategy: Strategy) -> None:
    """Asked twice, with the state of before."""
    expect(strategy.initial(), strategy.initial(), "its initial state, asked twice")
    for name, now, state, view, step in _answers(strategy):
        before = repr(state)
        expect(_moments(strategy)[name](state, view, now), step, f"{name} at {now:g} s with {view}, asked again")
        expect(repr(state), before, f"the state that was given to {name}")


@SYNC_POLICY.promise("it answers with checks, wakes and rests, none of which lies in the past")
def plans_ahead(strategy: Strategy) -> None:
    """At the moment itself it would be woken without end."""
    for name, now, _, view, (_, actions) in _answers(strategy):
        for action in actions:
            if not isinstance(action, CheckNow | Wake | Rest):
                raise AssertionError(f"{name} with {view}: {action!r} is no action")  # noqa: TRY004 (a broken promise)
            at = action.at if isinstance(action, Wake) else action.until if isinstance(action, Rest) else math.inf
            if not at > now:
                raise AssertionError(f"{name} at {now:g} s with {view}: {action!r} is no later moment")


@SYNC_POLICY.promise("the server holds a check no longer than the device asks")
def holds_as_asked(strategy: Strategy) -> None:
    """Longer would look like a lost answer."""
    for hold in (0.0, 0.5, 30.0, 3600.0):
        held = strategy.on_check(hold)
        if not 0.0 <= held <= hold:
            raise AssertionError(f"asked to hold a check for {hold:g} s, it says {held!r}")


@SYNC_POLICY.promise("a commit is pushed, hinted or not told")
def tells_commits(strategy: Strategy) -> None:
    """Nothing else exists."""
    if not isinstance(strategy.on_commit(), Delivery):
        raise AssertionError(f"on_commit() is {strategy.on_commit()!r}")  # noqa: TRY004 (a broken promise)


@SYNC_POLICY.promise("a device that hears nothing checks within the bound that is stated")
def finds_what_was_missed(strategy: Strategy) -> None:
    """At noon and at night, rests included; a check that is held is answered when its hold ends."""
    bound = strategy.worst_staleness()
    if bound is None:
        return
    for wall in (0.0, _DAY / 2):
        last = 0.0
        for now in _checks(strategy, wall, until=_ROUNDS * bound):
            if now - last > bound + _HAIR:
                break
            last = now
        else:
            now = _ROUNDS * bound
        if now - last > bound + _HAIR:
            raise AssertionError(f"no check between {last:g} s and {now:g} s, where {bound:g} s are stated")


def _checks(strategy: Strategy, wall: float, *, until: float) -> Iterator[float]:
    """When a quiet device that is connected at 0 has its checks answered."""
    state, now, wake, answer, rest = strategy.initial(), 0.0, math.inf, math.inf, False
    pending = [strategy.on_start, strategy.on_quiet]
    while now <= until:
        for moment in pending:
            state, actions = moment(state, View(wall + now, behind=False, troubles=0), now)
            for action in actions:
                if isinstance(action, CheckNow):
                    answer = min(answer, now + strategy.on_check(action.hold))
                elif isinstance(action, Wake):
                    wake = action.at
                else:
                    wake, rest = action.until, True
        now = min(wake, answer)
        if now == math.inf:
            return
        if answer <= now:
            answer = math.inf
            yield now
            pending = [strategy.on_heads, strategy.on_quiet]
        else:
            wake, pending = math.inf, [strategy.on_start, strategy.on_quiet] if rest else [strategy.on_timer]
            rest = False
