"""How fast the checkers of other systems' histories are: `imsim bench verify`.

The histories are made here, from objects that are what they promise to be, with clients that overlap and some that
never hear the end; so it is known that they hold, and a changed result makes one that does not. Where `detangle` (PyPI)
is installed, it judges the same small histories in the same run. Seconds depend on the machine, so a figure that misses
its target is told as such and is no error.

What does not belong here: whether verdicts are right (tests/property/).
"""

from __future__ import annotations

import importlib.util
import itertools
import time
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec

from imsim.study.bench import Figure, Spread
from imsim.verify.linear.check import check_linearizable
from imsim.verify.linear.models import MODELS
from imsim.verify.linear.operation import UNKNOWN, Operation, Status
from imsim.verify.transactions.check import check_transactions
from imsim.verify.transactions.transaction import Transaction
from imsim.verify.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["list_history", "register_history", "run_bench_verify", "spoilt"]

_SMALL, _HISTORIES, _PENDING = 170, 100, 0.08
_LARGE, _PROCESSES = 10_000, 10
_FEW, _MANY = 50_000, 200_000
_VALUES = 5
_ACTIVE, _LENGTH = 10, 64
"""Lists that are written at a time, and how long each becomes."""


class _Asked:
    """An operation on its way."""

    __slots__ = ("call", "done", "function", "result", "value")

    def __init__(self, call: int, function: str, value: Any) -> None:  # noqa: ANN401 (an argument)
        self.call = call
        self.function = function
        self.value = value
        self.result: Any = UNKNOWN
        self.done = False


def register_history(count: int, processes: int, seed: int, *, pending: float = 0.0) -> list[Operation]:
    """Reads, writes and compare-and-sets of a register that works.

    Args:
        count: how many operations end; those that still run then are pending too.
        processes: how many clients at a time.
        seed: of all that is left to chance.
        pending: the share of operations whose end nobody hears; their clients go on under another name.
    """
    random, state, names = Random(seed), None, itertools.count()
    running: dict[int, _Asked | None] = {next(names): None for _ in range(processes)}
    operations: list[Operation] = []
    now = 0
    while len(operations) < count:
        now += 1
        process = random.choice(list(running))
        asked = running[process]
        if asked is None:
            function = random.choice(("read", "write", "cas"))
            values = (random.randrange(_VALUES), random.randrange(_VALUES))
            value = {"read": None, "write": values[0], "cas": values}[function]
            running[process] = _Asked(now, function, value)
        elif not asked.done:
            state = _take_effect(asked, state)
        else:
            lost = random.random() < pending
            operations.append(_ended(process, asked, now, lost=lost))
            running[process] = None
            if lost:
                del running[process]
                running[next(names)] = None
    still = [(process, asked) for process, asked in running.items() if asked is not None]
    return operations + [_ended(process, asked, now, lost=True) for process, asked in still]


def _take_effect(asked: _Asked, state: int | None) -> int | None:
    asked.done = True
    if asked.function == "read":
        asked.result = state
    elif asked.function == "write":
        return int(asked.value)
    else:
        asked.result = state == asked.value[0]
        return int(asked.value[1]) if asked.result else state
    return state


def _ended(process: int, asked: _Asked, now: int, *, lost: bool) -> Operation:
    return Operation(
        process=process,
        function=asked.function,
        value=asked.value,
        result=UNKNOWN if lost else asked.result,
        call=asked.call,
        returned=None if lost else now,
        status=Status.INFO if lost else Status.OK,
        index=now,
    )


def spoilt(operations: Sequence[Operation]) -> list[Operation]:
    """The same history with one late read of a value that nobody wrote."""
    late = [at for at, each in enumerate(operations) if each.function == "read" and each.status is Status.OK][-2]
    broken = msgspec.structs.replace(operations[late], result=_VALUES)
    return [*operations[:late], broken, *operations[late + 1 :]]


def list_history(count: int, seed: int, *, processes: int = 20) -> list[Transaction]:
    """Transactions on lists in a store that works; those that run at the end never hear it."""
    random, lists, new = Random(seed), {key: [0] for key in range(_ACTIVE)}, _ACTIVE
    contents: dict[int, list[int]] = {}
    running: list[tuple[int, list[list[Any]], bool] | None] = [None] * processes
    transactions: list[Transaction] = []
    now = 0
    while len(transactions) < count:
        now += 1
        process = random.randrange(processes)
        state = running[process]
        if state is None:
            ops: list[list[Any]] = []
            for _ in range(random.randint(1, 4)):
                key = random.choice(list(lists))
                ops.append(["r", key, None])
                if random.random() < 0.5:  # noqa: PLR2004 (as many reads as appends)
                    lists[key][0] += 1
                    ops[-1] = ["append", key, lists[key][0]]
                    if lists[key][0] == _LENGTH:
                        del lists[key]
                        lists[new] = [0]
                        new += 1
            running[process] = (now, ops, False)
        elif not state[2]:
            for op in state[1]:
                values = contents.setdefault(op[1], [])
                if op[0] == "append":
                    values.append(op[2])
                else:
                    op[2] = list(values)
            running[process] = (*state[:2], True)
        else:
            transactions.append(_transaction(process, state, "ok", now))
            running[process] = None
    transactions += [_transaction(process, state, "info", None) for process, state in enumerate(running) if state]
    return transactions


