"""Scenarios as TOML: what differs from the defaults, in the order of the structs.

TOML has no null, so an optional key that is none where its default is not is written as `"none"`, as the loader reads
it. Scalars of a table come before its sub-tables, and lists of tables are inline: short enough to read, and one line an
entry in a diff.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

__all__ = ["inline", "plain", "to_toml", "without_defaults"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def without_defaults(section: msgspec.Struct) -> dict[str, Any]:
    """The keys of a struct whose values are not the defaults, as plain values; a tag is always kept."""
    config = section.__struct_config__
    found: dict[str, Any] = {}
    if config.tag is not None and config.tag_field is not None:
        found[config.tag_field] = config.tag
    for field in msgspec.structs.fields(type(section)):
        value = getattr(section, field.name)
        default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        if type(value) is not type(default) or value != default:
            found[field.encode_name] = plain(value)
    return found


def plain(value: Any) -> Any:  # noqa: ANN401 (whatever a section may hold)
    """A value as TOML can say it."""
    if isinstance(value, msgspec.Struct):
        return without_defaults(value)
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return "none" if value is None else msgspec.to_builtins(value)


def to_toml(table: dict[str, Any]) -> str:
    """The text of a document."""
    lines: list[str] = []
    _write(table, "", lines)
    return "\n".join(lines).strip() + "\n"


def _write(table: dict[str, Any], path: str, lines: list[str]) -> None:
    tables = {key: value for key, value in table.items() if isinstance(value, dict)}
    scalars = {key: value for key, value in table.items() if key not in tables}
    if path and (scalars or not tables):
        lines.extend(("", f"[{path}]"))
    for key, value in scalars.items():
        lines.append(f"{_key(key)} = {inline(value, top=True)}")
    for key, value in tables.items():
        _write(value, f"{path}.{_key(key)}" if path else _key(key), lines)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name)


def inline(value: Any, *, top: bool = False) -> str:  # noqa: ANN401
    """A value on one line; at the `top` of a table, a list of tables has one line an entry."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        if top and any(isinstance(item, dict) for item in value):
            return "[\n" + "".join(f"  {inline(item)},\n" for item in value) + "]"
        return "[" + ", ".join(map(inline, value)) + "]"
    return repr(value)
