"""Hypothesis strategies for what a search is made of: workloads, faults, scenarios, cases and histories.

    @given(cases(load("tiny")))
    def test_mine(case):
        try_case(case, algorithms=Algorithms(device=MyDevice)).assert_ok()

They draw choices among few (fewer than a hundred at a time) and no other numbers, for two reasons. A case that was
shrunk by Hypothesis should read as one that a person wrote: 0.5 s, not 0.4999 s. And Hypothesis likes numbers that
stand in the source of whatever modules are loaded; from 100 on, what it draws would hang on who imported what.

`imsim check --strategy hypothesis` draws its cases from `cases_on` (imsim/verify/search/drawn.py), and shrinks them
itself: two shrinkers with different ideas of *smaller* would only undo each other's work.

What does not belong here: rules, one after the other, in a world that runs (machine.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from imsim.scenario import Scenario, loads
from imsim.scenario import faults as model
from imsim.scenario.policy import StrategyName
from imsim.scenario.traffic import Action, Listed, Step
from imsim.sim import deviations as acts
from imsim.sim.algorithms import REAL
from imsim.sim.decisions import Key, Kind
from imsim.sim.deviations import Deviation, possible
from imsim.verify.search.case import Case
from imsim.verify.search.sampling import JUMPS, SECONDS, Ground, survey
from imsim.verify.search.trial import try_case

try:
    from hypothesis import strategies as st
except ImportError as error:  # pragma: no cover (the tests have it)
    raise ImportError(
        "imsim.testing.strategies needs Hypothesis (the package `hypothesis`), which is missing"
    ) from error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

    from imsim.history import History

__all__ = ["cases", "cases_on", "faults", "histories", "scenarios", "workloads"]

_FEW: Final = 90
"""At most so many things are chosen from at once."""
_OTHERS: Final = {Action.REPLY, Action.READ}
"""What is done to a message of anybody else; an edit, recall or cancel is of one's own."""
_OWN: Final = {Action.EDIT, Action.RECALL, Action.CANCEL}
_LATER: Final = (0, 0, 0, 1, 2)
"""A thing that happens once in a run without faults may happen again in one with faults, and go wrong only then."""
_BASE: Final = """
name = "drawn"
[devices]
kinds = ["phone", { name = "pc", users = ["alice"] }]
[network]
profile = "4g"
sites = ["home", "city"]
links = [{ between = ["home", "city"], latency = "5ms" }]
[servers]
sites = ["city"]
[[conversations.groups]]
name = "team"
"""


# ---------------------------------------------------------------------------------------------- scenarios


@st.composite
def workloads(
    draw: DrawFn,
    users: Sequence[str] = ("alice", "bob"),
    conversations: Sequence[str] = ("team",),
    *,
    most: int = 8,
) -> tuple[Step, ...]:
    """What users do, up to `most` things: a send first, and edits, recalls, replies and reads of what is there.

    Args:
        draw: Hypothesis gives it.
        users: who there are.
        conversations: of which everybody is a member.
        most: how many things at most, below 100.
    """
    steps: list[Step] = []
    written: dict[str, list[str]] = {name: [] for name in conversations}
    at = 0.0
    for _ in range(draw(st.integers(1, most))):
        at += draw(st.sampled_from((0.0, 0.1, 1.0, 5.0)))
        user, where = draw(st.sampled_from(users)), draw(st.sampled_from(conversations))
        own = [name for name in written[where] if name.rpartition("-")[0] == user]
        others = [name for name in written[where] if name not in own]
        can = [Action.SEND, *(_OTHERS if others else ()), *(_OWN if own else ())]
        action = draw(st.sampled_from(sorted(can)))
        target = None if action is Action.SEND else draw(st.sampled_from(own if action in _OWN else others))
        steps.append(Step(at=round(at, 3), user=user, to=where, action=action, target=target))
        if action in {Action.SEND, Action.REPLY}:
            sent = sum(step.user == user and step.action in {Action.SEND, Action.REPLY} for step in steps)
            written[where].append(f"{user}-{sent}")
    return tuple(steps)


def faults(
    devices: Sequence[str] = ("*/*",), sites: Sequence[str] = (), *, duration: float = 30.0, most: int = 4
) -> SearchStrategy[tuple[model.Fault, ...]]:
    """Faults of a scenario: what goes wrong at written times.

    Args:
        devices: USER/KIND, or patterns.
        sites: between which there may be partitions, the first against the others.
        duration: seconds within which they begin.
        most: how many at most.
    """
    at = st.integers(0, _FEW).map(lambda part: round(part * duration / _FEW, 3))
    length = st.sampled_from((0.5, 2.0, 8.0, 20.0))
    whom = st.sampled_from([(name,) for name in devices])
    kinds: list[SearchStrategy[model.Fault]] = [
        st.builds(model.Cut, at=at, devices=whom),
        st.builds(model.Kill, at=at, devices=whom, length=length),
        st.builds(model.Crash, at=at, length=length),
        st.builds(model.Pause, at=at, length=length),
        st.builds(model.Unavailable, at=at, port=st.sampled_from(model.Port), length=length),
        st.builds(model.DropCache, at=at),
    ]
    if len(sites) > 1:
        one_way = st.booleans()
        kinds.append(st.builds(model.Partition, at=at, sites=st.just((sites[0],)), one_way=one_way, length=length))
    return st.lists(st.one_of(kinds), max_size=most).map(tuple)


