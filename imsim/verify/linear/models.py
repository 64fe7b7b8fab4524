"""The models that come with imsim, each a sequential specification of a few lines.

    register          write(v) · read -> v
    cas-register      the same, and cas((old, new)) -> whether the value was `old`
    kv                put(v) · append(v) · delete · get -> v, each of a key
    counter           add(n) · inc · dec · read -> n
    mutex             acquire · release
    set               add(v) · remove(v) · contains(v) -> bool · read -> all
    queue             enqueue(v) · dequeue -> the oldest, or None if there is none
    sequencer         next -> the number after the last one given · read -> the last one given
    idempotent-store  put(v) -> what is stored from then on: whoever comes first decides · get -> that, or None,
                      each of an idempotency key

All but the mutex tell parts by key, so that a history of many objects is many small ones. What does not belong here:
how a log spells these words (verify/formats/).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from imsim.errors import ConfigError, nearest
from imsim.verify.linear.model import Gives, Growth, Model
from imsim.verify.linear.operation import UNKNOWN, Operation

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

__all__ = ["MODELS", "model_named"]

_State = Any  # whatever a history holds
_IMPOSSIBLE: Final = ()
_MAYBE: Final = ("somebody's",)
"""In the idempotent store: something was put, and what is not known; no user's value is this tuple's identity."""


def _fits(operation: Operation, truth: object) -> bool:
    """Whether the result is this one, or was not recorded. True is not 1, as in every log's notation."""
    result = operation.result
    return result is UNKNOWN or (result == truth and isinstance(result, bool) == isinstance(truth, bool))


def _stays(state: _State, operation: Operation, truth: object) -> Iterable[_State]:
    return (state,) if _fits(operation, truth) else _IMPOSSIBLE


def _register(state: _State, operation: Operation) -> Iterable[_State]:
    if operation.function == "write":
        return (operation.value,)
    return _stays(state, operation, state)


def _cas_register(state: _State, operation: Operation) -> Iterable[_State]:
    if operation.function != "cas":
        return _register(state, operation)
    old, new = operation.value
    return ((new if state == old else state),) if _fits(operation, state == old) else _IMPOSSIBLE


def _kv(state: _State, operation: Operation) -> Iterable[_State]:
    match operation.function:
        case "put":
            return (operation.value,)
        case "append":
            return (operation.value if state is None else state + operation.value,)
        case "delete":
            return (None,)
    return _stays(state, operation, state)


def _begins(whole: object, part: object) -> bool:
    """Whether appending to one value can give the other; where values are no strings, any may be."""
    if isinstance(whole, str) and isinstance(part, str):
        return whole.startswith(part)
    return whole is not None


def _counter(state: int, operation: Operation) -> Iterable[int]:
    match operation.function:
        case "add":
            return (state + operation.value,)
        case "inc":
            return (state + 1,)
        case "dec":
            return (state - 1,)
    return _stays(state, operation, state)


def _mutex(held: bool, operation: Operation) -> Iterable[bool]:  # noqa: FBT001 (a state)
    taking = operation.function == "acquire"
    return (taking,) if held is not taking else _IMPOSSIBLE


def _set(state: frozenset[Any], operation: Operation) -> Iterable[frozenset[Any]]:
    match operation.function:
        case "add":
            return (state | {operation.value},)
        case "remove":
            return (state - {operation.value},)
        case "contains":
            return _stays(state, operation, operation.value in state)
    result = operation.result
    if result is UNKNOWN or (result is not None and frozenset(result) == state and len(result) == len(state)):
        return (state,)
    return _IMPOSSIBLE


def _queue(state: tuple[Any, ...], operation: Operation) -> Iterable[tuple[Any, ...]]:
    if operation.function == "enqueue":
        return ((*state, operation.value),)
    head = state[0] if state else None
    return (state[1:],) if _fits(operation, head) else _IMPOSSIBLE


def _sequencer(state: int, operation: Operation) -> Iterable[int]:
    if operation.function == "next":
        return (state + 1,) if _fits(operation, state + 1) else _IMPOSSIBLE
    return _stays(state, operation, state)


def _idempotent_store(state: _State, operation: Operation) -> Iterable[_State]:
    """The first put decides; where a log does not say what it put, its first known result does."""
    result = operation.result
    if operation.function == "get":
        known = state if state is not _MAYBE or result in (None, UNKNOWN) else result
        return (known,) if known is _MAYBE and result is UNKNOWN else _stays(known, operation, known)
    if state is None:
        state = _MAYBE if operation.value is None else operation.value
    if state is _MAYBE and result is not UNKNOWN:
        state = result
    return (state,) if state is _MAYBE else _stays(state, operation, state)


def _key(operation: Operation) -> Hashable:
    key: Hashable = operation.key
    return key


def _reads(*functions: str) -> dict[str, Any]:
    return {"observes": lambda operation: operation.function in functions, "anonymous": True, "partition": _key}


def _reads_and_refusals(operation: Operation) -> bool:
    return operation.function == "read" or operation.result is False


def _writes(operation: Operation) -> bool:
    return operation.function in {"write", "put", "delete"}


_READ_WRITE: Final = {"read": Gives.RESULT, "write": Gives.NOTHING}

_ALL: Final = (
    Model(name="register", init=None, step=_register, functions=_READ_WRITE, overwrites=_writes, **_reads("read")),
    Model(
        name="cas-register",
        init=None,
        step=_cas_register,
        functions={**_READ_WRITE, "cas": Gives.SUCCESS},
        overwrites=_writes,
        **{**_reads(), "observes": _reads_and_refusals},
    ),
    Model(
        name="kv",
        init=None,
        step=_kv,
        functions={"get": Gives.RESULT, **dict.fromkeys(("put", "append", "delete"), Gives.NOTHING)},
        overwrites=_writes,
        growth=Growth(
            resets=_writes,
            leads=lambda state, get: state is None or _begins(get.result, state),
        ),
        **_reads("get"),
    ),
    Model(
        name="counter",
        init=0,
        step=_counter,
        functions={"read": Gives.RESULT, **dict.fromkeys(("add", "inc", "dec"), Gives.NOTHING)},
        **_reads("read"),
    ),
    Model(
        name="mutex",
        init=False,
        step=_mutex,
        functions=dict.fromkeys(("acquire", "release"), Gives.NOTHING),
        **_reads(),
    ),
    Model(
        name="set",
        init=frozenset(),
        step=_set,
        functions={
            "read": Gives.RESULT,
            "contains": Gives.REPLY,
            **dict.fromkeys(("add", "remove"), Gives.NOTHING),
        },
        **_reads("read", "contains"),
    ),
    Model(
        name="queue",
        init=(),
        step=_queue,
        functions={"enqueue": Gives.NOTHING, "dequeue": Gives.RESULT},
        **_reads(),
    ),
    Model(
        name="sequencer",
        init=0,
        step=_sequencer,
        functions=dict.fromkeys(("next", "read"), Gives.RESULT),
        **_reads("read"),
    ),
    Model(
        name="idempotent-store",
        init=None,
        step=_idempotent_store,
        functions={"put": Gives.REPLY, "get": Gives.RESULT},
        **_reads(),
    ),
)

MODELS: Final = {model.name: model for model in _ALL}
"""By name."""


def model_named(name: str) -> Model:
    """One of the models that come with imsim.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in MODELS:
        raise ConfigError(f"--model {name}: no such model{nearest(name, MODELS)}; there are {', '.join(MODELS)}")
    return MODELS[name]
