"""Frames over WebSocket: JSON text, one frame a message; a stream that keeps order while one connection lives.

The protocol has its own pings and its own idea of being alive, so the library's keep-alive is off. Text that is no
frame closes the connection with a reason; it never ends the process. A peer that reads too slowly is closed rather
than buffered for ever: its session goes on from what it acknowledged.

What does not belong here: sessions and devices (protocol/), and when to connect (client.py).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from websockets.asyncio.client import connect as _connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from imsim.errors import ConfigError, FrameError, Unavailable
from imsim.protocol.frames import Codec, Frame

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from websockets.asyncio.connection import Connection

__all__ = ["MAX_BYTES", "SocketLink", "dial", "frames"]

MAX_BYTES = 4 << 20
"""Bytes of one frame at most, either way."""
_BUFFER = 1024
"""Frames that may wait to be written."""
_BAD_DATA = 1007
_TOO_SLOW = 1008
_NORMAL = 1000
_CODEC = Codec.JSON


class SocketLink:
    """One end of a connection: `send` and `close` never wait (the `Link` port)."""

    def __init__(self, socket: Connection) -> None:
        self._socket = socket
        self._waiting: asyncio.Queue[Frame] = asyncio.Queue(_BUFFER)
        self._writer = asyncio.get_running_loop().create_task(self._write())

    def send(self, frame: Frame) -> None:
        """Hand a frame over; nothing is known of its fate."""
        try:
            self._waiting.put_nowait(frame)
        except asyncio.QueueFull:
            self.close("reads too slowly", code=_TOO_SLOW)

    def close(self, reason: str, *, code: int = _NORMAL) -> None:
        """Close this end."""
        self._writer.cancel()
        self._writer = asyncio.get_running_loop().create_task(self._close(reason, code))

    async def drop(self) -> None:
        """The connection is gone: stop writing."""
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)

    async def _write(self) -> None:
        try:
            while True:
                frame = await self._waiting.get()
                await self._socket.send(_CODEC.encode(frame).decode())
        except ConnectionClosed:
            return  # the reader learns it too

    async def _close(self, reason: str, code: int) -> None:
        while code == _NORMAL and not self._waiting.empty():  # what was said before the close is said
            try:
                await self._socket.send(_CODEC.encode(self._waiting.get_nowait()).decode())
            except ConnectionClosed:
                return
        await self._socket.close(code, reason[:100])


async def frames(socket: Connection) -> AsyncIterator[Frame]:
    """What arrives, until the connection ends; what is no frame ends it."""
    try:
        async for data in socket:
            yield _CODEC.decode(data)
    except ConnectionClosed:
        return
    except FrameError as error:
        await socket.close(_BAD_DATA, str(error)[:100])


async def dial(url: str, timeout: float) -> Connection:
    """A connection to a server.

    Raises:
        ConfigError: `url` is none of a WebSocket.
        Unavailable: nobody answers there, or not in time.
    """
    try:
        return await _connect(url, open_timeout=timeout, ping_interval=None, max_size=MAX_BYTES, proxy=None)
    except InvalidURI as error:
        message = f"{url}: expected a WebSocket address such as ws://127.0.0.1:8765"
        raise ConfigError(message) from error
    except (OSError, InvalidHandshake, TimeoutError, ConnectionClosed) as error:
        message = f"{url}: {error}"
        raise Unavailable(message) from error
