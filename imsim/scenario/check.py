"""Is this plain value a section? The answer names the key path, what is allowed, what was given and the nearest name.

One walk over msgspec's own description of the types, so the structs stay the only place where a key, a type or a bound
is written. The walk also reads what a file may write more briefly: durations as text, a bare value for a table with one
main key, one string for a list of strings, `"none"` for an optional value. What comes out is plain again, and
`msgspec.convert` then builds the structs from it.

Rules that hold between sections are rules.py's.
"""

from __future__ import annotations

import enum
import math
import re
import reprlib
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import inspect

from imsim.errors import nearest
from imsim.scenario.values import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["FlawError", "checked", "known_keys", "unknown"]

_NOUNS: Final[dict[type, str]] = {
    dict: "a table", list: "a list", tuple: "a list", str: "text", bool: "true or false", int: "an integer",
    float: "a number", type(None): "none",
}  # fmt: skip
_LISTED: Final = 12
"""Names that fit a line."""
_SHORT: Final = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60


class FlawError(ValueError):
    """One thing that is wrong with a value: where (a key path), and what."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem


def unknown(path: str, what: str, given: str, names: Iterable[str]) -> FlawError:
    """A name that stands for nothing, with those that do."""
    known = list(names)
    listed = ", ".join(known[:_LISTED]) + (", …" if len(known) > _LISTED else "") if known else "none"
    return FlawError(path, f"no such {what}: {given!r}{nearest(given, known)}; there are {listed}")


def checked(value: Any, section: type[msgspec.Struct], path: str = "") -> Any:  # noqa: ANN401 (plain data of any kind)
    """The plain value with everything that was written briefly written out.

    Raises:
        FlawError: it is no such section.
    """
    return _check(value, _described(section), path, "")


def known_keys(section: type[msgspec.Struct]) -> dict[str, inspect.Field]:
    """The fields of a section by the key that a file uses."""
    described = _described(section)
    return {field.encode_name: field for field in described.fields}


@cache
def _described(section: type[msgspec.Struct]) -> inspect.StructType:
    described = inspect.type_info(section)
    assert isinstance(described, inspect.StructType)  # noqa: S101 (the argument is a struct class)
    return described


def _check(value: Any, kind: inspect.Type, path: str, unit: str) -> Any:  # noqa: ANN401
    if isinstance(kind, inspect.Metadata):
        return _check(value, kind.type, path, (kind.extra or {}).get("unit", unit))
    return _CHECKS[type(kind)](value, kind, path, unit)


def _wrong(path: str, expected: str, value: Any) -> FlawError:  # noqa: ANN401
    given = _NOUNS.get(type(value), "") if isinstance(value, dict | list) else _SHORT.repr(value)
    if isinstance(value, bool):
        given = "true" if value else "false"
    return FlawError(path, f"expected {expected}, got {given}")


def _bounded(noun: str, kind: inspect.IntType | inspect.FloatType, value: float) -> str | None:
    """What was expected, where a bound is broken; else None."""
    if kind.ge is not None and value < kind.ge:
        return f"{noun} >= {_number(kind.ge)}"
    if kind.gt is not None and value <= kind.gt:
        return f"{noun} > {_number(kind.gt)}"
    if kind.le is not None and value > kind.le:
        return f"{noun} <= {_number(kind.le)}"
    return None


def _number(bound: float) -> str:
    return str(int(bound)) if float(bound).is_integer() else repr(bound)


def _lower(kind: inspect.IntType | inspect.FloatType) -> str:
    if kind.gt is not None:
        return f" > {_number(kind.gt)}"
    return "" if kind.ge is None else f" >= {_number(kind.ge)}"


def _integer(value: Any, kind: inspect.IntType, path: str, _unit: str) -> int:  # noqa: ANN401
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(path, "an integer" + _lower(kind), value)
    if (expected := _bounded("an integer", kind, value)) is not None:
        raise _wrong(path, expected, value)
    return value


def _real(value: Any, kind: inspect.FloatType, path: str, unit: str) -> float:  # noqa: ANN401
    noun = "a duration (seconds, or text such as '30s' or '5m')" if unit == "seconds" else "a number"
    number = parse_duration(value) if unit == "seconds" and isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise _wrong(path, noun + _lower(kind), value)
    if (expected := _bounded(noun, kind, number)) is not None:
        raise _wrong(path, expected, value)
    return float(number)


def _text(value: Any, kind: inspect.StrType, path: str, _unit: str) -> str:  # noqa: ANN401
    if not isinstance(value, str):
        raise _wrong(path, "text", value)
    if kind.min_length is not None and len(value) < kind.min_length:
        raise _wrong(path, "text that is not empty", value)
    if kind.max_length is not None and len(value) > kind.max_length:
        raise _wrong(path, f"text of at most {kind.max_length} characters", value)
    if kind.pattern is not None and re.search(kind.pattern, value) is None:
        shape = "USER/KIND" if "/" in kind.pattern else "letters, digits and _ . + -"
        raise _wrong(path, f"a name ({shape})", value)
    return value


def _truth(value: Any, _kind: inspect.BoolType, path: str, _unit: str) -> bool:  # noqa: ANN401
    if not isinstance(value, bool):
        raise _wrong(path, "true or false", value)
    return value


def _choice(value: Any, kind: inspect.EnumType, path: str, _unit: str) -> str:  # noqa: ANN401
    return _one_of(value, [member.value for member in kind.cls], path)


def _one_of(value: Any, names: list[str], path: str) -> str:  # noqa: ANN401
    if isinstance(value, enum.Enum):
        value = value.value
    if value not in names:
        raise FlawError(path, f"{_expected_names(names, value)}{nearest(str(value), names)}")
    return str(value)


def _expected_names(names: list[str], value: Any) -> str:  # noqa: ANN401
    allowed = ", ".join(names[:-1]) + f" or {names[-1]}" if len(names) > 1 else names[0]
    return f"expected {allowed}, got {_SHORT.repr(value)}"


def _sequence(value: Any, kind: inspect.VarTupleType, path: str, unit: str) -> list[Any]:  # noqa: ANN401
    item = kind.item_type.type if isinstance(kind.item_type, inspect.Metadata) else kind.item_type
    if isinstance(value, str) and isinstance(item, inspect.StrType):
        value = [value]
    if not isinstance(value, list | tuple):
        raise _wrong(path, "a list", value)
    low, high = kind.min_length or 0, kind.max_length
    if len(value) < low or (high is not None and len(value) > high):
        allowed = f"exactly {low}" if low == high else f"at least {low}" if len(value) < low else f"at most {high}"
        raise FlawError(
            path, f"expected {allowed} {'entry' if allowed.endswith(' 1') else 'entries'}, got {len(value)}"
        )
    return [_check(entry, kind.item_type, f"{path}[{index}]", unit) for index, entry in enumerate(value)]


def _pair(value: Any, kind: inspect.TupleType, path: str, unit: str) -> list[Any]:  # noqa: ANN401
    if not isinstance(value, list | tuple) or len(value) != len(kind.item_types):
        raise _wrong(path, f"a list of {len(kind.item_types)}", value)
    parts = enumerate(zip(value, kind.item_types, strict=True))
    return [_check(entry, part, f"{path}[{index}]", unit) for index, (entry, part) in parts]


def _mapping(value: Any, kind: inspect.DictType, path: str, unit: str) -> dict[str, Any]:  # noqa: ANN401
    if isinstance(value, str):
        value = {value: 1.0}
    if not isinstance(value, dict):
        raise _wrong(path, "a table", value)
    return {key: _check(item, kind.value_type, _join(path, key), unit) for key, item in value.items()}


def _table(value: Any, kind: inspect.StructType, path: str, _unit: str) -> dict[str, Any]:  # noqa: ANN401
    brief = getattr(kind.cls, "shorthand", "")
    if brief and isinstance(value, str | int | float) and not isinstance(value, bool):
        field = known_keys(kind.cls)[brief]
        return {brief: _check(value, field.type, path, "")}
    if not isinstance(value, dict):
        raise _wrong(path, "a table", value)
    fields = known_keys(kind.cls)
    tag: dict[str, Any] = {kind.tag_field: kind.tag} if kind.tag_field is not None else {}
    for key in value:
        if key not in fields and key not in tag:
            names = sorted([*fields, *tag])
            raise FlawError(_join(path, key), f"unknown key{nearest(key, names)}; known are {', '.join(names)}")
    for key, field in fields.items():
        if field.required and key not in value:
            raise FlawError(_join(path, key), f"missing; {_meaning(field)}")
    written = {
        key: _check(value[key], field.type, _join(path, key), "") for key, field in fields.items() if key in value
    }
    return {**tag, **written}


def _meaning(field: inspect.Field) -> str:
    schema = field.type.extra_json_schema if isinstance(field.type, inspect.Metadata) else None
    return str((schema or {}).get("description", "it has no default"))


def _either(value: Any, kind: inspect.UnionType, path: str, unit: str) -> Any:  # noqa: ANN401
    if any(isinstance(option, inspect.NoneType) for option in kind.types):
        if value is None or value == "none":
            return None
        others = [option for option in kind.types if not isinstance(option, inspect.NoneType)]
        return _check(value, others[0], path, unit)
    options = {str(option.tag): option for option in kind.types if isinstance(option, inspect.StructType)}
    tag_field = next(iter(options.values())).tag_field or ""
    if isinstance(value, str):
        value = {tag_field: value}
    if not isinstance(value, dict):
        raise _wrong(path, "a table", value)
    if tag_field not in value:
        names = sorted(options)
        raise FlawError(_join(path, tag_field), f"missing; one of {', '.join(names)}")
    tag = _one_of(value[tag_field], sorted(options), _join(path, tag_field))
    return _check({**value, tag_field: tag}, options[tag], path, unit)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else str(key)


_CHECKS: Final[dict[type[inspect.Type], Callable[[Any, Any, str, str], Any]]] = {
    inspect.IntType: _integer,
    inspect.FloatType: _real,
    inspect.StrType: _text,
    inspect.BoolType: _truth,
    inspect.EnumType: _choice,
    inspect.VarTupleType: _sequence,
    inspect.TupleType: _pair,
    inspect.DictType: _mapping,
    inspect.StructType: _table,
    inspect.UnionType: _either,
}
"""How each kind of type is checked; the sections use no other."""
