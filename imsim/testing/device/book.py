"""The book of what a device promises, and what its bodies are given: a stage with a device that was just installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from imsim.testing.promise import PlainBook
from imsim.testing.stage import Stage

__all__ = ["DEVICE", "PATIENCE", "Opens", "holds"]

Opens: TypeAlias = Callable[[], Stage]

DEVICE: Final = PlainBook("Device")

PATIENCE: Final = 300.0
"""Seconds in which a device repeats, asks and connects again."""


def holds(condition: object, otherwise: str) -> None:
    """Say what is wrong, if it is.

    Raises:
        AssertionError: the condition does not hold.
    """
    if not condition:
        raise AssertionError(otherwise)
