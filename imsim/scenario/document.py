"""The reference of model files (docs/model.md) and their JSON Schema, both written from the structs.

A key is described once, beside its type, and nowhere else; the committed reference is tested to be what comes out here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args

import msgspec
from msgspec import inspect

from imsim.protocol import retry
from imsim.scenario import faults, network, people, policy, servers, text, traffic, values
from imsim.scenario.budget import Budget
from imsim.scenario.check import known_keys
from imsim.scenario.model import History, Scenario

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["reference", "schema"]

_PRESET: Final = "Name of a preset: constants of a real system, laid under the keys of this file."

_INTRODUCTION: Final = """# What a model says

Generated from the structs in `imsim/scenario/`; change it there, then run `python scripts/model_docs.py`.

A model is a TOML file. Every key has a default unless it is *required*; unknown keys are errors. Durations are seconds,
or text with a unit: `"500ms"`, `"30s"`, `"5m"`, `"8h"`, `"2d"`. Where a table has one main key, a bare value stands for
it: `latency = "20ms"` is `latency = {mean = 0.02}`, and `kinds = ["phone"]` is `kinds = [{name = "phone"}]`. One text
stands for a list of one. An optional key is switched off by `"none"`.

The top-level key `preset = "NAME"` takes the constants of a real system from `presets/NAME.toml` (beside the model, or
shipped); the model's own keys go before them. `--set preset=NAME` lays them over the model instead.

