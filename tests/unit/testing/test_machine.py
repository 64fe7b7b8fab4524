"""Rule by rule: the correct algorithms survive it, a flawed device does not, and each rule does something."""

from __future__ import annotations

import time
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from imsim.errors import AlgorithmError
from imsim.protocol.device import Device
from imsim.protocol.frames import Recall
from imsim.sim.algorithms import Swap
from imsim.testing.machine import WorldMachine

QUICK = settings(
    max_examples=15, stateful_step_count=20, deadline=None, derandomize=True, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


class Stubborn(Device):
    """Does not want to hear that something was taken back."""

    __slots__ = ()

    def handle_frame(self, connection, frame, *, now, wall):
        if not any(type(entry.body) is Recall for entry in getattr(frame, "entries", ())):
            super().handle_frame(connection, frame, now=now, wall=wall)


class Broken(WorldMachine):
    instead: ClassVar = {"device": Stubborn}


class Clockwatcher(Device):
    """Asks a clock that no seed governs."""

    __slots__ = ()

    def send(self, conversation, content, **how):
        time.monotonic()
        return super().send(conversation, content, **how)


class Fragile(Device):
    """Raises as soon as something comes."""

    __slots__ = ()

    def handle_frame(self, connection, frame, *, now, wall):
        raise KeyError("session")


def on(device: type[Device], **more: object) -> WorldMachine:
    return type("Theirs", (WorldMachine,), {"instead": {"device": device, **more}})()


def driven(machine: type[WorldMachine]) -> WorldMachine:
    made = machine()
    made.wait(5.0)
    return made


def test_the_algorithms_survive_whatever_comes():
    run_state_machine_as_test(WorldMachine, settings=QUICK)


def test_what_users_do_is_done_and_judged():
    machine = driven(WorldMachine)
    machine.send("alice/phone", "team")
    machine.wait(1.0)
    (message,) = machine.written
    machine.read("bob/phone", message)
    machine.edit("alice/pc", message)
    machine.edit("alice/pc", message)
    machine.recall("bob/phone", message)
    machine.recall("alice/phone", message)
    machine.teardown()
    time.monotonic()
    names = machine.world.writer.messages.names
    assert {"alice-1", "alice-1+edit", "alice-1+edit2", "alice-1+recall"} <= set(names)
    assert any(name.startswith("alice-1+read") for name in names)


@pytest.mark.parametrize("node", ["bob/phone", "server-1"])
def test_who_dies_is_started_again(node):
    machine = driven(WorldMachine)
    machine.crash(node)
    machine.wait(60.0)
    machine.teardown()
    assert machine.verdict.met["a crash"] == 1
    assert machine.world.devices["bob/phone"].device.online


def test_behind_a_partition_nothing_arrives_until_it_is_healed():
    machine = driven(WorldMachine)
    machine.partition("bob/phone", one_way=False)
    machine.send("alice/phone", "team")
    machine.wait(10.0)
    assert not machine.world.devices["bob/phone"].device.view("team")
    machine.heal()
    machine.wait(60.0)
    assert len(machine.world.devices["bob/phone"].device.view("team")) == 1
    machine.teardown()


def test_a_broken_promise_is_told_in_the_end():
    with pytest.raises(AlgorithmError) as told:
        run_state_machine_as_test(Broken, settings=settings(QUICK, max_examples=100, phases=(Phase.generate,)))
    steps = "\n".join(told.value.__notes__)
    assert "state.send(" in steps
    assert "state.recall(" in steps
    assert "state.teardown()" in steps


def test_the_algorithm_is_watched_and_who_drives_it_is_not():
    machine = on(Clockwatcher)
    machine.wait(5.0)
    time.monotonic()
    with pytest.raises(AlgorithmError, match=rf"{__name__} called time\.monotonic\(\): a run is determined by"):
        machine.send("alice/phone", "team")
    machine.world.end()


def test_what_the_algorithm_raises_is_its_fault():
    machine = on(Fragile)
    with pytest.raises(
        AlgorithmError, match=rf"{__name__} raised KeyError at [\d.]+ s, in handle_frame, line \d+: 'session'"
    ):
        machine.wait(5.0)
    machine.world.end()


class Impatient(Broken):
    """Has a promise of its own, which is broken before the judge is asked."""

    @invariant()
    def nothing_is_recalled(self):
        assert not any("recall" in name for name in self.world.writer.messages.names), "my own promise"


def test_what_broke_first_is_what_is_told():
    with pytest.raises(AssertionError, match="my own promise"):
        run_state_machine_as_test(Impatient, settings=settings(QUICK, max_examples=100, phases=(Phase.generate,)))


def test_a_world_that_could_not_begin_leaves_nothing_behind():
    class Unborn(Device):
        __slots__ = ()

        @classmethod
        def load(cls, *_, **__):
            raise OSError("no keychain")

    before = Device.send
    with pytest.raises(AlgorithmError, match=rf"{__name__} raised OSError at 0.0 s, in load, line \d+: no keychain"):
        on(Unborn, swaps=(Swap(Device, "send", None),))
    assert Device.send is before
