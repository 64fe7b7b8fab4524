"""The driver of one device: it carries out what the device wants, in order, over a SQLite file and a WebSocket.

A `Write` is durable before the next effect starts, and a failed one ends the driver, as does any bug: whoever waits is
told. Connections are made in the background, and what arrives on an older one is never handed over.

What does not belong here: what users do and ask (sdk.py), and what the device decides (imsim/protocol/).
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, TypeVar

from imsim.errors import WorldError
from imsim.protocol.effects import Connect, Disconnect, Effect, Transmit, Write
from imsim.protocol.frames import Entry, Frame, Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from imsim.adapters.sqlite import SqliteStore
    from imsim.adapters.websocket import SocketLink
    from imsim.protocol.device import Device

__all__ = ["Driver"]

T = TypeVar("T")

_FAREWELL = 5.0
"""Seconds in which the connection may end by itself when the driver is stopped."""


class Driver:
    """Drives one device until it is stopped or fails.

    Args:
        device: the device, loaded from `store`.
        store: its file; closed at the end.
        url: the server.
        name: who the device is, for messages.
        connect_timeout: seconds to wait for a connection.
        on_effect: told of each effect after it was carried out.
        on_frame: told of each frame before the device is.
    """

    def __init__(
        self,
        device: Device,
        store: SqliteStore,
        url: str,
        *,
        name: str,
        connect_timeout: float,
        on_effect: Callable[[Effect], None] | None = None,
        on_frame: Callable[[Frame], None] | None = None,
    ) -> None:
        self.device = device
        self._store = store
        self._url = url
        self._name = name
        self._connect_timeout = connect_timeout
        self._on_effect = on_effect
        self._on_frame = on_frame
        self._link: SocketLink | None = None
        self._dialing: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._listeners: list[asyncio.Queue[Entry | None]] = []
        self._changed = asyncio.Event()
        self._closed = False
        self.failure: Exception | None = None
        """What ended it."""

    # ------------------------------------------------------------------------------------------ for the SDK

    def command(self, method: Callable[..., T], *args: Any, **kwargs: Any) -> T:  # noqa: ANN401 (the device's)
        """Hand a command over; what it wrote is durable when this returns.

        Raises:
            WorldError: it could not be made durable, or the driver had ended before.
        """
        self._check_alive()
        result = method(*args, now=time.monotonic(), wall=time.time(), **kwargs)
        self._carry_out_all()
        if self.failure is not None:
            raise self.failure
        return result

    async def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition()` holds; it is looked at whenever something changed.

        Raises:
            WorldError: the driver has ended: nothing will change.
        """
        while not condition():
            self._check_alive()
            self._changed.clear()
            await self._changed.wait()

    async def rows(self) -> AsyncIterator[Entry]:
        """New rows of the durable view, as they come; ends when the driver is stopped.

        Raises:
            WorldError: as `wait`.
        """
        queue: asyncio.Queue[Entry | None] = asyncio.Queue()
        self._listeners.append(queue)
        try:
            while not self._closed and self.failure is None:
                row = await queue.get()
                if row is not None:
                    yield row
        finally:
            self._listeners.remove(queue)
        if self.failure is not None:
            raise self.failure

    async def stop(self) -> None:
        """Leave the connection and close the file; what waits is sent the next time."""
        self._input(self.device.close)
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

    def _check_alive(self) -> None:
        if self.failure is not None:
            raise self.failure
        if self._closed:
            raise WorldError(f"{self._name}: the client was closed")

    # ------------------------------------------------------------------------------------------ effects

    def _input(self, method: Callable[..., None], *args: Any) -> None:  # noqa: ANN401
        """Hand an input over; nobody is there to catch what goes wrong, so it ends the client."""
        if self.failure is not None or self._closed:
            return
        try:
            method(*args, now=time.monotonic(), wall=time.time())
            self._carry_out_all()
        except Exception as error:  # noqa: BLE001 (a bug: told to whoever waits)
            self._fail(error)

    def _carry_out_all(self) -> None:
        for effect in self.device.poll():
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
        if self.failure is None:
            self.failure = error
        self._leave("the client failed")
        self._tell_end()

    async def _connect(self) -> None:
        from imsim.adapters.websocket import SocketLink, dial, frames

        try:
            socket = await dial(self._url, self._connect_timeout)
        except WorldError as error:
            self._dialing = None
            self._input(self.device.handle_disconnected, str(error))
            return
        self._dialing = None
        link = self._link = SocketLink(socket)
        self._input(self.device.handle_connected, link)
        try:
            async for frame in frames(socket):
                self._hear(link, frame)
        finally:
            await link.drop()
            await socket.close()
        if self._link is link:
            self._link = None
            self._input(self.device.handle_disconnected, "the connection ended")

    def _hear(self, link: SocketLink, frame: Frame) -> None:
        if link is self._link and type(frame) is Refused and frame.retry_after is None:
            self._fail(WorldError(f"{self._url}: refused {self._name}: {frame.reason}"))
        if link is self._link and self._on_frame is not None:
            self._on_frame(frame)
        self._input(self.device.handle_frame, link, frame)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.device.wake_at
        if due is not None:
            delay = max(0.0, due - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self._input, self.device.handle_wake)

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
