"""`imsim verify`: judge histories, imsim's own and those of strangers.

One file that cannot be read does not keep the others from being judged. What does not belong here: what is found
(imsim/verify/files.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from imsim.cli.options import EXIT_CODES, FLAG, app
from imsim.cli.screen import Screen, reader_may_leave
from imsim.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imsim.verify.files import Finding

__all__ = ["verify"]

_RANK = (0, 3, 2, 1)
"""Exit codes, the least grave first: of several files the gravest one decides."""


@app.command(sort_key=1.4, help_epilogue=EXIT_CODES, usage="Usage: imsim verify [OPTIONS] FILE [FILES...]")
def verify(
    first: Annotated[Path, Parameter(name="FILE")],
    /,
    *more: Annotated[Path, Parameter(name="FILES")],
    model: Annotated[str | None, Parameter(metavar="MODEL")] = None,
    initial: Annotated[str | None, Parameter(metavar="VALUE", allow_leading_hyphen=True)] = None,
    format_: Annotated[str, Parameter(name="--format", metavar="FORMAT")] = "auto",
    budget: Annotated[str, Parameter(metavar="DURATION")] = "10s",
    json_: Annotated[bool, Parameter(name="--json"), FLAG] = False,
) -> int:
    """Judge a history: a run's own facts, or what clients of any system called and got (docs/verify.md).

    Args:
        first: A file with a history.
        more: More of them.
        model: What clients called: register, cas-register, kv, counter, mutex, set, queue, sequencer, idempotent-store,
            or one of your own, as FILE.py:NAME. By default what the file itself says.
        initial: The first state of the model, as JSON or text.
        format_: What the files are: imsim-jsonl, imsim-parquet, list-append, jepsen-log, jepsen-edn or porcupine-kv;
            auto looks at them.
        budget: For judging one file, such as 10s or 5m; after that its verdict is unknown.
        json_: Print one JSON object a file, each on a line, and nothing else.
    """
    from imsim.scenario.values import seconds_of
    from imsim.verify.files import check_file
    from imsim.verify.formats.read import format_named

    known, seconds = format_named(format_), seconds_of("--budget", budget)
    screen = Screen(quiet=json_)
    codes: list[int] = []
    errors: list[ConfigError] = []
    for path in (first, *more):
        try:
            finding = check_file(path, model=model, initial=initial, format_=known, budget=seconds, explain=not json_)
        except ConfigError as error:
            errors.append(error)
            continue
        _tell(finding, screen, json_=json_)
        codes.append(finding.outcome.value)
    return _ended(codes, errors)


def _tell(finding: Finding, screen: Screen, *, json_: bool) -> None:
    if json_:
        with reader_may_leave():
            print(finding.to_json())
        return
    by = f", {finding.model}" if finding.model else ""
    why = f": {finding.reason}" if finding.reason else ""
    kind = "transactions" if finding.anomalies is not None else "operations"
    what = "facts" if finding.format.startswith("imsim") else kind
    screen.line(f"{finding.file}: {finding.verdict}: {finding.operations:,} {what} of {finding.format}{by}{why}")
    for sentence in finding.sentences:
        screen.line(f"  {sentence}")


def _ended(codes: Sequence[int], errors: Sequence[ConfigError]) -> int:
    """The gravest code; errors are told one line each, the last one by whoever ends the program, if it decides."""
    from imsim.cli.exits import complain

    code = max([*codes, *(error.exit_code for error in errors)], key=_RANK.index)
    if errors and code == errors[-1].exit_code:
        for error in errors[:-1]:
            complain(str(error))
        raise errors[-1]
    for error in errors:
        complain(str(error))
    return code
