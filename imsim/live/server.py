"""A real server: the same `Server` as in the simulated world, on asyncio, WebSocket and SQLite.

One process, one file. What was acknowledged is in the file before the answer leaves, so `kill -9` loses nothing;
the next start is the next incarnation. Listens on loopback only, and not to pages in a browser: there is no
authentication yet. An exception that escapes any handler is a bug and ends the server; what peers send is none.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from imsim.adapters.asyncio_runtime import AsyncRuntime
from imsim.adapters.sqlite import SCHEMA, Database, Sole, SqliteKeyValue, SqliteLocks, SqliteLog, SqliteQueue
from imsim.adapters.websocket import SocketLink, frames, listen
from imsim.errors import ConfigError, Unavailable, WorldError
from imsim.protocol.retry import EqualJitter, RetryPolicy
from imsim.protocol.server.config import ServerConfig
from imsim.protocol.server.server import Ports, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from websockets.asyncio.server import ServerConnection

    from imsim.ports import Value
    from imsim.protocol.frames import Frame

__all__ = ["LiveServer", "parse_listen", "parse_store", "serve"]

_NODE = "server-1"
_PUSH = EqualJitter(base=2.0, cap=30.0, attempts=8)


class Alone:
    """The `Peers` port of a server that is the only one."""

    node = _NODE

    async def call(self, node: str, request: Value, *, timeout: float) -> Value:  # noqa: ARG002
        """Nobody is there."""
        message = f"{node} is not there: this server is alone"
        raise Unavailable(message)


class NoPlatform:
    """The `PlatformPush` port where there is none."""

    def hint(self, users: Sequence[str]) -> None:
        """Nobody is woken."""


class LiveServer:
    """One running server; `async with` it.

    Args:
        path: the SQLite file.
        host, port: where to listen; port 0 takes a free one.
        config, push: how it behaves.
        on_frame: told of each frame: (sent by the server?, device, frame).
    """

    def __init__(
        self,
        path: str,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        config: ServerConfig | None = None,
        push: RetryPolicy = _PUSH,
        on_frame: Callable[[bool, str, Frame], None] | None = None,
    ) -> None:
        self._path = path
        self._host = host
        self.port = port
        self._config = config or ServerConfig()
        self._push = push
        self._on_frame = on_frame

    async def __aenter__(self) -> Self:
        """Open the file, begin the next incarnation, and listen.

        Raises:
            ConfigError: the file cannot be used.
            WorldError: the file or the port is in use.
        """
        async with contextlib.AsyncExitStack() as begun:
            sole = Sole(self._path)
            begun.callback(sole.release)
            database = Database(self._path, SCHEMA)
            begun.callback(database.close)
            self._runtime = AsyncRuntime()
            begun.push_async_callback(self._runtime.close)
            self._server = await self._compose(database, self._runtime)
            try:
                socket = await listen(self._connected, self._host, self.port)
            except OSError as error:
                message = f"--listen {self._host}:{self.port}: {error.strerror or error}"
                raise WorldError(message) from error
            begun.push_async_callback(socket.wait_closed)
            begun.callback(socket.close)
            self.port = next(iter(socket.sockets)).getsockname()[1]
            self._end = begun.pop_all()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Stop listening, and close everything.

        Raises:
            Exception: whatever escaped a handler meanwhile.
        """
        await self._end.aclose()
        if kind is None and self._runtime.failed.done():
            self._runtime.failed.result()

    @property
    def url(self) -> str:
        """Where clients find it."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"ws://{host}:{self.port}"

    async def failed(self) -> None:
        """Wait until something that must not fail has failed, and raise it."""
        await asyncio.shield(self._runtime.failed)

    async def _compose(self, database: Database, runtime: AsyncRuntime) -> Server:
        kv = SqliteKeyValue(database, runtime.wall)
        self.incarnation = await kv.increment(f"incarnation/{_NODE}", timeout=self._config.kv_timeout)
        ports = Ports(
            runtime=runtime,
            log=SqliteLog(database),
            kv=kv,
            queue=SqliteQueue(database, runtime),
            locks=SqliteLocks(database, runtime.now, runtime.wall),
            peers=Alone(),
            platform=NoPlatform(),
        )
        server = Server(ports, self._config, self._push, incarnation=self.incarnation)
        server.start()
        return server

    async def _connected(self, socket: ServerConnection) -> None:
        link = _Link(socket, self._on_frame)
        channel = self._server.accept_connection(link)
        try:
            async for frame in frames(socket):
                link.note(frame)
                self._server.handle_frame(channel, frame)
            self._server.handle_closed(channel)
        except Exception as error:  # noqa: BLE001 (told to whoever runs the server)
            self._runtime.fail(error)
        finally:
            await link.drop()


class _Link(SocketLink):
    """A link that tells of its frames."""

    def __init__(self, socket: ServerConnection, on_frame: Callable[[bool, str, Frame], None] | None) -> None:
        super().__init__(socket)
        self._on_frame = on_frame
        self._device = ""

    def send(self, frame: Frame) -> None:
        if self._on_frame is not None:
            self._on_frame(True, self._device, frame)  # noqa: FBT003
        super().send(frame)

    def note(self, frame: Frame) -> None:
        """A frame came."""
        device = getattr(frame, "device", None)
        if device is not None:
            self._device = device
        if self._on_frame is not None:
            self._on_frame(False, self._device, frame)  # noqa: FBT003


def parse_store(store: str) -> str:
    """The file of `sqlite:///FILE`.

    Raises:
        ConfigError: it is something else.
    """
    prefix = "sqlite:///"
    if not store.startswith(prefix) or len(store) == len(prefix):
        message = f"--store {store}: expected sqlite:///FILE, such as sqlite:///chat.db"
        raise ConfigError(message)
    return store.removeprefix(prefix)


def parse_listen(listen: str) -> tuple[str, int]:
    """The address and port of `HOST:PORT`.

    Raises:
        ConfigError: it is something else, or not a loopback address.
    """
    try:
        parts = urlsplit(f"//{listen}")
        host, port = parts.hostname or "", parts.port
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        host, port, loopback = "", None, True
    if not host or port is None:
        message = f"--listen {listen}: expected an address and a port, such as 127.0.0.1:8765"
        raise ConfigError(message)
    if not loopback:
        message = f"--listen {listen}: only loopback addresses for now, since there is no authentication yet"
        raise ConfigError(message)
    return host, port


def serve(store: str, listen: str, *, on_ready: Callable[[str], None] = print) -> None:
    """Serve until interrupted.

    Raises:
        ConfigError: the store or the address cannot be used.
        WorldError: the file or the port is in use.
    """
    path = parse_store(store)
    host, port = parse_listen(listen)
    asyncio.run(_until_stopped(LiveServer(path, host, port), on_ready))


async def _until_stopped(server: LiveServer, on_ready: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with server:
        on_ready(f"listening on {server.url} (incarnation {server.incarnation}); stop with Ctrl-C")
        waits: list[Any] = [loop.create_task(stop.wait()), loop.create_task(server.failed())]
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for task in done:
            task.result()
