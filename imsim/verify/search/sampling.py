"""Random cases: which faults exist at all is drawn first, then how many, and only then where.

Most bugs need few faults, and some kinds of fault hide what others would show: who crashes all the time never gets
far enough to meet a duplicate. So each case draws the kinds that it may use (*swarm testing*: Groce, Zhang, Eide, Chen
and Regehr, ISSTA 2012) and how many deviations it expects. Where they happen is decided while the world runs, at every
decision with the same small chance, by the bits of that decision's key; partitions and jumps of clocks, which belong to
no decision, are drawn beforehand.

Case `index` is a function of (scenario, seed, index) alone, so any number of processes finds the same.
"""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from imsim.errors import AlgorithmError
from imsim.scenario import Scenario
from imsim.sim import deviations as acts
from imsim.sim.algorithms import Algorithms
from imsim.sim.decisions import GOLDEN, MASK, Decisions, Improviser, Key, Kind, draw, name_hash, remix, unit
from imsim.sim.deviations import Deviation, possible
from imsim.sim.workload import plan
from imsim.sim.world import World
from imsim.verify.search.case import Case
from imsim.verify.search.strategy import Strategy
from imsim.verify.search.trial import try_case

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imsim.sim.deviations import Action, TimedAction
    from imsim.verify.search.trial import Told

__all__ = [
    "FAULTS",
    "JUMPS",
    "MOST",
    "SECONDS",
    "Ground",
    "Sample",
    "Sampling",
    "bits_from",
    "faults_of",
    "pick",
    "queue_of",
    "sample",
    "survey",
]

_EXPECTED: Final = (1, 1, 2, 3, 5, 8, 13)
"""How many deviations a case expects."""
SECONDS: Final = (0.05, 0.5, 2.0, 8.0, 30.0)
"""Delays and pauses: about a round trip, a retry, a time-out, a silence, and longer than all of them."""
JUMPS: Final = (-3600.0, -5.0, 5.0, 3600.0)
MOST: Final = 1_000_000
"""Cases of one seed."""

_BY_KEY: Final[dict[str, tuple[type[Action], ...]]] = {
    "drop": (acts.Drop, acts.LosePush),
    "duplicate": (acts.Duplicate,),
    "delay": (acts.Delay,),
    "cut": (acts.Cut,),
    "crash": (acts.CrashBefore, acts.CrashAfter),
    "pause": (acts.Pause,),
    "time out": (acts.TimeoutBefore, acts.TimeoutAfter),
}
_BY_TIME: Final[dict[str, tuple[type[TimedAction], ...]]] = {"partition": (acts.Partition,), "clock": (acts.ClockJump,)}
_ACTIONS: Final = {**_BY_KEY, **_BY_TIME}
FAULTS: Final = tuple(_ACTIONS)
"""The kinds of fault, as a person calls them."""
_FAULT_OF: Final[dict[type, str]] = {action: fault for fault, actions in _ACTIONS.items() for action in actions} | {
    acts.Hold: "delay",
    acts.Yield: "tie",
}
"""Of every action, those that only a search through everything uses included."""


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to deviate from, as a run without deviations shows it.

    Attributes:
        keys: the decisions that were asked, in order.
        asked: how many there were of each kind.
        places: where things wait their turn (`queue_of`).
        servers, devices: their names.
        sites: between which partitions may be.
        duration: seconds until everything is healed.
    """

    keys: tuple[Key, ...]
    asked: dict[Kind, int]
    places: tuple[str, ...]
    servers: tuple[str, ...]
    devices: tuple[str, ...]
    sites: tuple[str, ...]
    duration: float


class Sample(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A case that is not finished: the world makes the rest of it.

    Attributes:
        case: what is known beforehand.
        faults: the kinds of fault that it may use.
        improviser: makes the rest.
    """

    case: Case
    faults: tuple[str, ...]
    improviser: Improviser


def survey(scenario: Scenario, *, seed: int, algorithms: Algorithms) -> Ground:
    """Run a scenario once without deviations, to see what there is.

    An algorithm that breaks its contract even then shows what there is up to there.

    Raises:
        ConfigError: the scenario asks for what there is not.
    """
    world = World(scenario, seed=seed, recording=True, algorithms=algorithms)
    with contextlib.suppress(AlgorithmError):
        world.run()
    decisions = world.decisions
    keys = tuple(map(decisions.key_of, decisions.record or ()))
    return Ground(
        keys=keys,
        asked=dict(Counter(key.kind for key in keys)),
        places=tuple(sorted({queue_of(key.kind, key.place) for key in keys})),
        servers=tuple(server.name for server in world.servers),
        devices=tuple(world.devices),
        sites=scenario.network.sites,
        duration=world.plan.duration,
    )


