"""Files that a user names: read whole, or refused in one line that says which file, and why.

What does not belong here: what is in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_bytes", "read_text"]


def read_bytes(path: Path) -> bytes:
    """What is in a file.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error


def read_text(path: Path) -> str:
    """The text of a file in UTF-8.

    Raises:
        ConfigError: it cannot be read, or is no text.
    """
    try:
        return read_bytes(path).decode()
    except UnicodeError as error:
        raise ConfigError(f"{path}: cannot be read: it is no text in UTF-8") from error
