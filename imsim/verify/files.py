"""Judging a file, whatever history is in it: imsim's own by what users were promised, a stranger's by a model.

    file ─▶ formats/read.py ─▶ History ────────▶ judge ───────┐
                          ├──▶ Calls ──────────▶ linear/ ─────┼─▶ Finding: a verdict, what proves it, and sentences
                          └──▶ [Transaction] ──▶ transactions/┘

What does not belong here: printing, and exit codes of several files (the command line).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from imsim.errors import ConfigError
from imsim.verify.formats.events import paired, words_of
from imsim.verify.formats.jepsen_txn import are_transactions, transactions_of
from imsim.verify.formats.read import Calls, Format, read
from imsim.verify.linear.check import check_linearizable
from imsim.verify.linear.choice import chosen, fitting, starting
from imsim.verify.linear.shrink import shrunk
from imsim.verify.verdict import Outcome, judge

if TYPE_CHECKING:
    from pathlib import Path

    from imsim.history import History
    from imsim.verify.linear.check import Linearity
    from imsim.verify.linear.model import Model
    from imsim.verify.linear.obstacle import Obstacle
    from imsim.verify.linear.operation import Operation
    from imsim.verify.transactions.transaction import Transaction

__all__ = ["Finding", "check_file"]

_TOLD = 12
"""Operations of a shrunk violation that are told."""


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was found in a file; the keys of `--json`.

    Attributes:
        file: as it was named.
        verdict: holds, violated or unknown.
        seconds: for reading and judging.
        operations: how many operations, transactions or facts were judged.
        format: what the file was read as.
        model: by which it was judged; empty for imsim's own properties.
        first_unplaceable: the first operation that no order can place: its process, f, value, index and line.
        last_placed: the one that returned before it and can be placed.
        possible: the states in which the object could have been then.
        anomalies: the names of what is wrong with transactions, the worst first.
        rules_out: the weakest consistency models that are violated.
        reason: why it is unknown.
        sentences: the same for people; no part of `--json`.
    """

    file: str
    verdict: str
    seconds: float
    operations: int
    format: str
    model: str = ""
    first_unplaceable: dict[str, Any] | None = None
    last_placed: dict[str, Any] | None = None
    possible: list[Any] | None = None
    anomalies: list[str] | None = None
    rules_out: list[str] | None = None
    reason: str = ""
    sentences: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The verdict as a value."""
        return Outcome[self.verdict.upper().replace(" ", "_")]

    def to_json(self) -> str:
        """One JSON object on one line."""
        return msgspec.json.encode(msgspec.structs.replace(self, sentences=()), enc_hook=_plain).decode()


def check_file(
    path: Path,
    *,
    model: str | None = None,
    initial: str | None = None,
    format_: Format | None = None,
    budget: float = 10.0,
    explain: bool = True,
) -> Finding:
    """Read a history and judge it.

    Args:
        path: the file.
        model: the name of a model, or FILE.py:NAME; None for what the file itself says.
        initial: the first state of the model.
        format_: what the file is; None to look at it.
        budget: seconds for judging after which the verdict is *unknown*.
        explain: whether a violation is also shrunk to what matters of it.

    Raises:
        ConfigError: the file or an option cannot be understood.
    """
    begin = time.perf_counter()
    known, recording = read(path, format_)
    if isinstance(recording, Calls) and model is None and are_transactions(recording.events):
        recording = transactions_of(recording.events, path)
    if isinstance(recording, Calls):
        judging = _model_of(recording, path, model, initial)
        unrecorded = judging.name in recording.unrecorded
        operations = paired(recording.events, judging, path, nil_is_unrecorded=unrecorded)
        finding = _linear(path, operations, judging, budget, explain=explain)
    else:
        _refuse(path, known, model, initial)
        finding = _consistent(path, recording, budget) if isinstance(recording, list) else _promised(path, recording)
    return msgspec.structs.replace(finding, format=known.value, seconds=round(time.perf_counter() - begin, 6))


def _refuse(path: Path, known: Format, model: str | None, initial: str | None) -> None:
    for option, value in (("--model", model), ("--initial", initial)):
        if value is not None:
            raise ConfigError(f"{path}: {option} {value}: {known.value} is judged without a model")


def _model_of(recording: Calls, path: Path, model: str | None, initial: str | None) -> Model:
    if model is not None:
        found = chosen(model)
    elif recording.model:
        found = chosen(recording.model)
    else:
        found = fitting(words_of(recording.events), str(path))
    if initial is not None:
        return starting(found, initial)
    return found if recording.initial is None else found.starting(recording.initial)


def _promised(path: Path, history: History) -> Finding:
    verdict = judge(history)
    return Finding(
        file=str(path),
        verdict=verdict.outcome.word,
        seconds=0.0,
        operations=verdict.facts,
        format="",
        reason=verdict.reason,
        sentences=tuple(verdict.lines()[1:]),
    )


def _consistent(path: Path, transactions: list[Transaction], budget: float) -> Finding:
    from imsim.verify.transactions.check import check_transactions  # NumPy

    try:
        found = check_transactions(transactions, budget=budget)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    sentences = [f"rules out {model} and whatever is stronger" for model in found.rules_out]
    sentences += [f"{name}: {count:,}" for name, count in found.counts.items()]
    sentences += [
        line for each in found.explained for line in (f"{each.name}: {each.sentences[0]}", f"    {each.sentences[1]}")
    ]
    return Finding(
        file=str(path),
        verdict=found.outcome.word,
        seconds=0.0,
        operations=found.transactions,
        format="",
        anomalies=list(found.counts),
        rules_out=list(found.rules_out),
        sentences=tuple(sentences),
    )


def _linear(path: Path, operations: list[Operation], model: Model, budget: float, *, explain: bool) -> Finding:
    found = check_linearizable(operations, model, budget=budget)
    obstacle = found.obstacle
    return Finding(
        file=str(path),
        verdict=found.outcome.word,
        seconds=0.0,
        operations=found.operations,
        format="",
        model=model.name,
        first_unplaceable=_told(obstacle.unplaceable) if obstacle else None,
        last_placed=_told(obstacle.last) if obstacle and obstacle.last else None,
        possible=list(obstacle.possible) if obstacle else None,
        reason=found.reason,
        sentences=_sentences(found, obstacle, operations, model, explain=explain) if obstacle else (),
    )


def _told(operation: Operation) -> dict[str, Any]:
    told = {
        "process": operation.process,
        "type": operation.status.value,
        "f": operation.function,
        "key": operation.key,
        "value": operation.told,
        "index": operation.index,
        "line": operation.line,
    }
    return {name: value for name, value in told.items() if name != "key" or value is not None}


def _sentences(
    found: Linearity, obstacle: Obstacle, operations: list[Operation], model: Model, *, explain: bool
) -> tuple[str, ...]:
    lines = [f"cannot be placed: {obstacle.unplaceable}"]
    if obstacle.last is not None:
        lines.append(f"the last that could: {obstacle.last}")
    if obstacle.possible:
        lines.append(f"possible then: {', '.join(map(repr, obstacle.possible))}")
    needed = shrunk(operations, model, found) if explain else ()
    if needed and len(needed) <= _TOLD:
        lines.append("these cannot all be true, whatever else happened:")
        lines += [f"    {operation}" for operation in needed]
    return tuple(lines)


def _plain(value: object) -> object:
    """A state of a user's own model, for JSON."""
    return sorted(value, key=repr) if isinstance(value, (set, frozenset)) else repr(value)
