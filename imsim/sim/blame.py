"""Whose fault an exception is that came out of a world: the algorithm's under test, or imsim's own.

The innermost frame decides that belongs to either: what a library raises was asked of it by somebody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.errors import AlgorithmError

if TYPE_CHECKING:
    from types import TracebackType

    from imsim.sim.algorithms import Algorithms

__all__ = ["blamed"]

_WORLD = "imsim.sim."
_ALGORITHMS = "imsim.protocol."


def blamed(error: Exception, algorithms: Algorithms, at: float) -> Exception:
    """The exception to raise instead of `error`: an `AlgorithmError` if the algorithm raised it, else itself.

    Args:
        error: what came out.
        algorithms: what ran; who wrote their own is to blame for it.
        at: when, seconds.
    """
    for module in reversed(_modules(error.__traceback__)):
        if module.startswith(_ALGORITHMS) or algorithms.wrote(module):
            return AlgorithmError(f"{module} raised {type(error).__name__} at {at} s: {error}")
        if module.startswith(_WORLD):
            return error
    return error


def _modules(traceback: TracebackType | None) -> list[str]:
    found = []
    while traceback is not None:
        found.append(str(traceback.tb_frame.f_globals.get("__name__", "")))
        traceback = traceback.tb_next
    return found
