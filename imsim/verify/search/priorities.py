"""Schedules by priority: who is slow is drawn for the whole run, and changes at few moments.

*Probabilistic concurrency testing* (Burckhardt, Kothari, Musuvathi and Nagarakatte, ASPLOS 2010) gives every thread a
random priority, always runs the highest one that can run, and lowers a priority at d - 1 random steps of k: a mistake
that needs d things in one order among n threads then shows with a chance of at least 1 / (n k**(d - 1)), far above
that of late frames here and there. A world of nodes has no scheduler to ask, but it has delays, and so

    a thread    is a place where things wait their turn: frames to bob/phone, frames from it, its writes, the calls of
                server-1
    priority    is a delay: whatever waits at a place of rank r comes r steps of time later than it would, behind what
                the places above it do meanwhile; the first place is in nobody's way
    a change    takes the place that is asked at that moment behind all others, for the rest of the run
    k           is learnt from a run without deviations

Where there are many places, some share a priority. The step is drawn for each case, from within a round trip to more
than a retry's patience. Every second case uses faults beside, as random search does: some orders only matter where
something breaks.

What is held back is named like any delay, at its key, so a case of this kind shrinks to the few late frames that
matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from imsim.sim.decisions import Kind, draw, name_hash
from imsim.sim.deviations import Delay, possible
from imsim.verify.search.case import Case
from imsim.verify.search.sampling import MOST, Ground, Sample, bits_from, pick, queue_of, sample

if TYPE_CHECKING:
    from imsim.scenario import Scenario
    from imsim.sim.decisions import Improviser
    from imsim.sim.deviations import Action

__all__ = ["prioritized"]

_STEPS: Final = (0.02, 0.1, 0.5)
"""Seconds between two neighbouring priorities."""
_LEVELS: Final = 12
"""Priorities at most: with more, the last would wait for longer than anybody waits for an answer."""
_CHANGES: Final = (0, 1, 1, 2, 3, 5)
"""How many changes of priority there may be: one less than the things that must come in one order."""
_DELAYED: Final = frozenset(kind for kind in Kind if Delay in possible(kind))


def prioritized(scenario: Scenario, ground: Ground, *, seed: int, index: int) -> Sample:
    """The case of this number, as far as it is known before it runs."""
    bits = bits_from(draw(name_hash("pct"), seed, index + 1))
    step = pick(_STEPS, next(bits))
    moments = sum(count for kind, count in ground.asked.items() if kind in _DELAYED)
    changes = frozenset(1 + next(bits) % moments for _ in range(pick(_CHANGES, next(bits)))) if moments else frozenset()
    shuffle = next(bits)
    order = sorted(ground.places, key=lambda place: draw(name_hash(place), shuffle, 1))
    if not index % 2:
        case = Case(scenario=scenario, seed=seed * MOST + index)
        return Sample(case=case, faults=("delay",), improviser=_improviser(order, changes, step, None))
    beside = sample(scenario, ground, seed=seed, index=index)
    return Sample(
        case=beside.case,
        faults=tuple(dict.fromkeys(("delay", *beside.faults))),
        improviser=_improviser(order, changes, step, beside.improviser),
    )


def _improviser(order: list[str], changes: frozenset[int], step: float, faults: Improviser | None) -> Improviser:
    """Hold back what is behind others, unless another fault happens there."""
    levels = min(len(order), _LEVELS)
    ranks = {place: number * levels // len(order) for number, place in enumerate(order)}
    asked = 0

    def improvise(kind: Kind, place: str, key: int) -> Action | None:
        nonlocal asked
        fault = None if faults is None else faults(kind, place, key)
        if kind not in _DELAYED:
            return fault
        asked += 1
        queue = queue_of(kind, place)
        if asked in changes:
            ranks[queue] = max(ranks.values(), default=0) + 1
        rank = ranks.get(queue, 0)
        return fault if fault is not None or not rank else Delay(round(rank * step, 3))

    return improvise
