"""Whose fault an exception is that came out of a world: the algorithm's under test, or imsim's own.

The innermost frame decides that belongs to either: what a library raises was asked of it by somebody. One thing is
raised in the world though it is the algorithm's: it was called as the contract says, and is not made for that. So is
another: it gave a number that no column of a history holds.
"""

from __future__ import annotations

import contextlib
import struct
import traceback
from typing import TYPE_CHECKING

from imsim.errors import AlgorithmError, ImsimError
from imsim.sim.algorithms import REAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imsim.sim.algorithms import Algorithms
    from imsim.sim.kernel import Kernel

__all__ = ["blamed", "blaming"]

_WORLD = "imsim.sim."
_ALGORITHMS = "imsim.protocol."


@contextlib.contextmanager
def blaming(algorithms: Algorithms, kernel: Kernel) -> Iterator[None]:
    """What the algorithm raises in here comes out as an `AlgorithmError`, and all else as it is."""
    try:
        yield
    except ImsimError:
        raise
    except Exception as error:
        guilty = blamed(error, algorithms, kernel.now)
        if guilty is error:
            raise
        raise guilty from error


def blamed(error: Exception, algorithms: Algorithms, at: float) -> Exception:
    """The exception to raise instead of `error`: an `AlgorithmError` if the algorithm raised it, else itself.

    Args:
        error: what came out.
        algorithms: what ran; who wrote their own is to blame for it.
        at: when, seconds.
    """
    trace = [
        (str(frame.f_globals.get("__name__", "")), frame.f_code.co_name, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    if trace and trace[-1][0].startswith(_WORLD) and _misfits(error, algorithms.device):
        return AlgorithmError(f"{algorithms.device.__module__} does not keep the contract of a device: {error}")
    if isinstance(error, struct.error) and algorithms != REAL:
        return AlgorithmError(f"the algorithm gave a number that no history can hold at {at} s: {error}")
    for module, function, line in reversed(trace):
        if module.startswith(_ALGORITHMS) or algorithms.wrote(module):
            what = f"{type(error).__name__} at {at} s, in {function}, line {line}"
            return AlgorithmError(f"{module} raised {what}: {error}")
        if module.startswith(_WORLD):
            return error
    return error


def _misfits(error: Exception, device: object) -> bool:
    """Whether a device of somebody's own lacks what the world called, or its parameters."""
    if not isinstance(device, type) or device.__module__.startswith("imsim."):
        return False
    if isinstance(error, TypeError):
        return str(error).startswith(f"{device.__qualname__}.")
    return isinstance(error, AttributeError) and (error.obj is device or isinstance(error.obj, device))