def sample(scenario: Scenario, ground: Ground, *, seed: int, index: int) -> Sample:
    """The case of this number, as far as it is known before it runs."""
    bits = bits_from(draw(name_hash("case"), seed, index + 1))
    faults = _swarm(ground, bits)
    expected = pick(_EXPECTED, next(bits))
    own = seed * MOST + index
    nodes = ground.servers
    if "clock" in faults:  # which devices there are may hang on the seed
        nodes += tuple(device.name for device in plan(scenario, Decisions(own)).devices)
    deviations = tuple(_timed(faults, ground, nodes, expected, bits))
    return Sample(
        case=Case(scenario=scenario, seed=own, deviations=deviations),
        faults=faults,
        improviser=_improviser(faults, ground, expected),
    )


class Sampling(msgspec.Struct, frozen=True, eq=False):
    """Cases by chance; see `Source`.

    Attributes:
        scenario, ground, seed, algorithms, largest: what is asked.
        strategy: the one that it is.
        draft: the case of a number, as far as that is known before it runs, such as `sample`.
    """

    scenario: Scenario
    ground: Ground
    seed: int
    algorithms: Algorithms
    largest: int
    strategy: Strategy
    draft: Callable[..., Sample]

    @property
    def count(self) -> None:
        """There is no end."""
        return

    def at_once(self, _index: int) -> int:
        """The same everywhere."""
        return self.largest

    def tell(self, index: int, order: tuple[int, ...]) -> Iterator[Told]:
        """Try one."""
        draft = self.draft(self.scenario, self.ground, seed=self.seed, index=index)
        trial = try_case(draft.case, algorithms=self.algorithms, improviser=draft.improviser)
        yield trial.told(order, draft.faults)


def _swarm(ground: Ground, bits: Iterator[int]) -> tuple[str, ...]:
    """Each kind of fault with an even chance, at least one of them."""
    there = [fault for fault in FAULTS if fault != "partition" or len(ground.sites) > 1]
    drawn = tuple(fault for fault in there if next(bits) & 1)
    return drawn or (pick(there, next(bits)),)


def _timed(
    faults: Sequence[str], ground: Ground, nodes: Sequence[str], expected: int, bits: Iterator[int]
) -> Iterator[Deviation]:
    for fault in _BY_TIME:
        if fault in faults:
            for _ in range(1 + next(bits) % max(1, expected // 2)):
                made = _partition(ground, bits) if fault == "partition" else _clock_jump(ground, nodes, bits)
                yield Deviation(None, made)


def _partition(ground: Ground, bits: Iterator[int]) -> acts.Partition:
    a = pick(ground.sites, next(bits))
    b = pick([site for site in ground.sites if site != a], next(bits))
    at = _moment(ground, next(bits))
    until = round(at + pick(SECONDS[1:], next(bits)), 3)
    return acts.Partition(at=at, until=until, a=a, b=b, one_way=bool(next(bits) & 1))


def _clock_jump(ground: Ground, nodes: Sequence[str], bits: Iterator[int]) -> acts.ClockJump:
    return acts.ClockJump(at=_moment(ground, next(bits)), node=pick(nodes, next(bits)), seconds=pick(JUMPS, next(bits)))


def _improviser(faults: Sequence[str], ground: Ground, expected: int) -> Improviser:
    """Deviates about `expected` times, at decisions of which every one is as likely as the other."""
    allowed = {action for fault in faults for action in _BY_KEY.get(fault, ())}
    choices = {kind: tuple(action for action in possible(kind) if action in allowed) for kind in Kind}
    decisions = sum(count for kind, count in ground.asked.items() if choices[kind])
    chance = expected / decisions if decisions else 0.0
    limit = math.ceil(chance * 2.0**53)

    def improvise(kind: Kind, _place: str, key: int) -> Action | None:
        can = choices[kind]
        if not can or remix(key, 1) >> 11 >= limit:  # `unit(…) >= chance`, of every decision there is
            return None
        action: Any = pick(can, remix(key, 2))
        made: Action = action(pick(SECONDS, remix(key, 3))) if action in {acts.Delay, acts.Pause} else action()
        return made

    return improvise


def faults_of(deviations: Sequence[Deviation]) -> tuple[str, ...]:
    """The kinds of fault that deviations are of."""
    return tuple(dict.fromkeys(_FAULT_OF[type(deviation.action)] for deviation in deviations))


def queue_of(kind: Kind, place: str) -> str:
    """Where a decision waits its turn: its place, and for all calls of a port that of who makes them."""
    return place.partition(" ")[2] if kind is Kind.PORT else place


def bits_from(state: int) -> Iterator[int]:
    """As many numbers of 64 bits as are wanted."""
    while True:
        state = (state + GOLDEN) & MASK
        yield remix(state)


def pick(choices: Sequence[Any], bits: int) -> Any:  # noqa: ANN401 (one of them)
    """One of the choices, each as likely as the others."""
    return choices[(bits >> 16) % len(choices)]


def _moment(ground: Ground, bits: int) -> float:
    return round(unit(bits) * ground.duration, 3)
