"""From a model file to a scenario: read, override, resolve, judge.

    file ── expand ──▶ plain ── preset, --set ──▶ plain ── expand, profiles ──▶ plain ── convert ──▶ Scenario ── rules

Every stage raises one `ConfigError` that names its place: the file, or the `--set` that brought the value in. Paths in
a model are relative to its file, paths in an override to the working directory. A name of a network profile is looked
up in the model itself, in `networks/` beside it, and in the shipped ones; what was found becomes part of the scenario.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args

import msgspec

from imsim.errors import ConfigError, nearest
from imsim.protocol.retry import RetryPolicy
from imsim.scenario import library
from imsim.scenario.check import FlawError, checked, known_keys
from imsim.scenario.files import read_text
from imsim.scenario.model import Scenario
from imsim.scenario.network import Network, NetworkProfile
from imsim.scenario.rules import broken_rules
from imsim.scenario.traffic import Traffic

__all__ = ["Overrides", "from_table", "load", "loads"]

Overrides = Mapping[str, Any] | Iterable[str]
"""`{"devices.count": 20}`, or texts `devices.count=20` as a command line has them."""

Plain = dict[str, Any]


class _Override(NamedTuple):
    """One key to change: its dotted path, the value, and the two as they were written."""

    key: str
    value: Any
    text: str


_VARIANTS: Final = {kind.__struct_config__.tag: kind for union in (Traffic, RetryPolicy) for kind in get_args(union)}
_PROFILE_KEY: Final = re.compile(r"network\.profiles\.[^.]+\.(\w+)")
_TAGS: Final = frozenset({"kind", "policy"})
_PROFILE_KEYS: Final = frozenset(known_keys(NetworkProfile)) - frozenset(known_keys(Network))
"""Keys that may stand in the network section and then override every profile in use."""


def load(model: str | os.PathLike[str], overrides: Overrides = ()) -> Scenario:
    """The scenario of a model file, or of a shipped model by name.

    Args:
        model: a path, or a name such as `"enterprise"`.
        overrides: single keys to change, each a dotted path and a value (text is read as TOML, else taken as it is).

    Raises:
        ConfigError: something is wrong; the message names the file (or the override) and the key path.
    """
    path = library.find(model)
    return _build(_parse(read_text(path), str(path)), overrides, str(path), path.parent, path.stem)


def loads(content: str, overrides: Overrides = (), *, source: str = "<text>") -> Scenario:
    """The scenario of a model given as TOML text; paths in it are relative to the working directory.

    Raises:
        ConfigError: as `load`.
    """
    return _build(_parse(content, source), overrides, source, Path.cwd(), "")


def from_table(table: Plain, *, source: str, base: Path) -> Scenario:
    """The scenario of a model that was read already; paths in it are relative to `base`.

    Raises:
        ConfigError: as `load`.
    """
    return _build(table, (), source, base, "")


def _build(table: Plain, overrides: Overrides, source: str, base: Path, name: str) -> Scenario:
    if not table:
        message = f"{source}: the model is empty; it says at least who talks (conversations) and what (traffic)"
        raise ConfigError(message)
    sets = _parsed_overrides(overrides)
    try:
        plain = _with_paths(_with_preset(table, base), base)
        return _resolved(plain, sets, base, name)
    except FlawError as flaw:
        raise _told(flaw, source) from None


def _resolved(plain: Plain, sets: Sequence[_Override], base: Path, name: str) -> Scenario:
    """The scenario of an expanded model and its overrides.

    Raises:
        FlawError: the model is wrong.
        ConfigError: an override makes it so.
    """
    try:
        return _scenario(plain, sets, base, name)
    except FlawError as flaw:
        for count in reversed(range(len(sets))):
            if _flaw(plain, sets[:count], base, name) != flaw.args:  # it was this one that brought the flaw in
                raise _told(flaw, f"--set {sets[count].text}") from None
        raise


def _flaw(plain: Plain, sets: Sequence[_Override], base: Path, name: str) -> tuple[str, ...]:
    """What is wrong with a model, empty if nothing."""
    try:
        _scenario(plain, sets, base, name)
    except FlawError as flaw:
        return flaw.args
    return ()


def _scenario(plain: Plain, sets: Iterable[_Override], base: Path, name: str) -> Scenario:
    for override in sets:
        plain = _set(plain, override.key, override.value, base)
    written = _expand(plain)
    resolved = _with_profiles(written, base)
    resolved.setdefault("name", name)
    try:
        scenario = msgspec.convert(resolved, Scenario)
    except msgspec.ValidationError as error:  # what a section itself refuses
        raise FlawError("", str(error)) from error
    for flaw in broken_rules(scenario):
        raise FlawError(_as_written(flaw.path, written.get("network", {})), flaw.problem)
    return scenario


def _as_written(path: str, network: Plain) -> str:
    """The key path of a profile's key, or of the key of the network section that overrides it in every profile."""
    found = _PROFILE_KEY.match(path)
    return path if found is None or found[1] not in network else f"network.{path[found.start(1) :]}"


