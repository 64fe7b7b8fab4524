"""What a promise is, and how one is put to the test in any world.

A promise is a sentence and a body that can tell whether it is kept. A `Book` holds the promises of one port. Its bodies
are coroutines that await the port and nothing else, so the same body runs over the simulator, where waiting costs
nothing, and over a real server, where `asyncio.run` drives it. A `PlainBook` is for what never waits: a disk, a policy,
a device.

What does not belong here: the promises themselves (their own files), and any world.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import math
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from imsim.errors import ConfigError, nearest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence

__all__ = [
    "CROWD",
    "Book",
    "Factory",
    "PlainBook",
    "Run",
    "Sleep",
    "Together",
    "expect",
    "gathered",
    "in_asyncio",
    "is_seconds",
]

CROWD: Final = 8
"""How many do the same at once, where only one may win or each must count."""
_PATIENCE: Final = 60.0
"""Seconds after which a port that was asked is not waited for any more."""
_FEW: Final = 4
"""Elements of a list that a person can compare at a glance."""
_LONG: Final = 300
"""Characters of a value that are shown."""

B = TypeVar("B", bound="Callable[..., Any]")
P = TypeVar("P")
P_co = TypeVar("P_co", covariant=True)


class Factory(Protocol[P_co]):
    """Opens a port that nobody has used before: a function, or a class of its own.

    It gives the port itself, a coroutine that gives it, or, where it has to be closed, an asynchronous context manager.
    """

    def __call__(self) -> AbstractAsyncContextManager[P_co] | Awaitable[P_co] | P_co:
        """Open a fresh port."""
        ...


class Run(Protocol):
    """Drives a coroutine to its end: `asyncio.run`, or spawn and `kernel.run` in the simulator."""

    def __call__(self, coroutine: Coroutine[Any, Any, None], /) -> object:
        """Drive it.

        Raises:
            TimeoutError: it does not come to an end.
        """
        ...


class Sleep(Protocol):
    """Lets seconds pass in the world of the port."""

    def __call__(self, seconds: float, /) -> Coroutine[Any, Any, None]:
        """Let them pass."""
        ...


class Together(Protocol):
    """Runs coroutines beside each other: `asyncio.gather`, or spawned in the simulator."""

    def __call__(self, *coroutines: Coroutine[Any, Any, Any]) -> Awaitable[Sequence[Any]]:
        """Run them, and give what each gave, in their order."""
        ...


class _Pages(Generic[B]):
    """The promises of one thing, by the names of their bodies.

    Args:
        of: what promises, for messages.

    Attributes:
        sentences: each body's name, and what it is about, in the order of writing.
    """

    def __init__(self, of: str) -> None:
        self.of = of
        self.sentences: dict[str, str] = {}
        self._bodies: dict[str, B] = {}

    def promise(self, sentence: str) -> Callable[[B], B]:
        """Enter the decorated body under `sentence`, which says what is promised."""

        def enter(body: B) -> B:
            self.sentences[body.__name__] = sentence
            self._bodies[body.__name__] = body
            return body

        return enter

    def _chosen(self, only: Sequence[str] | None) -> Sequence[str]:
        """The names of the bodies that are asked for."""
        names = list(self._bodies) if only is None else only
        for name in names:
            if name not in self._bodies:
                known = ", ".join(self._bodies)
                raise ConfigError(
                    f"only: {self.of} has no promise {name!r}{nearest(name, self._bodies)}; it has {known}"
                )
        return names

    @contextlib.contextmanager
    def _named(self, name: str) -> Iterator[None]:
        """Whatever comes out of the body names its promise."""
        sentence = self.sentences[name]
        try:
            yield
        except AssertionError as broken:
            raise AssertionError(f"{self.of} breaks its promise that {sentence}: {broken}") from broken
        except Exception as error:
            error.add_note(f"{self.of} was asked to keep its promise that {sentence}")
            raise


class Book(_Pages["Callable[..., Coroutine[Any, Any, None]]"], Generic[P]):
    """The promises of one port, whose bodies await it."""

    def check(self, factory: Factory[P], run: Run, *given: object, only: Sequence[str] | None = None) -> None:
        """Put every promise to the test, each on a fresh port.

        Args:
            factory: opens the ports.
            run: drives the bodies.
            *given: what the bodies of this book take besides the port.
            only: names of promises, instead of all.

        Raises:
            AssertionError: a promise is broken; the message names the port, the promise and what was seen. Whatever
                else the port raises comes out as it is, with a note of the promise.
            ConfigError: `only` names a promise that is not in this book, or `factory` opens nothing.
        """
        if not callable(factory):
            raise ConfigError(f"{self.of}: expected what opens a fresh one, such as its class, got {factory!r}")
        for name in self._chosen(only):
            with self._named(name):
                try:
                    run(_opened(factory, self._bodies[name], given))
                except TimeoutError as endless:
                    raise AssertionError("it never answered") from endless


class PlainBook(_Pages["Callable[..., None]"]):
    """The promises of something that never waits."""

    def check(self, *given: object, only: Sequence[str] | None = None) -> None:
        """Put every promise to the test.

        Args:
            *given: what the bodies of this book take.
            only: names of promises, instead of all.

        Raises:
            AssertionError: a promise is broken; the message names who promised, what, and what was seen. Whatever
                else comes out of it comes as it is, with a note of the promise.
            ConfigError: `only` names a promise that is not in this book.
        """
        for name in self._chosen(only):
            with self._named(name):
                self._bodies[name](*given)


async def _opened(
    factory: Factory[P], body: Callable[..., Coroutine[Any, Any, None]], given: tuple[object, ...]
) -> None:
    opened = factory()
    if isinstance(opened, AbstractAsyncContextManager):
        async with opened as port:
            await body(port, *given)
    else:
        await body(await opened if inspect.isawaitable(opened) else opened, *given)


def in_asyncio(coroutine: Coroutine[Any, Any, None], /) -> None:
    """Drive a coroutine in a loop of its own, and give up after a minute.

    Raises:
        TimeoutError: it does not come to an end.
    """

    async def bounded() -> None:
        async with asyncio.timeout(_PATIENCE):
            await coroutine

    asyncio.run(bounded())


async def gathered(*coroutines: Coroutine[Any, Any, Any]) -> Sequence[Any]:
    """Run coroutines beside each other, as asyncio does (`Together`)."""
    return await asyncio.gather(*coroutines)


def is_seconds(value: object) -> bool:
    """Whether a policy gave a finite number of seconds, not negative."""
    return isinstance(value, int | float) and 0.0 <= value < math.inf


def expect(seen: object, wanted: object, what: str) -> None:
    """Compare, and tell both sides if they differ.

    Raises:
        AssertionError: `seen` is not `wanted`.
    """
    if seen == wanted:
        return
    if isinstance(seen, list) and isinstance(wanted, list) and max(len(seen), len(wanted)) > _FEW:
        same = next((place for place, pair in enumerate(zip(seen, wanted, strict=False)) if pair[0] != pair[1]), None)
        place = min(len(seen), len(wanted)) if same is None else same
        what = f"{what}, from number {place + 1} on"
        seen, wanted = seen[place : place + _FEW], wanted[place : place + _FEW]
    raise AssertionError(f"{what}: expected {_shown(wanted)}, got {_shown(seen)}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONG else text[:_LONG] + "…"
