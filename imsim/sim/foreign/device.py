"""The device as the world sees it, where a program in another language is one.

Each method is a line to the program and its answer. Time comes with every line, records with `load`, and randomness as
one seed a life, so a program that asks nothing else of anybody is as repeatable as imsim's own device. A crash needs no
line: what was not written is forgotten with the device that the next `load` of the same name replaces.

What the program does wrong (it hangs, ends, says something else, wants to be woken without end) is an `AlgorithmError`,
and the next world starts it anew.
"""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from imsim.errors import ConfigError
from imsim.protocol.frames import Edit, Entry, Frame, Recall, user_log
from imsim.protocol.records import Epoch
from imsim.scenario.values import seconds_of
from imsim.sim.foreign.host import host_of
from imsim.sim.foreign.lines import LineError, Look, State, effects_of, told

if TYPE_CHECKING:
    from imsim.ports import LocalStore, Randomness
    from imsim.protocol.config import DeviceConfig
    from imsim.protocol.effects import Effect
    from imsim.sim.foreign.host import Host

__all__ = ["DeviceCommand", "ForeignDevice"]

_SEEDS: Final = 1 << 53
"""Seeds are below it: every reader of JSON holds them exactly."""
_NOWHERE: Final = (1, 0)
"""Where everybody stands in a conversation that they do not know."""
_PATIENCE: Final = 100
"""How often in a row a device may want to be woken at a moment that is past."""


class DeviceCommand(msgspec.Struct, frozen=True):
    """Devices that are a program: `imsim.check(scenario, device=DeviceCommand("node my-sdk.js --imsim"))`.

    Attributes:
        command: how it is started, as typed in a shell, but without one.
        limit: how long it may take to answer a line, in real time: seconds, or a text such as `"20s"`.

    Raises:
        ConfigError: there is no such program, or the limit is none.
    """

    command: str
    limit: float | str = 5.0

    def __post_init__(self) -> None:
        """Tell of a mistyped command or limit before anything runs."""
        msgspec.structs.force_setattr(self, "limit", seconds_of("the limit of a device", self.limit))
        try:
            words = shlex.split(self.command)
        except ValueError as error:
            raise ConfigError(f"the command of a device cannot be read: {error}: {self.command}") from error
        if not words:
            raise ConfigError("the command of a device is empty: expected a program and its arguments")
        if shutil.which(words[0]) is None:
            if Path(words[0]).is_file():
                raise ConfigError(f"{words[0]!r} may not be executed: {self.command}")
            raise ConfigError(f"there is no program {words[0]!r}, and no shell reads the command: {self.command}")

    def __enter__(self) -> Self:
        """A world begins: there are no devices."""
        host_of(self.command, float(self.limit)).begin()
        return self

    def __exit__(self, *_: object) -> None:
        """The world has ended; the program waits for the next."""

    def load(
        self,
        store: LocalStore,
        config: DeviceConfig,
        random: Randomness,
        install: str,
        *,
        user: str,
        name: str,
        now: float,
    ) -> ForeignDevice:
        """A device of the program, with what is on its disk (`imsim.protocol.contract.DeviceFactory`)."""
        seed = int(random.at(f"life {install}", round(now * 1e6)).random() * _SEEDS)
        device = ForeignDevice(host_of(self.command, float(self.limit)), store, user, name)
        device.begin(install, seed, config, now)
        return device