def _told(flaw: FlawError, source: str) -> ConfigError:
    return ConfigError(f"{source}: {flaw.path}: {flaw.problem}" if flaw.path else f"{source}: {flaw.problem}")


def _parse(content: str, source: str) -> Plain:
    try:
        return tomllib.loads(content)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        message = f"{source}: not TOML: {error}"
        raise ConfigError(message) from error


# ---------------------------------------------------------------------------------------------- expanding


def _expand(table: Plain) -> Plain:
    """Check the tables and write out what is written briefly; profile keys of the network section stay as they are."""
    network = table.get("network")
    if not isinstance(network, dict):
        return dict(checked(table, Scenario))
    over = {key: value for key, value in network.items() if key in _PROFILE_KEYS}
    checked(over, NetworkProfile, "network")
    own = {key: value for key, value in network.items() if key not in over}
    for key in own:
        if key not in known_keys(Network):
            raise FlawError(f"network.{key}", f"unknown key{nearest(key, [*known_keys(Network), *_PROFILE_KEYS])}")
    plain: Plain = checked({**table, "network": own}, Scenario)
    plain["network"] |= over
    return plain


def _with_preset(table: Plain, base: Path) -> Plain:
    """The expanded model with its preset's keys laid under its own."""
    own = {key: value for key, value in table.items() if key != "preset"}
    plain = _expand(own)
    return plain if "preset" not in table else _layered(_preset(table["preset"], base), plain)


def _preset(name: Any, base: Path) -> Plain:  # noqa: ANN401 (whatever the file holds)
    return _expand(_read_named("preset", name, "presets", base))


def _layered(under: Plain, over: Plain) -> Plain:
    """Two expanded models, key by key of each section; a policy is one key."""
    merged = {**under, **over}
    for key in under.keys() & over.keys():
        if isinstance(under[key], dict) and isinstance(over[key], dict):
            merged[key] = {**under[key], **over[key]}
    return merged


def _read_named(path: str, name: Any, folder: str, base: Path) -> Plain:  # noqa: ANN401
    """The table of `FOLDER/NAME.toml`, beside the model or shipped."""
    shipped = library.names(folder)
    beside = base / folder
    known = sorted({*shipped, *(file.stem for file in beside.glob("*.toml"))})
    if name not in known:
        what = "network profile" if folder == "networks" else "preset"
        problem = f"no such {what}: {name!r}{nearest(str(name), known)}; there are {', '.join(known)}"
        raise FlawError(path, problem)
    file = beside / f"{name}.toml"
    file = file if file.is_file() else library.library() / folder / f"{name}.toml"
    return _parse(read_text(file), str(file))


