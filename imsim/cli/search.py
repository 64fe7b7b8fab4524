"""The commands that look for faults: check, replay, export.

A failure is written to a case file under `.imsim/failures/`, and tried first the next time. Code comes from the command
line only (`--device MODULE:CLASS`, `--device-cmd COMMAND`), never from a file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from cyclopts import Parameter

from imsim.cli.algorithms import DeviceLimit, DeviceName, DeviceProgram, FlawName, as_typed, instead
from imsim.cli.interrupt import Interrupt
from imsim.cli.options import EXIT_CODES, FLAG, Overrides, Report, Whole, app
from imsim.cli.screen import Screen, reader_may_leave
from imsim.cli.writable import REPORTS, check_writable
from imsim.errors import ConfigError

if TYPE_CHECKING:
    from imsim.verify.search import Failure, Found

__all__ = ["check", "export", "replay"]


@app.command(sort_key=1.1, help_epilogue=EXIT_CODES)
def check(  # noqa: PLR0913 (what a search may be told)
    model: str,
    /,
    *,
    strategy: Literal["random", "exhaustive", "pct", "hypothesis", "all"] = "random",
    runs: Whole | None = None,
    depth: Whole | None = None,
    budget: Annotated[str | None, Parameter(metavar="DURATION")] = None,
    seed: Whole = 1,
    set_: Overrides = None,
    property_: Annotated[list[str] | None, Parameter(name="--property", negative="", metavar="NAME")] = None,
    device: DeviceName = None,
    device_cmd: DeviceProgram = None,
    device_limit: DeviceLimit = None,
    flaw: FlawName = None,
    jobs: Whole | None = None,
    report: Report = None,
    json_: Annotated[bool, Parameter(name="--json"), FLAG] = False,
) -> int:
    """Search for the faults that break a promise, and shrink what was found to the few that matter.

    Args:
        model: A model file, or the name of a shipped one.
        strategy: Random cases, all with few deviations, priorities between nodes (pct), what Hypothesis draws, or all
            of these in turns.
        runs: How many cases are tried; by default as many as the budget allows, and without one 1000, or 10000 of an
            exhaustive search.
        depth: How many deviations a case of an exhaustive search has at most; by default 2, or 1 among all.
        budget: How long to search, such as 60s.
        seed: The same seed gives the same cases.
        set_: Change one key of the model, as `imsim run --set`.
        property_: Count this promise only; may be repeated.
        device: Run your own class on every device; the working directory is searched for its module.
        device_cmd: Run your own program on every device, in any language (docs/device-protocol.md).
        device_limit: How long that program may take to answer a line, in real time; by default 5s.
        flaw: Plant a bug of the zoo in the algorithms, such as early-cursor (`imsim zoo` hunts them all).
        jobs: How many processes; by default one a core.
        report: Write what became of every promise to this file: .xml for JUnit, .json or .md.
        json_: Print one JSON object on one line, and nothing else.
    """
    from imsim.scenario import load
    from imsim.scenario.values import seconds_of
    from imsim.verify import search

    check_writable("--report", report, REPORTS)
    seconds = None if budget is None else seconds_of("--budget", budget)
    scenario = load(model, set_ or [])
    algorithms, properties = instead(device, device_cmd, device_limit, flaw), tuple(property_ or ())
    search.check_promises("--property", properties)
    screen = Screen(quiet=json_)
    screen.line(f"seed {seed}")
    with Interrupt() as interrupt, screen.count("cases") as tell:

        def on_progress(cases: int, seconds: float) -> bool:
            tell(cases, seconds)
            return interrupt.asked

        found = search.check(
            scenario,
            strategy=strategy,
            runs=runs,
            depth=depth,
            budget=seconds,
            seed=seed,
            properties=properties,
            first=search.earlier(scenario),
            jobs=jobs,
            on_failure=lambda failure: screen.line(_at_once(failure)),
            on_progress=on_progress,
            **algorithms,
        )
    files = [search.keep(failure) for failure in found.failures]
    again = [f"see it again: imsim replay {file}" + as_typed(device, device_cmd, device_limit, flaw) for file in files]
    if not json_:
        _show(screen, found, again)
    if report is not None:
        from imsim.study.report import of_search, write

        write(of_search(found, model=scenario.name, seed=seed, promises=properties, again=again), report)
    if json_:
        with reader_may_leave():
            print(json.dumps(_as_json(found, files), ensure_ascii=False))
    if found.interrupted:
        raise KeyboardInterrupt(f"interrupted after {found.cases:,} cases; this is what there was until then")
    return found.outcome.value


@app.command(sort_key=1.2, help_epilogue=EXIT_CODES)
def replay(
    case: Path,
    /,
    *,
    device: DeviceName = None,
    device_cmd: DeviceProgram = None,
    device_limit: DeviceLimit = None,
    flaw: FlawName = None,
    history: Annotated[Path | None, Parameter(metavar="FILE")] = None,
    json_: Annotated[bool, Parameter(name="--json"), FLAG] = False,
) -> int:
    """Run a case again, and judge it.

    Args:
        case: A file that `imsim check` wrote.
        device: Run your own class on every device.
        device_cmd: Run your own program on every device.
        device_limit: How long that program may take to answer a line, in real time; by default 5s.
        flaw: Plant a bug of the zoo in the algorithms.
        history: Write every fact to this file, .jsonl or .parquet.
        json_: Print one JSON object on one line, and nothing else.
    """
    from imsim.study.explain import explain
    from imsim.verify import search

    trial = search.replay(search.Case.read(case), **instead(device, device_cmd, device_limit, flaw))
    screen = Screen(quiet=json_)
    screen.line(f"\n{explain(trial)}\n")
    for line in str(trial).splitlines():
        screen.line(line)
    if history is not None:
        trial.history.write(history)
        screen.line(f"history: {history}, {len(trial.history):,} facts")
    if json_:
        told = {"verdict": trial.outcome.word, "failures": trial.failures, "history_sha256": trial.history.sha256}
        with reader_may_leave():
            print(json.dumps(told, ensure_ascii=False))
    return trial.outcome.value


@app.command(sort_key=1.3, help_epilogue="")
def export(
    case: Path,
    /,
    *,
    pytest: Annotated[bool, FLAG] = False,
    device: DeviceName = None,
    device_cmd: DeviceProgram = None,
    device_limit: DeviceLimit = None,
    flaw: FlawName = None,
) -> int:
    """Print a case in another form.

    Args:
        case: A file that `imsim check` wrote.
        pytest: As a pytest function that runs on its own.
        device: Your own class, which the function then imports.
        device_cmd: Your own program, which the function then starts.
        device_limit: How long that program may take to answer a line, in real time; by default 5s.
        flaw: A bug of the zoo, which the function then plants.
    """
    from imsim.verify import search

    if not pytest:
        raise ConfigError("export: expected a form: --pytest")
    instead(device, device_cmd, device_limit, flaw)
    own = {"device": device, "command": device_cmd, "limit": device_limit, "flaw": flaw}
    with reader_may_leave():
        print(search.to_pytest(search.Case.read(case), **own), end="")
    return 0


# ---------------------------------------------------------------------------------------------- what is printed


def _show(screen: Screen, found: Found, again: list[str]) -> None:
    """What was found, each failure as a picture, and how to see it again."""
    from imsim.study.explain import explain

    for line in found.lines():
        screen.line(line)
    for failure, how in zip(found.failures, again, strict=True):
        screen.line(f"\n{explain(failure)}\n")
        screen.line(how)


def _at_once(failure: Failure) -> str:
    """What is known before a failure is made smaller, which takes a while."""
    count = len(failure.case.deviations)
    faults = f"{count} fault" if count == 1 else f"{count} faults"
    place = ".".join(map(str, failure.order))
    return f"case {place} ({failure.strategy}), {faults}: {failure.case.breaks}: {failure.story}; shrinking it"


def _as_json(found: Found, files: list[Path]) -> dict[str, Any]:
    return {
        "cases": found.cases,
        "seconds": round(found.seconds, 3),
        "verdict": found.outcome.word,
        "failures": [
            {
                "index": failure.order[0] if failure.order else -1,
                "strategy": "earlier" if failure.strategy is None else failure.strategy,
                "property": failure.case.breaks,
                "story": failure.story if failure.shrunk is None else failure.shrunk.story,
                "seed": failure.smallest.seed,
                "deviations": [str(deviation) for deviation in failure.smallest.deviations],
                "case": str(file),
            }
            for failure, file in zip(found.failures, files, strict=True)
        ],
        "unknown": len(found.unknown),
        "coverage": {**msgspec.to_builtins(found.coverage), "unmet": list(found.unmet)},
    }
