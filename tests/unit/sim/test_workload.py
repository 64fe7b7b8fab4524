"""What users want: named for life, drawn under those names, and nothing that could not be wanted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from imsim.errors import ConfigError
from imsim.scenario import load, loads
from imsim.scenario.traffic import Action
from imsim.sim.decisions import Decisions
from imsim.sim.workload import Intention, Plan, plan

if TYPE_CHECKING:
    from pathlib import Path

SENDS = (Action.SEND, Action.REPLY)
OFFICE = """
duration = "4h"
devices = {users = 12, kinds = ["phone", "pc"]}
conversations = {joins = 0.5, leaves = 0.5, groups = [
  {size = 6}, {kind = "channel", size = 8}, {kind = "direct", count = 5},
]}
traffic = {kind = "poisson", rate = 4, replies = 0.4, edits = 0.2, recalls = 0.1, cancels = 0.1, reads = 0.3}
"""


def planned(model: str, *overrides: str, seed: int = 1) -> Plan:
    return plan(loads(model, overrides), Decisions(seed))


def told(found: Plan, intention: Intention) -> tuple[object, ...]:
    """An intention without indices, which depend on what else there is."""
    device = found.devices[intention.device].name
    return (intention.subject, intention.t, device, found.conversations[intention.conversation].name, intention.size)


def test_a_seed_gives_one_plan_and_another_seed_another() -> None:
    assert list(planned(OFFICE)) == list(planned(OFFICE))
    assert list(planned(OFFICE)) != list(planned(OFFICE, seed=2))


def test_intentions_rise_in_time_within_the_duration() -> None:
    times = [intention.t for intention in planned(OFFICE)]
    assert times == sorted(times)
    assert 0.0 <= times[0] <= times[-1] <= 4 * 3600.0


def test_messages_are_numbered_by_user_in_time_order_and_names_are_unique() -> None:
    found = planned(OFFICE)
    seen: Counter[str] = Counter()
    for intention in found:
        if intention.action in SENDS:
            user = found.users[intention.user].name
            seen[user] += 1
            assert intention.subject == f"{user}-{seen[user]}"
    assert sum(seen.values()) == found.messages()
    assert len({intention.subject for intention in found}) == len(found)


def test_what_follows_a_message_comes_after_it_and_by_whom_it_may() -> None:
    found = planned(OFFICE)
    messages = {intention.subject: intention for intention in found if intention.action in SENDS}
    kinds = Counter(intention.action for intention in found)
    assert all(kinds[action] for action in Action)
    for intention in found:
        if intention.target is None:
            continue
        target = messages[intention.target]
        assert target.conversation == intention.conversation
        assert target.t <= intention.t
        own = intention.action in {Action.EDIT, Action.RECALL, Action.CANCEL}
        assert (target.user == intention.user) == own


def test_nobody_acts_where_they_are_no_member_or_on_anothers_device() -> None:
    found = planned(OFFICE)
    members = [set(conversation.members) for conversation in found.conversations]
    for intention in found:
        assert found.devices[intention.device].user == intention.user
        if intention.action is Action.JOIN:
            assert intention.user not in members[intention.conversation]
            members[intention.conversation].add(intention.user)
        assert intention.user in members[intention.conversation]
        if intention.action is Action.LEAVE:
            members[intention.conversation].remove(intention.user)


def test_a_message_that_is_left_out_takes_along_only_what_belongs_to_it() -> None:
    whole = planned(OFFICE)
    edited = {i.target for i in whole if i.action is Action.EDIT}
    gone = next(i.target for i in whole if i.action is Action.REPLY and i.target in edited)
    less = planned(OFFICE, f"without=['{gone}']")
    kept = [told(whole, i) for i in whole if i.subject != gone and (i.target != gone or i.action is Action.REPLY)]
    assert [told(less, intention) for intention in less] == kept
    assert all(intention.target != gone for intention in less)


@pytest.mark.parametrize("gone", ["bob/pc", "bob"])
def test_a_device_or_user_that_is_left_out_changes_nothing_about_others(gone: str) -> None:
    whole, less = planned(OFFICE), planned(OFFICE, f"without=['{gone}']")
    removed = {device.index for device in whole.devices if gone in {device.name, whole.users[device.user].name}}
    lost = {i.subject for i in whole if i.device in removed}
    kept = [
        told(whole, i) for i in whole if i.subject not in lost and (i.target not in lost or i.action is Action.REPLY)
    ]
    assert [told(less, intention) for intention in less] == kept
    assert len(less.devices) == len(whole.devices) - len(removed)
    assert [device.index for device in less.devices] == list(range(len(less.devices)))
    sessions = {device.name: list(whole.sessions(device)) for device in whole.devices}
    assert all(list(less.sessions(device)) == sessions[device.name] for device in less.devices)


def test_a_conversation_that_is_left_out_takes_along_what_was_said_in_it_and_nothing_else() -> None:
    whole = planned(OFFICE)
    gone = whole.conversations[whole[0].conversation]
    less = planned(OFFICE, f"without=['{gone.name}']")
    lost = {i.subject for i in whole if i.conversation == gone.index}
    assert [told(less, i) for i in less] == [
        told(whole, i) for i in whole if i.subject not in lost and (i.target not in lost or i.action is Action.REPLY)
    ]
    assert [talk.name for talk in less.conversations] == [
        talk.name for talk in whole.conversations if talk.name != gone.name
    ]
    assert [talk.index for talk in less.conversations] == list(range(len(less.conversations)))
    assert less.devices == whole.devices


def test_leaving_out_what_is_not_there_is_an_error() -> None:
    with pytest.raises(
        ConfigError, match=r"without: no such message, device, user or conversation: 'alcie' \(did you mean 'alice'"
    ):
        planned(OFFICE, "without=alcie")


def test_one_more_user_changes_nothing_about_the_messages_of_teams_that_stay() -> None:
    model = (
        "duration = '2h'\ndevices.users = 4\nconversations.groups = [{size = 2}]\n"
        "traffic = {kind = 'poisson', rate = 9}"
    )
    few, many = planned(model), planned(model, "devices.users=8")
    mine = [told(many, intention) for intention in many if intention.user < 4]
    assert [told(few, intention) for intention in few] == mine


def test_gaps_send_a_fixed_number_from_each_device() -> None:
    model = (
        "devices = {count = 40, kinds = ['a', 'b']}\nconversations.groups = [{}]\n"
        "traffic = {kind = 'gaps', messages_per_device = 7}"
    )
    found = planned(model)
    assert Counter(intention.device for intention in found) == dict.fromkeys(range(40), 7)
    mean = sum(found[index].t for index in range(len(found))) / len(found)
    assert mean == pytest.approx(40.0, rel=0.15), "the k-th of 7 comes at 10 k on average"


def test_the_benchmark_is_what_it_says() -> None:
    found = plan(load("bench", ["devices.count=200"]), Decisions(3))
    assert (len(found.users), len(found.devices), len(found.conversations)) == (200, 200, 20)
    assert {len(conversation.members) for conversation in found.conversations} == {10}
    assert found.messages() == len(found) == 2000


def test_a_rate_is_kept_and_leaders_write_more() -> None:
    model = (
        "duration = '10h'\nconversations.groups = [{kind = 'class', count = 4, size = 26, leaders = 4}]\n"
        "traffic = {kind = 'poisson', rate = 2, leader_weight = 20}"
    )
    found = planned(model)
    counts = Counter(found.users[intention.user].role for intention in found)
    assert counts["pupil"] == pytest.approx(100 * 20, rel=0.1)
    assert counts["teacher"] == pytest.approx(4 * 400, rel=0.1)


def test_a_day_has_its_rhythm() -> None:
    hours = ", ".join("3" if hour in {9, 15} else "1" if 8 <= hour < 18 else "0" for hour in range(24))
    model = (
        f"hour = 7.5\nduration = '2d'\ndevices.users = 100\nconversations.groups = [{{}}]\n"
        f"traffic = {{kind = 'daily', rate = 0.5, hours = [{hours}]}}"
    )
    counts = Counter(int(7.5 + intention.t / 3600) % 24 for intention in planned(model))
    assert sum(counts.values()) == pytest.approx(2 * 24 * 50, rel=0.1)
    assert sorted(counts) == list(range(8, 18))
    ordinary = sum(counts[hour] for hour in range(8, 18) if hour not in {9, 15}) / 8
    assert (counts[9] + counts[15]) / 2 == pytest.approx(3 * ordinary, rel=0.2)


def test_a_burst_is_by_whom_when_and_where_the_model_says() -> None:
    model = """
    duration = "1h"
    conversations.groups = [
      {kind = "class", count = 2, size = 50, leaders = 2}, {kind = "channel", size = 102, weight = 9},
    ]
    [traffic]
    kind = "poisson"
    rate = 0
    bursts = [{at = 600, length = 60, messages = 2, share = 0.5, roles = ["pupil"], group = "class"}]
    """
    found = planned(model)
    assert 2 * 30 < len(found) < 2 * 70
    assert all(600 <= intention.t < 660 for intention in found)
    assert {found.users[intention.user].role for intention in found} == {"pupil"}
    assert {found.conversations[intention.conversation].group for intention in found} == {"class"}
    assert set(Counter(intention.user for intention in found).values()) == {2}


def test_weights_say_where_users_write() -> None:
    model = (
        "duration = '8h'\ndevices.users = 20\n"
        "conversations.groups = [{size = 20, weight = 3}, {kind = 'channel', size = 20, weight = 1}, "
        "{kind = 'channel', name = 'no', size = 20, weight = 0}]\n"
        "traffic = {kind = 'poisson', rate = 10}"
    )
    found = planned(model)
    groups = Counter(found.conversations[intention.conversation].group for intention in found)
    assert groups["team"] / groups["channel"] == pytest.approx(3, rel=0.2)
    assert groups["no"] == 0


def test_conversations_have_the_members_that_their_kind_says() -> None:
    model = """
    duration = 1
    devices.users = 40
    conversations.groups = [
      {kind = "class", count = 3, size = 5, leaders = 2}, {kind = "support", count = 4, leaders = 2},
      {kind = "channel", count = 2, size = 7}, {kind = "direct", count = 6}, {name = "us", members = ["zoe", "bob"]},
    ]
    traffic = {kind = "poisson", rate = 1}
    """
    found = planned(model)
    roles = [user.role for user in found.users]
    by_group: dict[str, list[tuple[int, ...]]] = {}
    for conversation in found.conversations:
        assert len(set(conversation.members)) == len(conversation.members)
        by_group.setdefault(conversation.group, []).append(conversation.members)
    assert [[roles[m] for m in members] for members in by_group["class"]] == [["teacher", *["pupil"] * 4]] * 3
    assert [[roles[m] for m in members] for members in by_group["support"]] == [["agent", "customer"]] * 4
    assert [members[0] for members in by_group["class"]][0::2] == [by_group["class"][0][0]] * 2, "in turn"
    assert [len(members) for members in by_group["channel"]] == [7, 7]
    assert len(set(by_group["direct"])) == 6
    assert [found.users[m].name for m in by_group["us"][0]] == ["zoe", "bob"]


def test_direct_pairs_end_where_there_are_no_more() -> None:
    found = planned("conversations.groups = [{kind = 'direct', count = 9}]\ndevices.users = 3\ntraffic.kind = 'gaps'")
    assert len(found.conversations) == 3


def test_devices_follow_roles_users_and_shares() -> None:
    model = """
    duration = 1
    conversations.groups = [{kind = "support", count = 300, leaders = 2}]
    devices.kinds = [
      {name = "app", roles = ["customer"]}, {name = "web", roles = ["customer"], share = 0.3},
      {name = "pc", roles = ["agent"], skew = 5, drift = 100},
    ]
    network.mix = {wifi = 1, 4g = 3}
    traffic = {kind = "poisson", rate = 1}
    """
    found = planned(model)
    kinds = Counter((found.users[device.user].role, device.kind) for device in found.devices)
    assert kinds["agent", "pc"] == 2
    assert kinds["customer", "app"] == 300
    assert kinds["customer", "web"] == pytest.approx(90, rel=0.3)
    profiles = Counter(device.profile for device in found.devices)
    assert profiles["4g"] / profiles["wifi"] == pytest.approx(3, rel=0.3)
    assert all(abs(device.skew) <= 5 and abs(device.drift) <= 100 for device in found.devices)
    assert any(device.skew for device in found.devices if device.kind == "pc")


def test_steps_are_taken_as_written() -> None:
    found = plan(load("tiny"), Decisions(1))
    assert [(i.t, i.action.value, i.subject, i.target) for i in found] == [
        (1.0, "send", "alice-1", None),
        (4.0, "send", "bob-1", None),
        (8.0, "send", "alice-2", None),
        (10.0, "edit", "alice-2+edit", "alice-2"),
        (14.0, "send", "bob-2", None),
        (15.0, "send", "bob-3", None),
        (17.0, "recall", "bob-2+recall", "bob-2"),
        (20.0, "reply", "alice-3", "bob-3"),
        (25.0, "read", "alice-3+read-bob", "alice-3"),
    ]
    assert found[3].text == "The new one, by the river."
    assert found[3].size == len("The new one, by the river.")
    assert [device.name for device in found.devices] == ["alice/phone", "alice/pc", "bob/phone"]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("{at = 1, from = 'alice', to = 'temas'}", r"steps\[1\]\.to: no such conversation or user: 'temas' \(did you"),
        ("{at = 1, from = 'bob', to = 'team', device = 'pc'}", r"steps\[1\]\.device: bob has no pc, only phone"),
        ("{at = 1, from = 'bob', to = 'team', action = 'edit', target = 'bob-7'}", "no such message before: 'bob-7'"),
        ("{at = 1, from = 'bob', to = 'team', action = 'recall'}", "there is no message before to recall"),
        ("{at = 1, from = 'alice', to = 'team', action = 'read', target = 'alice-1'}", "no such message before"),
    ],
)
def test_a_step_that_means_nothing_is_an_error(step: str, said: str) -> None:
    model = f"""
    devices.kinds = ["phone", {{name = "pc", users = ["alice"]}}]
    conversations.groups = [{{name = "team", members = ["alice", "bob"]}}]
    traffic = {{kind = "list", steps = [{{at = 2, from = "alice", to = "team"}}, {step}]}}
    """
    with pytest.raises(ConfigError, match=said):
        planned(model)


def test_a_step_may_address_a_user() -> None:
    model = """
    conversations.groups = [{name = "team", members = ["alice", "bob", "carol"]}]
    traffic = {kind = "list", steps = [
      {at = 1, from = "carol", to = "alice"}, {at = 2, from = "alice", to = "carol"},
      {at = 3, from = "carol", to = "alice", action = "read"},
      {at = 4, from = "carol", to = "alice", action = "read"},
    ]}
    """
    found = planned(model)
    assert {found.conversations[i.conversation].name for i in found} == {"alice+carol"}
    assert [i.subject for i in found] == ["carol-1", "alice-1", "alice-1+read-carol", "alice-1+read2-carol"]


def test_a_trace_brings_its_users_pairs_and_times(tmp_path: Path) -> None:
    (tmp_path / "edges.txt").write_text("1 2 1000\n2 1 1010\nann 2 1020\n1 2 1030\n")
    model = f"devices.kinds = ['phone', 'pc']\ntraffic = {{kind = 'trace', trace = '{tmp_path / 'edges.txt'}'}}"
    found = planned(model)
    assert [user.name for user in found.users] == ["u1", "u2", "ann"]
    assert [conversation.name for conversation in found.conversations] == ["u1+u2", "u2+ann"]
    assert [(i.t, i.subject) for i in found] == [(0.0, "u1-1"), (10.0, "u2-1"), (20.0, "ann-1"), (30.0, "u1-2")]
    assert len(found.devices) == 6
    assert found.duration == 31.0
    assert [i.subject for i in planned(model, "duration=15s")] == ["u1-1", "u2-1"]


@pytest.mark.parametrize("name", ["enterprise", "education", "ecommerce"])
def test_the_shipped_days_have_between_1000_and_6000_deliveries(name: str) -> None:
    found = plan(load(name), Decisions(7))
    devices = Counter(device.user for device in found.devices)
    deliveries = sum(
        devices[member]
        for intention in found
        if intention.action in SENDS
        for member in found.conversations[intention.conversation].members
    )
    assert 1000 <= deliveries <= 6000
