"""Ctrl-C during a run: the first one ends it at the next moment when all that happened is whole; the second, at once.

What a run of minutes has found must not be lost because somebody grew impatient, and a row must not be cut in half.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["Interrupt"]


class Interrupt:
    """While it is entered, the first Ctrl-C only sets `asked`."""

    __slots__ = ("_before", "asked")

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._first)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _first(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
