"""The clockwork: SimPy's environment, with light timed calls beside its Events.

A discrete-event world is a heap of things to do, ordered by time. SimPy puts Events there, each with a list of
callbacks, and most programs put a generator behind every one. That is pleasant to write and costs about a
microsecond an event; a frame that crosses a link needs neither. So the heap here holds uniform entries

    (time, priority, number, function, argument)

and the loop calls `function(argument)`. An Event is the entry whose function runs its callbacks; a *light call* is
an entry whose function is the work itself. Both lie in ONE heap and share one numbering, so entries of the same
time and priority run in the order in which they were made, whichever kind they are.

Any SimPy program runs on a `Kernel` unchanged, `run(until=...)`, failures and interrupts included, with one trap
taken away: SimPy re-creates an exception from its `args`, which turns one with an `__init__` of its own into a
`TypeError`, or into a different message. Here such an exception comes out as itself (`faithful`).

Light calls happen at whole microseconds, so that the last digit of a maths library does not matter; SimPy's own
timeouts stay exact, as its programs expect. A light call cannot be cancelled: its owner keeps a generation number
and ignores the call that it has superseded.

What does not belong here: coroutines (runtime.py), queues (resources.py), the meaning of anything that is called,
and the garbage collector, which the world freezes around a run.
"""

# ruff: noqa: SLF001 - an environment works on its events from the inside, as SimPy's own does
# ruff: noqa: FURB136 - a comparison costs a fifth of max()
from __future__ import annotations

import copy
import linecache
from heapq import heappop, heappush
from types import BuiltinMethodType, WrapperDescriptorType
from typing import TYPE_CHECKING, Any, Protocol

import simpy
from simpy.core import BoundClass, EmptySchedule, StopSimulation
from simpy.events import NORMAL, URGENT, AllOf, AnyOf, Event, Process, Timeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from simpy.core import SimTime
    from simpy.events import EventPriority

__all__ = ["HORIZON", "WHOLE", "Kernel", "LightCall", "Scheduled", "faithful", "to_microsecond"]

Scheduled = tuple[float, int, int, "Callable[[Any], object]", Any]
"""One entry of the heap: seconds, priority (0 urgent, 1 normal), number, function and its argument."""

HORIZON = 2e9
"""The longest delay and the latest time of a light call, in seconds: 63 years, where microseconds are still exact."""

WHOLE = 1.5 * 2.0**52
"""`x + WHOLE - WHOLE` is `x` rounded to a whole number, for |x| < 2**51: there the spacing of doubles is 1."""

_AGAIN = -1
"""The priority of an event whose callbacks were cut short by the end of `run`: before everything of its instant."""


class LightCall(Protocol):
    """The shape of `call_at` and `call_in`."""

    def __call__(self, seconds: float, fn: Callable[[Any], object], arg: object = None, /) -> None:
        """Put `fn(arg)` on the heap; `seconds` from the start, or from now."""


def to_microsecond(seconds: float) -> float:
    """`seconds` rounded to a whole microsecond: the one rounding of every light call, which hot code writes out."""
    return (seconds * 1e6 + WHOLE - WHOLE) / 1e6


def faithful(error: BaseException) -> BaseException:
    """The exception to raise for a failed event: a copy with `error` as its cause, or `error` itself.

    SimPy raises a fresh copy for each process, so that they do not share one traceback; a copy is only made of
    exceptions that Python itself knows how to rebuild.
    """
    kind = type(error)
    if not isinstance(kind.__init__, WrapperDescriptorType) or not isinstance(kind.__new__, BuiltinMethodType):
        return error
    again = copy.copy(error)
    again.__cause__ = error
    return again


class _Process(Process):
    """SimPy's process, except that a failure reaches the generator faithfully."""

    def _resume(self, event: Event) -> None:
        env = self.env
        env._active_proc = self
        while True:
            try:
                if event._ok:
                    target = self._generator.send(event._value)
                else:
                    event._defused = True
                    target = self._generator.throw(faithful(event._value))
            except StopIteration as stop:
                self._end(ok=True, value=stop.value)
                return
            except BaseException as error:  # noqa: BLE001 - a process fails with whatever escapes its generator
                traceback = error.__traceback__
                error.__traceback__ = traceback.tb_next if traceback else None
                self._end(ok=False, value=error)
                return
            try:
                callbacks = target.callbacks
            except AttributeError:
                raise RuntimeError(_where(self._generator) + f'Invalid yield value "{target}"') from None
            if callbacks is not None:
                callbacks.append(self._resume)
                self._target = target
                env._active_proc = None
                return
            event = target  # it has happened already: go on at once

    def _end(self, *, ok: bool, value: object) -> None:
        self._ok = ok
        self._value = value
        self._target = None  # type: ignore[assignment]
        self.env.schedule(self)
        self.env._active_proc = None


