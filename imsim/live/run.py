"""A model with real processes: one server, one process a device, and two of them killed in the middle.

What users do comes from the model's list of steps, its times shortened; what goes wrong is `kill -9`: of the server,
which is away while somebody writes, and of one device, when it has just done a step. Then everybody comes back, all
devices have to converge, and the same judge reads the same kind of history as after a simulated run. The model's own
network and faults need the fault proxy, and are not there yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from imsim.adapters.sqlite import SCHEMA, Database, SqliteLog
from imsim.errors import ConfigError, WorldError
from imsim.history.counters import Counters
from imsim.live.facts import history_of, read
from imsim.scenario.people import may_have
from imsim.scenario.traffic import Action, Listed, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imsim.history import History
    from imsim.protocol.frames import Entry
    from imsim.scenario import Scenario

__all__ = ["LiveOutcome", "live_history"]

_SPEED = 10.0
"""How much faster than in the model time passes between steps."""
_START_SECONDS = 20.0
_CONVERGE_SECONDS = 30.0
_LOOK_SECONDS = 0.1
_EVERYTHING = 1 << 40
_ACTIONS = {Action.SEND, Action.REPLY, Action.EDIT, Action.RECALL, Action.READ}


class LiveOutcome(NamedTuple):
    """What a live run leaves behind.

    `wall_s` are the seconds that it took; `converged` says that every device was quiet and held everything in the end,
    `interrupted` that somebody ended it before.
    """

    history: History
    counters: Counters
    wall_s: float
    converged: bool
    interrupted: bool


def live_history(scenario: Scenario) -> LiveOutcome:
    """Run a model with real processes. The first Ctrl-C ends it, and keeps what there is until then.

    Raises:
        ConfigError: the model is not one that can be run live.
        WorldError: a process could not be started, or died by itself.
    """
    plan = _Plan(scenario)
    with tempfile.TemporaryDirectory(prefix="imsim-live-") as folder:
        return asyncio.run(_Supervisor(plan, Path(folder)).run())


class _Plan:
    """What a live run needs of a scenario."""

    def __init__(self, scenario: Scenario) -> None:
        if not isinstance(scenario.traffic, Listed):
            message = f"--live: traffic.kind: expected list, got {scenario.traffic.__struct_config__.tag}"
            raise ConfigError(message)
        users = scenario.users() or ()
        self.devices = [
            (user, kind.name) for user, role in users for kind in scenario.devices.kinds if may_have(kind, user, role)
        ]
        self.groups = {group.title(): group.members for group in scenario.conversations.groups if group.members}
        if not self.groups:
            message = "--live: conversations.groups: expected groups that name their members"
            raise ConfigError(message)
        self.steps = sorted(scenario.traffic.steps, key=lambda step: step.at)
        for step in self.steps:
            if step.action not in _ACTIONS:
                message = f"--live: traffic.steps: {step.action.value} is not done live yet"
                raise ConfigError(message)
        count = len(self.steps)
        sends = [number for number, step in enumerate(self.steps) if step.action is Action.SEND]
        self.server_dies_at = next((number for number in sends if number >= count // 3), count // 3)
        self.device_dies_at = 2 * count // 3


class _Process:
    """A child that answers one JSON line to each."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.arguments = arguments
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> dict[str, Any]:
        """Start it, and wait for its first line."""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "imsim.live.node", *self.arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is the supervisor's
        )  # fmt: skip
        return await self._line()

    async def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        process = self._running()
        assert process.stdin is not None  # noqa: S101 (it was asked for)
        process.stdin.write(json.dumps(command).encode() + b"\n")
        with contextlib.suppress(ConnectionError):  # it has ended; the line that does not come tells so
            await process.stdin.drain()
        return await self._line()

    async def kill(self) -> None:
        """`kill -9`."""
        process = self._running()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    def _running(self) -> asyncio.subprocess.Process:
        if self.process is None:
            message = "a live process was never started"
            raise WorldError(message)
        return self.process

    async def _line(self) -> dict[str, Any]:
        process = self._running()
        assert process.stdout is not None  # noqa: S101 (it was asked for)
        try:
            line = await asyncio.wait_for(process.stdout.readline(), _START_SECONDS)
        except TimeoutError as error:
            message = f"a live process did not answer within {_START_SECONDS:g} s ({' '.join(self.arguments[:1])})"
            raise WorldError(message) from error
        if not line:
            message = f"a live process ended by itself ({' '.join(self.arguments[:1])}, exit {await process.wait()})"
            raise WorldError(message)
        answer: dict[str, Any] = json.loads(line)
        return answer


