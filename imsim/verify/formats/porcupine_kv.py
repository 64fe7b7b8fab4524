"""`porcupine-kv`: put, append and get of strings, one map a line, as Porcupine's tests are recorded.

    {:process 0, :type :invoke, :f :append, :key "k", :value "x"}
    {:process 0, :type :ok, :f :append, :key "k", :value "x"}

A key that was never written holds the empty string.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from imsim.errors import ConfigError
from imsim.verify.formats import jepsen_edn
from imsim.verify.formats.events import Event, Kind

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_events"]

_FUNCTIONS: Final = ("put", "append", "get")


def read_events(text: str, path: Path) -> list[Event]:
    """The events of a history.

    Raises:
        ConfigError: text that is no EDN, or a map that is no put, append or get of a string.
    """
    events = jepsen_edn.read_events(text, path)
    for event in events:
        if event.function not in _FUNCTIONS:
            raise ConfigError(f"{path}: line {event.line}: :f: expected :put, :append or :get, got :{event.function}")
        for name, text_ in (("key", event.key), ("value", event.value)):
            if not isinstance(text_, str) and not (name == "value" and text_ is None and _untold(event)):
                raise ConfigError(f"{path}: line {event.line}: :{name}: expected a string, got {text_!r}")
    return events


def _untold(event: Event) -> bool:
    """Whether there is nothing to tell: a get that asks, or one that was not answered."""
    return event.function == "get" and event.kind is not Kind.OK
