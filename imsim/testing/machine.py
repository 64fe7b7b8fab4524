"""A world that is driven rule by rule, in virtual time: `RuleBasedStateMachine` for messaging.

    class Mine(WorldMachine):
        scenario = load("mine.toml")
        instead = {"device": MyDevice}

    TestMine = Mine.TestCase

Hypothesis chooses what happens next: somebody writes, reads, edits or takes back, a process dies, something is
partitioned or healed, time passes. In the end everything is healed, the world converges, and the judge says whether
every promise was kept. A scenario's own traffic and faults are left out: the rules are both. More rules and invariants
are methods of a subclass, which finds the world in `self.world`.

What does not belong here: values that are drawn before anything runs (strategies.py).
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from imsim.history import Event
from imsim.scenario import Scenario, load
from imsim.scenario.faults import Faults
from imsim.scenario.traffic import Action, Gaps
from imsim.sim.algorithms import Algorithms, Instead
from imsim.sim.workload import Intention
from imsim.sim.world import World
from imsim.verify.evidence import Evidence
from imsim.verify.verdict import weigh_run

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from imsim.sim.device_node import DeviceNode
    from imsim.sim.server_node import ServerNode
    from imsim.verify.verdict import Verdict

__all__ = ["WorldMachine"]

_DAY: Final = 86_400.0
"""Seconds: longer than any sequence of rules."""
_SECONDS: Final = (0.001, 0.1, 1.0, 10.0, 60.0)
_SIZE: Final = 20
"""Bytes of a message."""


def _one(names: str) -> SearchStrategy[Any]:
    """One of what the machine that runs calls so."""
    return st.runner().flatmap(lambda machine: st.sampled_from(getattr(machine, names)))


class WorldMachine(RuleBasedStateMachine):
    """A machine whose rules are what may happen in a world.

    Attributes:
        scenario: who there is, and on what network; its traffic, faults and duration do not matter.
        instead: what runs instead of the real algorithms, as keywords of `Algorithms`.
        seed: answers what no rule decides.
        world: what is driven.
        devices, nodes, conversations: names to choose from; nodes are devices and servers.
        written: the messages so far, as (name, author, conversation).
        verdict: what the judge said in the end; None before.
    """

    scenario: ClassVar[Scenario] = load("tiny")
    instead: ClassVar[Instead] = {}
    seed: ClassVar[int] = 1

    def __init__(self) -> None:
        super().__init__()
        quiet = msgspec.structs.replace(
            self.scenario, traffic=Gaps(messages_per_device=0), faults=Faults(), duration=_DAY, without=()
        )
        algorithms = Algorithms(**self.instead)
        self._outside = sys.exc_info()[1]
        self.world = World(quiet, seed=self.seed, algorithms=algorithms)
        self.devices = list(self.world.devices)
        self.nodes = [*self.devices, *(server.name for server in self.world.servers)]
        self.conversations = [conversation.name for conversation in self.world.plan.conversations]
        self.written: list[tuple[str, str, str]] = []
        self.verdict: Verdict | None = None
        self._counts: dict[str, int] = {}
        with contextlib.ExitStack() as stack:
            stack.callback(self.world.end)
            stack.enter_context(algorithms.in_force())
            with self.world.watched():
                self.world.begin()
            self._stack = stack.pop_all()

    # ------------------------------------------------------------------------------------------ what users do

    @rule(device=_one("devices"), conversation=_one("conversations"))
    def send(self, device: str, conversation: str) -> None:
        """A user writes a message, if the app runs and the user is a member."""
        user = self.world.devices[device].user
        if user in self.world.ledger.members(conversation):
            name = f"{user}-{self._count(user)}"
            self.written.append((name, user, conversation))
            self._act(device, Action.SEND, conversation, name, None)

    @precondition(lambda self: self.written)
    @rule(device=_one("devices"), message=_one("written"))
    def read(self, device: str, message: tuple[str, str, str]) -> None:
        """A user reads up to a message, if it is there."""
        name, _, conversation = message
        user = self.world.devices[device].user
        self._act(device, Action.READ, conversation, f"{self._again(f'{name}+read')}-{user}", name)

    @precondition(lambda self: self.written)
    @rule(device=_one("devices"), message=_one("written"))
    def recall(self, device: str, message: tuple[str, str, str]) -> None:
        """A user takes a message back; only its author can."""
        self._change(device, Action.RECALL, message)

    @precondition(lambda self: self.written)
    @rule(device=_one("devices"), message=_one("written"))
    def edit(self, device: str, message: tuple[str, str, str]) -> None:
        """A user corrects a message; only its author can."""
        self._change(device, Action.EDIT, message)

    # ------------------------------------------------------------------------------------------ what goes wrong

    @rule(node=_one("nodes"))
    def crash(self, node: str) -> None:
        """A process dies, and is started again after a while."""
        victim = self._node(node)
        with self.world.watched():
            victim.crash()
        again = victim.start if node not in self.world.devices else self.world.devices[node].restart
        self.world.kernel.call_in(self.world.restart_after, lambda _: again())

    @rule(device=_one("devices"), one_way=st.booleans())
    def partition(self, device: str, one_way: bool) -> None:  # noqa: FBT001 (Hypothesis draws it)
        """Nothing passes from a device to the first server, nor back unless `one_way`."""
        node, server = self.world.devices[device], self.world.servers[0]
        with self.world.watched():
            self.world.network.partition(node, server, one_way=one_way)
        self.world.fact(None, Event.PARTITIONED, detail=f"{device} {'->' if one_way else '|'} {server.name}")

    @rule()
    def heal(self) -> None:
        """Every partition ends."""
        with self.world.watched():
            self.world.network.heal()
        self.world.fact(None, Event.HEALED, detail="all partitions")

    @rule(seconds=st.sampled_from(_SECONDS))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        kernel = self.world.kernel
        with self.world.watched():
            kernel.run(until=kernel.now + seconds)

    # ------------------------------------------------------------------------------------------ the end

    def teardown(self) -> None:
        """Heal everything, wait for convergence, and judge; where something failed already, that is what is told.

        Raises:
            AlgorithmError: a promise was broken, or it is not known whether one was.
        """
        with self._stack:
            if sys.exc_info()[1] is not self._outside:  # Hypothesis comes here on the way out of a rule that failed
                return
            with self.world.watched():
                end = self.world.finish()
            self.verdict = weigh_run(
                Evidence(end.history), self.world.scenario, converged=end.converged, grace=end.grace
            )
            self.verdict.assert_ok()

    # ------------------------------------------------------------------------------------------ inside

    def _node(self, name: str) -> DeviceNode | ServerNode:
        return self.world.devices.get(name) or self.world.server(name)

    def _change(self, device: str, action: Action, message: tuple[str, str, str]) -> None:
        name, author, conversation = message
        if self.world.devices[device].user == author:
            self._act(device, action, conversation, self._again(f"{name}+{action}"), name)

    def _again(self, name: str) -> str:
        """A name of its own for what may be done several times, as the workload has it."""
        number = self._count(name)
        return name if number == 1 else f"{name}{number}"

    def _count(self, name: str) -> int:
        number = self._counts[name] = self._counts.get(name, 0) + 1
        return number

    def _act(self, device: str, action: Action, conversation: str, name: str, target: str | None) -> None:
        plan = self.world.plan
        where = next(known for known in plan.conversations if known.name == conversation)
        who = next(known for known in plan.devices if known.name == device)
        size = _SIZE if action in {Action.SEND, Action.EDIT} else 0
        now = self.world.kernel.now
        with self.world.watched():
            self.world.users.act(Intention(now, action, who.user, who.index, where.index, name, target, size, None))
