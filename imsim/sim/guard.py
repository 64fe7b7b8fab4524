"""What an algorithm must not reach for: the real clock, chance that no seed governs, threads.

A run is determined by scenario and seed, or a failing case could not be had again. So while a world runs, a call of
`time.monotonic()`, `datetime.now()`, `random.random()`, `uuid.uuid4()`, `Thread.start()` or their like fails loudly if
the code that makes it is the algorithm's: it is told the time with each call, and is handed a source of randomness.
Everybody else in the process, and every other thread, is served as always.

The functions are replaced in the modules that have them, and in the algorithm's own modules where these imported them
by name. The classes of `datetime` cannot be changed: in those of the algorithm's own modules that ask for the present,
and only there, their names mean shadows of them meanwhile, whose objects are the real ones. So an import inside a
function goes unnoticed there, as does whatever a library asks on the algorithm's behalf; that another run of a failing
case goes another way is told by the search (imsim/history/parting.py).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import inspect
import os
import random
import re
import secrets
import sys
import threading
import time
import types
import uuid
from typing import TYPE_CHECKING, Any, Final

from imsim.errors import AlgorithmError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imsim.sim.algorithms import Algorithms

__all__ = ["Guard"]

_GIVEN: Final = "it is given a source of randomness"
_TOLD: Final = "it is told the time with each call"
_SHARED: Final = tuple(name for name in random.__all__ if hasattr(getattr(random, name), "__self__"))
"""The functions of `random`: methods of one generator that everybody shares."""
_CLOCK: Final = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep")
_FORBIDDEN: Final[tuple[tuple[Any, tuple[str, ...], str], ...]] = (
    (time, _CLOCK, _TOLD),
    (random, _SHARED, _GIVEN),
    (secrets, ("choice", "randbelow", "randbits", "token_bytes", "token_hex", "token_urlsafe"), _GIVEN),
    (os, ("urandom",), _GIVEN),
    (uuid, ("uuid1", "uuid4"), _GIVEN),
    (threading.Thread, ("start",), "a world is one thread"),
)
"""Who has what, and why nobody needs it."""


class Guard:
    """Watches what runs in one world.

    Several worlds may run in one process, each in a thread of its own; what was replaced is put back with the last.
    """

    _lock: Final = threading.Lock()
    _on_duty: Final[dict[int, Guard]] = {}
    """By thread."""
    _replaced: Final[list[tuple[Any, str, Any]]] = []
    """Owner, name, and what was there."""

    def __init__(self, algorithms: Algorithms) -> None:
        self._theirs = algorithms.modules()
        module = algorithms.device.__module__
        self._package = module.rpartition(".")[0] or module
        self._resting = False

    @contextlib.contextmanager
    def on_duty(self) -> Iterator[None]:
        """The algorithm runs, in this thread."""
        thread = threading.get_ident()
        with self._lock:
            before = self._on_duty.get(thread)
            self._on_duty[thread] = self
            self._replace()
        try:
            yield
        finally:
            with self._lock:
                if before is not None:
                    self._on_duty[thread] = before
                else:
                    del self._on_duty[thread]
                if not self._on_duty:
                    while self._replaced:
                        setattr(*self._replaced.pop())

    def resting(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, unwatched: it is no part of the algorithm."""

        @functools.wraps(function)
        def unwatched(*args: object) -> object:
            self._resting = True
            try:
                return function(*args)
            finally:
                self._resting = False

        return unwatched

    @classmethod
    def of_this_thread(cls) -> Guard | None:
        """The one on duty here, if any."""
        return cls._on_duty.get(threading.get_ident())

    def minds(self, module: str) -> bool:
        """Whether what this module does now is the algorithm's doing."""
        if self._resting:
            return False
        if module.startswith("imsim."):
            return module.startswith("imsim.protocol.") or module in self._theirs
        return module in self._theirs or f"{module}.".startswith(f"{self._package}.")

    def _replace(self) -> None:
        if not self._replaced:
            for owner, name, real, watching in _WATCHED:
                if vars(owner)[name] is real:  # a test may have put something else there
                    self._replaced.append((owner, name, real))
                    setattr(owner, name, watching)
        if not self._package.startswith("imsim."):  # what is imsim's own is known to import none by name
            for module in [module for name, module in sys.modules.items() if self.minds(name)]:
                self._replace_in(module)

    def _replace_in(self, module: types.ModuleType) -> None:
        shadows = _SHADOWS if _asks_for_the_present(module) else {}
        for name, value in list(vars(module).items()):
            watching = _BY_REAL.get(id(value)) or shadows.get(id(value))
            if watching is not None:
                self._replaced.append((module, name, value))
                setattr(module, name, watching)


def _watching(real: Callable[..., Any], word: str, why: str) -> Callable[..., Any]:
    @functools.wraps(real)
    def watching(*args: object, **kwargs: object) -> object:
        guard = Guard.of_this_thread()
        caller = str(sys._getframe(1).f_globals.get("__name__", ""))  # noqa: SLF001 (the documented way)
        if guard is not None and guard.minds(caller):
            raise AlgorithmError(f"{caller} called {word}(): a run is determined by scenario and seed, and {why}")
        return real(*args, **kwargs)

    return watching


_WATCHED: Final = tuple(
    (owner, name, getattr(owner, name), _watching(getattr(owner, name), f"{owner.__name__}.{name}", why))
    for owner, names, why in _FORBIDDEN
    for name in names
)


class _Shadow(type):
    """The class of a class that only makes objects of the one below it."""

    def __instancecheck__(cls, one: object) -> bool:
        return isinstance(one, cls.__mro__[1])

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, cls.__mro__[1])


def _shadow(real: type[dt.date], *presents: str) -> _Shadow:
    """A class like `real`, whose ways to ask for the present are watched."""
    watching = {
        name: staticmethod(_watching(getattr(real, name), f"{real.__name__}.{name}", _TOLD)) for name in presents
    }

    def made(_: type, *given: Any, **named: Any) -> dt.date:  # noqa: ANN401 (as the real one takes them)
        return real(*given, **named)

    return _Shadow(real.__name__, (real,), {"__slots__": (), "__new__": made, **watching})


_DATES: Final = types.ModuleType("datetime")
vars(_DATES).update(vars(dt), date=_shadow(dt.date, "today"), datetime=_shadow(dt.datetime, "now", "utcnow", "today"))
_BY_REAL: Final[dict[int, object]] = {id(real): watching for *_, real, watching in _WATCHED}
_SHADOWS: Final[dict[int, object]] = {
    id(dt): _DATES,
    id(dt.date): _DATES.date,
    id(dt.datetime): _DATES.datetime,
}


@functools.cache
def _asks_for_the_present(module: types.ModuleType) -> bool:
    """Whether its source says so: a shadow is no `datetime` for who asks for the very class, such as a decoder."""
    try:
        source = inspect.getsource(module)
    except (OSError, TypeError):
        return True
    return re.search(r"\.(now|utcnow|today)\b", source) is not None
