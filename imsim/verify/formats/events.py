"""What a log of calls and answers has in common: events, which are paired to operations.

A process that called waits for its answer. An answer to nothing, or a second call before an answer, means that the log
was cut or merged wrongly, and every verdict about it would be a guess: it is refused with its line.

What does not belong here: how an event is spelled (the formats).
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, NamedTuple

from imsim.errors import ConfigError, nearest
from imsim.verify.linear.model import Gives
from imsim.verify.linear.operation import UNKNOWN, Operation, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from imsim.verify.linear.model import Model

__all__ = ["Event", "Kind", "paired", "words_of"]


class Kind(enum.Enum):
    """What an event says of its operation."""

    INVOKE = "invoke"
    OK = "ok"
    REFUSED = "refused"
    """It was answered, and the answer is no."""
    FAIL = "fail"
    INFO = "info"


class Event(NamedTuple):
    """One line of a log, or one map."""

    kind: Kind
    process: Any
    function: str
    key: Any
    value: Any
    number: int
    line: int


_ENDS = {Kind.OK: Status.OK, Kind.REFUSED: Status.OK, Kind.FAIL: Status.FAIL, Kind.INFO: Status.INFO}


def words_of(events: Iterable[Event]) -> dict[str, int]:
    """The functions that are called, each with the line where it is first."""
    words: dict[str, int] = {}
    for event in events:
        words.setdefault(event.function, event.line)
    return words


def paired(events: Sequence[Event], model: Model, path: Path, *, nil_is_unrecorded: bool = False) -> list[Operation]:
    """The operations of a log.

    Args:
        events: in their order.
        model: what its operations tell.
        path: for messages.
        nil_is_unrecorded: a read of nil says that the value was not kept, rather than that there was none.

    Raises:
        ConfigError: a function that the model does not have, an answer to nothing, a call before an answer, or an
            answer about another function or key than the call.
    """
    for word, line in words_of(events).items():
        if model.functions and word not in model.functions:
            allowed = f"{model.name} has {', '.join(model.functions)}"
            raise ConfigError(
                f"{path}: line {line}: {word}: no such operation{nearest(word, model.functions)}; {allowed}"
            )
    running: dict[Any, Event] = {}
    operations: list[Operation] = []
    for event in events:
        call = running.pop(event.process, None)
        if event.kind is not Kind.INVOKE:
            operations.append(_ended(_called(call, event, path), event, model, nil_is_unrecorded=nil_is_unrecorded))
        elif call is None:
            running[event.process] = event
        else:
            raise ConfigError(
                f"{path}: line {event.line}: process {event.process} calls {event.function} before the answer to its "
                f"{call.function} of line {call.line}"
            )
    operations += [_ended(call, call, model, nil_is_unrecorded=False) for call in running.values()]
    return operations


def _called(call: Event | None, event: Event, path: Path) -> Event:
    if call is None:
        raise ConfigError(f"{path}: line {event.line}: an answer to process {event.process}, which has not called")
    for what, asked, answered in (("", call.function, event.function), (" of key", call.key, event.key)):
        if asked != answered:
            raise ConfigError(
                f"{path}: line {event.line}: process {event.process} called {call.function}{what} {asked!r} in line "
                f"{call.line}, and the answer is about {answered!r}"
            )
    return call


def _ended(call: Event, end: Event, model: Model, *, nil_is_unrecorded: bool) -> Operation:
    status = _ENDS.get(end.kind, Status.INFO)
    gives = model.functions.get(call.function, Gives.REPLY)
    told = status is Status.OK and not (nil_is_unrecorded and gives is Gives.RESULT and end.value is None)
    return Operation(
        process=call.process,
        function=call.function,
        key=call.key,
        value=None if gives is Gives.RESULT else call.value,
        result=_result(end, gives) if told else UNKNOWN,
        call=call.number,
        returned=end.number if status is Status.OK else None,
        status=status,
        index=end.number,
        line=end.line,
    )


def _result(end: Event, gives: Gives) -> Any:  # noqa: ANN401 (whatever a log holds)
    if gives is Gives.NOTHING:
        return UNKNOWN
    return end.kind is Kind.OK if gives is Gives.SUCCESS else end.value
