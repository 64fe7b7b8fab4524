"""Where a run is shown: rich on a terminal, plain lines elsewhere, nothing at all if quiet.

Results go to standard output. Progress goes to standard error and only where that is a terminal, so that it neither
reaches a file nor a pipe. rich itself honours NO_COLOR. What does not belong here: the figures and the verdict's words.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from imsim.study.run import Run

__all__ = ["Screen", "reader_may_leave", "span", "write_nowhere"]

_STYLES: Final = {0: "bold green", 1: "bold red"}
"""Of a verdict's first line, by exit code; what is neither is yellow."""
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


class Screen:
    """Standard output, as whoever reads it wants it."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stdout.isatty()

    def line(self, text: str) -> None:
        """One line, at once: whoever waits for a long run sees it before."""
        if not self._quiet:
            with reader_may_leave():
                print(text)

    def pairs(self, rows: Sequence[tuple[str, str]]) -> None:
        """Names and what they are, wrapped on a terminal."""
        if not self._terminal:
            width = max(len(name) for name, _ in rows)
            print("\n".join(f"{name:<{width}}  {text}" for name, text in rows))
            return
        from rich.console import Console
        from rich.table import Table

        table = Table.grid("", "", padding=(0, 3, 0, 0))
        for name, text in rows:
            table.add_row(f"[bold]{name}[/]", text)
        Console(highlight=False).print(table)

    def show(self, result: Run) -> None:
        """The figures, then the verdict with what proves it."""
        if not self._quiet:
            with reader_may_leave():
                self._show(result)

    def _show(self, result: Run) -> None:
        from imsim.study.table import figures, plain

        rows, lines = figures(result), result.verdict.lines()
        if not self._terminal:
            print(plain(rows), *lines, sep="\n")
            return
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table.grid("", "", padding=(0, 3, 0, 0))
        table.columns[1].justify = "right"
        for label, value in rows:
            table.add_row(Text(label, "dim"), Text(value))
        console = Console(highlight=False)
        console.print(table)
        console.print()
        console.print(Text(lines[0], _STYLES.get(result.verdict.outcome.value, "bold yellow")))
        for line in lines[1:]:
            console.print(Text(line, "dim" if line.startswith(("    ", "not exercised")) else ""))

    @contextlib.contextmanager
    def progress(self, what: str) -> Iterator[Callable[[float, float], None]]:
        """A bar of virtual time; what it yields is told how many of how many seconds have passed."""
        if not sys.stderr.isatty():
            yield _unseen
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[clock]}"), TimeElapsedColumn(),
        )  # fmt: skip
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=1.0, clock="")

            def tell(now: float, end: float) -> None:
                clock = f"{span(now)} of {span(end)}" if now < end else "waiting for every device"
                bar.update(task, completed=now / end if end else 1.0, clock=clock)

            yield tell

    @contextlib.contextmanager
    def count(self, what: str) -> Iterator[Callable[[int, float], None]]:
        """A line of how many were done; what it yields is told how many, in how many seconds."""
        if not sys.stderr.isatty():
            yield _uncounted
            return
        from rich.console import Console

        with Console(stderr=True).status("") as status:

            def tell(done: int, seconds: float) -> None:
                status.update(f"{done:,} {what}, {done / max(seconds, 1e-3):,.0f} a second")

            yield tell


@contextlib.contextmanager
def reader_may_leave() -> Iterator[None]:
    """What is printed in it is written, unless the reader of a pipe has seen enough: that is no reason to stop."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        write_nowhere()


def write_nowhere() -> None:
    """Let what standard output still holds go nowhere, or the interpreter fails once more when it ends."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def span(seconds: float) -> str:
    """A duration in the two largest units that matter: `3 h 12 min`."""
    for (size, unit), (smaller, below) in zip(_UNITS, (*_UNITS[1:], (1, "s")), strict=True):
        if seconds >= size:
            rest = int(seconds % size // smaller)
            return f"{int(seconds // size)} {unit}" + (f" {rest} {below}" if rest else "")
    return f"{seconds:.0f} s"


def _unseen(_now: float, _end: float) -> None:
    """Nobody looks."""


def _uncounted(_done: int, _seconds: float) -> None:
    """Nobody looks."""
