"""What an object may do: a sequential specification.

    import imsim.verify.linear.model as m

    def step(state, operation):                       # every state in which it may leave the object; none: impossible
        return [state + 1] if operation.result in (m.UNKNOWN, state + 1) else []

    tickets = m.Model(name="tickets", init=0, step=step)

A step that may end in several states is a nondeterministic one; the search then carries the set of states in which the
object may be (the power-set construction). What does not belong here: the models that come with imsim (models.py).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Final

import msgspec

from imsim.errors import ConfigError
from imsim.verify.linear.operation import UNKNOWN, Operation

__all__ = ["UNKNOWN", "Gives", "Growth", "Model", "adopted"]


class Gives(enum.Enum):
    """What the end of an operation tells, where a log has one value for it."""

    RESULT = enum.auto()
    """The value is what came back; there is no argument."""
    REPLY = enum.auto()
    """The value is what came back for an argument."""
    NOTHING = enum.auto()
    """That it was done; the value repeats the argument."""
    SUCCESS = enum.auto()
    """Whether it was done or refused; the value repeats the argument."""


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """An object that only grows, but for some operations: what will be seen later says what it must be now.

    Attributes:
        resets: whether an operation may do anything else than let the object grow.
        leads: whether an object in this state can grow to what the operation saw.
    """

    resets: Callable[[Operation], bool]
    leads: Callable[[Any, Operation], bool]


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """The sequential specification of an object.

    Attributes:
        name: what people call it.
        init: the state before the first operation.
        step: every state in which an operation may leave the object that is in a state; none if it is impossible there.
            A result that is `UNKNOWN` fits every state.
        partition: the part of the history to which an operation belongs, where parts cannot influence each other.
        hash: of a state, where states themselves are not hashable; equal states must have equal hashes.
        functions: the words that it understands and what their ends tell; empty: every word, telling `REPLY`.
        observes: whether an operation never changes a state nor says more about a set of states than whether it fits.
        anonymous: steps do not look at who called.
        overwrites: whether an operation is always possible and leaves the same state, whatever was there before.
        growth: how later observations tell what is impossible now; only with `observes`.
    """

    name: str
    init: Any
    step: Callable[[Any, Operation], Iterable[Any]]
    partition: Callable[[Operation], Hashable] | None = None
    hash: Callable[[Any], Hashable] | None = None
    functions: Mapping[str, Gives] = {}
    observes: Callable[[Operation], bool] | None = None
    overwrites: Callable[[Operation], bool] | None = None
    anonymous: bool = False
    growth: Growth | None = None

    def starting(self, init: object) -> Model:
        """The same model with another first state."""
        return msgspec.structs.replace(self, init=init)


_PARTS: Final = ("partition", "hash")


def adopted(given: Any, name: str) -> Model:  # noqa: ANN401 (a user's own)
    """A user's own model: a `Model`, or any object with `init`, `step` and maybe `partition` and `hash`.

    Raises:
        ConfigError: it lacks `init` or `step`, or one of the others cannot be called.
    """
    if isinstance(given, Model):
        return given
    if not hasattr(given, "init") or not callable(getattr(given, "step", None)):
        raise ConfigError(f"{name}: expected an object with `init` and `step(state, operation)`, got {given!r}")
    options: dict[str, Any] = {part: getattr(given, part, None) for part in _PARTS}
    options = {part: value for part, value in options.items() if value is not None}
    for part, value in options.items():
        if not callable(value):
            raise ConfigError(f"{name}.{part}: expected a function, got {value!r}")
    init = given.init() if callable(given.init) else given.init
    return Model(name=name, init=init, step=given.step, **options)
