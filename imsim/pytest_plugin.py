"""imsim in pytest: a promise is one line of a test, and what breaks it comes back as a case, a picture and a command.

    def test_my_device_keeps_every_promise(imsim_check):
        imsim_check(imsim.load("tiny"), device=MyDevice)

    def test_a_bad_day(imsim_world):
        run = imsim_world(imsim.load("mine.toml"))
        assert run.metrics.lost == 0

Options: `--imsim-seed`, `--imsim-runs`, `--imsim-replay CASE` (instead of searching, `imsim_check` runs that case),
`--imsim-report FILE` (a line of JSON for every search). Failures are kept in `.imsim/failures/` under the root of the
tests, and tried first the next time. This file is imported by every pytest of everybody who has imsim installed, so it
loads nothing but names.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from imsim.protocol.contract import DeviceFactory
    from imsim.scenario import Scenario
    from imsim.sim.algorithms import Instead
    from imsim.study.run import Run
    from imsim.verify.search import Found

__all__ = ["ImsimCheck", "ImsimWorld", "imsim_check", "imsim_world", "pytest_addoption", "pytest_configure",
           "pytest_report_header"]  # fmt: skip

_WIDTH = 100
"""Columns of a picture in a report."""


class ImsimCheck(Protocol):
    """What the fixture `imsim_check` is: `imsim.check`, with what the options say, failing the test."""

    def __call__(self, scenario: Scenario, *, device: DeviceFactory = ..., **how: Any) -> Found:  # noqa: ANN401
        """Search; the test fails if a promise is broken, or if it is not known whether one is."""
        ...


class ImsimWorld(Protocol):
    """What the fixture `imsim_world` is: `imsim.simulate`, with the seed that the option says."""

    def __call__(self, scenario: Scenario, **how: Any) -> Run:  # noqa: ANN401
        """Run; if the test fails, its report says how to see the run again."""
        ...


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of imsim."""
    group = parser.getgroup("imsim", "imsim: messaging on bad networks")
    group.addoption("--imsim-seed", type=_at_least(0), default=1, metavar="N", help="seed of every search and run (1)")
    group.addoption("--imsim-runs", type=_at_least(1), default=100, metavar="N", help="cases of every search (100)")
    group.addoption("--imsim-replay", metavar="CASE", help="run this case instead of searching")
    group.addoption("--imsim-report", metavar="FILE", help="write a line of JSON for every search")


def pytest_configure(config: pytest.Config) -> None:
    """Begin the report anew; with xdist, its processes then add to it."""
    target = config.getoption("--imsim-report")
    if target is None or hasattr(config, "workerinput"):
        return
    try:
        Path(target).write_text("", encoding="utf-8")
    except OSError as error:
        raise pytest.UsageError(f"--imsim-report: {target}: cannot be written: {error.strerror or error}") from error


def pytest_report_header(config: pytest.Config) -> str | None:
    """The seed, if it is not the usual one."""
    seed: int = config.getoption("--imsim-seed")
    return None if seed == 1 else f"imsim: seed {seed}"


@pytest.fixture
def imsim_check(request: pytest.FixtureRequest) -> ImsimCheck:
    """Search for faults that break a promise, and fail the test with the smallest case that was found."""

    def search(scenario: Scenario, **how: Any) -> Found | None:  # noqa: ANN401
        from imsim.errors import ConfigError

        case = request.config.getoption("--imsim-replay")
        try:
            if case is None:
                return _search(request, scenario, how)
            _replay(Path(case), how)
        except ConfigError as error:
            pytest.fail(f"imsim: {error}", pytrace=False)
        return None

    return search  # type: ignore[return-value]


@pytest.fixture
def imsim_world(request: pytest.FixtureRequest) -> ImsimWorld:
    """Run a scenario with the seed that the option says."""

    def run(scenario: Scenario, **how: Any) -> Run:  # noqa: ANN401
        import imsim

        how.setdefault("seed", request.config.getoption("--imsim-seed"))
        result = imsim.simulate(scenario, **how)
        told = f"{scenario.name or 'a scenario'}, seed {how['seed']}\n{result.verdict}"
        request.node.add_report_section("call", "imsim", told)
        return result

    return run


# ---------------------------------------------------------------------------------------------- inside


def _at_least(least: int) -> Callable[[str], int]:
    def count(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = -1
        if number < least:
            raise argparse.ArgumentTypeError(f"expected an integer >= {least}, got {text!r}")
        return number

    return count


def _search(request: pytest.FixtureRequest, scenario: Scenario, how: dict[str, Any]) -> Found:
    from imsim.study.explain import explain
    from imsim.verify import search
    from imsim.verify.verdict import Outcome

    config = request.config
    folder = config.rootpath / search.FAILURES
    how.setdefault("seed", config.getoption("--imsim-seed"))
    how.setdefault("jobs", 1)
    if "budget" not in how and how.get("strategy") != "exhaustive":
        how.setdefault("runs", config.getoption("--imsim-runs"))
    found = search.check(scenario, first=search.earlier(scenario, folder), **how)
    files = [search.keep(failure, folder) for failure in found.failures]
    _report(config, request.node.nodeid, found, files)
    if found.outcome is Outcome.HOLDS:
        return found
    lines = [str(found)]
    for failure, file in zip(found.failures, files, strict=True):
        picture = explain(failure).text(width=_WIDTH)
        lines += ["", picture, "", f"see it again: {_command(config, request.node.nodeid, file)}"]
    pytest.fail("\n".join(lines), pytrace=False)


def _command(config: pytest.Config, test: str, file: Path) -> str:
    """What is to be typed where pytest was, which need not be the root of the tests."""
    here = config.invocation_params.dir
    path, colons, name = test.partition("::")
    words = (os.path.relpath(config.rootpath / path, here) + colons + name, os.path.relpath(file, here))
    return "pytest {} --imsim-replay {}".format(*map(shlex.quote, words))


def _instead(how: dict[str, Any]) -> Instead:
    """What runs instead of imsim's own algorithms, among all that a search may be told."""
    from imsim.sim.algorithms import Instead

    return {name: how[name] for name in Instead.__annotations__ if name in how}  # type: ignore[return-value]


def _replay(file: Path, how: dict[str, Any]) -> None:
    from imsim.errors import ConfigError
    from imsim.study.explain import explain
    from imsim.verify import search
    from imsim.verify.verdict import Outcome

    try:
        case = search.Case.read(file)
    except ConfigError as error:
        raise pytest.UsageError(f"--imsim-replay: {error}") from error
    trial = search.replay(case, **_instead(how))
    if trial.outcome is not Outcome.HOLDS:
        pytest.fail(f"{trial}\n\n{explain(trial).text(width=_WIDTH)}", pytrace=False)


def _report(config: pytest.Config, test: str, found: Found, files: list[Path]) -> None:
    target = config.getoption("--imsim-report")
    if target is None:
        return
    line = {
        "test": test,
        "verdict": found.outcome.word,
        "cases": found.cases,
        "seconds": round(found.seconds, 3),
        "failures": [
            {"property": failure.case.breaks, "case": str(file)}
            for failure, file in zip(found.failures, files, strict=True)
        ],
    }
    with Path(target).open("a", encoding="utf-8") as out:
        out.write(json.dumps(line, ensure_ascii=False) + "\n")
