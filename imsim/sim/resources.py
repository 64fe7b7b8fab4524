"""Places where things wait their turn: a mailbox that loses nothing, and a station with a queue.

SimPy's `Store.get()` stays armed when the process that made it is interrupted, or when it lost a race against a
timeout; the next item then goes to nobody. The `Mailbox` here hands an item over only while somebody still listens:
it looks *at the moment of handing over*, and not when the item or the question arrived. Whoever would rather not
race gives `get` a timeout.

A `Station` is the queueing theorist's: `servers` that work side by side, and one line before them, first come,
first served. Simulated backends are built on it, so that capacity is real and overload builds queues. It is made of
light calls only.

What does not belong here: what is served, and how long it takes (backends.py).
"""

# ruff: noqa: SLF001 - events are looked at from the inside, as SimPy's own resources do
from __future__ import annotations

import enum
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from simpy.events import PENDING, Condition, Event

from imsim.sim.kernel import HORIZON

if TYPE_CHECKING:
    from collections.abc import Callable

    from imsim.sim.kernel import Kernel

__all__ = ["EMPTY", "Mailbox", "Station"]


class _Nothing(enum.Enum):
    EMPTY = "empty"


EMPTY: Final = _Nothing.EMPTY
"""What a `get` with a timeout gives when nothing came."""

_INSTANT = 1e-6
"""The shortest step of light calls, in seconds: everything of the present instant is over by then."""


class _Get(Event):
    """A question, open while it has callbacks."""

    def answer(self, kernel: Kernel, value: object) -> None:
        """Let everybody who waits for it go on, within this call."""
        self._ok = True
        self._value = value
        kernel._run_event(self)

    def abandon(self) -> None:
        """Close it without telling anybody; whoever waits for it from now on gets the error."""
        self._ok = False
        self._value = RuntimeError("nobody listened to this get when its item came, so another one has it")
        self.defused = True
        self.callbacks = None  # type: ignore[assignment]


class Mailbox:
    """Items in order of arrival, for SimPy processes, and for coroutines by way of `SimRuntime.wait`.

    Args:
        kernel: where the waiting happens.

    Example:
        >>> from imsim.sim.kernel import Kernel
        >>> kernel = Kernel()
        >>> box = Mailbox(kernel)
        >>> box.put("letter")
        >>> kernel.run(until=box.get())
        'letter'
    """

    __slots__ = ("_handing_over", "_items", "_kernel", "_questions")

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._items: deque[Any] = deque()
        self._questions: deque[_Get] = deque()
        self._handing_over = False

    def __len__(self) -> int:
        """How many items wait."""
        return len(self._items)

    def put(self, item: object) -> None:
        """Add an item; whoever has waited longest gets it, at this instant."""
        self._items.append(item)
        self._hand_over_soon()

    def get(self, timeout: float | None = None) -> Event:
        """An event whose value is the oldest item, or `EMPTY` if `timeout` seconds pass without one.

        It may be waited for alone or in a condition, and again after a lost race. If an item comes while nobody
        listens to it, the item stays for others, and waiting for this event afterwards raises RuntimeError.
        """
        question = _Get(self._kernel)
        self._questions.append(question)
        if timeout is not None:
            self._kernel.call_in(timeout, self._expire, question)
        self._hand_over_soon()
        return question

    def _hand_over_soon(self) -> None:
        if self._items and self._questions and not self._handing_over:
            self._handing_over = True
            self._kernel.call_in(0.0, self._hand_over)

    def _hand_over(self, _: None) -> None:
        self._handing_over = False
        while self._items and self._questions:
            question = self._questions.popleft()
            if question.callbacks is None:
                continue  # it expired
            if _is_heard(question):
                question.answer(self._kernel, self._items.popleft())
            else:
                # Its condition may be about to end, and its process about to wait anew: ask once more after that.
                self._kernel.call_in(_INSTANT, self._reconsider, question)

    def _reconsider(self, question: _Get) -> None:
        if question.callbacks is None:
            return
        if _is_heard(question):
            self._questions.appendleft(question)
            self._hand_over_soon()
        else:
            question.abandon()

    def _expire(self, question: _Get) -> None:
        if question.callbacks is not None:
            question.answer(self._kernel, EMPTY)


class Station:
    """A service station: `servers` side by side, and one queue, first come, first served.

    Args:
        kernel: where the time passes.
        servers: how many jobs are served at once, at least 1.

    Attributes:
        max_depth: the longest that the queue has been.
        max_wait: the longest that a job has waited for its service to begin, in seconds.
        served: how many jobs are done.
    """

    __slots__ = ("_free", "_kernel", "_queue", "max_depth", "max_wait", "served")

    def __init__(self, kernel: Kernel, servers: int = 1) -> None:
        if servers < 1:
            msg = f"a station needs at least 1 server, got {servers}"
            raise ValueError(msg)
        self._kernel = kernel
        self._free = servers
        self._queue: deque[tuple[float, float, Callable[[Any], object], Any]] = deque()
        self.max_depth = 0
        self.max_wait = 0.0
        self.served = 0

    @property
    def depth(self) -> int:
        """How many jobs wait for their service to begin."""
        return len(self._queue)

    def submit(self, service_time: float, fn: Callable[[Any], object], arg: object = None) -> None:
        """Serve a job for `service_time` seconds as soon as a server is free, and call `fn(arg)` when it is done.

        Raises:
            ValueError: unless 0 <= service_time <= HORIZON.
        """
        if self._free:
            self._kernel.call_in(service_time, self._finish, (fn, arg))
            self._free -= 1
            return
        if not 0.0 <= service_time <= HORIZON:
            msg = f"a service time of {service_time} s does not lie between 0 and {HORIZON} s"
            raise ValueError(msg)
        self._queue.append((self._kernel._now, service_time, fn, arg))
        self.max_depth = max(self.max_depth, len(self._queue))

    def _finish(self, job: tuple[Callable[[Any], object], Any]) -> None:
        self.served += 1
        if self._queue:
            since, service_time, fn, arg = self._queue.popleft()
            self.max_wait = max(self.max_wait, self._kernel._now - since)
            self._kernel.call_in(service_time, self._finish, (fn, arg))
        else:
            self._free += 1
        fn, arg = job
        fn(arg)


def _is_heard(event: Event) -> bool:
    """Whether anything would still come of `event`: somebody other than a condition that is over waits for it."""
    return any(_listens(getattr(callback, "__self__", None), event) for callback in event.callbacks or ())


def _listens(listener: object, event: Event) -> bool:
    if not isinstance(listener, Condition):
        return True
    # A condition calls itself too, to build its value; one that has its answer, or that nobody waits for, is deaf.
    return listener is not event and listener._value is PENDING and _is_heard(listener)
