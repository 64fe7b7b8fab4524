"""The algorithms unchanged in production: a server on SQLite and WebSocket, and clients that talk through it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.client import connect

from imsim.client import Client
from imsim.errors import ConfigError, WorldError
from imsim.live.server import LiveServer, parse_listen, parse_store
from imsim.protocol.config import DeviceConfig
from imsim.protocol.records import SendState
from imsim.protocol.retry import EqualJitter
from imsim.protocol.sync import Hybrid

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.live

QUICK = DeviceConfig(
    sync=Hybrid(check=1.0),
    send=EqualJitter(base=0.3, cap=1.0),
    connect=EqualJitter(base=0.1, cap=0.5),
    ask=EqualJitter(base=0.5, cap=1.0),
)
SECONDS = 20


def client(url: str, folder: Path, user: str, device: str = "phone") -> Client:
    return Client(url, user=user, device=device, store=folder / f"{user}-{device}.db", config=QUICK)


def contents(of: Client) -> list[str | None]:
    return [row.content for row in of.view("team")]


async def test_two_users_and_three_devices_see_the_same(tmp_path):
    async with asyncio.timeout(SECONDS), LiveServer(str(tmp_path / "chat.db")) as server:
        url = f"ws://127.0.0.1:{server.port}"
        async with (
            client(url, tmp_path, "alice") as alice,
            client(url, tmp_path, "alice", "pc") as pc,
            client(url, tmp_path, "bob") as bob,
        ):
            await alice.create("team", ("alice", "bob"))
            await bob.wait(lambda: "team" in bob.conversations())
            first = await alice.send("team", "Lunch?")
            assert await alice.wait_sent(first) is SendState.SENT
            await bob.wait(lambda: contents(bob) == ["Lunch?"])
            await bob.send("team", "Yes!", reply_to=first)
            await alice.edit("team", first, "Lunch at noon?")
            for device in (alice, pc, bob):
                await device.wait(lambda of=device: contents(of) == ["Lunch at noon?", "Yes!"])
            assert (alice.unread("team"), pc.unread("team"), bob.unread("team")) == (1, 1, 1)
            await alice.mark_read("team", alice.device.position("team")[1])
            await pc.wait(lambda: pc.unread("team") == 0)
            await alice.recall("team", first)
            for device in (alice, pc, bob):
                await device.wait(lambda of=device: contents(of) == [None, "Yes!"])


async def test_a_new_device_catches_up_from_nothing(tmp_path):
    async with asyncio.timeout(SECONDS), LiveServer(str(tmp_path / "chat.db")) as server:
        url = f"ws://127.0.0.1:{server.port}"
        async with client(url, tmp_path, "alice") as alice:
            await alice.create("team", ("alice",))
            for number in range(30):
                last = await alice.send("team", f"{number}")
            await alice.wait_sent(last)
        async with client(url, tmp_path, "alice", "tablet") as tablet:
            await tablet.wait(lambda: len(contents(tablet)) == 30)
            assert contents(tablet) == [f"{number}" for number in range(30)]


async def test_what_was_said_offline_is_sent_later_and_once(tmp_path):
    async with asyncio.timeout(SECONDS):
        async with LiveServer(str(tmp_path / "chat.db")) as server:
            port = server.port
            async with client(f"ws://127.0.0.1:{port}", tmp_path, "alice") as alice:
                await alice.wait_sent(await alice.create("team", ("alice",)))
        async with client(f"ws://127.0.0.1:{port}", tmp_path, "alice") as alice:
            waiting = await alice.send("team", "anybody there?")
            assert alice.device.state(waiting) is SendState.PENDING
        async with (
            LiveServer(str(tmp_path / "chat.db"), port=port) as server,
            client(f"ws://127.0.0.1:{port}", tmp_path, "alice") as alice,
        ):
            assert server.incarnation == 2
            assert await alice.wait_sent(waiting) is SendState.SENT
            assert contents(alice) == ["anybody there?"]


async def start_server(folder: Path, port: int = 0) -> tuple[asyncio.subprocess.Process, int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "imsim.cli", "serve",
        "--store", f"sqlite:///{folder}/chat.db", "--listen", f"127.0.0.1:{port}",
        stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    found = re.search(r"ws://127\.0\.0\.1:(\d+)", line)
    assert found, line
    return process, int(found[1])


async def test_a_server_that_is_killed_loses_and_doubles_nothing(tmp_path):
    async with asyncio.timeout(3 * SECONDS):
        process, port = await start_server(tmp_path)
        url = f"ws://127.0.0.1:{port}"
        try:
            async with client(url, tmp_path, "alice") as alice, client(url, tmp_path, "bob") as bob:
                await alice.create("team", ("alice", "bob"))
                await bob.wait(lambda: "team" in bob.conversations())
                sent = []
                for number in range(40):
                    sent.append(await alice.send("team", f"{number}"))
                    if number in {10, 25}:
                        await alice.wait(lambda: alice.device.state(sent[5]) is SendState.SENT)
                        process.send_signal(signal.SIGKILL)
                        await process.wait()
                        process, _ = await start_server(tmp_path, port)
                for client_id in sent:
                    assert await alice.wait_sent(client_id) is SendState.SENT
                expected = [f"{number}" for number in range(40)]
                await bob.wait(lambda: len(contents(bob)) >= 40)
                assert contents(bob) == contents(alice) == expected
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def test_what_is_no_frame_ends_the_connection_with_a_reason(tmp_path):
    async with asyncio.timeout(SECONDS), LiveServer(str(tmp_path / "chat.db")) as server:
        for hostile in ("{}", "[" * 5000, b"\xff\xfe", '{"type":"push"}', "null"):
            async with connect(f"ws://127.0.0.1:{server.port}", proxy=None) as socket:
                await socket.send(hostile)
                with contextlib.suppress(Exception):
                    await socket.recv()
                await socket.wait_closed()
                assert socket.close_code == 1007
                assert "not a frame" in (socket.close_reason or "")
        async with client(f"ws://127.0.0.1:{server.port}", tmp_path, "alice") as alice:
            await alice.wait(lambda: alice.online)


async def test_a_port_that_is_taken_is_told(tmp_path):
    async with LiveServer(str(tmp_path / "chat.db")) as server:
        with pytest.raises(WorldError, match=rf"--listen 127.0.0.1:{server.port}: "):
            await LiveServer(str(tmp_path / "other.db"), port=server.port).__aenter__()


def test_stores_and_addresses_are_checked():
    assert parse_store("sqlite:///a/b.db") == "a/b.db"
    assert parse_listen("127.0.0.1:80") == ("127.0.0.1", 80)
    for bad in ("postgres://x", "sqlite:///"):
        with pytest.raises(ConfigError, match="expected sqlite:///FILE"):
            parse_store(bad)
    for bad in ("127.0.0.1", "x:y", ":80"):
        with pytest.raises(ConfigError, match="expected an address and a port"):
            parse_listen(bad)
    with pytest.raises(ConfigError, match="only loopback"):
        parse_listen("0.0.0.0:80")
