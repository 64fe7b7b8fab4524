"""From settings to parts."""

from __future__ import annotations

import pytest

from imsim.errors import ConfigError
from imsim.history import Level
from imsim.protocol.retry import Fixed
from imsim.protocol.sync import Hybrid, Poll
from imsim.scenario.faults import Port
from imsim.sim.world import World
from tests.small_world import Small, scenario


def world(**changes):
    return World(scenario(**changes), seed=1)


def test_a_devices_settings_are_those_of_its_kind():
    kinds = [
        {"name": "phone", "sync": {"strategy": "poll", "interval": 7}},
        {"name": "pc", "users": ["alice"]},
    ]
    built = world(
        devices__kinds=kinds, sync__strategy="hybrid", sync__page=9, retry__send={"policy": "fixed", "base": 3}
    )
    phone, pc = (built.devices[name].make.config for name in ("bob/phone", "alice/pc"))
    assert phone.sync == Poll(interval=7)
    assert isinstance(pc.sync, Hybrid)
    assert pc.page == 9
    assert phone.send == pc.send == Fixed(base=3)


def test_devices_of_a_kind_share_what_is_alike():
    built = world()
    assert built.devices["alice/phone"].make is built.devices["bob/phone"].make
    assert built.devices["alice/phone"].link is built.devices["bob/phone"].link


def test_a_servers_settings_are_those_of_the_model():
    config = world(servers__lease=3, servers__window=5, servers__timeouts__kv=0.5, servers__fanout=7).server_config
    assert (config.lease, config.window, config.kv_timeout, config.read_fan_out_from) == (3, 5, 0.5, 8)


def test_servers_are_spread_over_their_sites_in_turn():
    sites = {
        "network__sites": ["home", "east", "west"],
        "network__links": [{"between": ["home", "east"]}, {"between": ["east", "west"]}],
        "servers__sites": ["east", "west"],
    }
    built = world(servers__count=3, **sites)
    assert [built.network.sites.names[server.site] for server in built.servers] == ["east", "west", "east"]
    assert {built.network.sites.names[node.site] for node in built.devices.values()} == {"home"}


def test_only_backends_that_can_be_slow_or_broken_cost_a_desk_unless_their_calls_are_recorded():
    def desks(**changes):
        return set(World(scenario(**changes), seed=1, level=Level.MESSAGES).backends.desks)

    assert desks() == {Port.PEERS}
    assert Port.LOG in desks(backends__log__service="1ms")
    assert Port.KV in desks(backends__kv__timeout_after=0.1)
    assert Port.QUEUE in desks(faults__events=[{"kind": "unavailable", "at": 1, "port": "queue"}])
    assert desks(faults__random__unavailable=1) == set(Port)
    assert set(world(history__level="frames").backends.desks) == set(Port)


def test_a_device_that_signs_in_is_like_the_users_first():
    built = world()
    built.sign_in("bob", "pc")
    node = built.devices["bob/pc"]
    assert node.site == built.devices["bob/phone"].site
    assert node.link is built.devices["bob/phone"].link
    built.sign_in("bob", "pc")
    built.sign_in("nobody", "pc")
    assert list(built.devices) == ["alice/phone", "alice/pc", "bob/phone", "bob/pc"]


def test_a_capacity_trace_that_is_not_there_is_told():
    with pytest.raises(ConfigError, match="nowhere"):
        world(network__trace=["nowhere/at-all"])


@pytest.mark.parametrize(
    ("case", "facts"),
    [
        ("crash before the 1st send of alice-1 from alice/phone", {"crashed": 1, "sent": 1}),
        ("crash after the 1st send of alice-1 from alice/phone", {"crashed": 1}),
        ("pause for 2 s before the 1st answer of alice-1 to alice/phone", {"paused": 1, "resumed": 1}),
    ],
)
def test_what_a_case_wants_at_a_frame_befalls_who_sends_it(case, facts):
    small = Small(case).run().assert_holds()
    node = "server-1" if case.startswith("pause") else "alice/phone"
    for word in ("crashed", "paused", "resumed"):
        assert len(small.facts(word, node=node)) == facts.get(word, 0)
    restarts = small.times("restarted", node=node)
    assert restarts == ([2.0] if "crashed" in facts else [])


def test_a_crash_before_a_send_loses_it_and_one_after_does_not():
    lost = Small("crash before the 1st send of alice-1 from alice/phone").run().assert_holds()
    sent = Small("crash after the 1st send of alice-1 from alice/phone").run().assert_holds()
    assert sent.times("committed", message="alice-1") == [1.02]
    assert lost.times("committed", message="alice-1")[0] > 2.0
