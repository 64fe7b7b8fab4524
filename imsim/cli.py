"""What people type: `imsim run | models | new | schema | import | serve | bench`.

A command reads its input, calls the library, and lays out what comes back; nothing is computed here. A user's
mistake is one plain line on standard error that names the file and the key, and never a traceback.

Exit codes: 0 every promise held; 1 one was broken; 2 the run could not be made (input, a server); 3 it could not be
decided; 70 a bug of imsim's own; 130 interrupted.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import App, Parameter

import imsim
from imsim.errors import AlgorithmError, ConfigError, ImsimError, InternalError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imsim.study.run import Run

__all__ = ["app", "main"]

_BUG = 70
_INTERRUPTED = 130
_USAGE = 2

app = App(
    name="imsim",
    help="Simulate instant messaging on bad networks, and check that every promise is kept.",
    version=imsim.__version__,
    version_flags=["--version"],
    help_format="markdown",
    suppress_keyboard_interrupt=False,  # main says so, and with which code
)


@app.command
def run(
    model: str,
    *,
    seed: int = 1,
    set_: Annotated[list[str] | None, Parameter(name="--set", negative="")] = None,
    history: Path | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
    live: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Run a model, show what it cost, and judge whether every promise was kept.

    Parameters
    ----------
    model
        A model file, or the name of a shipped one (`imsim models` lists them).
    seed
        Answers everything that is left to chance: the same seed gives the same run.
    set_
        Override a key of the model: `--set network.loss=0.2`. The value is TOML, or else text. May be repeated.
    history
        Write every fact to this file, .jsonl or .parquet.
    json_
        Print one JSON object on one line, and nothing else.
    live
        Run it with real processes over WebSocket and SQLite instead of simulating it.
    """
    from imsim.scenario import load

    if history is not None:
        _check_writable(history)
    scenario = load(model, set_ or [])
    out = _Out(quiet=json_)
    out.line(f"seed {seed}")
    if live:
        from imsim.live.run import live_history
        from imsim.study.run import judged

        facts, counters, wall_s = live_history(scenario)
        result: Run = judged(scenario, seed=seed, history=facts, counters=counters, wall_s=wall_s)
    else:
        from imsim.study.run import simulate

        with out.progress(scenario.name or model) as on_progress:
            result = simulate(scenario, seed=seed, on_progress=on_progress)
    if history is not None:
        result.history.write(history)
    if json_:
        print(result.to_json())
    else:
        out.show(result)
    return result.verdict.outcome.value


@app.command
def models() -> int:
    """List the models that come with imsim."""
    from imsim.scenario import models as listing

    rows = listing()
    width = max(len(row.name) for row in rows)
    for row in rows:
        print(f"{row.name:<{width}}  {row.about}")
    return 0


@app.command
def new(name: str, target: Path | None = None) -> int:
    """Copy a shipped model, to make it your own.

    Parameters
    ----------
    name
        Which one.
    target
        Where to; by default NAME.toml here.
    """
    from imsim.scenario import copy_model

    print(copy_model(name, target or Path(f"{name}.toml")))
    return 0


@app.command
def schema() -> int:
    """Print the JSON Schema of a model, for editors."""
    from imsim.scenario import schema as describe

    print(json.dumps(describe(), indent=2))
    return 0


@app.command(name="import")
def import_(
    file: Path,
    *,
    format_: Annotated[str, Parameter(name="--format")] = "edges",
    output: Annotated[Path, Parameter(name=["-o", "--output"])],
) -> int:
    """Turn a message trace into a file that a model can name with `traffic.trace`.

    Parameters
    ----------
    file
        The trace: lines of `src dst unix-time`.
    format_
        `edges`, the only one there is.
    output
        The Parquet file to write.
    """
    from imsim.scenario import import_edges

    if format_ != "edges":
        message = f"--format: expected edges, got {format_!r}"
        raise ConfigError(message)
    found = import_edges(file, output)
    print(f"{output}: {found.messages:,} messages of {found.users:,} users, over {found.seconds:,.0f} s")
    if found.skipped:
        print(f"left out, as they went to oneself: {found.skipped:,}")
    return 0


