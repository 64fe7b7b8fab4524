"""Frames over WebSocket: JSON text, one frame a message; a stream that keeps order while one connection lives.

The protocol has its own pings and its own idea of being alive, so the library's keep-alive is off. Text that is no
frame closes the connection with a reason; it never ends the process. A peer that reads too slowly is closed rather
than buffered for ever: its session goes on from what it acknowledged. Closing says first what was said before it,
and ends within a bounded time however the peer behaves.

What does not belong here: sessions and devices (protocol/), and when to connect (imsim/client/).
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from websockets.asyncio.client import connect as _connect
from websockets.asyncio.server import serve as _serve
from websockets.exceptions import ConnectionClosed, InvalidURI, WebSocketException
from websockets.uri import parse_uri

from imsim.errors import ConfigError, FrameError, Unavailable
from imsim.protocol.codec import Codec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from websockets.asyncio.connection import Connection
    from websockets.asyncio.server import Server, ServerConnection

    from imsim.protocol.frames import Frame

__all__ = ["MAX_BYTES", "SocketLink", "check_url", "dial", "frames", "listen"]

MAX_BYTES = 16 << 20
"""Bytes of one frame at most, either way. A page or a batch has 256 KiB of contents and one more content of 64 KiB, in
which JSON escapes every letter sixfold: 2 MiB, and the rest for names. A bound that legal frames meet would have them
repeated for ever."""
_BUFFER_BYTES = 16 << 20
"""Bytes that may wait to be written when another frame is added."""
_LAST_WORDS = 2.0
"""Seconds in which a connection that is closed may still write what was said before, and again to hear the peer's
good-bye."""
_REASON_BYTES = 123
"""RFC 6455, section 5.5.1: a close frame has at most 125 bytes, of which the code takes two."""
_NORMAL = 1000
_BAD_DATA = 1007
_TOO_SLOW = 1008
_CODEC = Codec.JSON
_OWN_CLIENTS_ONLY = (None,)
"""A browser names the page that connects, in Origin; without authentication no page may."""


class SocketLink:
    """One end of a connection: `send` and `close` never wait (the `Link` port)."""

    def __init__(self, socket: Connection) -> None:
        """Write to `socket` from now on; make it inside a running loop."""
        self._socket = socket
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._end: tuple[int, str] | None = None
        self._stirred = asyncio.Event()
        self._writer = asyncio.get_running_loop().create_task(self._write())

    def send(self, frame: Frame) -> None:
        """Hand a frame over; nothing is known of its fate."""
        if self._end is not None:
            return
        if self._bytes > _BUFFER_BYTES:
            self._waiting.clear()
            self._close(_TOO_SLOW, "reads too slowly")
            return
        data = _CODEC.encode(frame)
        self._bytes += len(data)
        self._waiting.append(data)
        self._stirred.set()

    def close(self, reason: str) -> None:
        """Close this end; the first reason counts."""
        if self._end is None:
            self._close(_NORMAL, reason)

    async def drop(self) -> None:
        """The connection is gone: stop writing."""
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)

    def _close(self, code: int, reason: str) -> None:
        self._end = code, reason
        self._stirred.set()
        _abort_later(self._socket)

    async def _write(self) -> None:
        try:
            while True:
                while self._waiting:
                    data = self._waiting.popleft()
                    self._bytes -= len(data)
                    await self._socket.send(data, text=True)
                if self._end is not None:
                    await _close(self._socket, *self._end)
                    return
                self._stirred.clear()
                await self._stirred.wait()
        except ConnectionClosed:
            return  # the reader learns it too


async def frames(socket: Connection) -> AsyncIterator[Frame]:
    """What arrives, until the connection ends; what is no frame ends it."""
    try:
        async for data in socket:
            yield _CODEC.decode(data)
    except ConnectionClosed:
        return
    except FrameError as error:
        _abort_later(socket)
        await _close(socket, _BAD_DATA, str(error))


def check_url(url: str) -> None:
    """Refuse what is no address of a WebSocket.

    Raises:
        ConfigError: `url` is none.
    """
    try:
        parse_uri(url)
    except (InvalidURI, ValueError) as error:
        raise ConfigError(f"{url}: expected a WebSocket address such as ws://127.0.0.1:8765") from error


async def dial(url: str, timeout: float) -> Connection:
    """A connection to a server.

    Raises:
        Unavailable: nobody answers there, or not in time.
    """
    try:
        return await _connect(
            url,
            open_timeout=timeout,
            close_timeout=_LAST_WORDS,
            ping_interval=None,
            max_size=MAX_BYTES,
            proxy=None,
        )
    except (OSError, TimeoutError, WebSocketException) as error:
        raise Unavailable(f"{url}: {error}") from error


async def listen(handler: Callable[[ServerConnection], Awaitable[None]], host: str, port: int) -> Server:
    """A server that hands each connection to `handler`; port 0 takes a free one.

    Raises:
        OSError: it cannot listen there.
    """
    return await _serve(
        handler,
        host,
        port,
        origins=_OWN_CLIENTS_ONLY,
        close_timeout=_LAST_WORDS,
        ping_interval=None,
        max_size=MAX_BYTES,
    )


async def _close(socket: Connection, code: int, reason: str) -> None:
    said = reason.encode(errors="replace")[:_REASON_BYTES].decode(errors="ignore")
    await socket.close(code, said)


def _abort_later(socket: Connection) -> None:
    """A peer that does not read holds up even the close frame: cut it off when its time is over."""
    asyncio.get_running_loop().call_later(2 * _LAST_WORDS, socket.transport.abort)