class _Supervisor:
    """Starts, tells, kills and ends the processes of one run."""

    def __init__(self, plan: _Plan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._names: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._last: dict[str, str] = {}
        self._server = _Process(["server", str(folder)])
        self._devices: dict[tuple[str, str], _Process] = {}
        self._kills = 0
        self._crashes: list[dict[str, Any]] = []

    async def run(self) -> LiveOutcome:
        """The whole run."""
        begin = time.monotonic()
        converged = interrupted = False
        try:
            await self._start()
            await self._do_all()
            converged = await self._converge()
            await asyncio.gather(*(device.ask({"do": "end"}) for device in self._devices.values()))
        except asyncio.CancelledError:  # Ctrl-C, as asyncio tells it; a second one ends everything at once
            interrupted = True
        finally:
            for process in (*self._devices.values(), self._server):
                if process.process is not None and process.process.returncode is None:
                    await process.kill()
        end = time.monotonic()
        facts = [fact for path in sorted(self._folder.glob("*.facts")) for fact in read(path)] + self._crashes
        ending = () if interrupted else ("everything", "end")
        history = history_of(facts, await self._log(), self._names, begin, end, healed=ending)
        counters = Counters(seconds=end - begin, kills=self._kills)
        return LiveOutcome(history, counters, end - begin, converged, interrupted)

    async def _start(self) -> None:
        port = (await self._server.start())["port"]
        self._server.arguments = ["server", str(self._folder), "--port", str(port)]
        url = f"ws://127.0.0.1:{port}"
        for user, kind in self._plan.devices:
            arguments = ["device", str(self._folder), "--url", url, "--user", user, "--device", kind]
            self._devices[user, kind] = _Process(arguments)
        await asyncio.gather(*(device.start() for device in self._devices.values()))
        for name, members in self._plan.groups.items():
            answer = await self._devices[self._name_of(members[0], None)].ask({"do": "create", "args": [name, members]})
            self._names[answer["client_id"]] = f"@{name}"
        for name, members in self._plan.groups.items():
            await self._until(name, members)

    async def _until(self, conversation: str, members: Sequence[str]) -> None:
        """Wait until every device of the members knows the conversation: nobody writes to what they have never seen."""
        deadline = time.monotonic() + _START_SECONDS
        for (user, _), device in self._devices.items():
            while user in members:
                if conversation in (await device.ask({"do": "status"}))["positions"]:
                    break
                if time.monotonic() > deadline:
                    message = f"--live: {user} did not learn of {conversation} within {_START_SECONDS:g} s"
                    raise WorldError(message)
                await asyncio.sleep(_LOOK_SECONDS)

    async def _do_all(self) -> None:
        plan, at = self._plan, 0.0
        for number, step in enumerate(plan.steps):
            await asyncio.sleep((step.at - at) / _SPEED)
            at = step.at
            away = number == plan.server_dies_at
            if away:
                await self._kill("server-1", self._server)
            name = await self._do(step)
            if away:
                await self._server.start()
            if number == plan.device_dies_at:
                device = self._devices[name]
                await self._kill("/".join(name), device)
                await device.start()

    async def _kill(self, node: str, process: _Process) -> None:
        await process.kill()
        self._crashes.append({"t": time.monotonic(), "node": node, "event": "crashed"})
        self._kills += 1

    async def _do(self, step: Step) -> tuple[str, str]:
        """Have one step done; returns which device did it."""
        name = self._name_of(step.user, step.device)
        target = step.target or self._last.get(step.to, "")
        target_id = self._ids.get(target, "")
        text = step.text or "…"
        if step.action in {Action.SEND, Action.REPLY}:
            number = self._counts[step.user] = self._counts.get(step.user, 0) + 1
            subject = f"{step.user}-{number}"
            named = {"reply_to": target_id or None} if step.action is Action.REPLY else {}
            command = {"do": "send", "args": [step.to, text], "named": named}
            self._last[step.to] = subject
        elif step.action is Action.EDIT:
            subject, command = f"{target}+edit", {"do": "edit", "args": [step.to, target_id, text]}
        elif step.action is Action.RECALL:
            subject, command = f"{target}+recall", {"do": "recall", "args": [step.to, target_id]}
        else:
            subject, command = f"{target}+read-{step.user}", {"do": "read", "args": [step.to, target_id]}
        client_id = (await self._devices[name].ask(command))["client_id"]
        if client_id is not None:
            self._names[client_id] = subject
            self._ids[subject] = client_id
        return name

    def _name_of(self, user: str, kind: str | None) -> tuple[str, str]:
        return next((u, k) for u, k in self._devices if u == user and kind in {None, k})

    async def _converge(self) -> bool:
        """Wait until every device holds what the log holds and nothing waits, or until the time is over."""
        deadline = time.monotonic() + _CONVERGE_SECONDS
        while time.monotonic() < deadline:
            ends: dict[str, int] = {}
            for entry in await self._log():
                ends[entry.conversation] = entry.seq
            states = await asyncio.gather(*(device.ask({"do": "status"}) for device in self._devices.values()))
            if all(
                state["quiet"] and all(p[1] == ends.get(c, 0) for c, p in state["positions"].items())
                for state in states
            ):
                return True
            await asyncio.sleep(_LOOK_SECONDS)
        return False

    async def _log(self) -> list[Entry]:
        """Every committed entry, read from the server's file."""
        database = Database(self._folder / "chat.db", SCHEMA)
        try:
            log = SqliteLog(database)
            names = [name for (name,) in database.read("SELECT conversation FROM logs ORDER BY conversation")]
            return [entry for name in names for entry in await log.read(name, 1, _EVERYTHING, timeout=1.0)]
        finally:
            database.close()
