"""Transactions inside of `jepsen-edn`, as Jepsen's tests for Elle record them: appends and reads under `:f :txn`.

    {:process 0, :type :invoke, :f :txn, :value [[:append 5 1] [:r 6 nil]]}
    {:process 0, :type :ok,     :f :txn, :value [[:append 5 1] [:r 6 [3]]]}

What `:ok` read as nil was an empty list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from imsim.errors import ConfigError
from imsim.verify.formats.events import paired, words_of
from imsim.verify.linear.model import Gives, Model
from imsim.verify.linear.operation import Operation, Status
from imsim.verify.transactions.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from imsim.verify.formats.events import Event

__all__ = ["are_transactions", "transactions_of"]

_PAIRED: Final = Model(name="a transaction", init=None, step=lambda state, _: (state,), functions={"txn": Gives.REPLY})


def are_transactions(events: Sequence[Event]) -> bool:
    """Whether all that is called are transactions."""
    return set(words_of(events)) == {"txn"}


def transactions_of(events: Sequence[Event], path: Path) -> list[Transaction]:
    """The transactions of a history.

    Raises:
        ConfigError: answers without calls, or something else than appends and reads in a transaction.
    """
    operations = sorted(paired(events, _PAIRED, path), key=lambda operation: operation.call)
    return [_transaction(operation, path) for operation in operations]


def _transaction(operation: Operation, path: Path) -> Transaction:
    steps: Any = operation.result if operation.status is Status.OK else operation.value
    where = f"{path}: line {operation.line}: :value"
    if not isinstance(steps, tuple):
        raise ConfigError(f"{where}: expected a vector of appends and reads, got {steps!r}")
    return Transaction(
        process=operation.process,
        status=operation.status.value,
        call=operation.call,
        return_=operation.returned,
        ops=[_step(step, where, ok=operation.status is Status.OK) for step in steps],
    )


def _step(step: Any, where: str, *, ok: bool) -> Any:  # noqa: ANN401 (what the transaction's type says)
    match step:
        case ("append", (str() | int()) as key, (str() | int()) as value):
            return ("append", key, value)
        case ("r", (str() | int()) as key, None):
            return ("r", key, [] if ok else None)
        case ("r", (str() | int()) as key, tuple() as values):
            return ("r", key, list(values))
    raise ConfigError(f"{where}: expected [:append key value] or [:r key [values]], got {step!r}")
