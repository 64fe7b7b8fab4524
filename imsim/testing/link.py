"""What every `Link` promises: the server's end of one connection.

A link never waits, so whether a frame arrived is seen at the other end only. A *stream* keeps its order while the
connection lives, and may lose only what comes after some moment; a *datagram* link may lose, double and reorder frames,
and both bring a frame as it was or not at all.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from imsim.protocol.frames import Entry, Message, Ping, Pong, Push
from imsim.testing.promise import Book, expect, in_asyncio

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imsim.ports import Link
    from imsim.protocol.frames import Frame
    from imsim.testing.promise import Factory, Run, Sleep

__all__ = ["LINK", "Ends", "check_link"]


class Ends(Protocol):
    """Both ends of one connection."""

    @property
    def link(self) -> Link:
        """The server's end."""
        ...

    @property
    def heard(self) -> Sequence[Frame]:
        """What has come at the other end until now, in this order."""
        ...

    @property
    def open(self) -> bool:
        """Whether the other end still thinks that it is connected."""
        ...


LINK: Final[Book[Ends]] = Book("Link")

_TEXTS: Final = ("hello", "", "漢字 🎉", '"\\\n\u2028', "x" * 60_000)


def check_link(
    factory: Factory[Ends],
    run: Run = in_asyncio,
    *,
    sleep: Sleep = asyncio.sleep,
    ordered: bool = True,
    patience: float = 5.0,
    only: Sequence[str] | None = None,
) -> None:
    """Check that a link keeps every promise of `imsim.ports.Link`.

    Args:
        factory: opens a connection over which nothing was said, on a network without
            faults.
        run: drives a coroutine to its end; by default in a loop of asyncio.
        sleep: lets seconds pass in the world of the port; by default as asyncio does.
        ordered: whether it is a stream; a datagram link need not keep the order.
        patience: seconds in which frames arrive and the other end learns of a close.
        only: names of promises (`LINK.sentences`), instead of all.

    Raises:
        AssertionError: a promise is broken; the message says which.
    """
    LINK.check(factory, run, sleep, ordered, patience, only=only)


async def _until(sleep: Sleep, patience: float, true: Callable[[], bool]) -> None:
    """Let time pass in small steps, until it is true or patience is over."""
    steps = 100
    for _ in range(steps):
        if true():
            return
        await sleep(patience / steps)


@LINK.promise("a frame arrives as it was")
async def brings_frames(ends: Ends, sleep: Sleep, ordered: bool, patience: float) -> None:  # noqa: ARG001, FBT001
    """Every kind of text, and a large one."""
    said = [
        Push("team", 1, (Entry("team", 1, seq, f"a-{seq}", "alice", 1.5, Message(text)),))
        for seq, text in enumerate(_TEXTS, start=1)
    ]
    for frame in said:
        ends.link.send(frame)
    await _until(sleep, patience, lambda: len(ends.heard) >= len(said))
    heard = list(ends.heard)
    expect([frame for frame in heard if frame not in said], [], "what came and was not said")
    expect([frame for frame in said if frame not in heard], [], "what was said and did not come")


@LINK.promise("a stream keeps its order, and brings each frame once")
async def keeps_the_order(ends: Ends, sleep: Sleep, ordered: bool, patience: float) -> None:  # noqa: FBT001
    """Two hundred frames at once."""
    if not ordered:
        return
    said = [Ping(number) for number in range(200)]
    for frame in said:
        ends.link.send(frame)
    await _until(sleep, patience, lambda: len(ends.heard) >= len(said))
    await sleep(patience / 50)
    expect(list(ends.heard), said, "what came")


@LINK.promise("what was said before a close still comes, and the other end learns of it")
async def closes(ends: Ends, sleep: Sleep, ordered: bool, patience: float) -> None:  # noqa: FBT001
    """On a network without faults."""
    ends.link.send(Pong(1))
    if not ordered:
        await _until(sleep, patience, lambda: len(ends.heard) > 0)
    ends.link.close("that was all")
    await _until(sleep, patience, lambda: not ends.open)
    expect(list(ends.heard), [Pong(1)], "what came")
    if ends.open:
        raise AssertionError(f"closed {patience:g} s ago, and the other end is still open")


@LINK.promise("a closed link says nothing more, and complains of nothing")
async def stays_closed(ends: Ends, sleep: Sleep, ordered: bool, patience: float) -> None:  # noqa: ARG001, FBT001
    """Sending and closing again do nothing."""
    ends.link.close("first")
    try:
        ends.link.send(Pong(1))
        ends.link.close("second")
    except Exception as error:
        raise AssertionError(f"used after its close, it raises {error!r}") from error
    await _until(sleep, patience, lambda: not ends.open)
    await sleep(patience / 50)
    expect(list(ends.heard), [], "what came after the close")
