"""A device in the simulated world: a process that runs the real `Device`, on a disk, behind an access link.

The node is the device's driver. It hands commands and inputs over, carries effects out in order, a write durable
before the next effect starts, and lets nothing in while a write takes its time. It also plays the phone around the
app: the process dies and starts again, the disk is wiped or goes back to a backup, the app is opened and closed, a
platform push wakes it.

There may be a hundred thousand of these, so what devices of one kind have in common stands once in their `Make`.

What does not belong here: what the device decides (protocol/), what a link does to a frame (network.py), and when
anything of this happens (workload.py, faults.py).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from imsim.errors import AlgorithmError, WorldError
from imsim.history import Event
from imsim.history.counters import DeviceCounters
from imsim.protocol.config import DeviceConfig
from imsim.protocol.effects import (
    Connect,
    Disconnect,
    Effect,
    Notify,
    Transmit,
    Write,
)
from imsim.protocol.frames import Ack, Ask, Cancel, Entry, Frame, Message, Page, Push, Send, Welcome
from imsim.protocol.records import Queued
from imsim.scenario.people import PlatformPush
from imsim.sim.connection import Endpoint
from imsim.sim.decisions import Kind
from imsim.sim.standing import EVERYWHERE, ask_where, tell_standing
from imsim.sim.telling import tell_notice, tell_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imsim.protocol.contract import AnyDevice
    from imsim.sim.clock import NodeClock
    from imsim.sim.decisions import KeyedRandomness
    from imsim.sim.disk import Disk
    from imsim.sim.energy import EnergyMeter
    from imsim.sim.link import LinkModel
    from imsim.sim.naming import Named
    from imsim.sim.wire import Wire
    from imsim.sim.world import World

    _Rest = tuple[list[Effect], Named | None, int]
    """Effects that wait for the write before them, and the name of the frame that they answer."""

__all__ = ["DeviceNode", "Make"]

_HAIR = 1e-6
"""The kernel rounds to microseconds: without it a timer could come a hair early, for ever."""
_RESTLESS = 2000
"""Wake-ups in one second of which no device in its right mind has that many."""


class Make(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What devices of one kind have in common.

    Attributes:
        world: where they live.
        config: how they behave.
        push: the platform's push service for them, or None.
        write_time: seconds of one durable write for a uniform number, or None where it takes no time.
    """

    world: Any
    config: DeviceConfig
    push: PlatformPush | None
    write_time: Callable[[float], float] | None


