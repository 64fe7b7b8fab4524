"""Every case of up to so many deviations: what random search may miss, a small model can be gone through.

From a run follow all cases with one deviation: one at each key that it asked, once for each thing that can be done
there. From each of these runs follow those with a second deviation, and so on. A child deviates only at keys that were
asked after its parent's last one: the prefix is the same run, so every set of deviations comes up exactly once. All
with one deviation come first, then all with two: a search that is cut short can say of a depth that it was whole, and
of the next how many there are.

Among what can be done is the order of events (imsim/sim/steering.py): of what is due at one node at once, anything may
come first, and a frame may be late until its receiver has met something else, until a timer of it has gone off, or
until everything is healed. Other delays and pauses take few values, and nothing else is tried about the network (a
caller makes its latency constant). What a search went through is said with these bounds.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from imsim.scenario import Scenario
from imsim.scenario.network import LinkKind
from imsim.sim import deviations as acts
from imsim.sim.algorithms import Algorithms
from imsim.sim.deviations import Deviation, possible
from imsim.verify.search.case import Case
from imsim.verify.search.sampling import faults_of
from imsim.verify.search.strategy import Strategy
from imsim.verify.search.trial import try_case

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imsim.sim.decisions import Key, Kind
    from imsim.sim.deviations import Action
    from imsim.verify.search.trial import Told, Trial

__all__ = ["Exhaustive", "bounds", "children"]

_SECONDS: Final[dict[type[Action], tuple[float, ...]]] = {acts.Delay: (0.5, 8.0), acts.Pause: (8.0,)}
"""Longer than a round trip, and longer than most time-outs."""


class Choice(NamedTuple):
    """A decision of a run: at which place of it, and what may be done there."""

    place: int
    key: Key
    actions: tuple[Action, ...]

    def deviation(self, number: int) -> tuple[int, Deviation]:
        """One of them, and where."""
        return self.place, Deviation(self.key, self.actions[number])


class Exhaustive(msgspec.Struct, frozen=True, eq=False):
    """All cases of up to so many deviations, the one without any first; see `Source`.

    Number 0 is that one, then come those with one deviation, the *roots*; then for each depth below the roots again,
    in as many *shares* as make about a portion each: so much of what follows from this root at this depth.

    Attributes:
        scenario, seed, algorithms: what is asked.
        choices: what the run without deviations was asked, each key once, and what may be done there.
        ends: the number of the last root at each of them.
        share_ends: the number of the last share of the roots at each of them.
        depth: how many deviations a case has at most.
        largest: cases that a process may be handed at once.
    """

    scenario: Scenario
    seed: int
    algorithms: Algorithms
    choices: tuple[Choice, ...]
    ends: tuple[int, ...]
    share_ends: tuple[int, ...]
    depth: int
    largest: int

    @staticmethod
    def of(scenario: Scenario, *, seed: int, algorithms: Algorithms, depth: int, largest: int) -> Exhaustive:
        """All cases of up to `depth` deviations.

        Raises:
            ConfigError: the scenario asks for what there is not.
        """
        case = Case(scenario=scenario, seed=seed)
        base = try_case(case, algorithms=algorithms, recording=True, steered=True)
        choices = tuple(_choices(base, -1))
        roots = [len(choice.actions) for choice in choices]
        ends = tuple(itertools.accumulate(roots))
        shares = (here * _shares(ends[-1], end, largest) for here, end in zip(roots, ends, strict=True))
        share_ends = tuple(itertools.accumulate(shares))
        return Exhaustive(scenario, seed, algorithms, choices, ends, share_ends, depth, largest)

    @property
    def strategy(self) -> Strategy:
        """It is one."""
        return Strategy.EXHAUSTIVE

    @property
    def roots(self) -> int:
        """How many cases have one deviation."""
        return self.ends[-1] if self.ends else 0

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return 1 + self.roots + (self.depth - 1) * (self.share_ends[-1] if self.share_ends else 0)

    def at_once(self, index: int) -> int:
        """A share is a portion of its own."""
        return self.largest if index <= self.roots else 1

    def tell(self, index: int, order: tuple[int, ...]) -> Iterator[Told]:
        """Try the case of this number, or the share."""
        if index == 0:
            yield self._told((), -1, order)
        elif index <= self.roots:
            place, root = self.root(index)
            yield self._told((root,), place, order)
        else:
            deeper, number = divmod(index - self.roots - 1, self.share_ends[-1])
            yield from self._share(number + 1, deeper, order)

    def root(self, index: int) -> tuple[int, Deviation]:
        """The deviation of a root: at which place of the first run it is, and what is done.

        Neighbours in the order of a search are far apart in the run: one that is cut short has tried something of all.
        """
        place, beyond = _at(_scattered(index, self.roots), self.ends)
        return self.choices[place].deviation(beyond)

    def _share(self, number: int, deeper: int, order: tuple[int, ...]) -> Iterator[Told]:
        """Of what follows from a root `deeper` below its own children, one part."""
        place, beyond = _at(_scattered(number, self.share_ends[-1]), self.share_ends)
        parts = _shares(self.roots, self.ends[place], self.largest)
        action, part = divmod(beyond, parts)
        asked, deviation = self.choices[place].deviation(action)
        root = self._try((deviation,), parent=True)
        for child in itertools.islice(enumerate(children(root, asked), start=1), part, None, parts):
            yield from self._below(root, child, deeper, order)

    def _below(
        self, parent: Trial, child: tuple[int, tuple[int, Deviation]], deeper: int, order: tuple[int, ...]
    ) -> Iterator[Told]:
        number, (place, deviation) = child
        deviations, order = (*parent.case.deviations, deviation), (*order, number)
        if not deeper:
            yield self._told(deviations, place, order)
            return
        trial = self._try(deviations, parent=True)
        for one in enumerate(children(trial, place), start=1):
            yield from self._below(trial, one, deeper - 1, order)

    def _told(self, deviations: tuple[Deviation, ...], place: int, order: tuple[int, ...]) -> Told:
        parent = len(deviations) < self.depth
        trial = self._try(deviations, parent=parent)
        follow = sum(len(choice.actions) for choice in _choices(trial, place)) if parent else 0
        return trial.told(order, faults_of(deviations), follow=follow)

    def _try(self, deviations: tuple[Deviation, ...], *, parent: bool) -> Trial:
        """Run a case; what may follow from it hangs on all that a `parent` was asked."""
        case = Case(scenario=self.scenario, seed=self.seed, deviations=deviations)
        return try_case(case, algorithms=self.algorithms, recording=parent, steered=parent)


def bounds(depth: int) -> str:
    """What all cases of up to `depth` deviations are, for a person."""
    plural = "" if depth == 1 else "s"
    return (
        f"up to {depth} deviation{plural}, on links of constant latency; any first of what is due at a node at once; "
        "frames held until their receiver's next event, its next timer, or the end of all faults; "
        "calls, writes and connections late by 0.5 or 8 s; pauses of 8 s"
    )


def children(trial: Trial, place: int) -> Iterator[tuple[int, Deviation]]:
    """What may be done once more after the key at `place`: where, and what."""
    for choice in _choices(trial, place):
        yield from map(choice.deviation, range(len(choice.actions)))


def _choices(trial: Trial, place: int) -> Iterator[Choice]:
    """What was asked after a place; each key once, as a flawed algorithm can be asked the same again."""
    streams = _streams(trial.case.scenario)
    met = set(trial.keys[: place + 1])
    for later in range(place + 1, len(trial.keys)):
        key = trial.keys[later]
        if key not in met:
            met.add(key)
            yield Choice(later, key, _actions(key.kind, streams=streams))


def _shares(roots: int, end: int, largest: int) -> int:
    """In how many shares what follows from a root is gone through: so many others are after it, and what it brings."""
    return 1 + (roots - end + roots // 4) // largest


def _at(number: int, ends: Sequence[int]) -> tuple[int, int]:
    """Where a number from 1 belongs, of groups that end at these numbers, and how many of its group are before it."""
    group = bisect.bisect_left(ends, number)
    return group, number - 1 - (ends[group - 1] if group else 0)


def _scattered(number: int, count: int) -> int:
    """The numbers from 1 to `count`, neighbours far from each other."""
    return 1 + (number - 1) * _stride(count) % count


@functools.cache
def _stride(count: int) -> int:
    """A step that leads to every one of so many numbers, each far from those before it: about a golden section."""
    return next(step for step in range(int(count * 0.618), count + 1) if math.gcd(step, count) == 1)


def _streams(scenario: Scenario) -> bool:
    """Whether every link is a stream."""
    return all(profile.kind is LinkKind.STREAM for profile in scenario.network.profiles.values())


@functools.cache
def _actions(kind: Kind, *, streams: bool) -> tuple[Action, ...]:
    """What may be done at a decision: late frames are held, and a stream does not deliver twice."""
    made: list[Action] = []
    held = acts.Hold in possible(kind)
    for action in possible(kind):
        if action is acts.Hold:
            made += [acts.Hold(until) for until in acts.Release]
        elif (action is acts.Delay and held) or (action is acts.Duplicate and streams):
            continue
        elif action in _SECONDS:
            timed: Any = action
            made += [timed(seconds) for seconds in _SECONDS[action]]
        else:
            made.append(action())  # type: ignore[call-arg]
    return tuple(made)
