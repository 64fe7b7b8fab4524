"""The processes among which work is shared: they end with whoever started them, and do not load its script again.

A pool that is shut down ends its processes. Who is killed shuts nothing down: its processes would wait for work for
ever, and so would the programs that are devices of theirs.

A new process usually loads the script of whoever started it: then all that the script does when it is loaded is done
once more in each, the search included, and in a notebook there is no script to load. These processes load modules
only, unless what they are handed is defined in the script itself.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
import threading
import types
from concurrent.futures import Future, ProcessPoolExecutor
from importlib.machinery import PathFinder
from multiprocessing import get_context, parent_process
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Pool", "can_load", "is_of_main"]

_P = ParamSpec("_P")
_T = TypeVar("_T")
_MAIN = "__main__"


class Pool(ProcessPoolExecutor):
    """So many processes; new ones, since copies of this one would share its threads' locks.

    Args:
        processes: how many.
        begin, given: what each does first, and with what.

    Attributes:
        loads_main: whether each loads the script that started this one, as one that is given something of it must.

    Raises:
        PicklingError, AttributeError, TypeError: what is given cannot be handed to a process.
    """

    def __init__(self, processes: int, begin: Callable[..., None], *given: Any) -> None:  # noqa: ANN401 (what it takes)
        super().__init__(processes, mp_context=get_context("spawn"), initializer=_begin, initargs=(begin, given))
        self.loads_main = is_of_main(given)

    def submit(self, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """As every executor; this is where a process may be started."""
        with contextlib.nullcontext() if self.loads_main else _no_main():
            return super().submit(function, *args, **kwargs)


def is_of_main(thing: object) -> bool:
    """Whether a process must load the script to be handed this.

    Raises:
        PicklingError, AttributeError, TypeError: it cannot be handed to a process at all.
    """
    return _MAIN.encode() in pickle.dumps(thing)


def can_load(module: str) -> bool:
    """Whether a process finds a module: a notebook's are nowhere, and a test's may be known to its runner only."""
    return PathFinder.find_spec(module.partition(".")[0]) is not None


@contextlib.contextmanager
def _no_main() -> Iterator[None]:
    main = sys.modules[_MAIN]
    sys.modules[_MAIN] = types.ModuleType(_MAIN)
    try:
        yield
    finally:
        sys.modules[_MAIN] = main


def _begin(begin: Callable[..., None], given: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    begin(*given)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None  # noqa: S101 (this is a process of a pool)
    parent.join()
    os._exit(1)
