"""One thing at a time, in the order of arrival: a queue of work instead of a mutex.

Work that finds the mailbox idle is done at once, inside its caller, which costs nothing. What arrives meanwhile
waits, and a drain coroutine does it afterwards. So at most one coroutine works on what the mailbox guards, and nobody
can hold it and forget it.

Not here: what the work is. Whatever it raises reaches whoever asked for it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from imsim.ports import Future, Runtime

__all__ = ["Mailbox"]

T = TypeVar("T")


class Mailbox:
    """Serial work.

    Args:
        runtime: where the drain coroutine runs.
    """

    __slots__ = ("_busy", "_runtime", "_waiting")

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._busy = False
        self._waiting: deque[tuple[Callable[[], Coroutine[Any, Any, Any]], Future[Any]]] | None = None
        """Made when it is first needed: most conversations never are that busy, and an empty deque is not small."""

    def __len__(self) -> int:
        """How many pieces of work wait, besides the one that is being done."""
        return len(self._waiting) if self._waiting else 0

    @property
    def idle(self) -> bool:
        """Whether nothing is being done and nothing waits."""
        return not self._busy

    async def do(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do `work` when everything that came before it is done; at once if nothing did.

        Raises:
            Exception: whatever `work` raises.
        """
        if self._busy:
            done: Future[T] = self._runtime.future()
            if self._waiting is None:
                self._waiting = deque()
            self._waiting.append((work, done))
            return await done
        self._busy = True
        try:
            return await work()
        finally:
            if self._waiting:
                self._runtime.spawn(self._drain(self._waiting))
            else:
                self._busy = False

    async def _drain(self, waiting: deque[tuple[Callable[[], Coroutine[Any, Any, Any]], Future[Any]]]) -> None:
        while waiting:
            work, done = waiting.popleft()
            try:
                done.set_result(await work())
            except Exception as error:  # noqa: BLE001 - it is raised where the work was asked for
                done.set_exception(error)
        self._busy = False
