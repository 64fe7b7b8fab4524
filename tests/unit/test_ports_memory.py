"""The ports that tests stand on keep the promises of ports."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from imsim.testing import KEY_VALUE, check_key_value, check_log
from tests.ports_memory import MemoryKeyValue, MemoryLog


def test_the_log_keeps_every_promise():
    @asynccontextmanager
    async def opened():
        yield MemoryLog()

    check_log(opened, asyncio.run)


def test_the_map_keeps_every_promise_but_expiry():
    @asynccontextmanager
    async def opened():
        yield MemoryKeyValue()

    kept = [name for name in KEY_VALUE.sentences if name not in {"expires", "stays_without_expiry"}]
    check_key_value(opened, asyncio.run, sleep=asyncio.sleep, only=kept)