def _with_profiles(plain: Plain, base: Path) -> Plain:
    """The expanded model with every profile that it uses, overrides applied."""
    network = dict(plain.get("network", {}))
    over = {key: network.pop(key) for key in list(network) if key in _PROFILE_KEYS}
    profiles = dict(network.get("profiles", {}))
    places = {name: f"network.mix.{name}" for name in network.get("mix", {})}
    if network.get("profile") is not None:
        places[network["profile"]] = "network.profile"
    for index, kind in enumerate(plain.get("devices", {}).get("kinds", ())):
        places |= dict.fromkeys(kind.get("network", {}), f"devices.kinds[{index}].network")
    if not places:
        places = {"wifi": "network.profile"}
    for name, path in places.items():
        found = profiles.get(name)
        found = dict(found) if found is not None else checked(_read_named(path, name, "networks", base), NetworkProfile)
        profiles[name] = _overridden(found, over)
    network["profiles"] = profiles
    return {**plain, "network": network}


def _overridden(profile: Plain, over: Plain) -> Plain:
    """A profile with some keys changed: a table changes single keys of a table, anything else replaces it."""
    for key, value in over.items():
        expanded = checked({key: value}, NetworkProfile, "network")[key]
        both = isinstance(value, dict) and isinstance(profile.get(key), dict)
        profile[key] = {**profile[key], **expanded} if both else expanded
    return profile


# ---------------------------------------------------------------------------------------------- paths


def _with_paths(plain: Plain, base: Path) -> Plain:
    """The expanded model with its trace files found from `base`."""
    traffic, network = plain.get("traffic", {}), plain.get("network", {})
    if "trace" in traffic:
        traffic["trace"] = _rooted(traffic["trace"], base)
    if "trace" in network:
        network["trace"] = _rooted(network["trace"], base)
    for profile in network.get("profiles", {}).values():
        if profile.get("trace") is not None:
            profile["trace"] = _rooted(profile["trace"], base)
    return plain


def _rooted(value: Any, base: Path) -> Any:  # noqa: ANN401 (a path or a list of them)
    if isinstance(value, list | tuple):
        return [_rooted(item, base) for item in value]
    return os.path.normpath(base.absolute() / value) if isinstance(value, str) and value else value


# ---------------------------------------------------------------------------------------------- overrides


def _parsed_overrides(overrides: Overrides) -> list[_Override]:
    if isinstance(overrides, Mapping):
        return [_Override(key, value, f"{key}={value}") for key, value in overrides.items()]
    found: dict[str, _Override] = {}
    for override in overrides:
        key, equals, value = (part.strip() for part in override.partition("="))
        if not equals or not key:
            message = f"--set {override}: expected KEY=VALUE, such as devices.count=20"
            raise ConfigError(message)
        found[key] = _Override(key, _value(value), f"{key}={value}")
    return list(found.values())


def _value(text: str) -> Any:  # noqa: ANN401 (any TOML value)
    try:
        document = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    return document["value"] if list(document) == ["value"] else text


def _set(plain: Plain, key: str, value: Any, base: Path) -> Plain:  # noqa: ANN401
    """The expanded model with one key changed; a preset lays its keys over the model's."""
    if key == "preset":
        return _layered(plain, _preset(value, base))
    parts = key.split(".")
    if parts[-1] == "trace":
        value = _rooted(value, Path.cwd())
    return dict(_placed(plain, parts, value, ""))


def _placed(node: Any, parts: list[str], value: Any, path: str) -> Any:  # noqa: ANN401
    """A copy of a table or list in which the entry at `parts` is `value`; tables on the way are made."""
    head, rest = parts[0], parts[1:]
    here = f"{path}.{head}" if path else head
    if isinstance(node, list):
        if not head.isdecimal() or int(head) >= len(node):
            raise FlawError(here, f"expected an index below {len(node)}, got {head!r}")
        index = int(head)
        return [*node[:index], _placed(node[index], rest, value, here) if rest else value, *node[index + 1 :]]
    table = dict(node) if isinstance(node, dict) else {}
    if rest:
        return {**table, head: _placed(table.get(head, {}), rest, value, here)}
    variant = _VARIANTS.get(value) if head in _TAGS and isinstance(value, str) else None
    if variant is not None:  # another variant: its keys only, or the old one's would be unknown
        table = {name: kept for name, kept in table.items() if name in known_keys(variant)}
    return {**table, head: value}
