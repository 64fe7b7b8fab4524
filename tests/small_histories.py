"""Small random histories of every model, and whether they are linearizable by trying every order.

The oracle knows the models' steps and the definition, and nothing else: whatever may come next is tried next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imsim.verify.linear.models import MODELS
from imsim.verify.linear.operation import UNKNOWN, Operation, Status

if TYPE_CHECKING:
    from random import Random

    from imsim.verify.linear.model import Model

__all__ = ["by_trying", "small_history"]

_VALUES = (1, 2)
_ARGUMENTS: dict[str, Any] = {
    "write": _VALUES,
    "add": _VALUES,
    "remove": _VALUES,
    "contains": _VALUES,
    "enqueue": _VALUES,
    "cas": ((1, 2), (2, 1), (None, 1), (1, 1)),
    "put": ("a", "b"),
    "append": ("a", "b"),
}
_RESULTS: dict[str, Any] = {
    "register": (None, 1, 2),
    "cas-register": (None, 1, 2),
    "kv": (None, "a", "b", "ab", "ba", "aa"),
    "counter": (0, 1, 2, 3, -1),
    "set": (frozenset(), frozenset((1,)), frozenset((1, 2))),
    "queue": (None, 1, 2),
    "sequencer": (0, 1, 2, 3),
    "idempotent-store": (None, "a", "b", "c"),
}


def small_history(random: Random, *, most: int = 7) -> tuple[Model, list[Operation]]:
    """A model and up to `most` operations, of three processes or more, about as often linearizable as not.

    Each operation takes effect at some moment; a few results are then changed, and a few ends forgotten.
    """
    model = MODELS[random.choice(sorted(MODELS))]
    count, keys = random.randint(1, most), random.choice(((None,), (None,), ("x", "y")))
    states: dict[Any, Any] = dict.fromkeys(keys, model.init)
    spans = [sorted(random.choices(range(2 * count), k=3)) for _ in range(count)]
    operations = []
    for call, _, returned in sorted(spans, key=lambda span: span[1]):
        key = random.choice(keys)
        asked = _asked(random, model, key, call, returned)
        states[key], operation = _done(random, model, states[key], asked)
        operations.append(_spoilt(random, model, operation))
    return model, operations


def _asked(random: Random, model: Model, key: Any, call: int, returned: int) -> Operation:
    function = random.choice(sorted(model.functions))
    value = random.choice(_ARGUMENTS[function]) if function in _ARGUMENTS else None
    process = random.randrange(100)
    return Operation(process=process, function=function, key=key, value=value, call=call, returned=returned)


def _result(random: Random, model: Model, function: str) -> Any:
    if function in {"cas", "contains"}:
        return random.choice((True, False))
    return random.choice(_RESULTS[model.name]) if model.name in _RESULTS else UNKNOWN


def _done(random: Random, model: Model, state: Any, asked: Operation) -> tuple[Any, Operation]:
    """The state after it, and the operation with a result that fits, if one is found."""
    for _ in range(8):
        result = UNKNOWN if _silent(asked.function) else _result(random, model, asked.function)
        operation = _with(asked, result=result)
        for after in model.step(state, operation):
            return after, operation
    return state, asked


def _silent(function: str) -> bool:
    return function in {"write", "append", "delete", "add", "inc", "dec", "remove", "enqueue", "acquire", "release"}


def _spoilt(random: Random, model: Model, operation: Operation) -> Operation:
    draw = random.random()
    if draw < 0.1 and not _silent(operation.function):
        return _with(operation, result=_result(random, model, operation.function))
    if draw < 0.25:
        return _with(operation, result=UNKNOWN, returned=None, status=Status.INFO)
    return _with(operation, returned=None, status=Status.FAIL) if draw < 0.3 else operation


def _with(operation: Operation, **changes: Any) -> Operation:
    fields = {name: getattr(operation, name) for name in operation.__struct_fields__}
    return Operation(**{**fields, **changes})


def by_trying(model: Model, operations: list[Operation]) -> bool:
    """Whether some order explains the operations, each key by itself."""
    keys = {operation.key for operation in operations}
    return all(
        _tried(model, [model.init], [each for each in operations if each.key == key and each.status is not Status.FAIL])
        for key in keys
    )


def _tried(model: Model, states: list[Any], left: list[Operation]) -> bool:
    sure = [operation for operation in left if operation.status is Status.OK]
    if not sure:
        return True
    first_return = min(operation.returned for operation in sure)
    for operation in left:
        if operation.call <= first_return:  # nothing that is left returned before it was called
            after = [new for state in states for new in model.step(state, operation)]
            if after and _tried(model, after, [each for each in left if each is not operation]):
                return True
    return False
