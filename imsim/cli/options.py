"""The command's root, and the options that several commands share, each with one spelling and one meaning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter, Token

import imsim

__all__ = ["EXIT_CODES", "FLAG", "Overrides", "Report", "Whole", "app"]

EXIT_CODES: Final = (
    "Exit codes: 0 every promise held, 1 one was broken, 2 could not run, 3 could not be decided, 70 a bug of imsim's"
    " own, 130 interrupted."
)
FLAG: Final = Parameter(negative="", show_default=False)

app = App(
    name="imsim",
    help="Simulate instant messaging on bad networks, and check that every promise is kept.",
    help_epilogue=f"Begin with `imsim run tiny`, then `imsim run enterprise`.\n\n{EXIT_CODES}",
    version=imsim.__version__,
    version_flags=["--version"],
    help_format="markdown",
    suppress_keyboard_interrupt=False,
)


def _whole(_type: type, tokens: Sequence[Token]) -> int:
    """An integer as it stands: the parser's own reading would round 1.5 to 2."""
    return int(tokens[0].value)


Whole = Annotated[int, Parameter(converter=_whole)]
Report = Annotated[Path | None, Parameter(name="--report", metavar="FILE")]
"""Where to write what became of every promise, by its ending."""
Overrides = Annotated[list[str] | None, Parameter(name="--set", negative="", metavar="KEY=VALUE")]
"""Keys of the model to change, `KEY=VALUE`."""
