"""What the pages say is true: their Python runs, their facts can be read, their commands exist, their links lead on."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest

from imsim import load
from imsim.cli import app
from imsim.history import History
from imsim.study.run import simulate
from imsim.study.table import figures

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
_COMMAND = re.compile(r"^(?:\.venv/bin/)?imsim ", re.MULTILINE)

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def blocks(page, *kinds):
    """The fenced blocks of a page, in order: how each is fenced, and its text."""
    text = page.read_text(encoding="utf-8")
    return [(kind.strip(), body) for kind, body in _BLOCK.findall(text) if kind.strip() in kinds]


def commands():
    """Every command line that a page shows."""
    lines = [line for page in PAGES for _, body in blocks(page, "", "sh", "bash") for line in body.splitlines()]
    return [line for line in lines if _COMMAND.match(line)]


def test_there_is_something_to_check():
    kinds = {kind for page in PAGES for kind, _ in blocks(page, "python", "python no-run", "jsonl")}
    assert kinds == {"python", "python no-run", "jsonl"}
    assert len(commands()) > 5


@pages
def test_python_on_a_page_runs(page, tmp_path, monkeypatch):
    """The blocks of a page run one after the other, as a reader would paste them; facts are in `chat.jsonl`."""
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__page__"}
    for kind, body in blocks(page, "python", "jsonl"):
        if kind == "jsonl":
            Path("chat.jsonl").write_text(body, encoding="utf-8")
        else:
            exec(compile(body, f"{page.name} (a block)", "exec"), names)  # noqa: S102 (the pages are our own)


@pages
def test_python_that_needs_a_server_is_at_least_python(page):
    for _, body in blocks(page, "python no-run"):
        compile(body, page.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pages
def test_facts_on_a_page_can_be_read(page, tmp_path):
    for number, (_, body) in enumerate(blocks(page, "jsonl")):
        file = tmp_path / f"{number}.jsonl"
        file.write_text(body, encoding="utf-8")
        facts = [line for line in body.splitlines() if '"format"' not in line]
        assert len(History.read(file)) == len(facts)


@pytest.mark.parametrize("line", commands())
def test_a_command_on_a_page_exists(line):
    _, *tokens = shlex.split(line, comments=True)
    _, bound, _ = app.parse_args(tokens, exit_on_error=False, print_error=False)
    if tokens[0] == "run":
        load(bound.arguments["model"], bound.arguments.get("set_") or [])


def test_the_readme_shows_what_a_run_prints():
    """Its figures are of some day's code; which there are, and that the run holds, is checked here."""
    (shown,) = (body.splitlines() for _, body in blocks(ROOT / "README.md", "") if body.startswith("seed "))
    printed = ["seed 1", *(label for label, _ in figures(simulate(load("tiny"), seed=1))), "holds: ", "not exercised: "]
    assert len(shown) == len(printed)
    assert [line for line, start in zip(shown, printed, strict=True) if not line.startswith(start)] == []


@pages
def test_links_lead_to_files_that_are_there(page):
    links = [link for link in _LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
