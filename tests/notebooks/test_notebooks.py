"""Every notebook runs from top to bottom, as a reader would run it, and complains about nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
TOLD = {
    "01_first_run": ["holds: ", "unknown: ", "alice-3 twice in one install"],
    "02_find_the_fault": [
        "violated: ",
        "nothing out of nowhere",
        "passes without: crash before the 1st write",
        "holds",
    ],
}
"""What the prose of a notebook speaks of, and its cells have to show."""


def test_there_are_notebooks():
    assert NOTEBOOKS


def executed(notebook, folder):
    """The cells of a notebook once nbmake has run it in an empty folder, which has none of this project's settings."""
    file = folder / "notebook.ipynb"
    jupytext.write(notebook, file)
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "--nbmake", "--overwrite", "--nbmake-timeout=60", "--nbmake-kernel=python3",
            "--color=no", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly", file.name,
        ],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return [cell for cell in nbformat.read(file, as_version=4).cells if cell.cell_type == "code"]


@pytest.mark.notebook
@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(source, tmp_path):
    cells = executed(jupytext.read(source), tmp_path)
    outputs = [output for cell in cells for output in cell.outputs]

    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 2, "its plots are not there"
    pages = [output.get("data", {}) for output in outputs]
    assert any("image/svg+xml" in page or "<svg" in page.get("text/html", "") for page in pages), "no diagram is there"
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    shown = "".join(f"{output.get('text', '')}{output.get('data', {}).get('text/html', '')}" for output in outputs)
    assert [text for text in TOLD[source.stem] if text not in shown] == []


@pytest.mark.notebook
def test_a_cell_that_fails_is_noticed(tmp_path):
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        executed(jupytext.reads("# %%\n1 / 0\n", fmt="py:percent"), tmp_path)
