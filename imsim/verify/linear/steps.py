"""A model's steps, remembered: states and kinds of operations become small integers (as Knossos' memo does).

A model that comes with a history of strings or tuples is then asked once for each state and kind of operation, and the
search compares integers. A *belief* is the set of states in which the object may be; of a deterministic model it has
one member. What does not belong here: which step to try (the searches).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from imsim.errors import ConfigError
from imsim.verify.linear.model import Gives

if TYPE_CHECKING:
    from collections.abc import Hashable

    from imsim.verify.linear.model import Model
    from imsim.verify.linear.operation import Operation

__all__ = ["IMPOSSIBLE", "Steps"]

IMPOSSIBLE: Final = -1
"""The belief after an operation that fits no state."""


class Steps:
    """The table of what follows from what; grows as it is asked."""

    __slots__ = ("_beliefs", "_buckets", "_kinds", "_leads", "_members", "_model", "_samples", "_states", "table")

    def __init__(self, model: Model) -> None:
        self._model = model
        self._states: list[Any] = []
        self._buckets: dict[Hashable, list[int]] = {}
        self._members: list[frozenset[int]] = []
        self._beliefs: dict[frozenset[int], int] = {}
        self._kinds: dict[Hashable, int] = {}
        self._samples: list[Operation] = []
        self._leads: dict[tuple[int, int], bool] = {}
        self.table: list[dict[int, int]] = []
        """By kind of operation and belief: the belief after it, or `IMPOSSIBLE`."""

    def first(self) -> int:
        """The belief before the first operation."""
        return self._belief(frozenset((self._state(self._model.init),)))

    def kind(self, operation: Operation) -> int:
        """The number of an operation's kind: what no step can tell apart has the same."""
        silent = self._model.functions.get(operation.function) is Gives.NOTHING
        seen = None if silent else (type(operation.result), operation.result)
        caller = None if self._model.anonymous else operation.process
        key = (operation.function, operation.key, type(operation.value), operation.value, seen, caller)
        try:
            number = self._kinds.setdefault(key, len(self._samples))
        except TypeError:  # a user's own value that cannot be hashed is of a kind of its own
            number = len(self._samples)
        if number == len(self._samples):
            self._samples.append(operation)
            self.table.append({})
        return number

    def fill(self, kind: int, belief: int) -> int:
        """Ask the model, and remember."""
        step, sample = self._model.step, self._samples[kind]
        try:
            after = frozenset(
                self._state(state) for member in self._members[belief] for state in step(self._states[member], sample)
            )
        except Exception as error:
            raise ConfigError(f"the model {self._model.name} cannot do {sample}: {_said(error)}") from error
        found = self.table[kind][belief] = self._belief(after) if after else IMPOSSIBLE
        return found

    def leads(self, belief: int, kind: int) -> bool:
        """Whether the object can still grow to what an operation of this kind will see."""
        growth = self._model.growth
        if growth is None:
            return True
        known = self._leads.get((belief, kind))
        if known is None:
            sample = self._samples[kind]
            known = any(growth.leads(self._states[member], sample) for member in self._members[belief])
            self._leads[belief, kind] = known
        return known

    def states(self, belief: int) -> list[Any]:
        """The states that a belief is about, in a fixed order."""
        return [self._states[member] for member in sorted(self._members[belief])]

    def _belief(self, members: frozenset[int]) -> int:
        number = self._beliefs.setdefault(members, len(self._members))
        if number == len(self._members):
            self._members.append(members)
        return number

    def _state(self, state: Any) -> int:  # noqa: ANN401 (a user's own)
        bucket = self._buckets.setdefault((self._model.hash or _itself)(state), [])
        for number in bucket:
            known = self._states[number]
            if known is state or (known == state and type(known) is type(state)):
                return number
        bucket.append(len(self._states))
        self._states.append(state)
        return bucket[-1]


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _itself(state: Any) -> Hashable:  # noqa: ANN401 (a user's own)
    hashable: Hashable = state
    return hashable
