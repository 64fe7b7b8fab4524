"""Model files, overrides, and what is said about the bad ones: one line that names the place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imsim.errors import ConfigError
from imsim.scenario import LinkKind, Shape, StrategyName, copy_model, load, loads, models
from imsim.scenario.library import names
from imsim.scenario.traffic import Poisson

if TYPE_CHECKING:
    from pathlib import Path

PAIR = """
[[conversations.groups]]
name = "pair"
members = ["alice", "bob"]
"""
SHIPPED = [listing.name for listing in models()]


def problem(content: str, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loads(content, overrides, source="x.toml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("devices.count = -3", "x.toml: devices.count: expected an integer >= 1, got -3"),
        ("devices.count = 2.5", "x.toml: devices.count: expected an integer >= 1, got 2.5"),
        ("devices.count = true", "x.toml: devices.count: expected an integer >= 1, got true"),
        ("devices.count = 99999999999", "x.toml: devices.count: expected an integer <= 10000000, got 99999999999"),
        ("devices.cuont = 3", "x.toml: devices.cuont: unknown key (did you mean 'count'?)"),
        ("trafic.kind = 'gaps'", "x.toml: trafic: unknown key (did you mean 'traffic'?)"),
        ("devices = 3", "x.toml: devices: expected a table, got 3"),
        ("devices.kinds = []", "x.toml: devices.kinds: expected at least 1 entry, got 0"),
        (
            "traffic.kind = 'gasp'",
            "traffic.kind: expected daily, gaps, list, poisson or trace, got 'gasp' (did you mean",
        ),
        ("traffic.mean_gap = 3", "x.toml: traffic.kind: missing; one of daily, gaps, list, poisson, trace"),
        ("traffic = {kind = 'poisson'}", "x.toml: traffic.rate: missing; Messages of each user."),
        ("sync = 'pol'", "sync: expected push, poll, long_poll, hybrid or adaptive, got 'pol' (did you mean 'poll'?)"),
        ("sync.interval = 0", "x.toml: sync.interval: expected a duration"),
        ("network.latency.distribution = 'normal'", "network.latency.distribution: expected constant, uniform"),
        ("servers.retention.age = 0", "x.toml: servers.retention.age: expected a duration"),
        ("servers.idempotency = 1e-300", "servers.idempotency: expected a duration (seconds, or text such as '30s'"),
        ("servers.lease = 1e-6", "x.toml: servers.lease: expected a duration"),
        ("network.los = 0.1", "x.toml: network.los: unknown key (did you mean 'loss'?)"),
        ("network.loss = 1.5", "x.toml: network.loss: expected a number <= 1, got 1.5"),
        ("network.loss = nan", "x.toml: network.loss: expected a number >= 0, got nan"),
        ("network.mix = {wifi = -1}", "x.toml: network.mix.wifi: expected a number >= 0, got -1"),
        ("network.profile = 'wfi'", "x.toml: network.profile: no such network profile: 'wfi' (did you mean 'wifi'?)"),
        ("duration = 'a while'", "x.toml: duration: expected a duration (seconds, or text such as '30s' or '5m')"),
        ("duration = inf", "x.toml: duration: expected a duration"),
        ("duration = '-5s'", "x.toml: duration: expected a duration"),
        ("retry.send = {policy = 'fixed', bse = 1}", "retry.send.bse: unknown key (did you mean 'base'?)"),
        ("retry.send.policy = 'jitter'", "retry.send.policy: expected cyclic, decorrelated_jitter"),
        ("faults.events = [{kind = 'crsh', at = 1}]", "faults.events[0].kind: expected clock_jump, crash"),
        ("faults.events = [{kind = 'crash'}]", "x.toml: faults.events[0].at: missing; When."),
        (
            "faults.events = [{kind = 'crash', at = 1, server = 2}]",
            "server: expected an integer <= servers.count, got 2",
        ),
        ("faults.events = [{kind = 'wipe', at = 1, device = 'alice'}]", "expected a name (USER/KIND), got 'alice'"),
        (
            "faults.events = [{kind = 'wipe', at = 1, device = 'alcie/phone'}]",
            "no such user: 'alcie' (did you mean 'alice'?)",
        ),
        ("preset = 'opnim'", "x.toml: preset: no such preset: 'opnim' (did you mean 'openim'?)"),
        ("history.level = 'frame'", "history.level: expected messages or frames, got 'frame' (did you mean 'frames'?)"),
        ("presence.night = [23]", "x.toml: presence.night: expected a list of 2, got a list"),
    ],
)
def test_bad_values_are_named_with_their_place(table: str, said: str) -> None:
    assert said in problem(table + "\n" + PAIR)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("duration = 5", "x.toml: conversations.groups: empty: nobody has anybody to talk to"),
        ("traffic = {kind = 'poisson', rate = 1}" + PAIR, "x.toml: duration: missing"),
        ("servers.sites = ['moon']" + PAIR, "x.toml: servers.sites[0]: no such site: 'moon'"),
        ("network.sites = ['a', 'b']" + PAIR, "x.toml: network.links: no way from 'a' to 'b'"),
        (
            "devices.users = 1" + PAIR,
            "x.toml: devices.users: too few for conversations.groups, which need 2 users: got 1",
        ),
        ("devices = {count = 5, kinds = ['phone', 'pc']}" + PAIR, "x.toml: devices.count: expected a multiple of 2"),
        ("devices.kinds = ['phone', 'phone']" + PAIR, "x.toml: devices.kinds[1].name: 'phone' is there twice"),
        ("devices.kinds = [{name = 'pc', roles = ['pupil']}]" + PAIR, "no such role: 'pupil'; there are member"),
        ("traffic = {kind = 'list', steps = [{at = 1, from = 'eve', to = 'pair'}]}" + PAIR, "no such user: 'eve'"),
        (
            "traffic = {kind = 'trace', trace = '/no/x', source = 'ask SNAP'}",
            "traffic.trace: no such file: /no/x; ask SNAP",
        ),
        ("network.trace = '/no/stem'" + PAIR, "x.toml: network.trace: no such file: /no/stem.up"),
        ("sync = {least = 9, most = 3}" + PAIR, "x.toml: sync.least: expected at most sync.most (3 s), got 9 s"),
        ("duration = 9\nfaults.events = [{kind = 'heal', at = '1m'}]" + PAIR, "faults.events[0].at: after the end"),
        ("conversations.groups = [{}, {}]", "two groups are called 'team'"),
        ("traffic = {kind = 'gaps', messages_per_device = 0}" + PAIR, "nothing would be sent"),
        (
            "network = {loss = 1, kind = 'stream'}" + PAIR,
            "x.toml: network.loss: expected a number < 1 on a stream, which would stall for ever, got 1",
        ),
        (
            "network = {profile = 'mine', profiles = {mine = {loss = 1}}}" + PAIR,
            "x.toml: network.profiles.mine.loss: expected a number < 1 on a stream",
        ),
        (
            "network.outages = {every = '10s', length = '20s'}" + PAIR,
            "x.toml: network.outages.length: expected less than outages.every (10 s), got 20 s",
        ),
        (
            "network = {sites = ['a', 'b'], links = [{between = ['a', 'b'], loss = 1}]}" + PAIR,
            "x.toml: network.links[0].loss: expected a number < 1, or the sites are not linked, got 1",
        ),
        ("devices = {count = 2, users = 2}" + PAIR, "x.toml: devices.users: cannot be given beside devices.count"),
        ("devices.users = 2\ntraffic = {kind = 'trace', trace = '/dev/null'}", "devices.users: a trace brings its own"),
        ("devices.count = 2\ntraffic = {kind = 'trace', trace = '/dev/null'}", "devices.count: a trace brings its own"),
        ("traffic = {kind = 'trace', trace = '/'}", "x.toml: traffic.trace: expected a file, got a directory: /"),
    ],
)
def test_sections_must_fit_together(table: str, said: str) -> None:
    assert said in problem(table)


OWNED = "devices.kinds = ['phone', {name = 'pc', users = ['alice']}]\n"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("faults.events = [{kind = 'cut', at = 1, devices = ['bob/pc']}]", "faults.events[0].devices: bob has no pc"),
        ("faults.events = [{kind = 'wipe', at = 1, device = 'bob/pc'}]", "faults.events[0].device: bob has no pc"),
        ("faults.events = [{kind = 'clock_jump', at = 1, node = 'bob/pc', by = 5}]", "events[0].node: bob has no pc"),
        ("faults.events = [{kind = 'kill', at = 1, devices = ['bob/tv']}]", "no such kind of device: 'tv'"),
    ],
)
def test_nobody_has_a_device_that_they_have_not(table: str, said: str) -> None:
    assert said in problem(OWNED + table + PAIR)


def test_a_device_may_be_meant_before_its_user_signs_in_on_it() -> None:
    events = "{kind = 'sign_in', at = 1, user = 'bob', device = 'pc'}, {kind = 'wipe', at = 2, device = 'bob/pc'}"
    patterns = "{kind = 'cut', at = 3, devices = ['*/pc', 'bob/*']}"
    assert len(loads(OWNED + f"faults.events = [{events}, {patterns}]" + PAIR).faults.events) == 3


def test_a_model_without_its_data_says_where_to_get_it() -> None:
    with pytest.raises(ConfigError, match=r"traffic\.trace: no such file: /no/none; CollegeMsg.*snap"):
        load("campus", ["traffic.trace=/no/none"])


def test_more_messages_than_can_be_planned_are_refused() -> None:
    assert "traffic: about 1000000000 messages" in problem(
        "duration = '1000h'\ndevices.users = 1000\nconversations.groups = [{}]\n"
        "traffic = {kind = 'poisson', rate = 1000}"
    )


def test_an_empty_model_is_an_error() -> None:
    assert problem("# nothing\n").startswith("x.toml: the model is empty")


def test_what_is_no_toml_is_an_error_with_its_line() -> None:
    assert "x.toml: not TOML:" in problem("devices = [")
    assert "line 2" in problem("a = 1\nb ! 2")


def test_hostile_nesting_is_an_error_too() -> None:
    assert "not TOML" in problem("a = " + "[" * 5000)


def test_a_missing_file_is_told_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"enterprize: no such file.*did you mean 'enterprise'"):
        load("enterprize")


def test_bytes_that_are_no_text_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"m\.toml: cannot be read: it is no text in UTF-8"):
        load(path)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("devices.cuont=3", "--set devices.cuont=3: devices.cuont: unknown key (did you mean 'count'?)"),
        ("sync.strategy=pol", "--set sync.strategy=pol: sync.strategy: expected push"),
        ("network.loss=2", "--set network.loss=2: network.loss: expected a number <= 1, got 2"),
        ("faults.events.0.at=-1", "--set faults.events.0.at=-1: faults.events[0].at: expected a duration"),
        ("faults.events.9.at=1", "--set faults.events.9.at=1: faults.events.9: expected an index below 1, got '9'"),
        ("duration", "--set duration: expected KEY=VALUE"),
        ("=5", "--set =5: expected KEY=VALUE"),
    ],
)
def test_a_bad_override_is_named_itself(override: str, said: str) -> None:
    assert said in problem("faults.events = [{kind = 'heal', at = 1}]\n" + PAIR, override)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["network.loss=1"], "--set network.loss=1: network.loss: expected a number < 1 on a stream"),
        (["network.loss=1", "network.rto=2s"], "--set network.loss=1: "),
        (["traffic.kind=poisson", "name=x"], "--set traffic.kind=poisson: traffic.rate: missing"),
        (["name=x", "retry.send.base=3"], "--set retry.send.base=3: retry.send.policy: missing"),
        (["duration=0.5"], "--set duration=0.5: faults.events[0].at: after the end: duration is 0.5 s, got 1 s"),
        (["devices.count=true"], "--set devices.count=true: devices.count: expected an integer >= 1, got true"),
        (["devices.count=1e308"], "--set devices.count=1e308: devices.count: expected an integer >= 1"),
        (["sync={strategy='pol'}"], "--set sync={strategy='pol'}: sync.strategy: expected push"),
    ],
)
def test_of_several_overrides_the_one_that_brought_it_in_is_blamed(overrides: list[str], said: str) -> None:
    assert said in problem("faults.events = [{kind = 'heal', at = 1}]\n" + PAIR, *overrides)


def test_a_mistake_of_the_files_own_is_the_files_whatever_is_overridden() -> None:
    assert problem("servers = {ping = 50, silence = 40}" + PAIR, "servers.lease=9", "name=x").startswith(
        "x.toml: servers.silence: "
    )


def test_overrides_are_toml_or_text_or_values() -> None:
    scenario = loads(PAIR, ["duration=30s", "devices.users=5", "sync.rest=true", "network.mix={wifi=1}", "name=a=b"])
    assert (scenario.duration, scenario.devices.users, scenario.sync.rest) == (30.0, 5, True)
    assert scenario.network.mix == {"wifi": 1.0}
    assert scenario.name == "a=b"
    assert loads(PAIR, {"duration": 30, "devices.users": 5}).devices.users == 5


def test_another_kind_of_traffic_drops_the_keys_of_the_old_one() -> None:
    scenario = loads(
        "traffic = {kind = 'gaps', mean_gap = 3, edits = 0.5}" + PAIR,
        ["traffic.kind=poisson", "traffic.rate=2", "duration=1h"],
    )
    assert isinstance(scenario.traffic, Poisson)
    assert scenario.traffic.edits == 0.5


def test_none_switches_an_optional_key_off() -> None:
    assert loads("duration = 60" + PAIR, ["duration=none"]).duration is None


def test_bare_values_stand_for_a_tables_main_key() -> None:
    scenario = loads("network.latency = '20ms'\nsync = 'poll'\nretry.send = 'fixed'\ndevices.kinds = ['a']" + PAIR)
    latency = scenario.network.profiles["wifi"].latency
    assert (latency.distribution, latency.mean, latency.offset) == (Shape.CONSTANT, 0.02, 0.0)
    assert scenario.sync.strategy is StrategyName.POLL
    assert scenario.devices.kinds[0].name == "a"


def test_keys_of_a_profile_in_the_network_section_override_every_profile_in_use() -> None:
    scenario = loads(
        "network = {mix = {wifi = 1, 4g = 1}, loss = 0.5, latency = {mean = 1}}" + PAIR, ["network.rto=2s"]
    )
    profiles = scenario.network.profiles
    assert sorted(profiles) == ["4g", "wifi"]
    assert {profile.loss for profile in profiles.values()} == {0.5}
    assert {profile.rto for profile in profiles.values()} == {2.0}
    assert {profile.latency.mean for profile in profiles.values()} == {1.0}
    assert profiles["4g"].latency.offset == pytest.approx(0.025), "a table changes single keys"


def test_a_profile_of_the_models_own_goes_before_a_shipped_one() -> None:
    scenario = loads("network = {profile = 'wifi', profiles = {wifi = {kind = 'datagram'}}}" + PAIR)
    assert scenario.network.profiles["wifi"].kind is LinkKind.DATAGRAM


def test_profiles_beside_the_model_are_found(tmp_path: Path) -> None:
    (tmp_path / "networks").mkdir()
    (tmp_path / "networks" / "mine.toml").write_text("loss = 0.25\n")
    (tmp_path / "m.toml").write_text("network.profile = 'mine'\n" + PAIR)
    scenario = load(tmp_path / "m.toml")
    assert scenario.name == "m"
    assert scenario.network.profiles["mine"].loss == 0.25


def test_a_preset_lies_under_the_models_keys_and_over_them_in_an_override() -> None:
    own = "preset = 'openim'\nsync = {strategy = 'poll'}\n" + PAIR
    assert loads(own).sync.strategy is StrategyName.POLL
    assert loads(own).sync.gap_wait == 0.0
    assert loads("sync = 'poll'\n" + PAIR, ["preset=openim"]).sync.strategy is StrategyName.PUSH


def test_paths_are_relative_to_the_model_and_in_overrides_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "edges.txt").write_text("1 2 3\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "more.txt").write_text("1 2 3\n")
    (tmp_path / "m.toml").write_text("traffic = {kind = 'trace', trace = 'edges.txt'}\n")
    monkeypatch.chdir(tmp_path / "other")
    assert load(tmp_path / "m.toml").traffic.trace == str(tmp_path / "edges.txt")  # type: ignore[union-attr]
    changed = load(tmp_path / "m.toml", ["traffic.trace=more.txt"])
    assert changed.traffic.trace == str(tmp_path / "other" / "more.txt")  # type: ignore[union-attr]


@pytest.mark.parametrize("name", [name for name in SHIPPED if name != "campus"])
def test_a_shipped_model_loads_and_survives_being_written(name: str) -> None:
    scenario = load(name)
    again = loads(scenario.to_toml())
    assert again == scenario
    assert again.to_json() == scenario.to_json()


@pytest.mark.parametrize("preset", names("presets"))
@pytest.mark.parametrize("model", ["tiny", "enterprise"])
def test_every_preset_fits_every_model(model: str, preset: str) -> None:
    assert load(model, [f"preset={preset}"]) != load(model) or preset == "telegram"


@pytest.mark.parametrize("profile", names("networks"))
def test_every_profile_can_be_named(profile: str) -> None:
    assert list(load("tiny", [f"network.profile={profile}"]).network.shares()) == [profile]


def test_shipped_models_say_in_one_line_what_they_are() -> None:
    assert {"tiny", "enterprise", "education", "ecommerce", "campus", "bench"} <= set(SHIPPED)
    assert all(len(listing.about) > 20 for listing in models())


def test_a_copied_model_is_a_model_and_nothing_is_overwritten(tmp_path: Path) -> None:
    copied = copy_model("tiny", tmp_path)
    assert load(copied).traffic == load("tiny").traffic
    with pytest.raises(ConfigError, match=r"tiny\.toml: is there already"):
        copy_model("tiny", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.toml"]
    with pytest.raises(ConfigError, match="no shipped model of that name"):
        copy_model(copied, tmp_path / "again.toml")
    with pytest.raises(ConfigError, match="cannot be written"):
        copy_model("tiny", tmp_path / "no" / "where.toml")
