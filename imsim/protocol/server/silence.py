"""Who has been silent for longer than the retention, and is forgotten: a slow sweep over registers of installs.

One server at a time holds the lease of the sweep. It goes through the registers that are closed (register.py), has
the claims of whoever was silent since forgotten (floor.py), and drops the register. A sweep that is cut short is
made again, and nothing is lost by doing so twice.

Not here: what being silent means, and how claims are forgotten (floor.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.errors import Timeout, Unavailable
from imsim.protocol.server.floor import heard_key
from imsim.protocol.server.register import CLOSED, PERIODS, SHARDS, HeardIn, enter, period_of, register_key

if TYPE_CHECKING:
    from imsim.protocol.server.floor import Floors
    from imsim.protocol.server.ownership import ServerPorts

__all__ = ["Silence"]

_LEASE = "sweep of silent installs"
_MARGIN = 2
"""Periods beyond the retention after which a register is closed: notes are renewed up to one period late."""


class Silence:
    """One server's part in forgetting who is silent.

    Args:
        ports: what to work with.
        floors: what forgets claims.
    """

    __slots__ = ("_floors", "_ports")

    def __init__(self, ports: ServerPorts, floors: Floors) -> None:
        self._ports = ports
        self._floors = floors

    async def run(self) -> None:
        """Look for the silent once a period, for ever."""
        period = self._ports.config.claim_retention / PERIODS
        while True:
            await self._ports.runtime.sleep(period)
            try:
                await self.sweep()
            except (Unavailable, Timeout):
                continue  # the next sweep goes on where this one ended

    async def sweep(self) -> None:
        """Go through every register that is closed.

        Raises:
            Unavailable, Timeout: part of it is done.
        """
        runtime, kv, locks, config = self._ports.runtime, self._ports.kv, self._ports.locks, self._ports.config
        node = self._ports.peers.node
        lease = await locks.acquire(_LEASE, node, config.lease, timeout=config.locks_timeout)
        if lease.holder != node:
            return
        last = period_of(runtime.wall(), config) - PERIODS - _MARGIN
        closed = await kv.get(CLOSED, timeout=config.kv_timeout)
        if closed is None:  # the first sweep of all: registers begin about now
            closed = max(0, last - PERIODS - _MARGIN)
        for period in range(closed + 1, last + 1):
            for shard in range(SHARDS):
                await self._go_through(register_key(period, shard))
            await kv.raise_to(CLOSED, period, timeout=config.kv_timeout)

    async def _go_through(self, key: str) -> None:
        kv, timeout = self._ports.kv, self._ports.config.kv_timeout
        register = await kv.get(key, timeout=timeout)
        if not isinstance(register, HeardIn):
            return
        for nonce in register.installs:
            if not await self._floors.age(nonce) and await kv.get(heard_key(nonce), timeout=timeout) is not None:
                # heard of later, and it may be that just the register of that time could not be written
                await enter(kv, nonce, self._ports.runtime.wall(), self._ports.config)
        await kv.compare_and_set(key, register, None, timeout=timeout)
