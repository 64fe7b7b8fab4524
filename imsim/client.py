"""The SDK: the real `Device`, driven by asyncio over a WebSocket and a SQLite file.

    async with Client("ws://127.0.0.1:8765", user="alice", device="phone", store="alice.db") as client:
        client_id = await client.send("team", "Lunch?")
        await client.wait_sent(client_id)
        async for row in client.rows():
            print(row.author, row.body)

The driver does what imsim/sim/device_node.py does in the simulated world: commands and inputs go in, effects are
carried out in order, a write durable before the next, and nothing else happens in between. A write that fails, a
server that refuses for good, or a bug ends the client, and whoever waits for anything is told. The install value lies
in a file beside the database, so that a copied database is known to be a copy.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from imsim.errors import ConfigError, WorldError
from imsim.protocol.config import DeviceConfig
from imsim.protocol.device import Device, Row
from imsim.protocol.effects import Connect, Disconnect, Effect, Transmit, Write
from imsim.protocol.frames import Entry, Frame, Refused
from imsim.protocol.records import SendState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from imsim.adapters.sqlite import SqliteStore
    from imsim.adapters.websocket import SocketLink

__all__ = ["Client"]

T = TypeVar("T")

_CONTENT_BYTES = 128 << 10
"""A whole batch of such contents still fits into a frame; a server may allow less, and then answers that it failed."""
_FAREWELL = 5.0
"""Seconds in which the connection may end by itself when the client is closed."""


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
        self._dialing: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._listeners: list[asyncio.Queue[Entry | None]] = []
        self._changed = asyncio.Event()
        self._failure: Exception | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        """Load the device and connect.

        Raises:
            ConfigError: the address or the file cannot be used.
            WorldError: another process uses the file, or the disk is full.
        """
        from imsim.adapters.asyncio_runtime import SharedRandomness
        from imsim.adapters.install import install_of
        from imsim.adapters.sqlite import SqliteStore
        from imsim.adapters.websocket import check_url

        check_url(self._url)
        self._store: SqliteStore = SqliteStore(self._path)
        try:
            self._device = Device.load(
                self._store,
                self._config,
                SharedRandomness(),
                install_of(self._path),
                user=self._user,
                name=self._name,
                now=time.monotonic(),
            )
            self._command(self._device.open)
        except BaseException:
            self._store.close()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Leave the connection and close the file; what waits is sent the next time.

        Raises:
            Exception: whatever ended the client before.
        """
        self._input(self._device.close)
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._tell_end()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_FAREWELL)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._store.close()
        if kind is None and self._failure is not None:
            raise self._failure

    # ------------------------------------------------------------------------------------------ commands

    async def create(self, conversation: str, members: tuple[str, ...]) -> str:
        """Begin a conversation of these members, oneself among them; returns the client id of its first entry."""
        _check_texts(conversation, *members)
        return self._command(self._device.create, conversation, tuple(members))

    async def send(self, conversation: str, content: str, *, reply_to: str | None = None) -> str:
        """Write a message; durable when this returns, and sent as soon as it can be. Returns its client id.

        Raises:
            ConfigError: the content is no Unicode text, or longer than any server takes.
            WorldError: it could not be made durable; the client has ended.
        """
        _check_texts(conversation, content)
        return self._command(self._device.send, conversation, content, reply_to=reply_to)

    async def edit(self, conversation: str, target: str, content: str) -> str:
        """Give an own message a new content."""
        _check_texts(conversation, target, content)
        return self._command(self._device.edit, conversation, target, content)

    async def recall(self, conversation: str, target: str) -> str:
        """Take an own message back."""
        _check_texts(conversation, target)
        return self._command(self._device.recall, conversation, target)

    async def mark_read(self, conversation: str, seq: int) -> str | None:
        """The user has read up to `seq`; None if that is no news."""
        return self._command(self._device.mark_read, conversation, seq)

    async def cancel(self, client_id: str) -> bool:
        """Take an own message back before it is accepted; False if it is resolved already."""
        return self._command(self._device.cancel, client_id)

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
            WorldError: the local store failed, the server refused or the client was closed: nothing will change.
        """
        while not condition():
            self._check_alive()
            self._changed.clear()
            await self._changed.wait()

    async def wait_sent(self, client_id: str) -> SendState:
        """Wait until it is known what became of an own message, and say what."""
        await self.wait(lambda: self._is_final(client_id))
        return self._device.state(client_id) or SendState.UNKNOWN

    async def rows(self) -> AsyncIterator[Entry]:
        """New rows of the durable view, as they come; ends when the client is closed.

        Raises:
            WorldError: as `wait`.
        """
        queue: asyncio.Queue[Entry | None] = asyncio.Queue()
        self._listeners.append(queue)
        try:
            while not self._closed and self._failure is None:
                row = await queue.get()
                if row is not None:
                    yield row
        finally:
            self._listeners.remove(queue)
        if self._failure is not None:
            raise self._failure

    def _is_final(self, client_id: str) -> bool:
        state = self._device.state(client_id)
        return state is not None and state.final

    def _check_alive(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._closed:
            raise WorldError(f"{self._name}: the client was closed")

    # ------------------------------------------------------------------------------------------ the driver

    def _command(self, method: Callable[..., T], *args: Any, **kwargs: Any) -> T:  # noqa: ANN401
        """Hand a command over; what it wrote is durable when this returns."""
        self._check_alive()
        result = method(*args, now=time.monotonic(), wall=time.time(), **kwargs)
        self._carry_out_all()
        if self._failure is not None:
            raise self._failure
        return result

    def _input(self, method: Callable[..., None], *args: Any) -> None:  # noqa: ANN401
        """Hand an input over; nobody is there to catch what goes wrong, so it ends the client."""
        if self._failure is not None or self._closed:
            return
        try:
            method(*args, now=time.monotonic(), wall=time.time())
            self._carry_out_all()
        except Exception as error:  # noqa: BLE001 (a bug: told to whoever waits)
            self._fail(error)

    def _carry_out_all(self) -> None:
        for effect in self._device.poll():
            try:
                self._carry_out(effect)
            except WorldError as error:
                self._fail(error)
                return
        self._arm()
        self._changed.set()

    def _carry_out(self, effect: Effect) -> None:
        if isinstance(effect, Write):
            self._write(effect)
        elif isinstance(effect, Transmit):
            if self._link is not None:
                self._link.send(effect.frame)
        elif isinstance(effect, Connect):
            self._dialing = self._spawn(self._connect())
        elif isinstance(effect, Disconnect):
            self._leave(effect.reason)
        if self._on_effect is not None:
            self._on_effect(effect)

    def _write(self, write: Write) -> None:
        self._store.write(write.records)
        for record in write.records:
            if type(record) is Entry:
                for queue in self._listeners:
                    queue.put_nowait(record)

    def _leave(self, reason: str) -> None:
        """Close the connection, or stop making one: what came of it later would be taken for the next one's."""
        link, self._link = self._link, None
        if link is not None:
            link.close(reason)
        if self._dialing is not None:
            self._dialing.cancel()
            self._dialing = None

    def _fail(self, error: Exception) -> None:
        """The device must not go on."""
        if self._failure is None:
            self._failure = error
        self._leave("the client failed")
        self._tell_end()

    async def _connect(self) -> None:
        from imsim.adapters.websocket import SocketLink, dial, frames

        try:
            socket = await dial(self._url, self._config.connect_timeout)
        except WorldError as error:
            self._dialing = None
            self._input(self._device.handle_disconnected, str(error))
            return
        self._dialing = None
        link = self._link = SocketLink(socket)
        self._input(self._device.handle_connected, link)
        try:
            async for frame in frames(socket):
                self._hear(link, frame)
        finally:
            await link.drop()
            await socket.close()
        if self._link is link:
            self._link = None
            self._input(self._device.handle_disconnected, "the connection ended")

    def _hear(self, link: SocketLink, frame: Frame) -> None:
        if link is self._link and type(frame) is Refused and frame.retry_after is None:
            self._fail(WorldError(f"{self._url}: refused {self._name}: {frame.reason}"))
        self._input(self._device.handle_frame, link, frame)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._device.wake_at
        if due is not None:
            delay = max(0.0, due - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self._input, self._device.handle_wake)

    def _tell_end(self) -> None:
        """Wake whoever waits for what will not come."""
        self._changed.set()
        for queue in self._listeners:
            queue.put_nowait(None)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._fail(error)


def _check_texts(*texts: str) -> None:
    """Refuse what can be neither stored nor sent, before the device remembers it.

    Raises:
        ConfigError: it is too long, or no Unicode text.
    """
    for text in texts:
        try:
            size = len(text.encode())
        except UnicodeEncodeError as error:
            raise ConfigError(f"{text!r} is no Unicode text: it holds half of a surrogate pair") from error
        if size > _CONTENT_BYTES:
            raise ConfigError(f"a text of {size} bytes: expected at most {_CONTENT_BYTES}")