def _transaction(process: int, state: tuple[int, list[list[Any]], bool], status: Any, end: int | None) -> Transaction:  # noqa: ANN401 (a literal)
    ops: Any = [tuple(op) for op in state[1]]
    return Transaction(process=process, status=status, call=state[0], return_=end, ops=ops)


def run_bench_verify(
    *, say: Callable[[str], None] = print, large: int = _LARGE, lists: tuple[int, int] = (_FEW, _MANY)
) -> int:
    """Measure, and say each figure as it is known.

    Args:
        say: what to do with a line.
        large: operations of the long register history.
        lists: transactions of the two list histories.

    Returns:
        0, or 1 if a verdict was wrong.
    """
    figures, right = [], True
    for figure, correct in _figures(large, lists):
        say(str(figure))
        figures.append(figure)
        right = right and correct
    say(
        f"{sum(figure.met for figure in figures)} of {len(figures)} targets met"
        + ("" if right else "; a verdict is wrong")
    )
    return 0 if right else 1


def _figures(large: int, lists: tuple[int, int]) -> Iterator[tuple[Figure, bool]]:
    yield from _small()
    history = register_history(large, _PROCESSES, 1)
    for name, operations, outcome in (
        ("holds", history, Outcome.HOLDS),
        ("violated", spoilt(history), Outcome.VIOLATED),
    ):
        seconds, found = _linear(operations)
        title = f"register, {large:,} operations by {_PROCESSES}, {name}"
        yield _seconds(title, [seconds], 2.0), found is outcome
    yield from _lists(*lists)


_REGISTER = MODELS["cas-register"]


def _small() -> Iterator[tuple[Figure, bool]]:
    histories = [register_history(_SMALL, 5, seed, pending=_PENDING) for seed in range(_HISTORIES)]
    histories += [spoilt(history) for history in histories]
    taken, right = [], True
    for at, history in enumerate(histories):
        seconds, found = _linear(history)
        taken.append(1000 * seconds)
        right = right and found is (Outcome.HOLDS if at < _HISTORIES else Outcome.VIOLATED)
    pending = sum(each.status is Status.INFO for history in histories for each in history) // len(histories)
    note = f"{len(histories)} histories, {pending} operations pending in each"
    mean = Spread.of([sum(taken) / len(taken)])
    yield Figure(name=f"{_SMALL} operations, mean", value=mean, target=15, unit="ms", least=False, note=note), right
    worst = Spread.of([max(taken)])
    yield (
        Figure(
            name=f"{_SMALL} operations, worst", value=worst, target=500, unit="ms", least=False, note=_beside(histories)
        ),
        True,
    )


def _beside(histories: Sequence[Sequence[Operation]]) -> str:
    """What detangle needs for the same histories, if it is here."""
    if importlib.util.find_spec("detangle") is None:
        return "detangle is not installed"
    detangle: Any = importlib.import_module("detangle.lin")
    taken, gave_up = [], 0
    for history in histories:
        given = [_theirs(detangle, number, each) for number, each in enumerate(history)]
        begin = time.perf_counter()
        try:
            detangle.check(given, detangle.Register(), budget=200_000)
        except Exception:  # noqa: BLE001 (whatever it says when its steps are used up)
            gave_up += 1
        taken.append(1000 * (time.perf_counter() - begin))
    return f"detangle: mean {sum(taken) / len(taken):.1f} ms, worst {max(taken):,.0f} ms, gave up {gave_up}"


def _theirs(detangle: Any, number: int, each: Operation) -> Any:  # noqa: ANN401 (another library's)
    known = each.status is Status.OK
    output = each.result if known and each.result is not UNKNOWN else None
    status = detangle.OK if known else detangle.INFO
    return detangle.Operation(
        number, each.process, each.function, each.value, int(each.call), 0.0, output, status,
        int(each.returned) if known and each.returned is not None else None, 0.0,
    )  # fmt: skip


def _lists(few: int, many: int) -> Iterator[tuple[Figure, bool]]:
    taken, right = {}, True
    for count in (few, many):
        history = list_history(count, 1)
        begin = time.perf_counter()
        found = check_transactions(history)
        taken[count] = time.perf_counter() - begin
        right = right and found.outcome is Outcome.HOLDS
    yield _seconds(f"list-append, {many:,} transactions", [taken[many]], 4.0), right
    growth = Spread.of([taken[many] / many / (taken[few] / few)])
    name = f"time a transaction, {many:,} over {few:,}"
    yield Figure(name=name, value=growth, target=1.3, least=False, note="n log n would be 1.13"), right


def _seconds(name: str, seconds: Sequence[float], target: float) -> Figure:
    return Figure(name=name, value=Spread.of(seconds), target=target, unit="s", least=False)


def _linear(operations: Sequence[Operation]) -> tuple[float, Outcome]:
    begin = time.perf_counter()
    found = check_linearizable(operations, _REGISTER, budget=60.0)
    return time.perf_counter() - begin, found.outcome