class ForeignDevice:
    """One device of the program; make it with `DeviceCommand.load`. Its methods are those of the contract."""

    __slots__ = ("_effects", "_host", "_look", "_past", "_quiet", "_store", "connection", "name", "online", "own_log",
                 "user", "wake_at")  # fmt: skip

    def __init__(self, host: Host, store: LocalStore, user: str, name: str) -> None:
        self._host = host
        self._store = store
        self._effects: list[Effect] = []
        self._look: Look | None = None
        self._past = 0
        self._quiet = False
        self.connection: Any = None
        self.name = name
        self.online = False
        self.own_log = user_log(user)
        self.user = user
        self.wake_at: float | None = None

    def begin(self, install: str, seed: int, config: DeviceConfig, now: float) -> None:
        """The process starts, with the records of the one before it."""
        records = [told(record) for record in self._store.records()]
        self._do("load", now, user=self.user, install=install, seed=seed, config=config, records=records)

    # ------------------------------------------------------------------------------------------ commands

    def open(self, *, now: float, wall: float) -> None:
        """The app comes to the foreground."""
        self._do("open", now, wall=wall)

    def close(self, *, now: float, wall: float) -> None:
        """The app goes away."""
        self._do("close", now, wall=wall)

    def send(
        self,
        conversation: str,
        content: str,
        *,
        now: float,
        wall: float,
        reply_to: str | None = None,
        deadline: float | None = None,
    ) -> str:
        """Write a message; returns its client id."""
        return self._named(
            "send", now, wall=wall, conversation=conversation, content=content, reply_to=reply_to, deadline=deadline
        )

    def edit(self, conversation: str, target: str, content: str, *, now: float, wall: float) -> str:
        """Give an own message a new content; returns the operation's client id."""
        return self._named("edit", now, wall=wall, conversation=conversation, target=target, content=content)

    def recall(self, conversation: str, target: str, *, now: float, wall: float) -> str:
        """Take an own message back after it was sent; returns the operation's client id."""
        return self._named("recall", now, wall=wall, conversation=conversation, target=target)

    def join(self, conversation: str, user: str, *, now: float, wall: float) -> str:
        """Ask that `user` be a member; returns the operation's client id."""
        return self._named("join", now, wall=wall, conversation=conversation, user=user)

    def leave(self, conversation: str, *, now: float, wall: float) -> str:
        """Leave a conversation; returns the operation's client id."""
        return self._named("leave", now, wall=wall, conversation=conversation)

    def mark_read(self, conversation: str, seq: int, *, now: float, wall: float) -> str | None:
        """The user has read up to `seq`; the operation's client id, or None if that is no news."""
        return self._do("mark_read", now, wall=wall, conversation=conversation, seq=seq).client_id

    def cancel(self, client_id: str, *, now: float, wall: float) -> bool:
        """Take an own message back before it is accepted; False if the device names no such message."""
        return self._do("cancel", now, wall=wall, client_id=client_id).client_id == client_id

    # ------------------------------------------------------------------------------------------ inputs

    def handle_connected(self, connection: Any, *, now: float, wall: float) -> None:  # noqa: ANN401 (the driver's own)
        """A connection is open."""
        self.connection = connection
        self._do("connected", now, wall=wall)

    def handle_disconnected(self, reason: str, *, now: float, wall: float) -> None:
        """The connection is gone, or could not be made."""
        self.connection = None
        self._do("disconnected", now, wall=wall, reason=reason)

    def handle_frame(self, connection: Any, frame: Frame, *, now: float, wall: float) -> None:  # noqa: ANN401
        """A frame came; the program never sees those of an older connection."""
        if connection is self.connection:
            self._do("frame", now, wall=wall, frame=frame)

    def handle_hint(self, *, now: float, wall: float) -> None:
        """A platform push came."""
        self._do("hint", now, wall=wall)

    def handle_wake(self, *, now: float, wall: float) -> None:
        """`wake_at` has come."""
        self._do("wake", now, wall=wall)
        self._past = self._past + 1 if self.wake_at is not None and self.wake_at <= now else 0
        if self._past > _PATIENCE:
            raise self._host.broken(f"it wants to be woken at {self.wake_at} s, which is past, again and again")

    # ------------------------------------------------------------------------------------------ outputs

    def poll(self) -> list[Effect]:
        """What is to be done, in order; each effect is handed out once."""
        effects, self._effects = self._effects, []
        return effects

    def is_quiet(self) -> bool:
        """Whether everything known of is here and nothing of the user's waits."""
        return self._quiet

    def position(self, conversation: str) -> tuple[int, int]:
        """The cursor."""
        return self._seen().positions.get(conversation, _NOWHERE)

    def conversations(self) -> list[str]:
        """Every conversation that the device knows, the user's own log left out."""
        return [name for name in self._seen().positions if name != self.own_log]

    def read_mark(self, conversation: str) -> tuple[int, int]:
        """How far the user has read."""
        return self._seen().read.get(conversation, _NOWHERE)

    def unread(self, conversation: str) -> int:
        """How many messages the user is told to be unread."""
        return self._seen().unread.get(conversation, 0)

    def changed(self) -> list[tuple[Entry, str | None]]:
        """The messages that some row edits or recalls, each with what the program says that the user reads of it."""
        records = self._store.records()
        cuts = [record for record in records if type(record) is Epoch]
        targets = dict.fromkeys(
            record.body.target for record in records if type(record) is Entry and isinstance(record.body, Edit | Recall)
        )
        found = (self._store.row(target) for target in targets)
        rows = [row for row in found if row is not None and not _is_cut(row, cuts)]
        contents = self._ask_to_look(tuple(row.client_id for row in rows)).contents
        return list(zip(rows, contents, strict=True))

    # ------------------------------------------------------------------------------------------ inside

    def _do(self, what: str, now: float, **more: object) -> State:
        state = self._host.ask(State, what, self.name, now=now, **more)
        try:
            self._effects += effects_of(state)
        except LineError as error:
            raise self._host.broken(f"its answer makes no sense: {error}") from None
        self.wake_at, self.online, self._quiet = state.wake_at, state.online, state.quiet
        self._look = None
        return state

    def _named(self, what: str, now: float, **more: object) -> str:
        client_id = self._do(what, now, **more).client_id
        if not client_id:
            raise self._host.broken("its answer has no client_id")
        return client_id

    def _seen(self) -> Look:
        """What the device holds since the last input."""
        if self._look is None:
            self._look = self._ask_to_look(())
        return self._look

    def _ask_to_look(self, messages: tuple[str, ...]) -> Look:
        look = self._host.ask(Look, "look", self.name, contents=messages)
        if len(look.contents) != len(messages):
            raise self._host.broken(f"it told the contents of {len(look.contents)} messages instead of {len(messages)}")
        return look


def _is_cut(row: Entry, epochs: list[Epoch]) -> bool:
    """Whether a failover took its slot from this row."""
    return any(one.conversation == row.conversation and row.epoch < one.epoch and one.cut < row.seq for one in epochs)
