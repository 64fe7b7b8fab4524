"""What a scenario says about itself."""

from __future__ import annotations

import itertools

import pytest

from imsim.protocol import sync
from imsim.scenario import Conversations, Devices, Group, GroupKind, Scenario, StrategyName, Sync, load, loads
from imsim.scenario.people import population, user_name


def test_users_are_named_readably_and_never_twice() -> None:
    found = [user_name(index) for index in range(100)]
    assert found[:3] == ["alice", "bob", "carol"]
    assert found[16] == "u17"
    assert len(set(found)) == 100


def test_roles_follow_from_the_groups_in_order() -> None:
    groups = (
        Group(kind=GroupKind.CLASS, size=3),
        Group(kind=GroupKind.SUPPORT, count=2),
        Group(name="us", members=("zoe", "bob")),
    )
    people = population(Devices(users=9), Conversations(groups=groups))
    roles = [role for _, role in people]
    assert [name for name, _ in people][:3] == ["zoe", "bob", "alice"]
    assert roles == ["member", "member", "teacher", "pupil", "pupil", "agent", "customer", "customer", "member"]


def test_teams_take_in_every_user_that_there_is() -> None:
    assert len(population(Devices(count=40), Conversations(groups=(Group(),)))) == 40
    assert len(population(Devices(), Conversations(groups=(Group(count=3, size=4),)))) == 12


@pytest.mark.parametrize("name", list(StrategyName))
def test_every_strategy_of_the_protocol_can_be_named(name: StrategyName) -> None:
    assert type(Sync(strategy=name).config()) is sync.STRATEGIES[name]
    assert {member.value for member in StrategyName} == set(sync.STRATEGIES)


def test_settings_reach_the_strategy() -> None:
    assert Sync(strategy=StrategyName.POLL, interval=7.0, rest=True).config() == sync.Poll(interval=7.0, rest=True)
    assert Sync(strategy=StrategyName.HYBRID, check=8.0).config() == sync.Hybrid(check=8.0)


def test_convergence_is_granted_more_time_where_devices_ask_rarely() -> None:
    often = load("tiny", ["sync.strategy=poll", "sync.interval=1s"])
    seldom = load("tiny", ["sync.strategy=poll", "sync.interval=1h"])
    assert seldom.settle_seconds() - often.settle_seconds() == pytest.approx(3599.0)
    assert load("tiny", ["settle=5s"]).settle_seconds() == 5.0


def test_toml_leaves_defaults_out_and_loses_nothing_else() -> None:
    scenario = loads(
        """
        description = 'a "quoted" line\\nand a second'
        devices.kinds = [{name = "phone", presence = {push = {}}, network = {"4g" = 1}}]
        retry.send = {policy = "cyclic", delays = [1, 2]}
        retry.connect = {policy = "full_jitter", attempts = 3}
        presence = {night = [23, 7], online = 60}
        conversations.groups = [{}]
        """
    )
    assert loads(scenario.to_toml()) == scenario
    assert "servers" not in scenario.to_toml()
    assert Scenario().to_toml() == "\n"


def test_equal_scenarios_have_equal_bytes_and_others_have_others() -> None:
    variants = [load("tiny"), load("tiny", ["sync.strategy=poll"]), load("tiny", ["network.loss=0.5"])]
    assert load("tiny").to_json() == variants[0].to_json()
    for one, other in itertools.combinations(variants, 2):
        assert one.to_json() != other.to_json()


@pytest.mark.parametrize(
    ("overrides", "pushes"),
    [
        ({"sync.strategy": "push"}, True),
        ({"sync.strategy": "hybrid"}, True),
        ({"sync.strategy": "poll"}, False),
        ({"sync.strategy": "poll", "devices.kinds": ["phone", {"name": "pc", "sync": "push"}]}, True),
    ],
)
def test_servers_push_if_some_strategy_in_use_wants_it(overrides: dict[str, object], *, pushes: bool) -> None:
    assert load("tiny", overrides).pushes() is pushes
