"""What a promise is, and how one is put to the test in any world.

A promise is a sentence and a body that can tell whether it is kept. A `Book` holds the promises of one port. Its bodies
are coroutines that await the port and nothing else, so the same body runs over the simulator, where waiting costs
nothing, and over a real server, where `asyncio.run` drives it. A `PlainBook` is for what never waits: a disk, a policy,
a device.

What does not belong here: the promises themselves (their own files), and any world.
"""

from __future__ import annotations

import asyncio
import inspect
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

__all__ = ["Book", "Factory", "PlainBook", "Run", "Sleep", "in_asyncio"]

_PATIENCE: Final = 60.0
"""Seconds after which a port that was asked is not waited for any more."""

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

    def _broken(self, name: str, how: object) -> AssertionError:
        return AssertionError(f"{self.of} breaks its promise that {self.sentences[name]}: {how}")


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
            AssertionError: a promise is broken; the message names the port, the promise and what was seen.
            KeyError: `only` names a promise that is not in this book.
        """
        for name in self._bodies if only is None else only:
            body = self._bodies[name]
            try:
                run(_opened(factory, body, given))
            except AssertionError as broken:
                raise self._broken(name, broken) from broken
            except TimeoutError as endless:
                raise self._broken(name, "it never answered") from endless


class PlainBook(_Pages["Callable[..., None]"]):
    """The promises of something that never waits."""

    def check(self, *given: object, only: Sequence[str] | None = None) -> None:
        """Put every promise to the test.

        Args:
            *given: what the bodies of this book take.
            only: names of promises, instead of all.

        Raises:
            AssertionError: a promise is broken; the message names who promised, what, and what was seen.
            KeyError: `only` names a promise that is not in this book.
        """
        for name in self._bodies if only is None else only:
            body = self._bodies[name]
            try:
                body(*given)
            except AssertionError as broken:
                raise self._broken(name, broken) from broken


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


def expect(seen: object, wanted: object, what: str) -> None:
    """Compare, and tell both sides if they differ.

    Raises:
        AssertionError: `seen` is not `wanted`.
    """
    if seen != wanted:
        msg = f"{what}: expected {wanted!r}, got {seen!r}"
        raise AssertionError(msg)