class Kernel(simpy.Environment):
    """A `simpy.Environment` with light timed calls on the same heap.

    Attributes:
        call_in: `call_in(delay, fn, arg=None)` calls `fn(arg)` after `delay` seconds, now + delay rounded to a whole
            microsecond, at normal priority. Raises ValueError unless `delay` lies in 0..HORIZON.
        call_at: `call_at(time, fn, arg=None)`, the same at `time`, in seconds. Raises ValueError unless `time` lies
            in now..HORIZON.
        heap: the entries to come, a heap of `Scheduled`, the same list for life. A caller who cannot afford `call_in`
            may push `(time, 1, kernel.next_id(), fn, arg)` onto it with `heapq.heappush`, where `time` is not before
            now and rounded as `to_microsecond` does.
        next_id: gives the next number of an entry.
        _now: seconds since the start. `now` is the property of the same value; hot code may read the attribute,
            which only the loop may write.

    Example:
        >>> kernel = Kernel()
        >>> kernel.call_in(0.5, print, "half a second")
        >>> kernel.run(until=1)
        half a second
    """

    call_at: LightCall
    call_in: LightCall
    heap: list[Scheduled]
    next_id: Callable[[], int]

    def __init__(self, initial_time: SimTime = 0.0) -> None:
        super().__init__(initial_time)
        self.heap = self._queue  # type: ignore[assignment]
        self.next_id = self._eid.__next__
        self._run_event: Callable[[Event], None] = self._process_event
        self.call_at, self.call_in = _light_calls(self)

    if not TYPE_CHECKING:  # SimPy binds these early for the class that defines them only
        process = BoundClass(_Process)
        timeout = BoundClass(Timeout)
        event = BoundClass(Event)
        all_of = BoundClass(AllOf)
        any_of = BoundClass(AnyOf)

    @property
    def processed(self) -> int:
        """How many entries have been taken off the heap, Events and light calls together."""
        made = int(repr(self._eid)[6:-1])  # "count(n)": the only way to read a counter without moving it
        return made - len(self.heap)

    # -- SimPy's interface, on these entries

    def schedule(self, event: Event, priority: EventPriority = NORMAL, delay: SimTime = 0) -> None:
        """Put `event` on the heap, `delay` seconds from now, exactly (SimPy's own call)."""
        heappush(self.heap, (self._now + delay, priority, self.next_id(), self._run_event, event))

    def step(self) -> None:
        """Process the next entry.

        Raises:
            EmptySchedule: nothing is left.
        """
        try:
            self._now, _, _, fn, arg = heappop(self.heap)
        except IndexError:
            raise EmptySchedule from None
        fn(arg)

    def run(self, until: SimTime | Event | None = None) -> Any:  # noqa: ANN401 - an event's value is anything
        """Process entries until none is left, until a time in seconds, or until an event has happened.

        Returns:
            The value of the event, if `until` is one.

        Raises:
            ValueError: `until` is a time that is not after now.
            RuntimeError: nothing is left, and the event has not happened.
            BaseException: whatever a call raises, and the exception of a failed event that nobody handles.
        """
        awaited: Event | None = None
        if until is not None:
            awaited = until if isinstance(until, Event) else self._alarm(until)
            if awaited.callbacks is None:
                return awaited.value
            awaited.callbacks.append(StopSimulation.callback)
        try:
            self._loop()
        except StopSimulation as stop:
            return stop.args[0]
        if awaited is not None:
            msg = f'No scheduled events left but "until" event was not triggered: {awaited}'
            raise RuntimeError(msg)
        return None

    def _loop(self) -> None:
        heap, pop = self.heap, heappop
        while heap:
            self._now, _, _, fn, arg = pop(heap)
            fn(arg)

    def _alarm(self, until: SimTime) -> Event:
        """An event at the time `until`, before everything else of its instant."""
        at = until if isinstance(until, int) else float(until)
        if not at > self._now:
            msg = f"until ({at}) must be greater than the current simulation time"
            raise ValueError(msg)
        alarm = Event(self)
        alarm._ok = True
        alarm._value = None
        self.schedule(alarm, URGENT, at - self._now)
        return alarm

    def _process_event(self, event: Event) -> None:
        """Run the callbacks of `event`; raise its exception if it failed and none of them defused it."""
        callbacks, event.callbacks = event.callbacks, None  # type: ignore[assignment]
        try:
            for callback in callbacks:
                callback(event)
        except StopSimulation:
            # The rest of its callbacks run first when the simulation goes on.
            event.callbacks = callbacks[callbacks.index(callback) + 1 :]
            self.schedule(event, _AGAIN)  # type: ignore[arg-type]
            raise
        if not event._ok and not event.defused:
            raise faithful(event._value)


def _light_calls(kernel: Kernel) -> tuple[LightCall, LightCall]:
    """`call_at` and `call_in` as closures, which cost a tenth of an event less than methods do."""
    heap, next_id, push, whole = kernel.heap, kernel.next_id, heappush, WHOLE

    def call_at(time: float, fn: Callable[[Any], object], arg: object = None, /) -> None:
        now = kernel._now
        if not now <= time <= HORIZON:  # refuses NaN too
            msg = f"a call at {time} s does not lie between now, {now} s, and {HORIZON} s"
            raise ValueError(msg)
        when = (time * 1e6 + whole - whole) / 1e6
        # A foreign timeout may have stopped the clock between two microseconds: never before it.
        push(heap, (when if when > now else now, 1, next_id(), fn, arg))

    def call_in(delay: float, fn: Callable[[Any], object], arg: object = None, /) -> None:
        if not 0.0 <= delay <= HORIZON:
            msg = f"a delay of {delay} s does not lie between 0 and {HORIZON} s"
            raise ValueError(msg)
        now = kernel._now
        when = ((now + delay) * 1e6 + whole - whole) / 1e6
        push(heap, (when if when > now else now, 1, next_id(), fn, arg))

    return call_at, call_in


def _where(generator: Any) -> str:  # noqa: ANN401 - SimPy takes whatever has a frame and throw()
    """File, line and source at which `generator` waits, as SimPy shows them before its message."""
    frame = generator.gi_frame
    name, line = frame.f_code.co_filename, frame.f_lineno
    source = linecache.getline(name, line).strip()
    return f'\n  File "{name}", line {line}, in {frame.f_code.co_name}\n    {source}\n'
