"""Names and values; the algorithm is tested in server/test_accept.py and server/test_accept_search.py."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest

from imsim.protocol.frames import Message
from imsim.protocol.services.claims import Sealed, counter_key, digest, parts, reserved, seal_counter
from tests.ports_memory import MemoryKeyValue


@pytest.mark.parametrize(
    ("client_id", "expected"), [("n-0", ("n", 0)), ("a-b-12", ("a-b", 12)), ("@room/alice/1-7", ("@room/alice/1", 7))]
)
def test_a_client_id_is_a_nonce_and_a_counter(client_id, expected):
    assert parts(client_id) == expected


@pytest.mark.parametrize("nonsense", ["", "n", "n-", "-1", "n-x", "n-1.5", "n-1_0", "n-+1", "n-\uff11"])
def test_anything_else_is_no_client_id(nonsense):
    with pytest.raises(ValueError, match="is no client id"):
        parts(nonsense)


def test_a_digest_tells_payloads_apart():
    assert digest(Message("a")) == digest(Message("a"))
    assert len({digest(Message("a")), digest(Message("b")), digest(Message("a", reply_to="n-1")), digest("a")}) == 4


def test_a_digest_is_alike_in_every_process():
    script = "from imsim.protocol.services.claims import digest; print(digest('hello').hex())"
    for seed in "12":
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == digest("hello").hex()


def test_a_sealed_counter_gives_no_slot():
    kv = MemoryKeyValue()
    key = counter_key("room", 1)
    assert reserved(None) == 0
    assert reserved(asyncio.run(kv.increment(key, timeout=1.0))) == 1
    assert asyncio.run(seal_counter(kv, "room", 1, 1.0)) is True
    assert asyncio.run(seal_counter(kv, "room", 1, 1.0)) is False
    for count in (kv.values[key], asyncio.run(kv.increment(key, timeout=1.0))):
        with pytest.raises(Sealed):
            reserved(count)