class DeviceNode(Endpoint):
    """One device of one user.

    Attributes:
        index: its number among the history's nodes.
        device: the running app, or None while its process is dead.
        wire: the present connection, or None.
        meter: what its radio costs, or None where nobody asks.
        special: whether it has a clock of its own or a slow disk, so that it goes no short way.
        wanted: whether the app is open.
        turn: how often a server could not be had; decides which one comes next.
        counts: how often each kind of frame went about each subject, where the frame itself does not say.
        pushes: how often each subject was pushed and not acknowledged yet, `pushed_before` included.
        due: conversations of which the device is to say where it stands, and whether also what is read; or None.
        views: what it said that its user reads of edited and recalled messages, by their client ids, or None.
        carrying: whether effects are being carried out.
        roused: how often it was woken in `second` of its own clock.
        pushed_before: what counting begins with, since the device may be pushed again what it acknowledged.
        most_pushes: the highest count that any subject reached.
    """

    __slots__ = (
        "armed",
        "backups",
        "bytes_down",
        "bytes_up",
        "carrying",
        "clock",
        "counts",
        "device",
        "disk",
        "due",
        "index",
        "installs",
        "lives",
        "make",
        "meter",
        "most_pushes",
        "pushed_before",
        "pushes",
        "random",
        "requests",
        "roused",
        "second",
        "special",
        "turn",
        "user",
        "views",
        "waiting",
        "wakes",
        "wanted",
        "wire",
    )

    def __init__(
        self, make: Make, name: str, user: str, site: int, link: LinkModel, disk: Disk, random: KeyedRandomness
    ) -> None:
        """A device that was never started."""
        world: World = make.world
        super().__init__(name, site, link, world.decisions)
        self.make = make
        self.user = user
        self.index = world.writer.nodes.index(name)
        self.random = random
        self.disk = disk
        self.clock: NodeClock | None = None
        self.device: AnyDevice | None = None
        self.wire: Wire | None = None
        self.meter: EnergyMeter | None = None
        self.special = make.write_time is not None
        self.armed: float | None = None
        self.roused = 0
        self.second = -1
        self.wanted = False
        self.turn = 0
        self.installs = 0
        self.lives = 0
        self.counts: dict[int, int] | None = None
        self.pushes: dict[int, int] | None = None
        self.pushed_before = 0
        self.most_pushes = 1
        self.waiting: list[Callable[[], object]] | None = None
        self.due: dict[str, bool] | None = None
        self.views: dict[str, str] | None = None
        self.carrying = False
        self.backups: list[tuple[float, tuple[Any, ...]]] | None = None
        self.bytes_up = 0
        self.bytes_down = 0
        self.requests = 0
        self.wakes = 0

    # ------------------------------------------------------------------------------------------ the process

    def start(self) -> None:
        """The process begins: fold the records, and go on with what the user wants."""
        world: World = self.make.world
        now, _ = self.time()
        self.lives += 1
        install = f"{self.name}#{self.installs}"
        self.device = world.algorithms.device.load(
            self.disk, self.make.config, self.random, install, user=self.user, name=self.name, now=now
        )
        effects = self.device.poll()
        if effects:  # it drew a new nonce: this is a new install
            world.fact(self, Event.INSTALLED, detail=install)
            self._carry_out(effects, None, 0)
        elif self.lives > 1:
            ask_where(self, EVERYWHERE, read=self.views is not None)
        if self.wanted:
            self.command("open")
        elif self.make.push is not None:
            world.asleep[self.name] = self

    def crash(self) -> None:
        """The process dies; what was not durable is gone."""
        if self.device is None:
            return
        world: World = self.make.world
        world.fact(self, Event.CRASHED)
        self._stop()
        self.disk.crash()

    def pause(self, seconds: float) -> None:
        """The process stands still: what comes meanwhile waits."""
        if self.waiting is None and self.device is not None:
            world: World = self.make.world
            world.fact(self, Event.PAUSED)
            self.waiting = []
            world.kernel.call_in(seconds, self._resume, self.lives)

    def _resume(self, lives: int) -> None:
        if lives == self.lives and self.device is not None:
            self.make.world.fact(self, Event.RESUMED)
            self._go_on((lives, ([], None, 0)))

    def restart(self) -> None:
        """The process is started again."""
        if self.device is None:
            world: World = self.make.world
            world.fact(self, Event.RESTARTED)
            self.start()

    def wipe(self) -> None:
        """The app is deleted and installed anew."""
        world: World = self.make.world
        self._stop()
        self.forget_pushes()
        self.disk.wipe()
        self.installs += 1
        world.fact(self, Event.WIPED)
        self.start()

    def forget_pushes(self) -> None:
        """What was pushed and acknowledged may be pushed again: such pushes are others than before."""
        self.pushes = None
        self.pushed_before = self.most_pushes
        self.most_pushes += 1

    def back_up(self) -> None:
        """Keep a copy of the disk for a later `restore`."""
        world: World = self.make.world
        self.backups = [*(self.backups or []), (world.kernel.now, self.disk.backup())]

    def restore(self, age: float) -> None:
        """Go back to the newest backup that is at least `age` seconds old; the install is a new one."""
        world: World = self.make.world
        old = [copy for at, copy in self.backups or [] if at <= world.kernel.now - age]
        self._stop()
        self.forget_pushes()
        self.installs += 1
        world.fact(self, Event.WIPED, detail="restored from a backup")
        self.disk.restore(old[-1] if old else ())
        self.start()
        for record in self.disk.records():
            if type(record) is Entry:
                world.record_row(self, record)
            elif type(record) is Queued:  # what had failed meanwhile is wanted again
                kind = "" if type(record.body) is Message else str(type(record.body).__struct_config__.tag)
                named = world.naming.of_id(record.client_id, record.conversation)
                world.fact_about(self, Event.SUBMITTED, named, 0, 0, detail=kind)

    def _stop(self) -> None:
        world: World = self.make.world
        self.device = None
        self.armed = None
        self.waiting = None
        if self.wire is not None:
            self._drop("process ended")
        world.asleep.pop(self.name, None)

    # ------------------------------------------------------------------------------------------ what the user does

    def open(self) -> None:
        """The app comes to the foreground."""
        self.wanted = True
        self.make.world.asleep.pop(self.name, None)
        self.command("open")

    def close(self) -> None:
        """The app goes to the background and soon sleeps; a platform push may wake it."""
        self.wanted = False
        self.make.world.asleep[self.name] = self
        self.command("close")

    def hint(self) -> None:
        """A platform push comes."""
        if self.device is not None:
            self.wakes += 1
            self.make.world.fact(self, Event.WOKEN)
            self.command("handle_hint")

    def command(self, method: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 (a device's own command)
        """Hand a command or input over now, or after the write that is under way."""
        if self.device is None:
            return None
        if self.waiting is not None:
            self.waiting.append(functools.partial(self.command, method, *args, **kwargs))
            return None
        now, wall = self.time()
        result = getattr(self.device, method)(*args, now=now, wall=wall, **kwargs)
        self.run(None, 0)
        return result

    def take(self, wire: Wire, frame: Frame, message: Named, occurrence: int) -> None:
        """A frame has come; `message` and `occurrence` name it."""
        if self.waiting is not None:
            self.waiting.append(functools.partial(self.take, wire, frame, message, occurrence))
            return
        device = self.device
        if device is None or wire is not self.wire:
            return
        if type(frame) is Page:
            self.make.world.traffic.round_row(self, Event.ANSWERED, frame)
        was_online = device.online
        now, wall = self.time()
        device.handle_frame(wire, frame, now=now, wall=wall)
        if device.online and not was_online:
            resumed = type(frame) is Welcome and frame.resumed
            self.make.world.fact(self, Event.CONNECTED, detail="resumed" if resumed else "")
        self.carry_out(device.poll(), message if type(frame) is Push else None, occurrence)

    # ------------------------------------------------------------------------------------------ effects

    def time(self) -> tuple[float, float]:
        """The node's monotonic and wall clocks, seconds."""
        if self.clock is not None:
            return self.clock.now(), self.clock.wall()
        world: World = self.make.world
        now = world.kernel._now  # noqa: SLF001 (documented for hot code)
        return now, now + world.epoch

    def run(self, message: Named | None, occurrence: int) -> None:
        """Carry out what the device wants; `message` and `occurrence` name the frame that it answers, if any."""
        device = self.device
        if device is None:
            return
        self.carry_out(device.poll(), message, occurrence)

    def carry_out(self, effects: Sequence[Effect], message: Named | None, occurrence: int) -> None:
        """Carry out effects of the device, and be ready for its next timer."""
        device = self.device
        if effects:
            self._carry_out(effects, message, occurrence)
        if self.due is not None and not self.carrying:
            tell_standing(self)
        if device is not None and self.device is device and device.wake_at is not None:
            self._arm(device.wake_at)

    def _carry_out(self, effects: Sequence[Effect], message: Named | None, occurrence: int) -> None:
        outer, self.carrying = self.carrying, True
        self._carry_out_each(effects, message, occurrence)
        self.carrying = outer

    def _carry_out_each(self, effects: Sequence[Effect], message: Named | None, occurrence: int) -> None:
        device = self.device
        for position, effect in enumerate(effects):
            if type(effect) is Write:
                if not self._write(effect):
                    return
                if self.make.write_time is not None or self.disk.late:
                    self._wait_for_write((list(effects[position + 1 :]), message, occurrence))
                    return
            elif type(effect) is Transmit:
                self.transmit(effect.frame, message, occurrence)
            elif type(effect) is Notify:
                tell_notice(self, effect.notice)
            elif type(effect) is Connect:
                self._connect()
            elif type(effect) is Disconnect:
                self._drop(effect.reason)
            if self.device is not device:
                return

    def _write(self, write: Write) -> bool:
        """Make records durable, and tell the history what the user sees; False if the device had to stop."""
        world: World = self.make.world
        device = self.device
        try:
            self.disk.write(write.records)
        except WorldError:
            self.crash()
        else:
            for record in write.records:
                tell_record(self, record)
        if self.device is device:
            return True
        world.kernel.call_in(world.restart_after, _restart, self)
        return False

    def _wait_for_write(self, rest: _Rest) -> None:
        world: World = self.make.world
        self.waiting = []
        write_time, seconds = self.make.write_time, self.disk.late
        if write_time is not None:
            seconds += write_time(world.chance(Kind.WRITE, f"at {self.name}", self.count(0)))
        world.kernel.call_in(seconds, self._go_on, (self.lives, rest))

    def _go_on(self, later: tuple[int, _Rest]) -> None:
        lives, (rest, message, occurrence) = later
        if lives != self.lives or self.device is None:
            return
        inputs, self.waiting = self.waiting or [], None
        self._carry_out(rest, message, occurrence)
        while inputs and self._held() is None and self.device is not None:
            inputs.pop(0)()
        held = self._held()
        if held is not None:  # the next write takes its time too
            held[:0] = inputs
        self.run(None, 0)

    def _held(self) -> list[Callable[[], object]] | None:
        """What waits for a write that is under way; None: no write is."""
        return self.waiting

    def transmit(self, frame: Frame, message: Named | None, occurrence: int) -> None:
        """Hand a frame to the connection, under the key that names it."""
        wire = self.wire
        if wire is not None:
            self.make.world.traffic.send_up(wire, frame, message, occurrence)

    def subject_of(self, frame: Frame) -> Named:
        """What a frame of this device is about."""
        world: World = self.make.world
        naming = world.naming
        if type(frame) is Send:
            return naming.of_id(frame.drafts[0].client_id, frame.conversation)
        if type(frame) is Cancel:
            return naming.of_id(frame.client_id, frame.conversation)
        if type(frame) is Ask:
            return naming.other(f"{frame.conversation}[{frame.low}..{frame.high}]", frame.conversation)
        return naming.other(self.name, frame.conversation if type(frame) is Ack else "")

    def count(self, key: int) -> int:
        """How often this was asked, this time included."""
        counts = self.counts
        if counts is None:
            counts = self.counts = {}
        number = counts[key] = counts.get(key, 0) + 1
        return number

    def _connect(self) -> None:
        self.make.world.connect(self)

    def _drop(self, reason: str) -> None:
        wire, self.wire = self.wire, None
        if wire is not None:
            self.make.world.disconnect(self, wire, reason)

    def counters(self, now: float) -> DeviceCounters:
        """What this device cost up to `now`."""
        meter = self.meter
        return DeviceCounters(
            bytes_up=self.bytes_up,
            bytes_down=self.bytes_down,
            wakes=self.wakes if meter is None else meter.wakes,
            joules=None if meter is None else meter.joules(now),
        )

    # ------------------------------------------------------------------------------------------ timers

    def _arm(self, at: float) -> None:
        """Wake the device at `at` of its own clock, unless it is woken earlier anyway."""
        armed = self.armed
        if armed is not None and armed <= at:
            return
        self.armed = at
        kernel = self.make.world.kernel
        now, _ = self.time()
        kernel.call_in(max(0.0, at - now + _HAIR), self._wake, at)

    def _wake(self, at: float) -> None:
        if at != self.armed or self.device is None:
            return  # superseded, by an earlier one or by the end of the process
        self.armed = None
        due = self.device.wake_at
        if due is None:
            return
        now, _ = self.time()
        if due <= now:
            self._tire(int(now))
            self.command("handle_wake")
        else:
            self._arm(due)

    def _tire(self, second: int) -> None:
        """Count the wake-ups of a second: who wants to be woken without end lets no time pass, and no run end."""
        if second != self.second:
            self.second, self.roused = second, 0
        self.roused += 1
        if self.roused > _RESTLESS:
            raise AlgorithmError(
                f"{self.name} wants to be woken again and again, {_RESTLESS:,} times in second {second}"
            )


def _restart(node: DeviceNode) -> None:
    node.restart()
