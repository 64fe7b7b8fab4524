"""Steering: what is due at once in another order, frames that wait at the door, and nothing unless it is asked."""

from __future__ import annotations

import pytest

from imsim.protocol.frames import Message
from imsim.sim.decisions import Kind
from imsim.sim.deviations import Deviation, Yield
from imsim.sim.kernel import Kernel
from imsim.sim.steering import SteeredKernel, Steering
from imsim.sim.world import World
from tests.small_world import Small, scenario, steps

TOGETHER = steps("5 alice/phone send", "5 bob send", "9 bob send")


def team(small):
    """The messages of the team, in the order of the log."""
    state = small.world.backends.log.state("team")
    entries = small.world.backends.log.read("team", 1, state.committed)
    return [small.world.naming.word(entry.client_id) for entry in entries if type(entry.body) is Message]


def shown(small, device="bob/phone"):
    return {row.message: row.t for row in small.facts("shown", node=device)}


def ran(*cases, **changes):
    return Small(*cases, **{"traffic__steps": TOGETHER, **changes}).run().assert_holds()


def test_a_world_has_a_plain_clockwork_unless_a_case_wants_another_order():
    assert type(Small().world.kernel) is Kernel
    assert type(Small("drop the 1st push of alice-1 to bob/phone").world.kernel) is Kernel
    assert type(Small("let the others go first at the 1st tie of alice-1 at server-1").world.kernel) is SteeredKernel


def test_asking_changes_nothing():
    plain = ran()
    asked = World(scenario(traffic__steps=TOGETHER), seed=1, recording=True, steered=True)
    assert asked.run().history.sha256 == plain.history.sha256
    kinds = {asked.decisions.key_of(key).kind for key in asked.decisions.record}
    assert Kind.TIE in kinds


# ---------------------------------------------------------------------------------------------- ties


def test_what_comes_to_a_server_at_once_may_come_in_another_order():
    assert team(ran()) == ["alice-1", "bob-1", "bob-2"]
    assert team(ran("let the others go first at the 1st tie of alice-1 at server-1")) == ["bob-1", "alice-1", "bob-2"]


def test_a_stream_keeps_its_order():
    """Two messages are pushed to bob at once: which comes first is not asked, since it cannot be otherwise."""
    talk = steps("5 alice/phone send", "5 alice/pc send")
    asked = World(scenario(traffic__steps=talk), seed=1, recording=True, steered=True)
    asked.run()
    ties = [str(key) for key in map(asked.decisions.key_of, asked.decisions.record) if key.kind is Kind.TIE]
    assert "the 1st tie of alice-1 at server-1" in ties
    assert not [tie for tie in ties if tie.endswith("at bob/phone")]


def test_who_lets_others_go_first_takes_along_what_comes_behind():
    """Alice's phone says hello and more at once when its connection opens: that stays in order."""
    asked = World(scenario(traffic__steps=TOGETHER), seed=1, recording=True, steered=True)
    asked.run()
    for key in {key for key in map(asked.decisions.key_of, asked.decisions.record) if key.kind is Kind.TIE}:
        ran(str(Deviation(key, Yield())))


# ---------------------------------------------------------------------------------------------- holding


@pytest.mark.parametrize("kind", ["stream", "datagram"])
def test_a_frame_waits_until_its_receiver_has_met_something_else(kind):
    small = ran(
        "hold the 1st push of alice-1 to bob/phone until its receiver has met something else",
        traffic__steps=steps("5 alice/phone send", "9 bob send"),
        network__profiles__plain__kind=kind,
        retry__push={"policy": "fixed", "base": 30},
    )
    assert shown(small)["alice-1"] == pytest.approx(9.0)
    assert shown(small, "alice/pc")["alice-1"] == pytest.approx(5.04)


PATIENT = {"retry__push": {"policy": "fixed", "base": 1000}}


def test_a_frame_waits_until_a_timer_of_its_receiver_has_gone_off():
    """Bob's phone waits for the answer to its own message, and looks after it at second 10."""
    small = ran(
        "hold the 1st push of alice-1 to bob/phone until a timer of its receiver has gone off",
        "delay the 1st answer of bob-1 to bob/phone by 20 s",
        traffic__steps=steps("5 alice/phone send", "9 bob send"),
        network__profiles__plain__kind="datagram",
        **PATIENT,
    )
    assert shown(small)["alice-1"] == pytest.approx(10.000001, abs=1e-9), "a timer goes off a hair late"


def test_a_frame_waits_until_everything_is_healed_and_what_is_behind_it_on_its_stream_too():
    held = "hold the 1st push of alice-1 to bob/phone until everything is healed"
    talk = steps("5 alice/phone send", "9 alice/phone send")
    small = ran(held, traffic__steps=talk, **PATIENT)
    assert list(shown(small)) == ["alice-1", "alice-2"]
    assert min(shown(small).values()) >= 60.0
    small = ran(held, traffic__steps=talk, network__profiles__plain__kind="datagram", **PATIENT)
    assert 9.04 in small.times("gap", node="bob/phone"), "on datagrams it is overtaken"


def test_what_is_held_for_a_process_that_died_is_gone_with_it():
    small = ran(
        "hold the 1st push of alice-1 to bob/phone until its receiver has met something else",
        traffic__steps=steps("5 alice/phone send"),
        faults__events=[{"kind": "kill", "at": 7, "for": 3, "devices": ["bob/phone"]}],
    )
    assert shown(small)["alice-1"] > 10.0


# ---------------------------------------------------------------------------------------------- the reduction


def final_state(world):
    """What there is in the end: the logs, and what every device shows, has read and owes."""
    log, naming = world.backends.log, world.naming
    logs = []
    for conversation in ("team", "~alice", "~bob"):
        state = log.state(conversation)
        logs.append(tuple(naming.word(entry.client_id) for entry in log.read(conversation, 1, state.committed)))
    devices = []
    for node in world.devices.values():
        device = node.device
        rows = tuple((naming.word(row.client_id), row.epoch, row.seq, str(row.content)) for row in device.view("team"))
        devices.append((node.name, rows, device.unread("team"), device.position("team"), device.is_quiet()))
    return tuple(logs), tuple(devices)


def states(model, *, apart, depth):
    """The final states of all cases of up to so many ties that end otherwise, and how many cases there are."""
    found, cases = set(), 0

    def go_on(deviations, last, left):
        nonlocal cases
        cases += 1
        world = World(model, seed=1, deviations=deviations, recording=True, steered=True)
        world.kernel.steering = Steering(world, apart=apart)
        assert world.run().converged
        found.add(final_state(world))
        keys = list(map(world.decisions.key_of, world.decisions.record))
        for place in range(last + 1, len(keys)) if left else ():
            if keys[place].kind is Kind.TIE and keys[place] not in keys[:place]:
                go_on((*deviations, Deviation(keys[place], Yield())), place, left - 1)

    go_on((), -1, depth)
    return found, cases


@pytest.mark.parametrize(("devices", "depth"), [(["phone"], 2), (["phone", {"name": "pc", "users": ["alice"]}], 1)])
def test_ties_between_different_nodes_lead_to_no_other_state(devices, depth):
    talk = steps("5 alice/phone send", "5 bob send", "5.02 alice/phone edit alice-1")
    model = scenario(traffic__steps=talk, duration="7s", devices__kinds=devices)
    with_all, every = states(model, apart=False, depth=depth)
    with_few, some = states(model, apart=True, depth=depth)
    assert with_few == with_all
    assert 1 < len(with_few) < some < every
