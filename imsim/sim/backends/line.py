"""The way of one server to one backend, and the calls that travel on it (the picture is in service.py).

A call is one object that goes from moment to moment by light calls, or straight through where nothing takes time. It
holds its caller's future, which is inert once the caller's incarnation is revoked: so a call that has set out takes
effect, and its answer reaches nobody.

What does not belong here: when a call is slow or lost (service.py decides), and what it does.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from imsim.errors import Timeout, Unavailable
from imsim.sim.backends.service import Ending, Fate
from imsim.sim.decisions import remix, unit
from imsim.sim.deviations import CrashAfter, CrashBefore, Delay, Pause, TimeoutAfter, TimeoutBefore

if TYPE_CHECKING:
    from imsim.ports import Value
    from imsim.sim.backends.service import Desk, Observer
    from imsim.sim.deviations import Action
    from imsim.sim.runtime import SimRuntime

__all__ = ["Host", "Line", "Pending", "Route"]

T = TypeVar("T")

Route = Callable[[bool], float | None]
"""Seconds of one way, there (False) or back (True), asked when it begins; None: nothing passes."""

_FATES = {TimeoutBefore: Fate.LOST, TimeoutAfter: Fate.UNANSWERED, CrashAfter: Fate.FATAL}


class Host(Protocol):
    """The node that calls, as far as a deviation may hurt it; each takes effect before it returns."""

    def crash(self) -> None:
        """Die: the incarnation that calls is revoked."""
        ...

    def pause(self, seconds: float) -> None:
        """Stand still."""
        ...


class Pending:
    """What an effect returns whose answer comes later: `answer` or `fail`, once."""

    __slots__ = ("_call",)

    def __init__(self) -> None:
        self._call: _Call | None = None

    def bind(self, call: _Call) -> None:
        """Say who waits for it."""
        self._call = call

    def answer(self, value: Value) -> None:
        """Hand the value over."""
        if self._call is not None:
            self._call.reply(value, None)

    def fail(self, error: Exception) -> None:
        """Hand an exception over."""
        if self._call is not None:
            self._call.reply(None, error)


class Line:
    """The way of one incarnation of one node to a desk; inert once that incarnation is revoked.

    Attributes:
        desk: where the calls arrive.
        runtime: the incarnation's runtime.
        host: its node.
    """

    __slots__ = ("desk", "host", "runtime")

    def __init__(self, desk: Desk, runtime: SimRuntime, host: Host) -> None:
        self.desk = desk
        self.runtime = runtime
        self.host = host

    async def call(self, operation: str, subject: str, timeout: float, effect: Callable[[], T]) -> T:
        """Make one call; without an event of the kernel where nothing takes time and nothing goes wrong.

        Args:
            operation: its name, such as `get`.
            subject: what it is about, for its key.
            timeout: seconds that the caller waits.
            effect: what it does at the backend; the value is its answer.

        Raises:
            Unavailable: refused, not done.
            Timeout: no answer came in time; it may be done, now or later.
            GeneratorExit: the incarnation is dead.
        """
        made = self._make(operation, subject, timeout, effect)
        observer = self.desk.observer
        return await (made if observer is None else self._observed(observer, operation, subject, made))

    async def ask(
        self, operation: str, subject: str, timeout: float, effect: Callable[[], Pending], *, route: Route | None
    ) -> Any:  # noqa: ANN401 - the answer of a peer may be any value
        """Make one call, as `call` does, whose answer comes later than its effect.

        `route` gives the ways there and back, instead of the service's latency.
        """
        made = self._make_by(route, operation, subject, timeout, effect)
        observer = self.desk.observer
        return await (made if observer is None else self._observed(observer, operation, subject, made))

    async def _make(self, operation: str, subject: str, timeout: float, effect: Callable[[], T]) -> T:
        self.runtime.begin_call()
        bits, deviation = self.desk.decide(operation, self.runtime.node, subject)
        if deviation is None and self.desk.serves_at_once(bits):
            return effect()
        call = _Call(self, operation, effect, bits=bits)
        return await self._travel(call, deviation, timeout)  # type: ignore[no-any-return]

    async def _make_by(
        self, route: Route | None, operation: str, subject: str, timeout: float, effect: Callable[[], Pending]
    ) -> Any:  # noqa: ANN401 - as `ask`
        self.runtime.begin_call()
        bits, deviation = self.desk.decide(operation, self.runtime.node, subject)
        return await self._travel(_Call(self, operation, effect, bits=bits, route=route), deviation, timeout)

    async def _observed(self, observer: Observer, operation: str, subject: str, made: Coroutine[Any, Any, T]) -> T:
        """The same call, with a word at its begin and one at its end; none at the end of what a crash cuts off."""
        call = self.desk.announce(observer, operation, self.runtime, subject)
        try:
            answer = await made
        except Exception as error:
            observer.ended(call, Ending.UNKNOWN if isinstance(error, Timeout) else Ending.NOT_DONE)
            raise
        observer.ended(call, Ending.DONE)
        return answer

    async def _travel(self, call: _Call, deviation: Action | None, timeout: float) -> Any:  # noqa: ANN401 - as above
        match deviation:
            case CrashBefore():
                self.host.crash()
                self.runtime.begin_call()
            case Pause(seconds=seconds):
                self.host.pause(seconds)
                await self.runtime.sleep(0.0)  # held until the node goes on
        if deviation is None:
            call.fate = self.desk.fate(call.bits)
        else:
            call.fate = _FATES.get(type(deviation), Fate.SERVED)
        call.send(deviation.seconds if isinstance(deviation, Delay) else 0.0)
        if not call.future.done():
            self.desk.kernel.call_in(timeout, call.expire, timeout)
        return await call.future


class _Call:
    """One call on its way."""

    __slots__ = ("bits", "desk", "effect", "fate", "future", "host", "operation", "outcome", "route", "runtime")

    def __init__(
        self,
        line: Line,
        operation: str,
        effect: Callable[[], Any],
        *,
        bits: int,
        route: Route | None = None,
    ) -> None:
        self.desk = line.desk
        self.runtime = line.runtime
        self.future = line.runtime.future()
        self.operation = operation
        self.effect = effect
        self.bits = bits
        self.route = route
        self.host = line.host
        self.fate = Fate.SERVED
        self.outcome: tuple[Any, Exception | None] = (None, None)

    def send(self, delay: float) -> None:
        """Set out for the backend."""
        there = self._way(back=False)
        if there is None or self.fate is Fate.LOST:
            return
        if there + delay > 0.0:
            self.desk.kernel.call_in(there + delay, self.arrive)
        else:
            self.arrive(None)

    def arrive(self, _: None) -> None:
        """Be refused, or wait and be served."""
        desk = self.desk
        if self.fate is Fate.REFUSED or desk.refusing:
            self.reply(None, Unavailable(f"{desk.port}.{self.operation} from {self.runtime.node}: refused"))
            return
        seconds = desk.service.seconds
        if seconds is None:
            self.act(None)
        elif desk.station is not None:
            desk.station.submit(seconds(unit(remix(self.bits, 1))), self.act)
        elif (busy := seconds(unit(remix(self.bits, 1)))) > 0.0:
            desk.kernel.call_in(busy, self.act)
        else:
            self.act(None)

    def act(self, _: None) -> None:
        """Take effect, whoever still waits for it."""
        value: Any = None
        error: Exception | None = None
        try:
            value = self.effect()
        except Exception as raised:  # noqa: BLE001 - whatever the backend says is the caller's to hear
            error = raised
        if self.fate is Fate.FATAL:
            if self.runtime.incarnation.alive:
                self.host.crash()
        elif self.fate is Fate.UNANSWERED:
            pass
        elif isinstance(value, Pending):
            value.bind(self)
        else:
            self.reply(value, error)

    def reply(self, value: Value, error: Exception | None) -> None:
        """Send the answer back."""
        back = self._way(back=True)
        if back is None:
            return
        self.outcome = (value, error)
        if back > 0.0:
            self.desk.kernel.call_in(back, self.hear)
        else:
            self.hear(None)

    def hear(self, _: None) -> None:
        """The answer is there; too late if the caller gave up, and for nobody if it died."""
        value, error = self.outcome
        if error is None:
            self.future.set_result(value)
        else:
            self.future.set_exception(error)

    def expire(self, timeout: float) -> None:
        """The caller gives up waiting."""
        if not self.future.done():
            what = f"{self.desk.port}.{self.operation} from {self.runtime.node}"
            self.future.set_exception(Timeout(f"{what}: no answer within {timeout} s"))

    def _way(self, *, back: bool) -> float | None:
        if self.route is not None:
            return self.route(back)
        latency = self.desk.service.latency
        return 0.0 if latency is None else latency(unit(remix(self.bits, 3 if back else 2)))
