"""How a connection begins: one and a half round trips, of which the last half carries the first frame.

    device  -- attempt -->  server      its end opens, if it accepts
    device  <-- answer ---  server      the device's end opens, or it is refused
    device  == hello ====>  server      the first frame, sent by the device as soon as it may

A packet that is lost, cut or in an outage is sent again after 1, 2, 4, ... seconds (RFC 6298, as TCP and QUIC do),
until the device gives up. Its attempts are decisions with keys of their own: *the 2nd connect of server-1 from
bob/phone*. If only the answers are lost, the server has an end open of which no device knows: half-open from the
beginning.

What does not belong here: retrying a connection that failed, which is the algorithm's work, and sessions.
"""

# ruff: noqa: SLF001 - a part of the network that lives as long as one handshake
from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from imsim.sim.decisions import Kind
from imsim.sim.deviations import Delay

if TYPE_CHECKING:
    from collections.abc import Callable

    from imsim.sim.connection import Connection
    from imsim.sim.network import Network

__all__ = ["Handshake", "Refusal"]

_FIRST_RTO = 1.0
"""Seconds before the first repetition (RFC 6298, 2.1)."""
_ANSWERS = 8
"""Bits for the number of an answer in its occurrence; the time-outs double, so 2**8 of them are never reached."""


class Refusal(enum.Enum):
    """Why a connection did not open."""

    REFUSED = "refused"
    """The server does not accept; it said so."""
    TIMED_OUT = "timed out"
    """Nothing was heard."""


class Handshake:
    """One handshake; lives only in the calls that it schedules.

    Args:
        network: over which packets go.
        connection: new, with both ends closed.
        on_result: called at the device with the connection, and the refusal if it did not open.
    """

    __slots__ = ("_connection", "_network", "_on_result")

    def __init__(
        self, network: Network, connection: Connection, on_result: Callable[[Connection, Refusal | None], object]
    ) -> None:
        self._network = network
        self._connection = connection
        self._on_result = on_result

    def begin(self, timeout: float) -> None:
        """Send the first attempt; give up after `timeout` seconds."""
        self._network._kernel.call_in(timeout, self._give_up)
        self._attempt(1)

    def _attempt(self, number: int) -> None:
        """The device asks, for the `number`-th time."""
        connection, network = self._connection, self._network
        if not connection.pending:
            return
        connection.device.attempts = occurrence = connection.device.attempts + 1
        later, goes = self._deviation(occurrence)
        rest = network._leg(connection, occurrence, down=False) if goes else None
        if rest is None:
            network._kernel.call_in(_wait(number), self._attempt, number + 1)
        else:
            network._kernel.call_in(rest + later, self._arrive, occurrence)

    def _deviation(self, occurrence: int) -> tuple[float, bool]:
        """The seconds to add to an attempt, and whether it is sent at all."""
        connection, decisions = self._connection, self._network._decisions
        if not decisions.deviating:
            return 0.0, True
        salt = decisions.kind_salt(Kind.CONNECT) ^ connection.device.up_place
        action = decisions.deviation(salt, decisions.name(connection.server.name), occurrence)
        if action is None:
            return 0.0, True
        if isinstance(action, Delay):
            return action.seconds, True
        return 0.0, self._network.befall(action, connection, False)  # noqa: FBT003 - a callback of the world

    def _arrive(self, occurrence: int) -> None:
        """The server hears the attempt; only one of a handshake gets so far."""
        connection = self._connection
        accepts = connection.server.accepting
        if accepts:
            connection.server_open = True
            self._network.on_accepted(connection)
        self._answer((1, occurrence, accepts))

    def _answer(self, answer: tuple[int, int, bool]) -> None:
        """The server answers, for the `number`-th time."""
        number, occurrence, accepts = answer
        network = self._network
        if not self._connection.pending:
            return
        rest = network._leg(self._connection, (occurrence << _ANSWERS) + number, down=True)
        if rest is None:
            network._kernel.call_in(_wait(number), self._answer, (number + 1, occurrence, accepts))
        else:
            network._kernel.call_in(rest, self._finish, None if accepts else Refusal.REFUSED)

    def _give_up(self, _: None) -> None:
        self._finish(Refusal.TIMED_OUT)

    def _finish(self, refusal: Refusal | None) -> None:
        connection = self._connection
        if connection.pending:
            connection.pending = False
            connection.device_open = refusal is None
            self._on_result(connection, refusal)


def _wait(attempt: int) -> float:
    return _FIRST_RTO * 2.0 ** (attempt - 1)
