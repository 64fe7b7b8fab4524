"""When a device is connected: greeting, reconnecting, noticing that the peer is gone, resting and visiting.

    ASLEEP ──open, hint, send──▶ CONNECTING ──connected──▶ GREETING ──welcome──▶ ONLINE
      ▲                            ▲     │failed              │refused, silent      │lost, silent
      │close, end of a visit       │due  ▼                    ▼                     ▼
      └────────────────────────────┴─ WAITING ◀──────────── (delay by the connect policy)
                                   └─ RESTING ◀── the strategy leaves between two rounds

Attempts are reset by *stability*: only a session that lasted `stable_after` seconds counts as a success, so a
server that accepts and then drops everybody is not asked ever faster. A *visit* is a connection made for a hint or
a waiting message while the app is closed: it ends after `linger` quiet seconds. Where there is a circuit breaker, a
connection that ended before it was stable is a failure, and while the circuit is open nothing is asked, whatever the
user wants.
"""

from __future__ import annotations

import enum
import math
from typing import TYPE_CHECKING, Any, Protocol

from imsim.protocol import marks
from imsim.protocol.effects import Connect, Disconnect, Effect
from imsim.protocol.frames import Frame, Ping, Refused, Welcome
from imsim.protocol.retry import BreakerState, Circuit, after

if TYPE_CHECKING:
    from imsim.ports import Randomness
    from imsim.protocol.config import DeviceConfig

__all__ = ["Connector", "ConnectorHost", "Phase"]

_CLOSED = BreakerState()
_GREETINGS = 5
_MISSED = 2.0
"""A peer that was silent for this many ping intervals is gone."""


class Phase(enum.IntEnum):
    """Where a device stands; see the picture above."""

    ASLEEP = 0
    WAITING = 1
    RESTING = 2
    CONNECTING = 3
    GREETING = 4
    ONLINE = 5


class ConnectorHost(Protocol):
    """What the connector needs of its device."""

    random: Randomness
    config: DeviceConfig
    name: str

    def effect(self, effect: Effect) -> None:
        """Have something done."""
        ...

    def transmit(self, frame: Frame) -> None:
        """Hand a frame to the connection."""
        ...

    def hello(self) -> Frame:
        """How this device greets."""
        ...

    def is_quiet(self) -> bool:
        """Whether nothing is under way."""
        ...

    def went_offline(self, now: float) -> None:
        """The session is over."""
        ...


