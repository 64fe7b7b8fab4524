"""The `Runtime` port on asyncio: what production gives the server's algorithms to wait with.

An exception that escapes a coroutine is a bug of the algorithm: it stops the process loudly, as in the simulated world.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

    from imsim.ports import Randomness

__all__ = ["AsyncFuture", "AsyncRuntime", "SharedRandomness"]


class SharedRandomness:
    """The `Randomness` port of production: one generator for everything; names do not matter."""

    def __init__(self, seed: int | None = None) -> None:
        """Draw from the system's entropy, or from `seed`."""
        self._draws = random.Random(seed) if seed is not None else random.SystemRandom()

    def at(self, subject: str, occurrence: int) -> random.Random:
        """The generator."""
        return self._draws


class AsyncFuture:
    """The `Future` port: awaited by any number of coroutines, answered once."""

    def __init__(self) -> None:
        self._future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def __await__(self) -> Generator[Any, Any, Any]:
        """Wait for the value, or raise the exception."""
        return asyncio.shield(self._future).__await__()

    def done(self) -> bool:
        """Whether the value or the exception is there."""
        return self._future.done()

    def set_result(self, value: Any) -> None:  # noqa: ANN401
        """Hand the value over; a second call is ignored."""
        if not self._future.done():
            self._future.set_result(value)

    def set_exception(self, error: BaseException) -> None:
        """Hand an exception over; a second call is ignored."""
        if not self._future.done():
            self._future.set_exception(error)


class AsyncRuntime:
    """The runtime of one process; make it inside a running loop."""

    def __init__(self, *, seed: int | None = None) -> None:
        self.random: Randomness = SharedRandomness(seed)
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Raises the first exception that escaped a coroutine, or was handed to `fail`."""
        self._tasks: set[asyncio.Task[Any]] = set()

    def now(self) -> float:
        """Monotonic seconds, the same for all processes of a machine."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since the Unix epoch."""
        return time.time()

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run `coroutine` beside its caller."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        await asyncio.sleep(seconds)

    def future(self) -> AsyncFuture:
        """A new, empty future."""
        return AsyncFuture()

    def fail(self, error: BaseException) -> None:
        """Something that must not fail has failed; only the first one is told."""
        if not self.failed.done():
            self.failed.set_exception(error)

    async def close(self) -> None:
        """Cancel what still runs: the process is about to end."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.fail(error)
