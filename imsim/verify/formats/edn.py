"""EDN, as far as histories use it: nil, booleans, numbers, strings, keywords, symbols, vectors, lists, sets and maps.

A keyword becomes its name, a vector or list a tuple, a set a frozenset, a map a dict: values that can be compared and
hashed. Comments run from `;` to the end of the line, and commas are white space (https://github.com/edn-format/edn).
One regular expression finds the tokens, and nesting is a stack, so a deep file does not end in a recursion error.

What does not belong here: what a history means (jepsen_edn.py).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from imsim.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Form", "Keyword", "forms"]

_TOKEN: Final = re.compile(
    r"""(?P<skip>[\s,]+|;[^\n]*)
      | (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<open>\#\{|[(\[{])
      | (?P<close>[)\]}])
      | (?P<tag>\#[A-Za-z_][^\s,()\[\]{}"]*|\#_)
      | (?P<atom>[^\s,()\[\]{}";]+)""",
    re.VERBOSE | re.DOTALL,
)
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
    __slots__ = ("items", "line", "opened")

    def __init__(self, opened: str, line: int) -> None:
        self.opened = opened
        self.line = line
        self.items: list[Form] = []


def forms(text: str) -> Iterator[Form]:
    """The values of a text, one after the other; the items of one that is the only vector or list, instead of it.

    Raises:
        ConfigError: text that is no EDN; the message begins with its line.
    """
    found = list(_top(text))
    if len(found) == 1 and isinstance(found[0].value, _Nest):
        yield from (Form(_settled(item), item.line) for item in found[0].value.items)
        return
    yield from (Form(_settled(item), item.line) for item in found)


def _top(text: str) -> Iterator[Form]:
    """The values of a text; a vector or list at the top is left as it was read, for its items know their lines."""
    nests: list[_Nest] = []
    at, line = 0, 1
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ConfigError(f"line {line}: expected EDN, got {text[at : at + 20]!r}")
        at, what, token = match.end(), match.lastgroup, match.group()
        begin = line
        line += token.count("\n")
        if what == "skip":
            continue
        if what == "tag":
            raise ConfigError(f"line {begin}: {token}: tagged and discarded values are not read")
        if what == "open":
            nests.append(_Nest(token, begin))
            continue
        item = _closed(nests, token, begin) if what == "close" else Form(_atom(token, begin), begin)
        if nests:
            nests[-1].items.append(Form(_settled(item), item.line))
        else:
            yield item
    if nests:
        raise ConfigError(f"line {nests[-1].line}: {nests[-1].opened} is never closed: the file is cut off")


def _closed(nests: list[_Nest], token: str, line: int) -> Form:
    if not nests or _CLOSING[nests[-1].opened] != token:
        expected = f"expected {_CLOSING[nests[-1].opened]}, got" if nests else "nothing is open for"
        raise ConfigError(f"line {line}: {expected} {token}")
    nest = nests.pop()
    if nest.opened in "([":
        return Form(nest, nest.line)
    values = [item.value for item in nest.items]
    try:
        if nest.opened == "#{":
            return Form(frozenset(values), nest.line)
        return Form(dict(zip(values[::2], values[1::2], strict=True)), nest.line)
    except ValueError:
        raise ConfigError(f"line {nest.line}: a map with a key and no value") from None
    except TypeError:
        raise ConfigError(f"line {nest.line}: a map as a key, or in a set, is not read") from None


def _settled(item: Form) -> Any:  # noqa: ANN401 (a value of the file)
    return tuple(each.value for each in item.value.items) if isinstance(item.value, _Nest) else item.value


def _atom(token: str, line: int) -> Any:  # noqa: ANN401 (a value of the file)
    if token in _WORDS:
        return _WORDS[token]
    if token[0] == '"':
        return _ESCAPE.sub(_letter, token[1:-1])
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