class Connector:
    """The connection of one device."""

    __slots__ = (
        "_attempt",
        "_breaker",
        "_delay",
        "_failing_since",
        "_greetings",
        "_host",
        "_since",
        "connection",
        "due",
        "heard",
        "open",
        "phase",
        "ping",
        "troubles",
    )

    def __init__(self, host: ConnectorHost) -> None:
        """Asleep; `due` is when `handle_due` wants to be called (infinity: never)."""
        self._host = host
        self._attempt = 0
        self._breaker = _CLOSED
        self._delay = 0.0
        self._failing_since = 0.0
        self._greetings = 0
        self._since = 0.0
        self.connection: Any = None
        self.due = math.inf
        self.heard = 0.0
        self.open = False
        self.phase = Phase.ASLEEP
        self.ping = 0.0
        self.troubles = 0

    # ------------------------------------------------------------------------------------------ what the user wants

    def want(self, now: float, *, open_: bool) -> None:
        """The app is open (stay connected) or only something waits (visit)."""
        self.open = self.open or open_
        if self.phase in {Phase.ASLEEP, Phase.RESTING}:
            self._attempt, self._delay = 0, 0.0
            self._connect(now)

    def sleep(self, now: float) -> None:
        """The app is closed: leave."""
        self.open = False
        self._leave(Phase.ASLEEP, math.inf, "closed", now)

    def rest(self, until: float, now: float) -> None:
        """The strategy leaves until the next round."""
        self._leave(Phase.RESTING, until, "resting", now)

    # ------------------------------------------------------------------------------------------ inputs

    def handle_connected(self, connection: Any, now: float) -> None:  # noqa: ANN401 (the driver's own)
        """A connection is open: greet."""
        if self.phase is not Phase.CONNECTING:
            return
        self.connection = connection
        self.phase = Phase.GREETING
        self._greetings = 0
        self.heard = now
        self._greet(now)

    def handle_disconnected(self, now: float) -> None:
        """There is no connection (any more)."""
        if self.phase in {Phase.ASLEEP, Phase.RESTING, Phase.WAITING}:
            return
        self._wait(None, now)

    def handle_welcome(self, frame: Welcome, now: float) -> bool:
        """The session is open; False if it was already."""
        if self.phase is not Phase.GREETING:
            return False
        self.phase = Phase.ONLINE
        self._since = now
        self.troubles = 0
        self.ping = frame.limits.ping
        self._watch(now)
        return True

    def handle_refused(self, frame: Refused, now: float) -> None:
        """The server will not have us, now or ever."""
        if self.phase is not Phase.GREETING:
            return
        if frame.retry_after is None:
            self.sleep(now)
        else:
            self.give_up("refused", now, frame.retry_after)

    def give_up(self, reason: str, now: float, retry_after: float | None = None) -> None:
        """Leave this connection and try another one later."""
        self._host.effect(Disconnect(reason))
        self._wait(retry_after, now)

    def greet_again(self, now: float) -> None:
        """The session that we asked for is forgotten: greet in full, on the same connection."""
        marks.RESUME_REFUSED()
        self._greetings = 0
        self._greet(now)

    def handle_due(self, now: float) -> None:
        """Whatever was waited for did not come in time, or it is time to come back."""
        if now < self.due:
            return
        phase = self.phase
        if phase in {Phase.WAITING, Phase.RESTING}:
            self._connect(now)
        elif phase is Phase.CONNECTING:
            marks.CONNECTING_TOO_LONG()
            self.give_up("connecting took too long", now)
        elif phase is Phase.GREETING:
            if self._greetings < _GREETINGS:
                marks.GREETING_REPEATED()
                self._greet(now)
            else:
                marks.NO_WELCOME()
                self.give_up("no welcome", now)
        elif phase is Phase.ONLINE:
            self._look_around(now)

    # ------------------------------------------------------------------------------------------ inside

    def _connect(self, now: float) -> None:
        breaker = self._host.config.breaker
        if breaker is not None:
            allowed, self._breaker = breaker.ask(self._breaker, now)
            if not allowed:
                marks.CIRCUIT_OPEN()
                self.phase = Phase.WAITING
                self.due = self._breaker.since + breaker.cool_down
                return
        self.phase = Phase.CONNECTING
        self.due = now + self._host.config.connect_timeout
        self._host.effect(Connect())

    def _greet(self, now: float) -> None:
        self._greetings += 1
        self.due = now + self._host.config.hello_timeout
        self._host.transmit(self._host.hello())

    def _wait(self, retry_after: float | None, now: float) -> None:
        host = self._host
        stable = self.phase is Phase.ONLINE and now - self._since >= host.config.stable_after
        if stable:
            marks.CONNECTION_STABLE()
            self._attempt, self._delay = 0, 0.0
        if not self._attempt:
            self._failing_since = now
        self._judge(now, succeeded=stable)
        self._attempt += 1
        self.troubles += 1
        policy, draws = host.config.connect, host.random.at(f"connect {host.name}", self._attempt)
        delay = policy.within(policy.next_delay(self._attempt, self._delay, draws), now - self._failing_since)
        self.connection = None
        self.phase = Phase.ASLEEP if delay is None else Phase.WAITING
        self._delay = delay or 0.0
        pause = after(delay, retry_after)
        self.due = math.inf if pause is None else now + pause
        host.went_offline(now)

    def _leave(self, phase: Phase, until: float, reason: str, now: float) -> None:
        if self.phase in {Phase.CONNECTING, Phase.GREETING, Phase.ONLINE}:
            self._host.effect(Disconnect(reason))
            self._judge(now, succeeded=True if self.phase is Phase.ONLINE else None)
        self.connection = None
        self.phase = phase
        self.due = until
        self._host.went_offline(now)

    def _judge(self, now: float, *, succeeded: bool | None) -> None:
        """A connection has ended: tell the breaker; None: by our own wish, before it could be known."""
        breaker = self._host.config.breaker
        if breaker is None:
            return
        if succeeded:
            self._breaker = breaker.succeeded(self._breaker)
        elif succeeded is not None:
            self._breaker = breaker.failed(self._breaker, now)
        elif self._breaker.circuit is Circuit.HALF_OPEN:  # this was the probe: the next connection is one again
            self._breaker = BreakerState(Circuit.OPEN, since=self._breaker.since)

    def _watch(self, now: float) -> None:
        """When to look around next: for the peer's silence, and for the end of a visit."""
        silence = now + self.ping if self.ping > 0 else math.inf
        self.due = silence if self.open else min(silence, now + self._host.config.linger)

    def _look_around(self, now: float) -> None:
        if not self.open and self._host.is_quiet() and now - self.heard >= self._host.config.linger:
            self._leave(Phase.ASLEEP, math.inf, "visit over", now)
            return
        if self.ping > 0 and now - self.heard >= self.ping:
            if now - self.heard >= _MISSED * self.ping:
                marks.SERVER_SILENT()
                self.give_up("silent", now)
                return
            self._host.transmit(Ping(int(now)))
        self._watch(now)
