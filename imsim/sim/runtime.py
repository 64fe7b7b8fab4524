"""The `Runtime` port in virtual time: a node's coroutines run directly on the kernel.

A coroutine is driven by `send(None)` until it yields, and it yields two things only: a number of seconds, or a
`Future` that is still empty. An await on what is already there yields nothing, so it costs no event and takes no
turn. Everything else goes over the kernel's heap: a task that is spawned, or whose future is answered, continues by
a light call at the same instant. So `spawn` and `set_result` never run foreign code inside their caller (asyncio
keeps the same rule), and tasks that wake together run in the order in which they were woken.

**Crash.** An `Incarnation` is one life of a node. `revoke` first marks it dead: from then on every timer, future and
task of it is inert, wherever it may still lie. Only then are its coroutines closed. Closing runs `finally` blocks,
which are the algorithm's own code; what they spawn is closed at once, what they await raises GeneratorExit, what
they answer is ignored, and a simulated port refuses them at `begin_call`. A task may even cause its own crash, in
the middle of a port call: it ends at its next await.

**Pause.** Futures are answered and timers run out while a node is paused, as a real socket's buffer fills; its tasks
continue in order when it resumes.

**Failure.** An exception that escapes a task is a bug of the algorithm (or of imsim): it comes out of `Kernel.run` as
an `AlgorithmError` that names the task.

What does not belong here: what a port does or how long it takes (backends.py), and when nodes die (node.py).
"""

# ruff: noqa: SLF001 - futures, tasks and the runtime are one mechanism in three classes
from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from imsim.errors import AlgorithmError
from imsim.sim.kernel import HORIZON

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

    from simpy.events import Event

    from imsim.ports import Clock, Randomness
    from imsim.sim.kernel import Kernel

__all__ = ["Future", "Incarnation", "SimRuntime", "Task"]

T = TypeVar("T")


class Incarnation:
    """One life of a node: `number` counts them from 1, and `alive` ends for good with a crash."""

    __slots__ = ("alive", "number", "running")

    def __init__(self, number: int) -> None:
        self.number = number
        self.alive = True
        self.running = True
        """False while the node is paused, and after it died."""


class Future(Generic[T]):
    """A value that arrives once, for any number of tasks; of a dead incarnation, it never arrives."""

    __slots__ = ("_done", "_error", "_incarnation", "_value", "_waiting")

    def __init__(self, incarnation: Incarnation) -> None:
        self._incarnation = incarnation
        self._done = False
        self._value: Any = None
        self._error: BaseException | None = None
        self._waiting: tuple[Task, ...] = ()

    def __await__(self) -> Generator[Future[T], None, T]:
        """Give the value, or raise the exception; wait for it if it is not there."""
        if not self._done:
            if not self._incarnation.alive:
                raise GeneratorExit
            yield self
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[no-any-return]

    def done(self) -> bool:
        """Whether the value or the exception is there."""
        return self._done

    def set_result(self, value: T) -> None:
        """Hand the value over; a second call is ignored."""
        self._settle(value, None)

    def set_exception(self, error: BaseException) -> None:
        """Hand an exception over; a second call is ignored."""
        self._settle(None, error)

    def _settle(self, value: T | None, error: BaseException | None) -> None:
        if self._done or not self._incarnation.alive:
            return
        self._done = True
        self._value = value
        self._error = error
        for task in self._waiting:
            task.runtime._kernel.call_in(0.0, task.step)
        self._waiting = ()


class _EventFuture(Future[Any]):
    """A future that a SimPy event answers; it leaves the event's callbacks when its incarnation dies."""

    __slots__ = ("_event", "_runtime")

    def __init__(self, runtime: SimRuntime, event: Event) -> None:
        super().__init__(runtime.incarnation)
        self._runtime = runtime
        self._event = event
        if event.callbacks is None:
            self._answer(event)
        elif self._incarnation.alive:
            event.callbacks.append(self._answer)
            runtime._events[self] = None

    def _answer(self, event: Event) -> None:
        self._runtime._events.pop(self, None)
        if event.ok:
            self.set_result(event.value)
        else:
            event.defused = True
            self.set_exception(event._value)

    def leave(self) -> None:
        if self._event.callbacks is not None:
            self._event.callbacks.remove(self._answer)


