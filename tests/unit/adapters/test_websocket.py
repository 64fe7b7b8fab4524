"""Frames over real sockets on loopback."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from imsim.adapters import websocket
from imsim.adapters.websocket import SocketLink, check_url, dial, frames, listen
from imsim.errors import ConfigError, Unavailable
from imsim.protocol.frames import Entry, Message, Ping, Pong, Push

SECONDS = 10
BIG = Push("team", 1, (Entry("team", 1, 1, "a-1", "alice", 0.0, Message("x" * 200_000)),))
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@asynccontextmanager
async def serving(handler):
    async with asyncio.timeout(SECONDS), await listen(handler, "127.0.0.1", 0) as server:
        yield next(iter(server.sockets)).getsockname()[1]


async def echo(socket):
    """Answers pings in order, and says why when it is told 0."""
    link = SocketLink(socket)
    async for frame in frames(socket):
        link.send(Pong(frame.number))
        if frame.number == 0:
            link.close("that was all")
            link.close("a second reason")
            link.send(Pong(99))
    await link.drop()


async def test_frames_arrive_in_order_and_what_was_said_before_the_close_is_said():
    async with serving(echo) as port:
        socket = await dial(f"ws://127.0.0.1:{port}", SECONDS)
        link = SocketLink(socket)
        for number in (*range(1, 500), 0):
            link.send(Ping(number))
        heard = [frame.number async for frame in frames(socket)]
        assert heard == [*range(1, 500), 0]
        assert (socket.close_code, socket.close_reason) == (1000, "that was all")
        await link.drop()


@pytest.mark.parametrize("hostile", ["", "{}", "[" * 100_000, b"\xff\xfe", '{"type":"%s"}' % ("漢" * 300), "\x00"])
async def test_what_is_no_frame_ends_the_connection_with_a_reason(hostile):
    async with serving(echo) as port, connect(f"ws://127.0.0.1:{port}", proxy=None) as socket:
        await socket.send(hostile)
        await socket.wait_closed()
        assert socket.close_code == 1007
        assert socket.close_reason.startswith("not a frame of protocol")


@pytest.fixture
def hasty(monkeypatch):
    monkeypatch.setattr(websocket, "_LAST_WORDS", 0.1)


@asynccontextmanager
async def deaf(port: int):
    """A peer that connects and never reads again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(UPGRADE)
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.pause_reading()
    try:
        yield
    finally:
        writer.transport.abort()


@pytest.mark.usefixtures("hasty")
async def test_a_peer_that_does_not_read_cannot_hold_up_a_close():
    ended = asyncio.Event()

    async def talk(socket):
        link = SocketLink(socket)
        for _ in range(60):
            link.send(BIG)
        link.close("enough")
        await socket.wait_closed()
        await link.drop()
        ended.set()

    async with asyncio.timeout(SECONDS), serving(talk) as port, deaf(port):
        await ended.wait()
    assert ended.is_set()


@pytest.mark.usefixtures("hasty")
async def test_a_peer_that_reads_too_slowly_is_closed_and_not_buffered_for_ever():
    ended = asyncio.Event()
    most = []

    async def talk(socket):
        link = SocketLink(socket)
        for _ in range(1000):
            link.send(BIG)
            most.append(link._bytes)
        await socket.wait_closed()
        await link.drop()
        ended.set()

    async with asyncio.timeout(SECONDS), serving(talk) as port, deaf(port):
        await ended.wait()
    assert max(most) < (16 << 20) + 300_000


async def test_a_page_in_a_browser_is_refused():
    async with serving(echo) as port:
        with pytest.raises(InvalidStatus, match="403"):
            await connect(f"ws://127.0.0.1:{port}", proxy=None, origin="http://news.example")


async def test_nobody_there_is_unavailable_also_when_it_takes_long_or_is_no_websocket():
    async def silent(reader, writer):
        await reader.read()
        writer.close()

    async def other(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    for stranger in (silent, other):
        async with asyncio.timeout(SECONDS), await asyncio.start_server(stranger, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(Unavailable, match=f"ws://127.0.0.1:{port}: "):
                await dial(f"ws://127.0.0.1:{port}", 0.2)
    with pytest.raises(Unavailable):
        await dial(f"ws://127.0.0.1:{port}", 0.2)


def test_addresses_are_checked():
    check_url("ws://127.0.0.1:8765")
    check_url("ws://[::1]:8765")
    for bad in ("http://127.0.0.1:8765", "127.0.0.1:8765", "", "ws://", "ws://x:port"):
        with pytest.raises(ConfigError, match="expected a WebSocket address"):
            check_url(bad)
