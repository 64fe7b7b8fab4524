"""The install value of a device: a file beside its database, which no backup of the database carries.

A device whose records name another install value knows that they were restored from somewhere else, and draws a new
nonce; two devices with the same value and the same records would draw the same client ids.
"""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

from imsim.errors import WorldError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["install_of"]


def install_of(store: Path) -> str:
    """The install value beside the database `store`; made if it is not there, all at once or not at all.

    Raises:
        WorldError: it can be neither read nor made.
    """
    path = store.with_name(store.name + ".install")
    try:
        found = path.read_text().strip() if path.exists() else ""
        if not found:
            found = uuid.uuid4().hex
            new = path.with_name(path.name + ".new")
            with new.open("w") as file:
                file.write(found)
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
    except OSError as error:
        raise WorldError(f"{path}: {error.strerror or error}") from error
    return found
