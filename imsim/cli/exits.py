"""How a command ends: its exit code, and what a person is told when it could not do its work.

    0 every promise held · 1 one was broken · 2 could not run (input, a server) · 3 could not be decided
    70 a bug of imsim's own · 130 interrupted

A traceback is shown where code is wrong: imsim's own, with what to do about it, or an algorithm under test, to its
author. What a user wrote is told by one line alone.
"""

from __future__ import annotations

import contextlib
import enum
import os
import platform
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import cyclopts

import imsim
from imsim.cli import usage
from imsim.cli.options import app
from imsim.cli.screen import write_nowhere
from imsim.errors import AlgorithmError, ImsimError, InternalError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Exit", "complain", "main"]


class Exit(enum.IntEnum):
    """The exit codes that are no verdict."""

    COULD_NOT_RUN = 2
    BUG = 70
    INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """The command: parse, run, and leave with the exit code.

    Args:
        arguments: what was typed after `imsim`; by default what this process was started with.
    """
    sys.stdout, sys.stderr = (stream or _nowhere() for stream in (sys.stdout, sys.stderr))
    sys.exit(_ended(lambda: _obey(arguments)))


def _nowhere() -> TextIO:
    """What stands for a standard stream that whoever started this process closed."""
    return Path(os.devnull).open("w", encoding="utf-8")


def _obey(arguments: Sequence[str] | None) -> int:
    app.help_formatter = "default" if sys.stdout.isatty() else "plain"
    code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    sys.stdout.flush()  # what cannot be written is an error now, not a warning after the end
    return code if isinstance(code, int) else 0


def _ended(work: Callable[[], int]) -> int:
    """The exit code of some work, whatever happens in it."""
    try:
        return work()
    except InternalError as error:
        return _own_bug(error)
    except ImsimError as error:
        if isinstance(error, AlgorithmError) and error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        complain(str(error))
        return error.exit_code
    except cyclopts.CycloptsError as error:
        complain(usage.tell(error))
        return Exit.COULD_NOT_RUN
    except KeyboardInterrupt as interrupt:
        complain(str(interrupt) or "interrupted")
        return Exit.INTERRUPTED
    except BrokenPipeError:  # whoever read has seen enough
        write_nowhere()
        return 0
    except OSError as error:
        complain(f"{error.filename or 'standard output'}: {error.strerror or error}")
        write_nowhere()
        return Exit.COULD_NOT_RUN
    except Exception as error:  # noqa: BLE001 (whatever else escapes is a bug)
        return _own_bug(error)


def complain(message: str) -> None:
    """One line, whatever a name or a value that it quotes has in it."""
    line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in message)
    with contextlib.suppress(OSError):
        print(f"imsim: {line}", file=sys.stderr)


def _own_bug(error: Exception) -> int:
    traceback.print_exception(error)
    complain(
        "this is a bug of imsim's own. Please report it with the lines above, the model, the command, and: "
        f"imsim {imsim.__version__}, Python {platform.python_version()}, {platform.system()}"
    )
    return Exit.BUG
