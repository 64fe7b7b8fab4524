"""What a device promises of its life: installed, opened, connected, woken, closed."""

from __future__ import annotations

from imsim.protocol.effects import Connect, Disconnect, Effect
from imsim.protocol.records import Installed
from imsim.testing.device.book import DEVICE, PATIENCE, Opens, holds
from imsim.testing.promise import expect
from imsim.testing.stage import NAME, ROOM, USER


@DEVICE.promise("a new install is written down at once, and a restart of it writes nothing")
def begins_an_install(opens: Opens) -> None:
    """Also when the records are those of another install."""
    stage = opens()
    holds(stage.written(Installed), "loaded on an empty disk, it wrote no Installed record")
    before = len(stage.effects)
    stage.load()
    expect(stage.effects[before:], [], "what it had done when it was loaded again")
    stage.load("another install")
    holds(len(stage.effects) > before, "loaded with another install's records, it wrote nothing")
    nonces = [record.nonce for record in stage.written(Installed)]
    expect(len(set(nonces)), len(nonces), "how many nonces its installs have")


@DEVICE.promise("an open device connects, and greets as who it is")
def greets(opens: Opens) -> None:
    """With the nonce that it wrote down."""
    stage = opens()
    stage.do("open")
    hello = stage.dial()
    holds(hello, "it died")
    if hello is not None:
        nonce = stage.written(Installed)[-1].nonce
        expect((hello.user, hello.device, hello.install), (USER, NAME, nonce), "who greets")


@DEVICE.promise("it is online once it is welcomed, and no longer when the connection is gone")
def knows_whether_it_is_online(opens: Opens) -> None:
    """Before, during and after."""
    stage = opens()
    stage.do("open")
    stage.dial()
    holds(not stage.device.online, "it is online before the welcome")
    stage.connect()
    holds(stage.device.online, "it is not online after the welcome")
    stage.cut()
    holds(not stage.device.online, "it is online after the cut")


@DEVICE.promise("an open device whose connection is cut connects again by itself")
def connects_again(opens: Opens) -> None:
    """Also when a connection cannot be made."""
    stage = opens()
    stage.connect()
    for reason in ("cut", "refused"):
        stage.cut()
        holds(stage.wait(PATIENCE, lambda: stage.dialling), f"{reason}: no Connect within {PATIENCE:g} s")


@DEVICE.promise("a closed device leaves its connection")
def leaves(opens: Opens) -> None:
    """And opens again."""
    stage = opens()
    stage.connect()
    stage.do("close")
    holds(stage.place(lambda effect: isinstance(effect, Disconnect)) is not None, "closed, it did not disconnect")
    before = sum(isinstance(effect, Connect) for effect in stage.effects)
    stage.connect()
    holds(sum(isinstance(effect, Connect) for effect in stage.effects) > before, "opened again, it did not connect")


@DEVICE.promise("each effect is handed out once")
def hands_out_once(opens: Opens) -> None:
    """A second poll has nothing more."""
    stage = opens()
    stage.connect()
    stage.do("send", ROOM, "hello")
    expect(list(stage.device.poll()), [], "the effects of a second poll")


@DEVICE.promise("waking early does no harm, and waking in time moves on")
def wakes_calmly(opens: Opens) -> None:
    """No moment comes a hundred times."""
    stage = opens()
    stage.connect()
    stage.do("send", ROOM, "hello")
    before = len(stage.effects)
    for _ in range(3):
        stage.do("handle_wake")
    expect(len(stage.effects), before, "how many effects there are after waking early")
    holds(stage.device.wake_at is not None, "it waits for an answer and wants never to be woken")
    for _ in range(100):
        due = stage.device.wake_at
        if due is None or due > stage.now:
            return
        stage.do("handle_wake")
    raise AssertionError(f"woken a hundred times at {stage.now:g} s, it wants to be woken at {stage.device.wake_at}")


@DEVICE.promise("the same inputs lead to the same effects")
def is_repeatable(opens: Opens) -> None:
    """Two devices on two stages."""
    told: list[list[Effect]] = []
    for _ in range(2):
        stage = opens()
        stage.connect()
        stage.push(stage.write("one"))
        stage.do("send", ROOM, "two")
        stage.cut()
        stage.wait(60.0)
        told.append(stage.effects)
    expect(told[1], told[0], "the effects of the second device")
