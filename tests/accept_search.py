"""A small exhaustive search of what concurrent handlers may do to one conversation.

Actors are coroutines on gated ports; each of their port calls is a step. At each step the search chooses who goes on,
and what becomes of the call: done; lost (`Timeout`, never done); late (`Timeout`, and done at any later moment); or its
caller crashes there. Going on as before is free and everything else costs one; the search visits *every* history up to
a budget. A history is run from its beginning each time, so nothing needs to be copied, and a counterexample is a list
of choices.
"""

from __future__ import annotations

import importlib
import inspect
import types
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from imsim.errors import Timeout
from imsim.ports import Durability
from imsim.protocol.frames import Answer, Draft, Message
from imsim.protocol.server.config import ServerConfig
from imsim.protocol.services.claims import Sealed
from tests.ports_memory import MemoryKeyValue, MemoryLog

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

ROOM = "room"
CONFIG = ServerConfig(patience=2, rounds=6)

FAULTS = ("lost", "late", "crash")


class Algorithm(NamedTuple):
    """The objects under search; a wrong reading replaces some of them."""

    claims: Any
    accept: Any
    floor: Any
    patience: Any
    checks_epoch: bool = True


class Patch(NamedTuple):
    """A wrong reading: in the source of `module`, `old` reads `new`."""

    module: str
    old: str
    new: str


def algorithm(*patches: Patch, checks_epoch: bool = True) -> Algorithm:
    """The algorithm, or a wrong reading of it."""
    loaded = {name: importlib.import_module(f"imsim.protocol.{name}") for name in _MODULES}
    sources = {name: inspect.getsource(module) for name, module in loaded.items()}
    for patch in patches:
        assert sources[patch.module].count(patch.old) == 1, f"{patch.old!r} is not in {patch.module} exactly once"
        sources[patch.module] = sources[patch.module].replace(patch.old, patch.new)
    for name in {patch.module for patch in patches}:
        original = loaded[name]
        loaded[name] = module = types.ModuleType(original.__name__)
        exec(compile(sources[name], f"<{name}, read wrongly>", "exec"), module.__dict__)  # noqa: S102 - our own source
        for shared in ("Sealed", "Claim", "ClaimState"):  # the same in every reading
            if hasattr(original, shared):
                setattr(module, shared, getattr(original, shared))
    return Algorithm(*(loaded[name] for name in _MODULES), checks_epoch=checks_epoch)


_MODULES = ("services.claims", "server.accept", "server.floor", "services.patience")


class Step:
    """One port call that waits for the search."""

    def __init__(self, name: str, effect: Callable[[], Any]) -> None:
        self.name = name
        self.effect = effect

    def __await__(self) -> Generator[Step, None, Any]:
        return (yield self)


class Said(NamedTuple):
    """An answer that reached its device."""

    key: str
    answer: Answer
    epoch: int
    seq: int


class Violation(AssertionError):  # noqa: N818 - what a search looks for, not a fault
    """A promise was broken; the arguments are the sentence and the history."""


class Conversation:
    """One conversation, the servers that handle it, and what was answered."""

    def __init__(self, algorithm: Algorithm, durability: Durability) -> None:
        self.algorithm = algorithm
        self.gated = True
        self.kv = MemoryKeyValue(self.gate)
        self.log = MemoryLog(self.gate, durability=durability)
        self.log.checks_epoch = algorithm.checks_epoch
        patience = algorithm.patience
        self.patient = (
            patience.PatientLog(self.log, CONFIG.patience),
            patience.PatientKeyValue(self.kv, CONFIG.patience),
        )
        self.claims = algorithm.claims.Claims(self.patient[1], timeout=1.0, rounds=CONFIG.rounds)
        self.said: list[Said] = []
        self.failed: list[str] = []
        self.order: list[str] = []
        self.keys: list[str] = []

    async def gate(self, name, effect):
        return await Step(name, effect) if self.gated else effect()

    # -- what actors are made of

    async def tenure(self, token=1):
        tenure = self.algorithm.accept.Tenure(*self.patient, CONFIG, ROOM, token)
        await tenure.enter()
        return tenure

    def beforehand(self, coroutine) -> Any:
        """Have something done before the search begins."""
        self.gated = False
        try:
            coroutine.send(None)
        except StopIteration as stop:
            return stop.value
        finally:
            self.gated = True
        raise AssertionError("without a gate nothing waits")

    async def send(self, tenure, key):
        """One handler of one Send."""
        if key not in self.keys:
            self.keys.append(key)
        outcome = await self.algorithm.accept.accept(self.claims, tenure, "alice", Draft(key, 0.0, Message(key)))
        return self._answered(tenure, key, outcome)

    async def cancel(self, tenure, key):
        """One handler of one Cancel."""
        return self._answered(tenure, key, await self.claims.cancel(tenure, key))

    async def take_over(self, token=1):
        """A new owner fills what is burnt, and commits."""
        tenure = await self.tenure(token)
        await tenure.commit()
        return tenure

    async def fail_over(self):
        """The log loses what is not committed."""
        await Step("failover", lambda: self.log.fail_over(ROOM, self.log.of(ROOM).state.committed))

    def _answered(self, tenure, key, outcome):
        if outcome is not None:
            self.said.append(Said(key, outcome.answer, tenure.epoch, outcome.seq))
        return outcome

    # -- what was promised

    def judge(self) -> None:
        """Check every answer; let a new owner and every device have the last word; check again."""
        self._check()
        tenure = self.beforehand(self.take_over(token=9))
        for key in self.keys:
            outcome = self.beforehand(self.send(tenure, key))
            if outcome is None:
                raise Violation(f"{key}: no answer although nothing fails any more")
        self._check()

    def _check(self) -> None:
        places: dict[str, list[int]] = {}
        for seq, entry in self.log.of(ROOM).slots.items():
            places.setdefault(entry.client_id, []).append(seq)
        for key in self.keys:
            if len(places.get(key, ())) > 1:
                raise Violation(f"{key} is in the slots {places[key]}")
        for said in self.said:
            at = places.get(said.key, [0])[0]
            if not self._is_true(said, at):
                raise Violation(f"{said} was answered, and it is in slot {at}")
        for key in self.failed:
            if key in places:
                raise Violation(f"{key} was called failed, and it is in slot {places[key]}")
        known = [places[key][0] for key in self.order if key in places]
        if known != sorted(known):
            raise Violation(f"{self.order} of one sender are in the slots {known}")

    def _is_true(self, said: Said, at: int) -> bool:
        """Whether an answer is right about a message that is in slot `at` (0: in none)."""
        state = self.log.of(ROOM).state
        present = said.epoch == state.epoch
        if said.answer is Answer.OK:
            return at == said.seq or not (present or said.seq <= state.cut)
        if said.answer is Answer.EXPIRED:
            return at < said.seq or not present
        return at == 0