@app.command
def serve(*, store: str = "sqlite:///chat.db", listen: str = "127.0.0.1:8765") -> int:
    """Serve the same algorithms over WebSocket, durable on SQLite.

    Parameters
    ----------
    store
        Where everything is kept: `sqlite:///FILE`.
    listen
        Address and port; loopback only.
    """
    from imsim.live.server import serve as serve_live

    serve_live(store, listen)
    return 0


@app.command
def bench(*, full: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Measure imsim beside a plain SimPy program of the same workload, in one run.

    Parameters
    ----------
    full
        Larger sizes too; takes many minutes.
    """
    from imsim.study.bench import run_bench

    return run_bench(full=full)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command: parse, run, and leave with the exit code."""
    try:
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except ImsimError as error:
        _locate(error)
        _complain(str(error))
        code = error.exit_code
    except cyclopts.CycloptsError as error:
        _complain(_usage(error))
        code = _USAGE
    except KeyboardInterrupt:
        _complain("interrupted")
        code = _INTERRUPTED
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 (nobody reads what is left)
        code = 0
    except Exception:  # noqa: BLE001 (whatever escapes is a bug)
        traceback.print_exc()
        _complain("this is a bug of imsim's own; please report it with the lines above")
        code = _BUG
    sys.exit(code if isinstance(code, int) else 0)


def _complain(message: str) -> None:
    """One line, whatever a name or a value that it quotes has in it."""
    print(f"imsim: {''.join(map(_visible, message))}", file=sys.stderr)


def _locate(error: ImsimError) -> None:
    """Show where code is wrong, an algorithm's or imsim's own; what a user wrote is told by the message alone."""
    if isinstance(error, InternalError):
        traceback.print_exception(error)
    elif isinstance(error, AlgorithmError) and error.__cause__ is not None:
        traceback.print_exception(error.__cause__)


def _visible(character: str) -> str:
    return character if character.isprintable() else repr(character)[1:-1]


def _usage(error: cyclopts.CycloptsError) -> str:
    return " ".join(str(error).split())


def _check_writable(path: Path) -> None:
    """Refuse before a long run what could not be written after it."""
    if path.suffix not in {".jsonl", ".parquet"}:
        message = f"--history {path}: expected a file that ends in .jsonl or .parquet"
        raise ConfigError(message)
    if path.is_dir():
        message = f"--history {path}: cannot be written: it is a directory"
        raise ConfigError(message)
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        message = f"--history {path}: cannot be written: {error.strerror}"
        raise ConfigError(message) from error


class _Out:
    """Where a run is shown: rich on a terminal, plain lines elsewhere, nothing if quiet."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._terminal = sys.stdout.isatty() and not quiet

    def line(self, text: str) -> None:
        """One line."""
        if not self._quiet:
            print(text)

    def progress(self, what: str) -> _Progress:
        """A bar of virtual time, on a terminal."""
        return _Progress(what, shown=self._terminal)

    def show(self, result: Run) -> None:
        """The figures, then the verdict with what proves it."""
        from imsim.study.table import figures, plain

        rows = figures(result)
        if not self._terminal:
            print(plain(rows))
            print(result.verdict)
            return
        from rich.console import Console
        from rich.table import Table

        table = Table(show_header=False, box=None, padding=(0, 2))
        for label, value in rows:
            table.add_row(label, value)
        console = Console(highlight=False)
        console.print(table)
        style = {0: "bold green", 1: "bold red"}.get(result.verdict.outcome.value, "bold yellow")
        first, *rest = str(result.verdict).splitlines()
        console.print(first, style=style, markup=False)
        for line in rest:
            console.print(line, markup=False)


class _Progress:
    """A rich bar, or nothing."""

    def __init__(self, what: str, *, shown: bool) -> None:
        self._what = what
        self._shown = shown

    def __enter__(self) -> Callable[[float, float], None] | None:
        if not self._shown:
            return None
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            transient=True,
        )
        self._bar.start()
        task = self._bar.add_task(self._what, total=1.0)
        return lambda now, end: self._bar.update(task, completed=now / end)

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._bar.stop()


if __name__ == "__main__":
    main()
