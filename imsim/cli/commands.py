"""The commands: what each one is called, what it takes, and which part of the library does it.

The docstrings are the help that people read. Libraries are imported where they are used, so that `imsim models` does
not wait for NumPy.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from imsim.cli.algorithms import DeviceLimit, DeviceName, DeviceProgram, instead
from imsim.cli.interrupt import Interrupt
from imsim.cli.options import EXIT_CODES, FLAG, Overrides, Report, Whole, app
from imsim.cli.screen import Screen, reader_may_leave, span
from imsim.cli.writable import HISTORIES, REPORTS, check_writable
from imsim.errors import ConfigError

if TYPE_CHECKING:
    from imsim.scenario import Scenario
    from imsim.sim.algorithms import Instead
    from imsim.study.run import Run

__all__ = ["app"]


@app.command(sort_key=1, help_epilogue=EXIT_CODES)
def run(  # noqa: PLR0913 (what a run may be told)
    model: str,
    /,
    *,
    seed: Whole = 1,
    set_: Overrides = None,
    history: Annotated[Path | None, Parameter(metavar="FILE")] = None,
    report: Report = None,
    json_: Annotated[bool, Parameter(name="--json"), FLAG] = False,
    live: Annotated[bool, FLAG] = False,
    device: DeviceName = None,
    device_cmd: DeviceProgram = None,
    device_limit: DeviceLimit = None,
) -> int:
    """Run a model, show what it cost, and judge whether every promise was kept.

    Args:
        model: A model file, or the name of a shipped one (`imsim models` lists them).
        seed: Answers everything that is left to chance: the same seed gives the same run.
        set_: Change one key of the model, as in `--set network.loss=0.2`: the value is TOML, or else text. May be
            repeated.
        history: Write every fact to this file, .jsonl or .parquet.
        report: Write what became of every promise to this file: .xml for JUnit, .json or .md.
        json_: Print one JSON object on one line, and nothing else.
        live: Use real processes over WebSocket and SQLite instead of simulating.
        device: Run your own class on every device; the working directory is searched for its module.
        device_cmd: Run your own program on every device, in any language (docs/device-protocol.md).
        device_limit: How long that program may take to answer a line, in real time; by default 5s.
    """
    from imsim.scenario import load

    if seed < 0:
        raise ConfigError(f"--seed: expected an integer >= 0, got {seed}")
    if live and (device, device_cmd) != (None, None):
        raise ConfigError("--live: runs imsim's own devices only; leave out --device and --device-cmd, or --live")
    check_writable("--history", history, HISTORIES)
    check_writable("--report", report, REPORTS)
    algorithms = instead(device, device_cmd, device_limit)
    scenario = load(model, set_ or [])
    screen = Screen(quiet=json_)
    screen.line(f"seed {seed}" + (" (it decides nothing in a live run)" if live else ""))
    try:
        result = _live(scenario, seed) if live else _simulated(scenario, seed, screen, algorithms)
    except ConfigError as error:  # what only the run itself could find, in the model or in a file that it names
        raise ConfigError(f"{model}: {error}") from error
    screen.show(result)
    if json_:
        with reader_may_leave():
            print(result.to_json())
    if history is not None:
        result.history.write(history)
        screen.line(f"history: {history}, {len(result.history):,} facts")
    if report is not None:
        from imsim.study.report import of_run, write

        write(of_run(result), report)
    if result.interrupted:
        at = span(result.counters.seconds) + ("" if live else " of the scenario")
        raise KeyboardInterrupt(f"interrupted after {at}; this is what there was until then")
    return result.verdict.outcome.value


def _simulated(scenario: Scenario, seed: int, screen: Screen, algorithms: Instead) -> Run:
    from imsim.study.run import simulate

    with Interrupt() as interrupt, screen.progress(scenario.name) as tell:

        def on_progress(now: float, end: float) -> bool:
            tell(now, end)
            return interrupt.asked

        return simulate(scenario, seed=seed, on_progress=on_progress, **algorithms)


def _live(scenario: Scenario, seed: int) -> Run:
    from imsim.live.run import live_history
    from imsim.study.run import judged

    return judged(scenario, seed=seed, **live_history(scenario)._asdict())


@app.command(sort_key=2, help_epilogue="")
def models() -> int:
    """List the models that come with imsim."""
    from imsim.scenario import models as listing

    Screen().pairs([(row.name, row.about) for row in listing()])
    return 0


@app.command(sort_key=3, help_epilogue="")
def new(name: str, target: Path | None = None, /) -> int:
    """Copy a shipped model, to make it your own.

    Args:
        name: Which one.
        target: The new file, or a folder for it; by default NAME.toml here.
    """
    from imsim.scenario import copy_model

    print(copy_model(name, target or Path(f"{Path(name).stem}.toml")))
    return 0


@app.command(sort_key=4, help_epilogue="")
def schema() -> int:
    """Print the JSON Schema of a model, for editors."""
    from imsim.scenario import schema as describe

    print(json.dumps(describe(), indent=2))
    return 0


@app.command(name="import", sort_key=5, help_epilogue="")
def import_(
    file: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"], metavar="FILE")],
    format_: Annotated[Literal["edges"], Parameter(name="--format")] = "edges",
) -> int:
    """Turn a message trace into a file that a model can name with `traffic.trace`.

    Args:
        file: The trace.
        output: The file to write, .parquet.
        format_: What the trace is: `edges`, lines of `src dst unix-time`.
    """
    from imsim.scenario import import_edges

    if output.suffix != ".parquet":
        raise ConfigError(f"--output {output}: expected a file that ends in .parquet")
    found = {"edges": import_edges}[format_](file, output)
    print(f"{output}: {found.messages:,} messages of {found.users:,} users, over {span(found.seconds)}")
    if found.skipped:
        print(f"left out, as they went to oneself: {found.skipped:,}")
    return 0


@app.command(sort_key=6, help_epilogue="")
def serve(
    *,
    store: Annotated[str, Parameter(metavar="URL")] = "sqlite:///chat.db",
    listen: Annotated[str, Parameter(metavar="HOST:PORT")] = "127.0.0.1:8765",
) -> int:
    """Serve the same algorithms over WebSocket, durable on SQLite.

    Args:
        store: Where everything is kept: `sqlite:///FILE`.
        listen: Address and port; loopback only, port 0 takes a free one.
    """
    from imsim.live.server import serve as serve_live

    serve_live(store, listen)
    return 0


@app.command(sort_key=7, help_epilogue="")
def bench(what: Literal["run", "verify"] = "run", /, *, full: Annotated[bool, FLAG] = False) -> int:
    """Measure imsim beside a plain SimPy program of the same workload, in one run.

    Args:
        what: Simulating (run), or judging other systems' histories (verify).
        full: Larger sizes too; takes many minutes.
    """
    if what == "verify":
        from imsim.study.bench_verify import run_bench_verify

        return run_bench_verify()
    from imsim.study.bench import run_bench

    return run_bench(full=full)