class Task:
    """One coroutine, and the only place that resumes it."""

    __slots__ = ("coroutine", "runtime", "stepping")

    def __init__(self, runtime: SimRuntime, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.runtime = runtime
        self.coroutine = coroutine
        self.stepping = False

    def step(self, _: object) -> None:
        """Run the coroutine up to its next wait; a light call, whose argument is for how long it slept, if it did."""
        runtime = self.runtime
        incarnation = runtime.incarnation
        if not incarnation.running:
            if incarnation.alive:
                runtime._held.append(self)
            return
        self.stepping = True
        try:
            awaited = self.coroutine.send(None)
        except StopIteration:
            runtime._tasks.pop(self, None)
            return
        except GeneratorExit:
            return  # it died in the middle of this step
        except Exception as error:
            runtime._tasks.pop(self, None)
            raise self.failure(f"raised {type(error).__name__}") from error
        finally:
            self.stepping = False
        if not incarnation.alive:
            self.close()
        elif type(awaited) is float:
            runtime._kernel.call_in(awaited, self.step, awaited)
        elif isinstance(awaited, Future):
            awaited._waiting += (self,)
        else:
            runtime._tasks.pop(self, None)
            self.coroutine.close()
            raise self.failure(f"awaited {awaited!r}, which is no future of a runtime,")

    def close(self) -> None:
        """End the coroutine, with its `finally` blocks.

        Raises:
            AlgorithmError: one of them raised.
        """
        try:
            self.coroutine.close()
        except Exception as error:
            raise self.failure(f"raised {type(error).__name__} while it was closed") from error

    def failure(self, what: str) -> AlgorithmError:
        """The error that names this task."""
        name = getattr(self.coroutine, "__qualname__", type(self.coroutine).__qualname__)
        runtime = self.runtime
        return AlgorithmError(f"task {name} of {runtime.node} {what} at {runtime._kernel._now} s")


class SimRuntime:
    """The runtime of one incarnation of one node.

    Args:
        kernel: where it runs.
        incarnation: the life that it serves; revoking ends it.
        clock: the node's own clock, which may be wrong.
        random: the node's randomness, by name.
        node: the node's name, for messages.

    Attributes:
        now, wall: the clock's.
    """

    def __init__(
        self, kernel: Kernel, incarnation: Incarnation, *, clock: Clock, random: Randomness, node: str
    ) -> None:
        self.incarnation = incarnation
        self.random = random
        self.node = node
        self.now = clock.now
        self.wall = clock.wall
        self._kernel = kernel
        self._tasks: dict[Task, None] = {}  # a dict: closed in the order in which they were spawned
        self._held: list[Task] = []
        self._events: dict[_EventFuture, None] = {}

    # -- the Runtime port

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run `coroutine` beside its caller, beginning at this instant but not inside this call."""
        if not self.incarnation.alive:
            coroutine.close()
            return
        task = Task(self, coroutine)
        self._tasks[task] = None
        self._kernel.call_in(0.0, task.step)

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass; 0 lets everybody else of this instant go first.

        Raises:
            ValueError: unless 0 <= seconds <= HORIZON.
        """
        if not 0.0 <= seconds <= HORIZON:
            msg = f"a sleep of {seconds} s does not lie between 0 and {HORIZON} s"
            raise ValueError(msg)
        if not self.incarnation.alive:
            raise GeneratorExit
        await _pass_time(float(seconds))

    def future(self) -> Future[Any]:
        """A new, empty future."""
        return Future(self.incarnation)

    # -- for the simulated world

    def wait(self, event: Event) -> Future[Any]:
        """A future that `event`, a SimPy event of the same kernel, answers: `await runtime.wait(event)`."""
        return _EventFuture(self, event)

    def begin_call(self) -> None:
        """The one place where every call of a simulated port begins.

        Raises:
            GeneratorExit: the incarnation is dead; nothing that it does may reach the world.
        """
        if not self.incarnation.alive:
            raise GeneratorExit

    def pause(self) -> None:
        """Hold every task until `resume`."""
        self.incarnation.running = False

    def resume(self) -> None:
        """Let the held tasks continue, at this instant and in the order in which they would have run."""
        if self.incarnation.alive:
            self.incarnation.running = True
            held, self._held = self._held, []
            for task in held:
                self._kernel.call_in(0.0, task.step)

    def revoke(self) -> None:
        """Crash: make everything of this incarnation inert, and only then close its coroutines.

        An exception of a `finally` block comes out of `Kernel.run`, not of this call.
        """
        if not self.incarnation.alive:
            return
        self.incarnation.alive = self.incarnation.running = False
        for future in self._events:
            future.leave()
        tasks, self._tasks = self._tasks, {}
        for task in tasks:
            if not task.stepping:  # one that causes its own crash ends at its next await
                self._close(task)
        self._events = {}
        self._held = []

    def _close(self, task: Task) -> None:
        try:
            task.close()
        except AlgorithmError as error:
            self._kernel.call_in(0.0, _raise, error)


@types.coroutine
def _pass_time(seconds: float) -> Generator[float, None, None]:
    """Ask the task to come back after `seconds`."""
    yield seconds


def _raise(error: Exception) -> None:
    raise error
