"""The driver of a real device: what it does when something goes wrong."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest
from websockets.asyncio.server import serve

from imsim.adapters.websocket import frames
from imsim.client import Client
from imsim.errors import WorldError
from imsim.live.server import LiveServer
from imsim.protocol.codec import Codec
from imsim.protocol.config import DeviceConfig
from imsim.protocol.effects import Connect, Disconnect, Transmit, Write
from imsim.protocol.frames import Hello, Refused
from imsim.protocol.retry import Fixed

SECONDS = 10
QUICK = DeviceConfig(connect=Fixed(base=0.05), hello_timeout=0.2)
NOWHERE = "ws://127.0.0.1:1"


def client(url: str, folder, **more) -> Client:
    return Client(url, user="alice", device="phone", store=folder / "alice.db", config=QUICK, **more)


def fill_the_disk(of: Client) -> None:
    of._driver._store._database._connection.execute("PRAGMA max_page_count = 1")


async def test_effects_are_carried_out_in_order_and_a_row_is_durable_before_it_is_told(tmp_path):
    seen = []

    def note(effect) -> None:
        if isinstance(effect, Write):
            other = sqlite3.connect(tmp_path / "alice.db")
            stored = other.execute("SELECT count(*) FROM records").fetchone()[0]
            other.close()
            assert stored >= len(effect.records)
        seen.append(type(effect))

    async with (
        asyncio.timeout(SECONDS),
        LiveServer(str(tmp_path / "chat.db")) as server,
        client(server.url, tmp_path, on_effect=note) as alice,
    ):
        await alice.wait_sent(await alice.create("team", ("alice",)))
        assert seen[:2] == [Write, Connect]
        assert seen.index(Write) < seen.index(Transmit)
    assert seen[-1] is Disconnect


async def test_rows_come_as_they_are_durable_and_end_with_the_client(tmp_path):
    async with asyncio.timeout(SECONDS), LiveServer(str(tmp_path / "chat.db")) as server:
        async with client(server.url, tmp_path) as alice:
            bodies: list[str] = []

            def take(body) -> None:
                bodies.append(getattr(body, "content", ""))

            async def listen() -> None:
                async for row in alice.rows():
                    take(row.body)

            listening = asyncio.ensure_future(listen())
            await asyncio.sleep(0)
            await alice.create("team", ("alice",))
            await alice.wait_sent(await alice.send("team", "hello"))
            await alice.wait(lambda: "hello" in bodies)
        await listening
        assert bodies.count("hello") == 1


async def run_out_of_disk(alice: Client) -> None:
    async with alice:
        fill_the_disk(alice)
        waits = [asyncio.ensure_future(alice.wait(lambda: False)), asyncio.ensure_future(anext(alice.rows()))]
        await asyncio.sleep(0)
        with pytest.raises(WorldError, match="full"):
            await alice.send("team", "x" * 100_000)
        for wait in waits:
            with pytest.raises(WorldError, match="full"):
                await wait
        with pytest.raises(WorldError, match="full"):
            await alice.cancel("a-1")


async def test_a_write_that_fails_ends_the_client_and_everybody_is_told(tmp_path):
    async with asyncio.timeout(SECONDS):
        with pytest.raises(WorldError, match="full"):
            await run_out_of_disk(client(NOWHERE, tmp_path))
        async with client(NOWHERE, tmp_path) as again:
            assert again.view("team") == []
            assert not list(again.device.stored())[1:]


async def live_on(alice: Client) -> None:
    async with alice:
        await alice.wait(lambda: False)


@pytest.mark.parametrize("method", ["handle_connected", "handle_frame", "handle_wake"])
async def test_a_bug_ends_the_client_loudly(tmp_path, monkeypatch, method):
    def wrong(*_, **__) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(f"imsim.protocol.device.Device.{method}", wrong)
    async with asyncio.timeout(SECONDS), LiveServer(str(tmp_path / "chat.db")) as server:
        url = NOWHERE if method == "handle_wake" else server.url
        with pytest.raises(RuntimeError, match="a bug"):
            await live_on(client(url, tmp_path))


async def test_a_server_that_refuses_for_good_is_no_reason_to_wait_for_ever(tmp_path):
    async def refuse(socket) -> None:
        async for frame in frames(socket):
            if type(frame) is Hello:
                await socket.send(Codec.JSON.encode(Refused("too old")), text=True)

    async with asyncio.timeout(SECONDS), serve(refuse, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(WorldError, match="refused alice/phone: too old"):
            async with client(url, tmp_path) as alice:
                await alice.wait(lambda: alice.online)


async def test_a_closed_client_does_nothing_more(tmp_path):
    async with asyncio.timeout(SECONDS):
        async with client(NOWHERE, tmp_path) as alice:
            pass
        for nothing in (alice.send("team", "x"), alice.wait(lambda: False)):
            with pytest.raises(WorldError, match="was closed"):
                await nothing


async def test_a_connection_that_comes_too_late_is_not_taken_for_the_next_one(tmp_path):
    """The first connection is given up while it is being made, and must not be counted as what became of the second."""
    arrived: asyncio.Queue = asyncio.Queue()
    heard: asyncio.Queue = asyncio.Queue()
    late = asyncio.Event()
    slow = [True]

    async def first_is_slow(socket, request) -> None:
        arrived.put_nowait(socket)
        if slow and slow.pop():
            await late.wait()

    async def listen(socket) -> None:
        async for frame in frames(socket):
            heard.put_nowait((socket, type(frame)))

    async with (
        asyncio.timeout(SECONDS),
        serve(listen, "127.0.0.1", 0, process_request=first_is_slow) as server,
        client(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", tmp_path) as alice,
    ):
        await arrived.get()
        alice._driver._input(alice.device.close)
        alice._driver.command(alice.device.open)
        socket, kind = await heard.get()
        assert (socket, kind) == (await arrived.get(), Hello)
        link = alice._driver._link
        late.set()
        assert await heard.get() == (socket, Hello)  # again, since nobody answers: on the same connection
        assert alice._driver._link is link
        assert arrived.empty()
