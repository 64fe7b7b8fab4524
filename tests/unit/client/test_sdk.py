"""What a program calls: mistakes are told before anything is remembered, and a copied file is known to be a copy."""

from __future__ import annotations

import asyncio

import pytest

from imsim.client import Client
from imsim.errors import ConfigError, WorldError
from imsim.protocol.records import SendState

SECONDS = 10
NOWHERE = "ws://127.0.0.1:1"


def client(url: str, folder) -> Client:
    return Client(url, user="alice", device="phone", store=folder / "alice.db")


async def test_what_cannot_be_sent_is_refused_before_it_is_remembered(tmp_path):
    async with asyncio.timeout(SECONDS), client(NOWHERE, tmp_path) as alice:
        for content, why in (("\ud800", "surrogate"), ("x" * 200_000, "expected at most 131072")):
            with pytest.raises(ConfigError, match=why):
                await alice.send("team", content)
        kept = await alice.send("team", "x")
        assert kept.endswith("-0")
        assert alice.device.state(kept) is SendState.PENDING


async def test_a_wrong_address_and_a_store_in_use_are_told_at_once(tmp_path):
    with pytest.raises(ConfigError, match="expected a WebSocket address"):
        await client("http://127.0.0.1:1", tmp_path).__aenter__()
    async with asyncio.timeout(SECONDS), client(NOWHERE, tmp_path):
        with pytest.raises(WorldError, match="is in use"):
            await client(NOWHERE, tmp_path).__aenter__()


async def test_copies_of_a_database_never_use_one_client_id(tmp_path):
    async with asyncio.timeout(SECONDS):
        async with client(NOWHERE, tmp_path) as alice:
            first = await alice.send("team", "one")
        (tmp_path / "backup").mkdir()
        (tmp_path / "backup" / "alice.db").write_bytes((tmp_path / "alice.db").read_bytes())
        async with client(NOWHERE, tmp_path) as here, client(NOWHERE, tmp_path / "backup") as there:
            ids = {first, await here.send("team", "two"), await there.send("team", "two")}
            assert len(ids) == 3
