"""A program as a device: what it does wrong is told in one sentence, and nothing of it outlives that."""

from __future__ import annotations

import pickle
import random
import shlex
import sys
from pathlib import Path

import msgspec
import pytest

import imsim
from imsim.errors import AlgorithmError, ConfigError
from imsim.protocol.config import DeviceConfig
from imsim.protocol.frames import Ask, Edit, Entry, Message, Recall, Sent
from imsim.protocol.records import Epoch, Kept
from imsim.sim.disk import Disk
from imsim.sim.foreign import DeviceCommand
from imsim.verify.search import Case

PROGRAM = Path(__file__).parents[3] / "foreign_program.py"
NOW = {"now": 3.0, "wall": 1e9}


class Chance:
    def at(self, subject, occurrence):
        return random.Random(f"{subject}/{occurrence}")


def command(line, what):
    return DeviceCommand(shlex.join([sys.executable, str(PROGRAM), line, what]), 30.0)


def loaded(made, *records, now=0.0):
    disk = Disk()
    disk.write(records)
    return made.load(disk, DeviceConfig(), Chance(), "phone#0", user="alice", name="alice/phone", now=now)


def broken(made, call):
    with made, pytest.raises(AlgorithmError) as caught:
        call(loaded(made))
    return str(caught.value)


def opened(device):
    device.open(**NOW)


def test_a_program_that_does_nothing_is_a_device():
    made = command("never", "die")
    with made:
        device = loaded(made)
        device.open(**NOW)
        assert device.send("team", "hello", **NOW) == "n-0"
        assert device.cancel("n-0", **NOW)
        assert not device.cancel("n-1", **NOW)
        assert (device.poll(), device.wake_at, device.online, device.is_quiet()) == ([], None, False, True)
        assert (device.position("team"), device.read_mark("team"), device.unread("team")) == ((1, 0), (1, 0), 0)
        assert device.conversations() == []
        assert device.own_log == "~alice"
        assert device.changed() == []


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("die", "it ended with exit code 7; on standard error: first | no such table: messages"),
        ("nonsense", "its answer makes no sense: JSON is malformed: invalid character (byte 0): Segmentation fault?"),
        ("nothing done", "its answer makes no sense: Object missing required field `effects`"),
        ("a server's frame", "its answer makes no sense: Invalid value 'pong' - at `$.effects[0].frame.type`"),
        ("an empty send", "its answer makes no sense: a send offers nothing"),
        ("an empty write", "its answer makes no sense: Expected `array` of length >= 1 - at `$.effects[0].records`"),
        ("long", "it said a line of more than 16,777,216 bytes"),
    ],
)
def test_what_it_does_wrong_is_told(what, says):
    said = broken(command("open", what), opened)
    assert f"foreign_program.py open {shlex.quote(what)}: alice/phone, at 3.0 s, told open: {says}" in said
    assert len(said.splitlines()) == 1


def test_it_may_not_hang_up():
    assert "told open: it closed its standard output" in broken(command("open", "hang up"), opened)


def test_it_may_not_hang():
    made = msgspec.structs.replace(command("hello", "hang"), limit="50ms")
    with pytest.raises(ConfigError, match=r"told hello: it did not answer within 0.05 s"):
        made.__enter__()


def test_it_answers_once():
    def twice(device):
        device.open(**NOW)
        device.close(**NOW)

    assert "told close: it answered line 3 instead of line 4" in broken(command("open", "twice"), twice)


def test_it_names_what_it_makes():
    assert "told send: its answer has no client_id" in broken(
        command("send", "no name"), lambda device: device.send("team", "hello", **NOW)
    )


def test_it_may_not_be_awake_without_end():
    def wake(device):
        for _ in range(200):
            device.handle_wake(**NOW)

    assert "it wants to be woken at 3.0 s, which is past, again and again" in broken(
        command("wake", "always awake"), wake
    )


def test_it_tells_as_many_contents_as_were_asked():
    assert "it told the contents of 2 messages instead of 0" in broken(
        command("look", "two contents"), lambda device: device.changed()
    )


def test_the_next_world_starts_it_anew():
    made = command("open", "die")
    for _ in range(2):
        assert "told open: it ended" in broken(made, opened)


