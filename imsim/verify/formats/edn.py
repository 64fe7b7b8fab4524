"""EDN, as far as histories use it: nil, booleans, numbers, strings, keywords, symbols, vectors, lists, sets and maps.

A keyword becomes its name, a vector or list a tuple, a set a frozenset, a map a dict: values that can be compared and
hashed. Comments run from `;` to the end of the line, and commas are white space (https://github.com/edn-format/edn).
One regular expression finds the tokens, and nesting is a stack, so a deep file does not end in a recursion error.

What does not belong here: what a history means (jepsen_edn.py).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from imsim.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Form", "Keyword", "forms"]

_TOKEN: Final = re.compile(
    r"""(?:[\s,]+|;[^\n]*)*
      (?: ([^\s,()\[\]{}";#][^\s,()\[\]{}";]*)  # 1: an atom
        | (\#\{|[(\[{])                         # 2: opens
        | ([)\]}])                              # 3: closes
        | ("(?:[^"\\]|\\.)*")                   # 4: a string
        | (\#[^\s,()\[\]{}"]*)                  # 5: a tag
        | (.) | \Z )                            # 6: nothing that is known; or the end""",
    re.VERBOSE | re.DOTALL,
)
_ATOM, _OPENS, _CLOSES, _STRING, _TAG = range(1, 6)
_CLOSING: Final = {"(": ")", "[": "]", "{": "}", "#{": "}"}
_WORDS: Final = {"nil": None, "true": True, "false": False}
_NUMBER: Final = re.compile(r"[+-]?\d+(?:N|(?P<real>\.\d*)?(?P<power>[eE][+-]?\d+)?M?)$")
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_LETTERS: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class Keyword(str):
    """A keyword or symbol: its name, without the colon."""

    __slots__ = ()


class Form(NamedTuple):
    """One value of a file, and the line where it begins."""

    value: Any
    line: int


class _Nest:
    __slots__ = ("at", "items", "opened", "places")

    def __init__(self, opened: str, at: int) -> None:
        self.opened = opened
        self.at = at
        self.items: list[Any] = []
        self.places: list[int] = []


class _Lines:
    """Where the lines of a text begin; asked only where a line is told."""

    def __init__(self, text: str) -> None:
        self._ends = [found.start() for found in re.finditer("\n", text)]

    def of(self, place: int) -> int:
        """The line of a place, from 1."""
        return bisect_left(self._ends, place) + 1


def forms(text: str) -> Iterator[Form]:
    """The values of a text, one after the other; the items of one that is the only vector or list, instead of it.

    Raises:
        ConfigError: text that is no EDN; the message begins with its line.
    """
    lines = _Lines(text)
    top = _parsed(text, lines)
    only = top.items[0] if len(top.items) == 1 else None
    if isinstance(only, _Nest):
        top = only
    for value, place in zip(top.items, top.places, strict=True):
        yield Form(_settled(value), lines.of(place))


def _parsed(text: str, lines: _Lines) -> _Nest:
    """All values of a text; a vector or list at the top is left as it was read, for its items know their places."""
    nests = [_Nest("", 0)]
    known: dict[str, Any] = {}
    for match in _TOKEN.finditer(text):
        what = match.lastindex
        if what is None:
            continue
        token, at = match[what], match.start(what)
        nest = nests[-1]
        if what == _ATOM:
            value = known.get(token, known)
            if value is known:
                value = known[token] = _atom(token, lines.of(at))
        elif what == _STRING:
            value = _ESCAPE.sub(_letter, token[1:-1])
        elif what == _OPENS:
            nests.append(_Nest(token, at))
            continue
        elif what == _CLOSES:
            value, nest, at = _closed(nests, token, lines.of(at), lines)
        else:
            raise ConfigError(f"line {lines.of(at)}: {_unread(token, text[at : at + 20], tag=what == _TAG)}")
        nest.items.append(value)
        nest.places.append(at)
    if len(nests) > 1:
        raise ConfigError(f"line {lines.of(nests[-1].at)}: {nests[-1].opened} is never closed: the file is cut off")
    return nests[0]


def _unread(token: str, begin: str, *, tag: bool) -> str:
    return f"{token}: tagged and discarded values are not read" if tag else f"expected EDN, got {begin!r}"


def _closed(nests: list[_Nest], token: str, line: int, lines: _Lines) -> tuple[Any, _Nest, int]:
    """The value that ends here, the nest that it belongs to, and where it begins."""
    if _CLOSING.get(nests[-1].opened) != token:
        opened = _CLOSING.get(nests[-1].opened)
        raise ConfigError(f"line {line}: {f'expected {opened}, got' if opened else 'nothing is open for'} {token}")
    nest = nests.pop()
    parent = nests[-1]
    if nest.opened in "([":
        return (tuple(nest.items) if parent.opened else nest), parent, nest.at
    values = nest.items
    try:
        if nest.opened == "#{":
            return frozenset(values), parent, nest.at
        return dict(zip(values[::2], values[1::2], strict=True)), parent, nest.at
    except ValueError:
        raise ConfigError(f"line {lines.of(nest.at)}: a map with a key and no value") from None
    except TypeError:
        raise ConfigError(f"line {lines.of(nest.at)}: a map as a key, or in a set, is not read") from None


def _settled(value: Any) -> Any:  # noqa: ANN401 (a value of the file)
    return tuple(value.items) if isinstance(value, _Nest) else value


def _atom(token: str, line: int) -> Any:  # noqa: ANN401 (a value of the file)
    if token in _WORDS:
        return _WORDS[token]
    if token[0] == ":":
        return Keyword(token[1:])
    if number := _NUMBER.match(token):
        digits = token.rstrip("NM")
        return float(digits) if number["real"] or number["power"] else int(digits)
    if token[0].isdigit():
        raise ConfigError(f"line {line}: {token}: expected a number")
    return Keyword(token)


def _letter(match: re.Match[str]) -> str:
    letter = match[1]
    return chr(int(letter[1:], 16)) if len(letter) > 1 else _LETTERS.get(letter, letter)
