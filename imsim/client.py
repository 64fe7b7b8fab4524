"""The SDK: the real `Device`, driven by asyncio over a WebSocket and a SQLite file.

    async with Client("ws://127.0.0.1:8765", user="alice", device="phone", store="alice.db") as client:
        client_id = await client.send("team", "Lunch?")
        await client.wait_sent(client_id)
        async for row in client.rows():
            print(row.author, row.body)

The driver does what imsim/sim/device_node.py does in the simulated world: commands and inputs go in, effects are
carried out in order, a write durable before the next, and nothing else happens in between. The install value lies
in a file beside the database, so that a copied database is known to be a copy.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from imsim.errors import WorldError
from imsim.protocol.config import DeviceConfig
from imsim.protocol.device import Device, Row
from imsim.protocol.effects import Connect, Disconnect, Effect, Transmit, Write
from imsim.protocol.frames import Entry
from imsim.protocol.records import SendState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from imsim.adapters.sqlite import SqliteStore
    from imsim.adapters.websocket import SocketLink

__all__ = ["Client"]


class Client:
    """One device of one user, connected to a server; `async with` it.

    Args:
        url: the server, `ws://HOST:PORT`.
        user, device: who; the device's name is unique among the user's.
        store: the SQLite file of this device.
        config: how it behaves.
        on_effect: told of each effect after it was carried out.

    Raises:
        ConfigError: the file cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        user: str,
        device: str,
        store: str | Path,
        config: DeviceConfig | None = None,
        on_effect: Callable[[Effect], None] | None = None,
    ) -> None:
        self._url = url
        self._user = user
        self._name = f"{user}/{device}"
        self._path = Path(store)
        self._config = config or DeviceConfig()
        self._on_effect = on_effect
        self._link: SocketLink | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._listeners: list[asyncio.Queue[Entry]] = []
        self._changed = asyncio.Condition()
        self._failure: WorldError | None = None

    async def __aenter__(self) -> Self:
        """Load the device and connect."""
        from imsim.adapters.asyncio_runtime import SharedRandomness
        from imsim.adapters.sqlite import SqliteStore

        self._store: SqliteStore = SqliteStore(self._path)
        self._device = Device.load(
            self._store,
            self._config,
            SharedRandomness(),
            _install_of(self._path),
            user=self._user,
            name=self._name,
            now=time.monotonic(),
        )
        self._do("open")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave the connection and close the file; what waits is sent the next time."""
        self._do("close")
        if self._timer is not None:
            self._timer.cancel()
        await asyncio.sleep(0)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._store.close()

    # ------------------------------------------------------------------------------------------ commands

    async def create(self, conversation: str, members: tuple[str, ...]) -> str:
        """Begin a conversation of these members, oneself among them; returns the client id of its first entry."""
        client_id: str = self._command("create", conversation, members)
        return client_id

    async def send(self, conversation: str, content: str, *, reply_to: str | None = None) -> str:
        """Write a message; durable when this returns, and sent as soon as it can be. Returns its client id."""
        client_id: str = self._command("send", conversation, content, reply_to=reply_to)
        return client_id

    async def edit(self, conversation: str, target: str, content: str) -> str:
        """Give an own message a new content."""
        client_id: str = self._command("edit", conversation, target, content)
        return client_id

    async def recall(self, conversation: str, target: str) -> str:
        """Take an own message back."""
        client_id: str = self._command("recall", conversation, target)
        return client_id

    async def mark_read(self, conversation: str, seq: int) -> str | None:
        """The user has read up to `seq`; None if that is no news."""
        return self._command("mark_read", conversation, seq)  # type: ignore[no-any-return]

    async def cancel(self, client_id: str) -> bool:
        """Take an own message back before it is accepted; False if it is resolved already."""
        return self._command("cancel", client_id)  # type: ignore[no-any-return]

    # ------------------------------------------------------------------------------------------ what may be asked

    @property
    def device(self) -> Device:
        """The device itself, for everything that can be asked of it."""
        return self._device

    @property
    def online(self) -> bool:
        """Whether a session is open."""
        return self._device.online

    def view(self, conversation: str) -> list[Row]:
        """What the user sees of a conversation."""
        return self._device.view(conversation)

    def unread(self, conversation: str) -> int:
        """How many messages wait to be read."""
        return self._device.unread(conversation)

    def conversations(self) -> list[str]:
        """Every conversation that this device knows."""
        return self._device.conversations()

    async def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition()` holds; it is looked at whenever something changed.

        Raises:
            WorldError: the local store failed, so nothing will change any more.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self._failure is not None or condition())
        if self._failure is not None:
            raise self._failure

    async def wait_sent(self, client_id: str) -> SendState:
        """Wait until it is known what became of an own message, and say what."""
        await self.wait(lambda: self._is_final(client_id))
        return self._device.state(client_id) or SendState.UNKNOWN

    async def rows(self) -> AsyncIterator[Entry]:
        """New rows of the durable view, as they come."""
        queue: asyncio.Queue[Entry] = asyncio.Queue()
        self._listeners.append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.remove(queue)

    def _is_final(self, client_id: str) -> bool:
        state = self._device.state(client_id)
        return state is not None and state.final

    # ------------------------------------------------------------------------------------------ the driver

    def _command(self, method: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        if self._failure is not None:
            raise self._failure
        return self._do(method, *args, **kwargs)

    def _do(self, method: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Hand a command or input over, and carry out what follows."""
        if self._failure is not None:
            return None
        result = getattr(self._device, method)(*args, now=time.monotonic(), wall=time.time(), **kwargs)
        for effect in self._device.poll():
            try:
                self._carry_out(effect)
            except WorldError as error:
                self._stop(error)
                return result
        self._arm()
        self._spawn(self._tell())
        return result

    def _carry_out(self, effect: Effect) -> None:  # noqa: C901
        if type(effect) is Write:
            self._store.write(effect.records)
            for record in effect.records:
                if type(record) is Entry:
                    for queue in self._listeners:
                        queue.put_nowait(record)
        elif type(effect) is Transmit:
            if self._link is not None:
                self._link.send(effect.frame)
        elif type(effect) is Connect:
            self._spawn(self._connect())
        elif type(effect) is Disconnect:
            link, self._link = self._link, None
            if link is not None:
                link.close(effect.reason)
        if self._on_effect is not None:
            self._on_effect(effect)

    def _stop(self, error: WorldError) -> None:
        """A write failed: the device must not go on."""
        self._failure = error
        if self._link is not None:
            self._link.close("the local store failed")
            self._link = None
        self._spawn(self._tell())

    async def _connect(self) -> None:
        from imsim.adapters.websocket import SocketLink, dial, frames

        try:
            socket = await dial(self._url, self._config.connect_timeout)
        except WorldError as error:
            self._do("handle_disconnected", str(error))
            return
        link = self._link = SocketLink(socket)
        self._do("handle_connected", link)
        try:
            async for frame in frames(socket):
                self._do("handle_frame", link, frame)
        finally:
            await link.drop()
            await socket.close()
        if self._link is link:
            self._link = None
            self._do("handle_disconnected", "the connection ended")

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._device.wake_at
        if due is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, due - time.monotonic()), self._do, "handle_wake")

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _spawn(self, coroutine: Any) -> None:  # noqa: ANN401
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _install_of(store: Path) -> str:
    """The install value beside the database; made if it is not there."""
    path = store.with_name(store.name + ".install")
    if not path.exists():
        path.write_text(uuid.uuid4().hex)
    return path.read_text().strip()