@st.composite
def scenarios(draw: DrawFn, *, most: int = 8) -> Scenario:
    """A small scenario: two or three users in a group, any sync strategy, a workload of up to `most` things, faults."""
    users = draw(st.sampled_from((("alice", "bob"), ("alice", "bob", "carol"))))
    strategy = draw(st.sampled_from(list(StrategyName)))
    base = loads(_BASE + f"members = {list(users)}", {"sync.strategy": str(strategy), "duration": "60s"})
    devices = ("alice/phone", "alice/pc", *(f"{user}/phone" for user in users[1:]))
    return msgspec.structs.replace(
        base,
        traffic=Listed(steps=draw(workloads(users, most=most))),
        faults=model.Faults(events=draw(faults(devices, base.network.sites))),
    )


# ---------------------------------------------------------------------------------------------- cases


def cases(scenario: Scenario | None = None, *, most: int = 8) -> SearchStrategy[Case]:
    """Cases of a scenario: a seed, and up to `most` deviations at decisions that there are.

    Args:
        scenario: what is asked; None: a small one is drawn too.
        most: how many deviations at most, below 100.
    """
    if scenario is None:
        return scenarios().flatmap(lambda drawn: cases(drawn, most=most))
    return cases_on(scenario, survey(scenario, seed=1, algorithms=REAL), most=most)


@st.composite
def cases_on(draw: DrawFn, scenario: Scenario, ground: Ground, *, least: int = 0, most: int = 8) -> Case:
    """The same, where it is known what there is to deviate from, and with at least so many deviations tried."""
    seed = 100 * draw(st.integers(0, 99)) + draw(st.integers(0, 99))
    made: dict[Any, Deviation] = {}
    for _ in range(draw(st.integers(least, most))):
        deviation = draw(_deviations(ground))
        made.setdefault(deviation.key or deviation.action, deviation)
    return Case(scenario=scenario, seed=seed, deviations=tuple(made.values()))


def histories(scenario: Scenario | None = None, *, most: int = 8) -> SearchStrategy[History]:
    """What a run of a case leaves behind: true histories, with everything that a judge may meet in one."""
    return cases(scenario, most=most).map(lambda case: try_case(case).history)


def _deviations(ground: Ground) -> SearchStrategy[Deviation]:
    at = st.integers(0, _FEW).map(lambda part: round(part * ground.duration / _FEW, 3))
    jump = st.builds(
        acts.ClockJump, at=at, node=_one_of_many((*ground.servers, *ground.devices)), seconds=st.sampled_from(JUMPS)
    )
    timed: list[SearchStrategy[acts.TimedAction]] = [jump]
    if len(ground.sites) > 1:
        timed.append(_partitions(ground, at))
    by_kind = {kind: [key for key in ground.keys if key.kind is kind] for kind in ground.asked if possible(kind)}
    keyed = _keyed(by_kind)
    return st.one_of(keyed, keyed, st.one_of(timed).map(lambda action: Deviation(None, action)))


@st.composite
def _keyed(draw: DrawFn, by_kind: dict[Kind, list[Key]]) -> Deviation:
    kind = draw(st.sampled_from(list(by_kind)))
    key = draw(_one_of_many(by_kind[kind]))
    action: Any = draw(st.sampled_from([one for one in possible(kind) if one is not acts.Hold]))
    later = Key(kind, key.place, key.subject, key.occurrence + draw(st.sampled_from(_LATER)))
    return Deviation(later, action(draw(st.sampled_from(SECONDS))) if action in {acts.Delay, acts.Pause} else action())


@st.composite
def _partitions(draw: DrawFn, ground: Ground, at: SearchStrategy[float]) -> acts.Partition:
    a = draw(st.sampled_from(ground.sites))
    b = draw(st.sampled_from([site for site in ground.sites if site != a]))
    begin, length = draw(at), draw(st.sampled_from(SECONDS))
    return acts.Partition(at=begin, until=round(begin + length, 3), a=a, b=b, one_way=draw(st.booleans()))


def _one_of_many(things: Sequence[Any]) -> SearchStrategy[Any]:
    """One of any number of things, chosen among few at a time."""
    if len(things) <= _FEW:
        return st.sampled_from(things)
    size = -(-len(things) // _FEW)
    parts = [things[begin : begin + size] for begin in range(0, len(things), size)]
    return st.sampled_from(parts).flatmap(_one_of_many)
