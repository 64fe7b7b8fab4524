"""`jepsen-edn`: a history as Jepsen stores it: a stream of maps, or one vector or list of them.

    {:process 0, :type :invoke, :f :write, :value 3}
    {:process 0, :type :ok, :f :write, :value 3}

What `:fail` ended did not happen, what `:info` ended may happen at any time or never. A process that is no number (the
nemesis) is no part of the history. `:index` counts the maps where a file does not say it; `:key` names the object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from imsim.errors import ConfigError, nearest
from imsim.verify.formats import edn
from imsim.verify.formats.events import Event, Kind

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_events"]

_KINDS: Final = {kind.value: kind for kind in (Kind.INVOKE, Kind.OK, Kind.FAIL, Kind.INFO)}


def read_events(text: str, path: Path) -> list[Event]:
    """The events of a history.

    Raises:
        ConfigError: text that is no EDN, or a map that is no event.
    """
    try:
        found = [_event(form, number) for number, form in enumerate(edn.forms(text))]
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return [event for event in found if event is not None]


def _event(form: edn.Form, number: int) -> Event | None:
    event, line = form
    if not isinstance(event, dict):
        raise ConfigError(f"line {line}: expected a map such as {{:process 0, :type :invoke, …}}, got {_brief(event)}")
    kind, process = event.get("type"), event.get("process", 0)
    if kind not in _KINDS:
        near = nearest(kind, _KINDS) if isinstance(kind, str) else ""
        raise ConfigError(f"line {line}: :type: expected :invoke, :ok, :fail or :info, got {_brief(kind)}{near}")
    if not isinstance(process, int):
        return None
    function = event.get("f", "txn")
    if not isinstance(function, str):
        raise ConfigError(f"line {line}: :f: expected a keyword, got {_brief(function)}")
    for name in ("key", "value"):
        _check_plain(event.get(name), f"line {line}: :{name}")
    index = event.get("index", number)
    return Event(_KINDS[kind], process, str(function), event.get("key"), event.get("value"), index, line)


def _check_plain(value: Any, where: str) -> None:  # noqa: ANN401 (a value of the file)
    try:
        hash(value)
    except TypeError:
        raise ConfigError(f"{where}: a map is no value that a model knows") from None


def _brief(value: object) -> str:
    text = f":{value}" if isinstance(value, edn.Keyword) else repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."  # noqa: PLR2004 (a line)
