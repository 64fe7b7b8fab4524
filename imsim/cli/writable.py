"""Files that a command writes at its end, refused before its work begins where they could not be written then."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Final

from imsim.errors import ConfigError, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["HISTORIES", "REPORTS", "check_writable"]

HISTORIES: Final = (".jsonl", ".parquet")
REPORTS: Final = (".xml", ".json", ".md")


def check_writable(option: str, path: Path | None, endings: Sequence[str]) -> None:
    """Refuse before a long run what could not be written after it.

    Args:
        option: which names the file.
        path: the file, if any is wanted.
        endings: what it may end in.

    Raises:
        ConfigError: the file could not be written there.
    """
    if path is None:
        return
    if path.suffix not in endings:
        allowed = " or ".join((", ".join(endings[:-1]), endings[-1]))
        raise ConfigError(f"{option} {path}: expected a file that ends in {allowed}{nearest(path.suffix, endings)}")
    if path.is_dir():
        raise ConfigError(f"{option} {path}: cannot be written: it is a directory")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise ConfigError(f"{option} {path}: cannot be written: {error.strerror}") from error
