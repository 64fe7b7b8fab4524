"""What every test shares: a Hypothesis profile, and the measured data that lies beside a checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

import imsim.testing.profiles  # noqa: F401 (importing it registers them)

REPOSITORY = Path(__file__).resolve().parents[1]

settings.load_profile("imsim-ci" if os.environ.get("CI") else "imsim-dev")


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
