"""A mistyped command line, told as every other mistake is: what was wrong, what was given, what is allowed.

The parser has sentences of its own for people at a terminal; one style for all is easier to read, and to test.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, get_args

from cyclopts import exceptions

from imsim.errors import nearest

__all__ = ["tell"]

_NOUNS: Final[dict[Any, str]] = {int: "an integer", float: "a number", bool: "true or false", Path: "a path"}


def tell(error: exceptions.CycloptsError) -> str:
    """One line about what was typed."""
    for kind, sentence in _SENTENCES.items():
        if isinstance(error, kind):
            return sentence(error)
    return " ".join(str(error).split())


def _unknown_option(error: exceptions.UnknownOptionError) -> str:
    given = (error.token.keyword or error.token.value or "").partition("=")[0]
    names = [name for argument in error.argument_collection for name in argument.names if name.startswith("-")]
    return f"{given}: no such option{nearest(given, names)}{_see(error)}"


def _unknown_command(error: exceptions.UnknownCommandError) -> str:
    given = (error.unused_tokens or [""])[0]
    names = [] if error.app is None else [name for name in error.app if name.startswith("-") == given.startswith("-")]
    if given.startswith("-"):
        return f"{given}: no such option{nearest(given, names)}{_see(error)}"
    return f"{given}: no such command{nearest(given, names)}; there are {', '.join(names)}"


def _unused(error: exceptions.UnusedCliTokensError) -> str:
    given = (error.unused_tokens or [""])[0]
    return f"{given}: one argument too many{_see(error)}"


def _missing(error: exceptions.MissingArgumentError) -> str:
    name = error.keyword or (error.argument.name if error.argument is not None else "an argument")
    what = f"{name}: a value is missing" if error.keyword else f"{name} is missing"
    return f"{what}{_see(error)}"


def _unfit(error: exceptions.CoercionError) -> str:
    token = error.token
    name = (token.keyword if token is not None else None) or (error.argument.name if error.argument is not None else "")
    choices = get_args(error.target_type)
    wanted = _NOUNS.get(error.target_type) or " or ".join(map(str, choices)) or "something else"
    given = "" if token is None else token.value
    return f"{name}: expected {wanted}, got {given!r}{nearest(given, map(str, choices))}"


def _repeated(error: exceptions.RepeatArgumentError) -> str:
    return f"{error.token.keyword}: given more than once"


def _see(error: exceptions.CycloptsError) -> str:
    return f"; see: imsim {' '.join((*(error.command_chain or ()), '--help'))}"


_SENTENCES: Final[dict[type[exceptions.CycloptsError], Callable[[Any], str]]] = {
    exceptions.UnknownOptionError: _unknown_option,
    exceptions.UnknownCommandError: _unknown_command,
    exceptions.UnusedCliTokensError: _unused,
    exceptions.MissingArgumentError: _missing,
    exceptions.CoercionError: _unfit,
    exceptions.RepeatArgumentError: _repeated,
}
