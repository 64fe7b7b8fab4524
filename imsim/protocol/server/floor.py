"""Floors: how the claims of an install are forgotten without ever being missed.

A floor is a counter: client ids of the install below it are forgotten. It is *raised first*, and the claims are
*dropped after*, so whoever misses a claim finds the floor (services/claims.py says why that is enough).

It follows what the device says is resolved, a stride behind, so that most sends pay nothing for it. By age it rises
only for an install that was silent for longer than the retention. That is judged by a durable note of when the
install was last heard of, by any server; the note is renewed once in an eighth of it, so being silent is believed one
eighth late. Whenever a note is renewed, the install is also entered into the register of that time (register.py).

Not here: reading the floor while accepting (services/claims.py), and who notices that somebody is silent (silence.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from imsim.errors import Timeout, Unavailable
from imsim.protocol import marks
from imsim.protocol.server.register import PERIODS, enter
from imsim.protocol.services.claims import claim_key, floor_key

if TYPE_CHECKING:
    from imsim.ports import KeyValue, Runtime
    from imsim.protocol.server.config import ServerConfig

__all__ = ["Floors", "Heard", "heard_key", "swept_key"]

_AT_ONCE: Final = 1000
"""Counters whose claims are dropped for one send; the next one goes on from there."""


def swept_key(nonce: str) -> str:
    """Where it is kept up to which counter the claims of an install are dropped."""
    return "swept/" + nonce


def heard_key(nonce: str) -> str:
    """Where it is kept when an install was last heard of."""
    return "heard/" + nonce


class Heard(msgspec.Struct, frozen=True, gc=False, tag="heard"):
    """Wall-clock seconds at which an install was heard of; it may have been heard up to an eighth retention later."""

    wall: float


class _Install:
    """What one server remembers of an install: saves asking."""

    __slots__ = ("floor", "renew_at", "sweeping")

    def __init__(self, renew_at: float) -> None:
        self.floor = 0
        self.renew_at = renew_at
        self.sweeping = False


class Floors:
    """The floors of all installs.

    Args:
        runtime, kv: the ports.
        config: stride, retention, time-outs.
    """

    __slots__ = ("_config", "_installs", "_kv", "_runtime")

    def __init__(self, runtime: Runtime, kv: KeyValue, config: ServerConfig) -> None:
        self._runtime = runtime
        self._kv = kv
        self._config = config
        self._installs: dict[str, _Install] = {}

    def follow(self, nonce: str, resolved_below: int) -> None:
        """The install was heard of, and every counter of it below `resolved_below` has its answer."""
        install = self._installs.get(nonce)
        if install is None:
            install = self._installs[nonce] = _Install(self._runtime.now())
        if resolved_below - install.floor >= self._config.floor_stride and not install.sweeping:
            install.sweeping = True
            below = min(resolved_below, install.floor + _AT_ONCE)  # it is the client's word, and may be any number
            self._runtime.spawn(self._advance(nonce, install, below))
        if self._runtime.now() >= install.renew_at:
            install.renew_at = self._runtime.now() + self._config.claim_retention / PERIODS
            self._runtime.spawn(self._renew(nonce, install))

    async def raise_floor(self, nonce: str, below: int) -> None:
        """Forget the keys of an install below a counter: the floor first, then the claims.

        Raises:
            Unavailable, Timeout: part of it may be done; doing it again is safe.
        """
        kv, timeout = self._kv, self._config.kv_timeout
        marks.FLOOR_RAISED()
        floor = await kv.raise_to(floor_key(nonce), below, timeout=timeout)
        swept = await kv.get(swept_key(nonce), timeout=timeout) or 0
        for counter in range(swept, floor):
            key = claim_key(f"{nonce}-{counter}")
            claim = await kv.get(key, timeout=timeout)
            while claim is not None:
                claim = (await kv.compare_and_set(key, claim, None, timeout=timeout)).present
        await kv.raise_to(swept_key(nonce), floor, timeout=timeout)

    async def age(self, nonce: str) -> bool:
        """Forget everything of an install that was silent for longer than the retention; whether it was.

        What it never sent has no claim, stays above the floor, and is still accepted.

        Raises:
            Unavailable, Timeout: part of it may be done; doing it again is safe.
        """
        kv, config = self._kv, self._config
        heard = await kv.get(heard_key(nonce), timeout=config.kv_timeout)
        silent_for = 0.0 if heard is None else self._runtime.wall() - heard.wall
        if silent_for <= config.claim_retention * (1 + 1 / PERIODS):
            return False
        marks.INSTALL_AGED()
        counter = await kv.get(floor_key(nonce), timeout=config.kv_timeout) or 0
        below = counter
        while counter - below < config.floor_stride:  # counters are dense; an install has few sends under way
            if await kv.get(claim_key(f"{nonce}-{counter}"), timeout=config.kv_timeout) is not None:
                below = counter + 1
            counter += 1
        await self.raise_floor(nonce, below)
        await kv.compare_and_set(heard_key(nonce), heard, None, timeout=config.kv_timeout)
        self._installs.pop(nonce, None)
        return True

    async def _advance(self, nonce: str, install: _Install, below: int) -> None:
        try:
            await self.raise_floor(nonce, below)
            install.floor = below
        except (Unavailable, Timeout):
            pass  # the next send tries again
        install.sweeping = False

    async def _renew(self, nonce: str, install: _Install) -> None:
        key, timeout = heard_key(nonce), self._config.kv_timeout
        wall = self._runtime.wall()
        try:
            heard = await self._kv.get(key, timeout=timeout)
            while heard is None or heard.wall < wall:
                heard = (await self._kv.compare_and_set(key, heard, Heard(wall), timeout=timeout)).present
            await enter(self._kv, nonce, wall, self._config)
        except (Unavailable, Timeout):
            install.renew_at = self._runtime.now()
