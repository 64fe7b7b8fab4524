"""The direction of the arrows: the contracts hold for imsim, and each kind of wrong import breaks them.

A wrong import is tried in a small stand-in for imsim, judged by this project's own contracts.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ROOMS = (
    "cli",
    "study",
    "verify",
    "sim",
    "live",
    "client",
    "adapters",
    "history",
    "scenario",
    "protocol",
    "ports",
    "errors",
)


def lint(folder: Path) -> tuple[int, str]:
    """Exit status and report of import-linter for the imsim that lies in `folder`."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--config", REPOSITORY / "pyproject.toml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A package with every room of imsim, each empty."""
    package = tmp_path / "imsim"
    for room in ROOMS:
        (package / room).mkdir(parents=True)
        (package / room / "__init__.py").touch()
    (package / "__init__.py").touch()
    return package


def test_imsim_keeps_its_layers() -> None:
    status, report = lint(REPOSITORY)

    assert status == 0, report


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("cli", "import imsim.study, imsim.errors"),
        ("sim", "import imsim.protocol, simpy"),
        ("protocol", "import imsim.ports, msgspec"),
        ("ports", "import typing\nif typing.TYPE_CHECKING:\n    import imsim.protocol"),
    ],
)
def test_an_import_that_points_down_is_kept(stand_in: Path, room: str, line: str) -> None:
    (stand_in / room / "__init__.py").write_text(line)

    status, report = lint(stand_in.parent)

    assert status == 0, report


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("protocol", "import imsim.sim"),
        ("protocol", "import imsim.history"),
        ("protocol", "import asyncio"),
        ("protocol", "def late():\n    import simpy"),
        ("ports", "import imsim.protocol"),
        ("sim", "import imsim.live"),
        ("live", "import imsim.sim"),
        ("history", "import imsim.verify"),
        ("verify", "import imsim.study"),
        ("errors", "import imsim.ports"),
    ],
)
def test_an_import_that_points_up_or_outside_is_broken(stand_in: Path, room: str, line: str) -> None:
    (stand_in / room / "__init__.py").write_text(line)

    status, report = lint(stand_in.parent)

    assert status == 1, report
    assert "BROKEN" in report


def test_a_room_without_a_place_in_the_picture_is_broken(stand_in: Path) -> None:
    (stand_in / "cellar.py").touch()

    status, report = lint(stand_in.parent)

    assert status == 1, report
    assert "imsim.cellar" in report or "cellar" in report
