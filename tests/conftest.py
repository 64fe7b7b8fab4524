"""What every test shares: Hypothesis profiles, and the measured data that lies beside a checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parents[1]

# A shared machine is slow at times, and a deadline would then fail a test for nothing: no profile has one.
settings.register_profile("dev", deadline=None)
# The same examples each time, and none remembered from an earlier run; a failure prints how to see it again.
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of message and network traces; it is no part of the repository."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        reason = f"the measured traces are not in {folder}"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}, and continuous integration always has them")
        pytest.skip(reason)
    return folder
