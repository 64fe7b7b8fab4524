"""Small random histories of transactions on lists, and which levels of serializability they have by trying every order.

The oracle knows the definition and nothing else: a serial order of all that ended well, and of some of what may have
happened, in which every read saw what was there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imsim.verify.transactions.transaction import Transaction

if TYPE_CHECKING:
    from random import Random

__all__ = ["LEVELS", "by_trying", "small_transactions"]

LEVELS = ("serializable", "strong-session-serializable", "strict-serializable")


def small_transactions(random: Random, *, most: int = 6) -> list[Transaction]:
    """Up to `most` transactions of up to three processes on two lists, often a little wrong."""
    count, processes = random.randint(1, most), random.randint(1, 3)
    clocks = [0] * processes
    alive = list(range(processes))
    lists: dict[str, list[int]] = {"x": [], "y": []}
    stale = {key: list(values) for key, values in lists.items()}
    given = {"x": 0, "y": 0}
    transactions = []
    for _ in range(count):
        process = random.choice(alive)
        call = clocks[process] + random.randint(0, 3)
        clocks[process] = call + random.randint(1, 4)
        if random.random() < 0.3:
            stale = {key: list(values) for key, values in lists.items()}
        base = stale if random.random() < 0.2 else lists
        status = random.choice(("ok",) * 8 + ("info", "fail"))
        ops = _ops(random, base, lists, given, status)
        end = clocks[process] if status == "ok" else None
        transactions.append(Transaction(process=process, status=status, call=call, return_=end, ops=ops))
        if status == "info":
            processes += 1  # a process that does not know does not go on
            clocks.append(call)
            alive = [*(each for each in alive if each != process), processes - 1]
    random.shuffle(transactions)
    return transactions


def _ops(random: Random, base: Any, lists: Any, given: dict[str, int], status: str) -> list[Any]:
    view = {key: list(values) for key, values in base.items()}
    ops: list[Any] = []
    happens = random.random() < {"ok": 1.0, "info": 0.5, "fail": 0.1}[status]
    for _ in range(random.randint(1, 3)):
        key = random.choice("xy")
        if random.random() < 0.5:
            given[key] += 1
            ops.append(("append", key, given[key]))
            view[key].append(given[key])
            if happens:
                lists[key].append(given[key])
        else:
            ops.append(("r", key, _seen(random, view[key]) if status == "ok" else None))
    return ops


def _seen(random: Random, values: list[int]) -> list[int] | None:
    draw = random.random()
    if draw < 0.03:
        return None
    if draw < 0.06:
        return values[:-1]
    if draw < 0.07:
        return values[1:]
    if draw < 0.08:
        return values[::-1]
    return [*values, values[0]] if draw < 0.09 and values else list(values)


def by_trying(transactions: list[Transaction], level: str) -> bool:
    """Whether a serial order explains the history and keeps what the level asks for."""
    left = [each for each in transactions if each.status != "fail"]
    return _tried(left, {"x": [], "y": []}, level)


def _tried(left: list[Transaction], lists: dict[str, list[int]], level: str) -> bool:
    if all(each.status == "info" for each in left):
        return True
    for each in left:
        if any(_before(other, each, level) for other in left if other is not each):
            continue
        after = _run(each, lists)
        if after is not None and _tried([other for other in left if other is not each], after, level):
            return True
    return False


def _before(one: Transaction, other: Transaction, level: str) -> bool:
    if one.status != "ok" or one.return_ is None:
        return False
    if level == "strict-serializable":
        session = one.process == other.process and one.call <= other.call and one.return_ <= other.call
        return one.return_ < other.call or (session and one.return_ <= other.call)
    return level != "serializable" and one.process == other.process and one.return_ <= other.call


def _run(transaction: Transaction, lists: dict[str, list[int]]) -> dict[str, list[int]] | None:
    after = {key: list(values) for key, values in lists.items()}
    for function, key, value in transaction.ops:
        if function == "append":
            after[key].append(value)
        elif transaction.status == "ok" and value is not None and value != after[key]:
            return None
    return after