On the command line `--set KEY=VALUE` changes one key, by its dotted path: `--set devices.count=20`,
`--set network.loss=0.1`, `--set faults.events.0.for=30s`.
"""

_PARTS: Final[tuple[tuple[str, str, tuple[type[msgspec.Struct], ...]], ...]] = (
    ("The model itself", "", (Scenario,)),
    ("Devices", "devices", (people.Devices, people.DeviceKind)),
    ("Conversations", "conversations", (people.Conversations, people.Group)),
    ("Traffic", "traffic", (*get_args(traffic.Traffic), traffic.Step, traffic.Burst)),
    ("Presence", "presence", (people.Presence, people.PlatformPush)),
    (
        "Network",
        "network",
        (network.Network, network.NetworkProfile, network.Outages, network.Energy, network.SiteLink),
    ),
    ("Servers", "servers", (servers.Servers, servers.Retention, servers.Timeouts)),
    (
        "Backends",
        "backends",
        (servers.Backends, servers.Backend, servers.LogBackend, servers.KeyValueBackend, servers.QueueBackend),
    ),
    ("Synchronisation", "sync", (policy.Sync,)),
    (
        "Retries",
        "retry",
        (policy.Retry, *get_args(retry.RetryPolicy), retry.Stability, retry.RetryBudget, retry.Breaker),
    ),
    ("Faults", "faults", (faults.Faults, *get_args(faults.Fault), faults.Rates)),
    ("Budget", "budget", (Budget,)),
    ("History", "history", (History,)),
    ("Distributions", "", (values.Delay, values.Sizes)),
)


def schema() -> dict[str, Any]:
    """The JSON Schema of a model file, for editors."""
    found = msgspec.json.schema(Scenario)
    parts = found["$defs"]
    profile, own = parts["NetworkProfile"]["properties"], parts["Network"]["properties"]
    parts["Network"]["properties"] = {**{key: profile[key] for key in profile if key not in own}, **own}
    parts["Scenario"]["properties"]["preset"] = {"type": "string", "description": _PRESET}
    for name, part in parts.items():
        properties = part.get("properties", {})
        for key in properties:
            properties[key] = _loosened(properties[key])
        brief = getattr(_STRUCTS.get(name), "shorthand", "")
        if brief:
            parts[name] = {"anyOf": [{**part}, {"type": ["string", "number"]}]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A model of imsim", **found}


def _loosened(node: Any) -> Any:  # noqa: ANN401 (JSON)
    """A property as files may write it: numbers as durations, null as "none", one text for a list."""
    if isinstance(node, dict):
        kind = node.get("type")
        rest = {key: _loosened(value) for key, value in node.items() if key != "default"}
        if kind == "number":
            told = {key: rest.pop(key) for key in ("description",) if key in rest}
            return {**told, "anyOf": [rest, {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(ms|s|m|h|d)$"}]}
        if kind == "null":
            return {"const": "none"}
        return rest
    return [_loosened(item) for item in node] if isinstance(node, list) else node


def reference() -> str:
    """The text of docs/model.md."""
    lines = [_INTRODUCTION]
    for title, section, structs in _PARTS:
        lines.append(f"## {title}" + (f" (`[{section}]`)" if section else "") + "\n")
        for struct in structs:
            lines.extend(_described(struct, several=len(structs) > 1))
    return "\n".join(lines).rstrip() + "\n"


def _described(struct: type[msgspec.Struct], *, several: bool) -> list[str]:
    lines: list[str] = []
    config = struct.__struct_config__
    if several:
        tag = f': `{config.tag_field} = "{config.tag}"`' if config.tag is not None else ""
        lines.append(f"### {struct.__name__}{tag}\n")
    lines.append(" ".join(paragraph.strip() for paragraph in (struct.__doc__ or "").split("\n")).strip() + "\n")
    fields = known_keys(struct)
    if fields:
        lines.extend(("| key | type | unit | default | meaning |", "|---|---|---|---|---|"))
        lines.extend(_row(key, field) for key, field in fields.items())
        lines.append("")
    return lines


def _row(key: str, field: inspect.Field) -> str:
    kind, unit, meaning = field.type, "", ""
    if isinstance(kind, inspect.Metadata):
        meaning = str((kind.extra_json_schema or {}).get("description", ""))
        unit = _unit(kind)
    cells = (f"`{key}`", _typed(kind), unit, _default(field), meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _unit(kind: inspect.Type) -> str:
    """The unit of a type or of what it contains."""
    if isinstance(kind, inspect.Metadata):
        return str((kind.extra or {}).get("unit", "")) or _unit(kind.type)
    inner = getattr(kind, "types", None) or getattr(kind, "item_types", None) or ()
    single = getattr(kind, "item_type", None) or getattr(kind, "value_type", None)
    return next((unit for part in (*inner, *([single] if single else [])) if (unit := _unit(part))), "")


def _typed(kind: inspect.Type) -> str:
    return _TYPED[type(kind)](kind)


def _either(kind: inspect.UnionType) -> str:
    tags = [part for part in kind.types if isinstance(part, inspect.StructType) and part.tag is not None]
    return f"table by `{tags[0].tag_field}`" if tags else " or ".join(_typed(part) for part in kind.types)


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    low = f"≥ {kind.ge:.12g}" if kind.ge is not None else f"> {kind.gt:.12g}" if kind.gt is not None else ""
    high = f"≤ {kind.le:.12g}" if kind.le is not None else ""
    return f" ({', '.join(part for part in (low, high) if part)})" if low or high else ""


def _default(field: inspect.Field) -> str:
    if field.required:
        return "*required*"
    value = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    if isinstance(value, msgspec.Struct):
        return f"`{text.inline(text.without_defaults(value))}`" if text.without_defaults(value) else "its defaults"
    if value is None:
        return "none"
    return f"`{text.inline(text.plain(value))}`"


_STRUCTS: Final = {struct.__name__: struct for _, _, structs in _PARTS for struct in structs}
_TYPED: Final[dict[type[inspect.Type], Callable[[Any], str]]] = {
    inspect.Metadata: lambda kind: _typed(kind.type),
    inspect.IntType: lambda kind: "integer" + _range(kind),
    inspect.FloatType: lambda kind: "number" + _range(kind),
    inspect.StrType: lambda _: "text",
    inspect.BoolType: lambda _: "true or false",
    inspect.NoneType: lambda _: "none",
    inspect.UnionType: _either,
    inspect.VarTupleType: lambda kind: f"list of {_typed(kind.item_type)}",
    inspect.TupleType: lambda kind: f"{len(kind.item_types)} × {_typed(kind.item_types[0])}",
    inspect.DictType: lambda kind: f"table of {_typed(kind.value_type)}",
    inspect.EnumType: lambda _: "one of the names",
    inspect.StructType: lambda kind: kind.cls.__name__,
}
