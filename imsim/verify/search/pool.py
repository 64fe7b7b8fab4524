"""The processes among which work is shared: they end with whoever started them, however that ended.

A pool that is shut down ends its processes. Who is killed shuts nothing down: its processes would wait for work for
ever, and so would the programs that are devices of theirs.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["pool"]


def pool(processes: int, begin: Callable[..., None], *given: Any) -> ProcessPoolExecutor:  # noqa: ANN401 (what it takes)
    """Processes that begin with `begin(*given)`; new ones, since copies of this one would share its threads' locks."""
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_begin, initargs=(begin, given))


def _begin(begin: Callable[..., None], given: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    begin(*given)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None  # noqa: S101 (this is a process of a pool)
    parent.join()
    os._exit(1)
