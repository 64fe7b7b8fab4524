"""A server in this process: how it begins and ends."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.client import connect

from imsim.errors import ConfigError, Unavailable, WorldError
from imsim.live.server import Alone, LiveServer, NoPlatform, parse_listen, parse_store
from imsim.protocol.codec import Codec
from imsim.protocol.frames import Ping

SECONDS = 10


async def ping(path, *, watch: bool) -> None:
    """Serve, send one ping, and wait for what comes of it: at the server, or only at the client."""
    async with asyncio.timeout(SECONDS), LiveServer(str(path)) as server, connect(server.url, proxy=None) as socket:
        await socket.send(Codec.JSON.encode(Ping(1)), text=True)
        await (server.failed() if watch else socket.wait_closed())


@pytest.mark.parametrize("watch", [True, False])
async def test_a_bug_in_a_handler_ends_the_server_loudly(tmp_path, monkeypatch, watch):
    def wrong(*_) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("imsim.protocol.server.server.Server.handle_frame", wrong)
    with pytest.raises(RuntimeError, match="a bug"):
        await ping(tmp_path / "a.db", watch=watch)


async def test_a_server_that_cannot_begin_leaves_its_file_to_others(tmp_path):
    async with asyncio.timeout(SECONDS):
        async with LiveServer(str(tmp_path / "a.db")) as server:
            with pytest.raises(WorldError, match=r"a\.db: is in use"):
                await LiveServer(str(tmp_path / "a.db")).__aenter__()
            with pytest.raises(WorldError, match=f"--listen 127.0.0.1:{server.port}: "):
                await LiveServer(str(tmp_path / "b.db"), port=server.port).__aenter__()
        for number, name in enumerate(("a.db", "b.db")):
            async with LiveServer(str(tmp_path / name), port=server.port) as again:
                assert again.incarnation == 2, number


async def test_the_address_is_the_one_it_listens_on(tmp_path):
    for host in ("127.0.0.1", "::1", "localhost"):
        async with asyncio.timeout(SECONDS), LiveServer(str(tmp_path / "a.db"), host) as server:
            assert server.url == f"ws://{f'[{host}]' if ':' in host else host}:{server.port}"
            async with connect(server.url, proxy=None):
                pass


@pytest.mark.parametrize("name", ["nowhere/a.db", "letter.txt"])
async def test_a_file_that_cannot_be_used_is_the_users_mistake(tmp_path, name):
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam, " * 100)
    with pytest.raises(ConfigError, match="cannot be used as a database"):
        await LiveServer(str(tmp_path / name)).__aenter__()


async def test_alone_there_are_no_peers_and_no_platform():
    with pytest.raises(Unavailable, match="server-2 is not there"):
        await Alone().call("server-2", 1, timeout=1.0)
    NoPlatform().hint(["alice"])


def test_stores_and_addresses_are_checked():
    assert parse_store("sqlite:///a/b.db") == "a/b.db"
    assert parse_listen("[::1]:80") == ("::1", 80)
    for bad in ("127.0.0.1", "127.0.0.1:port", "127.0.0.1:99999", "x:80", ""):
        with pytest.raises(ConfigError, match="expected an address and a port"):
            parse_listen(bad)
    with pytest.raises(ConfigError, match="only loopback"):
        parse_listen("192.0.2.1:80")
