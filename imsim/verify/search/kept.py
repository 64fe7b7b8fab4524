"""Failures that are kept: case files in a folder, tried again before anything else is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from imsim.errors import ConfigError
from imsim.verify.search.case import Case

if TYPE_CHECKING:
    from imsim.scenario import Scenario
    from imsim.verify.search.found import Failure

__all__ = ["FAILURES", "earlier", "keep"]

FAILURES: Final = Path(".imsim/failures")
"""Where failures are kept, under the working directory or the root of the tests."""


def earlier(scenario: Scenario, folder: Path = FAILURES) -> list[Case]:
    """What failed earlier in a scenario of this name; a file that is no case any more is left alone."""
    found = []
    for file in sorted(folder.glob("*.toml")):
        try:
            case = Case.read(file)
        except ConfigError:
            continue
        if case.scenario.name == scenario.name:
            found.append(case)
    return found


def keep(failure: Failure, folder: Path = FAILURES) -> Path:
    """Write the smallest case of a failure; where.

    Raises:
        ConfigError: it cannot be written there.
    """
    case = failure.smallest
    file = folder / case.file_name
    case.write(file)
    return file