def test_who_never_greeted_is_no_device_and_who_did_is_a_broken_one(monkeypatch):
    made = command("hello", "die")
    with pytest.raises(ConfigError, match="told hello: it ended with exit code 7"):
        loaded(made)
    monkeypatch.setattr("imsim.sim.foreign.host._GREETED", {made.command})
    with pytest.raises(AlgorithmError, match="told hello: it ended with exit code 7"):
        loaded(made)


def test_another_version_could_not_run():
    with pytest.raises(ConfigError, match="speaks version 2 of the device protocol, not 1"):
        loaded(command("hello", "another version"))


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("no-such-program --imsim", "there is no program 'no-such-program', and no shell reads the command: no-such"),
        ("", "the command of a device is empty"),
        ("sdk 'x", "the command of a device cannot be read: No closing quotation"),
    ],
)
def test_a_mistyped_command_is_told_at_once(typed, says):
    with pytest.raises(ConfigError, match=says):
        DeviceCommand(typed)


@pytest.mark.parametrize("limit", [0, -1.0, float("nan"), float("inf"), "soon", "0s"])
def test_a_limit_that_is_none_is_told_at_once(limit):
    with pytest.raises(ConfigError, match=f"the limit of a device {limit}: expected a duration such as"):
        DeviceCommand("true", limit)


def test_what_cannot_be_executed_is_a_mistake_too(tmp_path):
    script = tmp_path / "sdk"
    script.write_bytes(b"\x7fELF, but not really")
    with pytest.raises(ConfigError, match="sdk' may not be executed: "):
        DeviceCommand(str(script))
    script.chmod(0o755)
    with pytest.raises(ConfigError, match="cannot be started"):
        loaded(DeviceCommand(str(script)))


def test_it_is_told_the_frame_and_when_it_came():
    said = broken(command("frame", "echo"), lambda device: _takes(device, Sent("team", 1, ())))
    head = '{"n": 4, "do": "frame", "device": "alice/phone", "now": 3.0, "wall": 1000000000.0, '
    assert f"on standard error: {head}" in said
    assert '"frame": {"type": "sent", "conversation": "team", "epoch": 1, "outcomes": []}' in said


def test_a_life_has_a_seed_of_its_own():
    made = command("load", "echo")
    seeds = []
    for now in (0.0, 0.0, 1.0):
        with made, pytest.raises(AlgorithmError) as caught:
            loaded(made, Kept("cursor", {"team": 1}), now=now)
        seeds.append(str(caught.value).partition('"seed": ')[2].partition(",")[0])
    assert '"install": "phone#0"' in str(caught.value)
    assert seeds[0] == seeds[1] != seeds[2]


def test_frames_of_an_older_connection_never_reach_it():
    made = command("frame", "die")
    with made:
        device = loaded(made)
        device.handle_connected("old", **NOW)
        device.handle_connected("new", **NOW)
        device.handle_frame("old", Ask("team", 1, 1, 1, 1), **NOW)
        device.handle_disconnected("cut", **NOW)
        device.handle_frame("new", Ask("team", 1, 1, 1, 1), **NOW)


def test_what_was_edited_or_recalled_is_asked_for_unless_a_failover_took_it():
    def row(seq, client_id, body):
        return Entry("team", 1, seq, client_id, "alice", 0.0, body)

    rows = [
        row(1, "a-1", Message("one")),
        row(2, "a-2", Edit("a-1", "uno")),
        row(3, "a-3", Message("three")),
        row(4, "a-4", Recall("a-3")),
        row(5, "a-5", Edit("z-9", "not here")),
    ]
    made = command("look", "two contents")
    with made:
        found = loaded(made, *rows).changed()
        assert [(entry.client_id, content) for entry, content in found] == [("a-1", None), ("a-3", "a")]
        with pytest.raises(AlgorithmError, match="2 messages instead of 1"):
            loaded(made, *rows, Epoch("team", 2, 2)).changed()


def test_a_world_that_it_breaks_ends_in_a_broken_contract():
    trial = imsim.replay(Case(scenario=imsim.load("tiny"), seed=1), device=command("open", "die"))
    assert "told open: it ended with exit code 7" in trial.failures["contract"]


def test_it_can_be_handed_to_another_process():
    made = command("open", "die")
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301 (our own)


def _takes(device, frame):
    device.handle_connected("wire", **NOW)
    device.handle_frame("wire", frame, **NOW)
