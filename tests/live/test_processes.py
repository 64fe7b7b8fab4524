"""Real processes that end in every way: killed, interrupted, or left alone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Self

import pytest

from imsim.client import Client
from imsim.live.server import LiveServer
from imsim.protocol.config import DeviceConfig
from imsim.protocol.records import SendState
from imsim.protocol.retry import EqualJitter
from imsim.protocol.sync import Hybrid

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.live

SECONDS = 30
QUICK = DeviceConfig(
    sync=Hybrid(check=1.0),
    send=EqualJitter(base=0.3, cap=1.0),
    connect=EqualJitter(base=0.1, cap=0.5),
    ask=EqualJitter(base=0.5, cap=1.0),
)


class Process:
    """A process that answers one JSON line to each, ended when the test is over."""

    def __init__(self, *arguments: str) -> None:
        self.arguments = arguments

    async def __aenter__(self) -> Self:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, *self.arguments, env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self.first = (await self.process.stdout.readline()).decode()
        assert self.first, (await self.process.stderr.read()).decode()
        return self

    async def __aexit__(self, *_) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.communicate()

    async def ask(self, do: str, *args) -> dict:
        self.process.stdin.write(json.dumps({"do": do, "args": args}).encode() + b"\n")
        return json.loads(await self.process.stdout.readline())

    async def ended(self) -> tuple[int, str]:
        """Its exit code, and what it had to say."""
        return await self.process.wait(), (await self.process.stderr.read()).decode()


def device(folder: Path, url: str) -> Process:
    return Process("-m", "imsim.live.node", "device", str(folder), "--url", url, "--user", "alice", "--device", "phone")


async def test_a_device_that_is_killed_while_it_sends_loses_and_doubles_nothing(tmp_path):
    async with (
        asyncio.timeout(SECONDS),
        LiveServer(str(tmp_path / "chat.db")) as server,
        Client(server.url, user="bob", device="pc", store=tmp_path / "bob.db", config=QUICK) as bob,
    ):
        said = []
        for life in range(3):
            async with device(tmp_path, server.url) as alice:
                if life == 0:
                    await alice.ask("create", "team", ["alice", "bob"])
                    await bob.wait(lambda: "team" in bob.conversations())
                for number in range(15):
                    said.append(f"{life}-{number}")
                    await alice.ask("send", "team", said[-1])
                alice.process.send_signal(signal.SIGKILL)
                await alice.process.wait()
        async with device(tmp_path, server.url):
            await bob.wait(lambda: len(bob.view("team")) >= len(said))
        assert [row.content for row in bob.view("team")] == said


async def test_two_processes_cannot_be_one_device(tmp_path):
    async with (
        asyncio.timeout(SECONDS),
        LiveServer(str(tmp_path / "chat.db")) as server,
        device(tmp_path, server.url),
    ):
        second = device(tmp_path, server.url)
        with pytest.raises(AssertionError, match="is in use"):
            await second.__aenter__()
        await second.__aexit__()


async def test_nothing_is_left_when_whoever_started_it_is_gone(tmp_path):
    async with asyncio.timeout(SECONDS), Process("-m", "imsim.live.node", "server", str(tmp_path)) as server:
        url = f"ws://127.0.0.1:{json.loads(server.first)['port']}"
        async with device(tmp_path, url) as alice:
            for process in (alice, server):
                process.process.stdin.close()
                assert await process.ended() == (0, "")


async def test_noise_on_the_port_is_no_noise_on_the_terminal(tmp_path):
    async with asyncio.timeout(SECONDS), Process("-m", "imsim.live.node", "server", str(tmp_path)) as server:
        port = json.loads(server.first)["port"]
        for noise in (b"NOISE\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(noise)
            await reader.read()
            writer.close()
            await writer.wait_closed()
        server.process.stdin.close()
        assert await server.ended() == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_server_stops_when_it_is_asked_to_also_with_clients(tmp_path, number):
    store = f"sqlite:///{tmp_path}/chat.db"
    async with (
        asyncio.timeout(SECONDS),
        Process("-m", "imsim.cli", "serve", "--store", store, "--listen", "127.0.0.1:0") as server,
    ):
        url = server.first.split()[2]
        async with Client(url, user="bob", device="pc", store=tmp_path / "bob.db", config=QUICK) as bob:
            await bob.wait(lambda: bob.online)
            server.process.send_signal(number)
            assert await server.ended() == (0, "")
            await bob.wait(lambda: not bob.online)


async def test_a_second_server_on_a_file_says_so_in_one_line(tmp_path):
    arguments = ("-m", "imsim.cli", "serve", "--store", f"sqlite:///{tmp_path}/chat.db", "--listen", "127.0.0.1:0")
    async with asyncio.timeout(SECONDS), Process(*arguments):
        second = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await second.communicate()
        assert (second.returncode, out.decode()) == (2, "")
        assert err.decode().count("\n") == 1
        assert "chat.db: is in use; only one may use it at a time" in err.decode()


@pytest.mark.parametrize("letter", ["x", "\x01", "漢"])
async def test_pages_full_of_the_largest_contents_arrive(tmp_path, letter):
    """JSON escapes some letters sixfold: no legal frame may be too large for the connection."""
    content = letter * (65_000 // len(letter.encode()))
    async with asyncio.timeout(SECONDS), LiveServer(str(tmp_path / "chat.db")) as server:
        async with Client(server.url, user="alice", device="phone", store=tmp_path / "a.db", config=QUICK) as alice:
            await alice.create("team", ("alice",))
            sent = [await alice.send("team", content) for _ in range(60)]
            for client_id in sent:
                assert await alice.wait_sent(client_id) is SendState.SENT
        async with Client(server.url, user="alice", device="tablet", store=tmp_path / "b.db", config=QUICK) as tablet:
            await tablet.wait(lambda: len(tablet.view("team")) == len(sent))
            assert {row.content for row in tablet.view("team")} == {content}
