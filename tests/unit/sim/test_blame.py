"""What an algorithm raises is the algorithm's fault, and what the world raises is imsim's."""

from __future__ import annotations

import struct

import pytest

from imsim.errors import AlgorithmError
from imsim.protocol.device import Device
from imsim.protocol.effects import GapNoticed, Notify
from imsim.scenario import load
from imsim.sim.algorithms import REAL, Algorithms
from imsim.sim.blame import blamed
from imsim.sim.world import World
from tests.flawed_devices import Raises


def caught(act):
    try:
        act()
    except Exception as error:  # noqa: BLE001 (whatever it is)
        return error
    raise AssertionError("nothing was raised")


def test_what_a_device_raises_is_the_algorithms_fault_and_names_its_module():
    with pytest.raises(
        AlgorithmError, match=r"tests\.flawed_devices raised ValueError at 60\.0 s, in open, line \d+: open again"
    ) as error:
        World(load("tiny"), seed=1, algorithms=Algorithms(device=Raises)).run()
    assert isinstance(error.value.__cause__, ValueError)


def test_a_number_that_no_history_holds_is_the_fault_of_who_gave_it(monkeypatch):
    real = Device.poll

    class Counts(Device):
        __slots__ = ()

        def poll(self):
            return [*real(self), Notify(GapNoticed("team", 1 << 40))]

    with pytest.raises(AlgorithmError, match=r"the algorithm gave a number that no history can hold at 0\.0 s: "):
        World(load("tiny"), seed=1, algorithms=Algorithms(device=Counts)).run()
    monkeypatch.setattr(Device, "poll", Counts.poll)
    with pytest.raises(struct.error):
        World(load("tiny"), seed=1).run()


def test_what_the_protocol_raises_is_its_fault_even_inside_a_library():
    error = caught(lambda: Device.resend(None, "x", now=0.0, wall=0.0))
    assert isinstance(blamed(error, REAL, 1.5), AlgorithmError)


def test_what_the_world_raises_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr("imsim.sim.users.Users.schedule", lambda _: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        World(load("tiny"), seed=1).run()


def test_what_the_world_raises_in_its_own_code_is_no_algorithms_fault():
    error = caught(lambda: World.converged(None))
    assert blamed(error, Algorithms(device=Raises), 0.0) is error


def test_what_nobody_of_either_raised_is_left_as_it_is():
    error = caught(lambda: int("x"))
    assert blamed(error, REAL, 0.0) is error


def test_a_slip_inside_a_device_is_no_lack_of_a_method():
    class Slips(Device):
        __slots__ = ()

        def open(self, *, now, wall):
            self.opne(now)

    with pytest.raises(
        AlgorithmError, match=r"test_blame raised AttributeError at 0\.0 s, in open, line \d+: 'Slips' "
    ):
        World(load("tiny"), seed=1, algorithms=Algorithms(device=Slips)).run()


def test_a_device_that_is_not_made_for_its_calls_is_to_blame_and_told_what_it_lacks():
    class Short(Device):
        __slots__ = ()

        def open(self):
            """Takes no time."""

    class Bare:
        @classmethod
        def load(cls, *_, **__):
            return cls()

    for device, words in (
        (Short, r"Short\.open\(\) got an unexpected keyword argument 'now'"),
        (Bare, "no attribute 'poll'"),
    ):
        with pytest.raises(
            AlgorithmError, match=rf"tests\..*test_blame does not keep the contract of a device: .*{words}"
        ):
            World(load("tiny"), seed=1, algorithms=Algorithms(device=device)).run()