class Actor:
    """A coroutine under search. It begins when the actors named in `after` have ended."""

    def __init__(self, name, coroutine: Coroutine[Any, Any, Any], *, after=(), faults=FAULTS) -> None:
        self.name = name
        self.coroutine = coroutine
        self.after = after
        self.faults = faults
        self.step: Step | None = None
        self.begun = False
        self.ended = False

    def go(self, value=None, error=None) -> None:
        """Continue to the next step."""
        self.begun = True
        try:
            self.step = self.coroutine.throw(error) if error is not None else self.coroutine.send(value)
        except (StopIteration, Timeout, Sealed):  # the latter two: a takeover that did not succeed
            self.ended = True

    def end(self) -> None:
        self.coroutine.close()
        self.ended = True


class _Landing:
    """A late effect on its way."""

    def __init__(self, step: Step) -> None:
        self.name = f"late {step.name}"
        self.step = step
        self.ended = False


class _Chooser:
    """Follows a prefix of choices, then takes the free ones, and notes what else was possible at what price."""

    def __init__(self, prefix) -> None:
        self.prefix = prefix
        self.taken: list[int] = []
        self.costs: list[list[int]] = []

    def choose(self, costs: list[int]) -> int:
        index = len(self.taken)
        choice = self.prefix[index] if index < len(self.prefix) else costs.index(0)
        self.taken.append(choice)
        self.costs.append(costs)
        return choice


def _run(scene, reading: Algorithm, chooser: _Chooser) -> list[str]:
    """Run one history; the words for it."""
    conversation = Conversation(reading, getattr(scene, "durability", Durability.QUORUM))
    actors = scene(conversation)
    landings: list[_Landing] = []
    words: list[str] = []
    last: Any = None
    while True:
        ended = {actor.name for actor in actors if actor.ended}
        able = [a for a in actors if not a.ended and ended.issuperset(a.after)]
        if not able and not landings:
            break
        # the one that ran goes on; a new one is preferred to an effect that is late
        options = sorted([*able, *landings], key=lambda a: (a is not last, isinstance(a, _Landing)))
        chosen = options[chooser.choose([int(i > 0) for i in range(len(options))])] if len(options) > 1 else options[0]
        if isinstance(chosen, _Landing):
            landings.remove(chosen)
            words.append(chosen.name)
            chosen.step.effect()
            continue
        last = chosen
        if not chosen.begun:
            chosen.go()
            continue
        words.append(_advance(chosen, chooser, landings))
    try:
        conversation.judge()
    except Violation as violation:
        raise Violation(str(violation), words) from None
    return words


def _advance(actor: Actor, chooser: _Chooser, landings: list[_Landing]) -> str:
    step = actor.step
    fates = ("done", *(f for f in actor.faults if f != "late" or not step.name.endswith(("get", "state", "read"))))
    fate = fates[chooser.choose([int(i > 0) for i in range(len(fates))])] if len(fates) > 1 else "done"
    if fate == "done":
        actor.go(step.effect())
    elif fate == "crash":
        actor.end()
    else:
        if fate == "late":
            landings.append(_Landing(step))
        actor.go(error=Timeout(step.name))
    return f"{actor.name}: {step.name} {fate}"


def search(scene, reading: Algorithm, *, budget: int) -> SimpleNamespace:
    """Visit every history of `scene` that costs at most `budget`.

    Returns:
        `runs`, and the first `violation` (None: there is none).
    """
    stack: list[tuple[int, ...]] = [()]
    runs = 0
    while stack:
        prefix = stack.pop()
        chooser = _Chooser(prefix)
        runs += 1
        try:
            _run(scene, reading, chooser)
        except Violation as violation:
            return SimpleNamespace(runs=runs, violation=violation)
        spent = 0
        for index, (taken, costs) in enumerate(zip(chooser.taken, chooser.costs, strict=True)):
            if index >= len(prefix):
                stack.extend(
                    (*chooser.taken[:index], other)
                    for other, cost in enumerate(costs)
                    if other != taken and spent + cost <= budget
                )
            spent += costs[taken]
    return SimpleNamespace(runs=runs, violation=None)
