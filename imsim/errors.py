"""Every error that a user of imsim can meet, drawn by whose fault it is.

    ImsimError
    ├── ConfigError          the user's input: a model, a key, a file, an option            exit 2
    ├── AlgorithmError       the algorithm under test broke its contract                    exit 1
    ├── WorldError           the world outside: a server is down, a disk is full            exit 2
    │   ├── Unavailable      the operation was *not done*
    │   └── Timeout          the outcome is *unknown*; it may still land later
    ├── FrameError           the peer sent bytes that are no frame of this protocol
    └── InternalError        a bug of imsim's own                                           exit 70

A message names the file and the key path, what was given, what is allowed and, where a name was mistyped,
the nearest one that exists. Nothing here formats tables or prints: that is the command line's work.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "AlgorithmError",
    "ConfigError",
    "FrameError",
    "ImsimError",
    "InternalError",
    "Timeout",
    "Unavailable",
    "WorldError",
    "nearest",
]


class ImsimError(Exception):
    """The root: catch this to catch everything that imsim raises on purpose."""

    exit_code = 70


class ConfigError(ImsimError):
    """The user's input is wrong; the message says where, what was given and what is allowed."""

    exit_code = 2


class AlgorithmError(ImsimError):
    """The algorithm under test broke its contract or raised; the cause is chained."""

    exit_code = 1


class WorldError(ImsimError):
    """Something outside of imsim failed: a server, a disk, a socket."""

    exit_code = 2


class Unavailable(WorldError):
    """The port refused: the operation was **not done**, and may be tried again."""


class Timeout(WorldError):
    """The port did not answer in time: the outcome is **unknown**, and may still land later."""


class FrameError(ImsimError):
    """Bytes that arrived are not a frame of this protocol."""

    exit_code = 2


class InternalError(ImsimError):
    """A bug of imsim's own; please report it with the message."""

    exit_code = 70


def nearest(given: str, allowed: Iterable[str]) -> str:
    """A did-you-mean suffix for a message.

    Args:
        given: what the user wrote.
        allowed: the names that exist.

    Returns:
        `" (did you mean 'x'?)"`, or an empty string where nothing is near.
    """
    match = difflib.get_close_matches(given, list(allowed), n=1, cutoff=0.6)
    return f" (did you mean {match[0]!r}?)" if match else ""
