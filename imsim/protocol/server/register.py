"""Registers of who was heard of: what a key-value store that cannot be listed needs, so that nobody is forgotten.

Time is divided into *periods*, of which a retention has eight. An install is entered into the register of every period
in which it is heard of, once. A period that has been over for longer than the retention is *closed*: whoever was not
heard of since then is silent, and everybody else stands in a later register too. So each register is gone through
once and then dropped, and what there is at any time is one entry an install and period of the last nine.

A register is kept in several shards, by a hash of the install, so that many installs do not wait for one key.

Not here: what is done about the silent (silence.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from imsim.protocol.services.claims import digest

if TYPE_CHECKING:
    from imsim.ports import KeyValue
    from imsim.protocol.server.config import ServerConfig

__all__ = ["CLOSED", "PERIODS", "SHARDS", "HeardIn", "enter", "period_of", "register_key"]

SHARDS = 16
PERIODS = 8
"""Periods of one retention."""
CLOSED = "periods/closed"
"""Where the number of the last period is kept that was gone through."""


class HeardIn(msgspec.Struct, frozen=True, gc=False, tag="heard_in"):
    """Installs that were heard of in one period, of one shard."""

    installs: tuple[str, ...] = ()


def register_key(period: int, shard: int) -> str:
    """Where a shard of a period's register is kept."""
    return f"heard-in/{period}/{shard}"


def period_of(wall: float, config: ServerConfig) -> int:
    """The number of the period in which `wall` lies."""
    return int(wall * PERIODS / config.claim_retention)


async def enter(kv: KeyValue, nonce: str, wall: float, config: ServerConfig) -> None:
    """Enter an install into the register of the present period.

    Raises:
        Unavailable, Timeout: it may or may not be in it.
    """
    key = register_key(period_of(wall, config), digest(nonce)[0] % SHARDS)
    seen = await kv.get(key, timeout=config.kv_timeout)
    while nonce not in (register := seen or HeardIn()).installs:
        new = HeardIn((*register.installs, nonce))
        seen = (await kv.compare_and_set(key, seen, new, timeout=config.kv_timeout)).present
