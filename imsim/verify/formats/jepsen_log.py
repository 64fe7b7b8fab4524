"""`jepsen-log`: the lines that jepsen.util prints while a test runs.

    INFO  jepsen.util - 3	:invoke	:cas	[1 4]
    INFO  jepsen.util - 3	:fail	:cas	[1 4]

Here `:fail` of a cas is an observation, that the value was another one; a read that timed out says nothing; and
whatever else timed out may still happen (so are the logs of etcd that checkers are compared on). Lines of other
loggers are no part of the history.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from imsim.errors import ConfigError
from imsim.verify.formats import edn
from imsim.verify.formats.events import Event, Kind

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_events"]

_LINE: Final = re.compile(r"(?:.*\s)?jepsen\.util\s+-\s+(?P<rest>.*)")
_EVENT: Final = re.compile(r"(?P<process>\d+)\s+:(?P<kind>invoke|ok|fail|info)\s+:(?P<function>[\w-]+)\s+(?P<value>.+)")
_NEMESIS: Final = re.compile(r":nemesis\s")
_LOGGER: Final = re.compile(r"(?:.*\s)?(?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\s+(?!jepsen\.util\b)\S+\s+-\s")
_TIMED_OUT: Final = "timed-out"


def read_events(text: str, path: Path) -> list[Event]:
    """The events of a log.

    Raises:
        ConfigError: a line that is none of a log.
    """
    events: list[Event] = []
    for number, line in enumerate(text.splitlines(), 1):
        found = _LINE.match(line)
        event = _EVENT.fullmatch(found["rest"].strip()) if found else None
        if event is not None:
            events.append(_event(event, len(events), number, path))
        elif line.strip() and not (_NEMESIS.match(found["rest"]) if found else _LOGGER.match(line)):
            expected = "expected a line such as 'INFO  jepsen.util - 3 :invoke :cas [1 4]'"
            raise ConfigError(f"{path}: line {number}: {expected}, got {line[:60]!r}")
    return events


def _event(found: re.Match[str], index: int, line: int, path: Path) -> Event:
    try:
        values = [form.value for form in edn.forms(f"[{found['value']}]")]
    except ConfigError:
        values = []
    if len(values) != 1:
        raise ConfigError(f"{path}: line {line}: expected one value, got {found['value']!r}")
    kind = _meant(Kind(found["kind"]), found["function"], values[0])
    value = None if values[0] == _TIMED_OUT else values[0]
    return Event(kind, int(found["process"]), found["function"], None, value, index, line)


def _meant(kind: Kind, function: str, value: Any) -> Kind:  # noqa: ANN401 (a value of the file)
    if value == _TIMED_OUT or kind is Kind.INFO:
        return Kind.FAIL if function == "read" else Kind.INFO
    return Kind.REFUSED if kind is Kind.FAIL and function == "cas" else kind
