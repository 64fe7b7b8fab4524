"""The tables of one run as pandas DataFrames: times in seconds, latencies in milliseconds, names as categoricals.

What does not belong here: figures over a whole run (metrics.py), and plots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from imsim.history import Event, Row
from imsim.study.deliveries import cells, first_rows, worst_and_median

if TYPE_CHECKING:
    import numpy.typing as npt

    from imsim.history import History
    from imsim.verify.evidence import Evidence, Numbers

__all__ = ["deliveries", "messages", "timeline"]

_STATES: Final = {
    Event.SUBMITTED: "pending",
    Event.UNKNOWN: "unknown",
    Event.RESOLVED: "sent",
    Event.FAILED: "failed",
    Event.CANCELLED: "cancelled",
}


def messages(evidence: Evidence) -> pd.DataFrame:
    """One row a submission, in order; its index is the message's name.

    Columns: `sender`, `conversation`, `kind` (empty for an ordinary message), `submitted` and `accepted` (seconds),
    `epoch` and `seq` (of its slot), `state`, `expected` and `delivered` (devices), `latency_p50_ms` and
    `latency_max_ms` (over the other devices). What there is not is missing.
    """
    fates, log = evidence.fates, evidence.log
    numbers = np.flatnonzero(fates.submitted >= 0)
    numbers = numbers[np.argsort(fates.submitted[numbers])]
    submitted, slot = fates.submitted[numbers], fates.slot[numbers]
    due = cells(evidence)
    size = len(evidence.history.messages)
    owner = log.message[due.slot]
    names = evidence.history
    frame = pd.DataFrame(
        {
            "sender": _named(fates.sender[numbers], names.nodes.names),
            "conversation": _named(fates.conversation[numbers], names.conversations.names),
            "kind": _named(evidence.column("detail", submitted), names.details.names),
            "submitted": evidence.times(submitted),
            "accepted": _times(evidence, fates.acknowledged[numbers]),
            "epoch": _slotted(slot, evidence.column("epoch", log.place)),
            "seq": _slotted(slot, log.seq),
            "state": pd.Categorical(
                [_STATES[fates.told[number][1]] for number in numbers.tolist()], categories=list(_STATES.values())
            ),
            "expected": np.bincount(owner, minlength=size)[numbers],
            "delivered": np.bincount(owner[due.rows > 0], minlength=size)[numbers],
        },
        index=pd.Index([names.messages.name(number) for number in numbers.tolist()], name="message"),
    )
    median, worst = worst_and_median(evidence, numbers)
    frame["latency_p50_ms"] = median * 1000
    frame["latency_max_ms"] = worst * 1000
    return frame


def deliveries(evidence: Evidence) -> pd.DataFrame:
    """One row a delivery that is expected, by device and then by the log's order.

    Columns: `message`, `device`, `conversation`, `sender`, `submitted` and `shown` (seconds; the first time on this
    device), `latency_ms`, `own` (the device that sent it), `rows` (in which the present install shows it: 1, or 0 if it
    is not there), `lost`.
    """
    fates, log = evidence.fates, evidence.log
    due = cells(evidence)
    message = log.message[due.slot]
    submitted = _times(evidence, fates.submitted[message])
    shown = first_rows(evidence)[due.cell]
    names = evidence.history
    return pd.DataFrame({
        "message": _named(message, names.messages.names),
        "device": _named(due.device, names.nodes.names),
        "conversation": _named(log.conversation[due.slot], names.conversations.names),
        "sender": _named(fates.sender[message], names.nodes.names),
        "submitted": submitted,
        "shown": shown,
        "latency_ms": (shown - submitted) * 1000,
        "own": fates.sender[message] == due.device,
        "rows": due.rows,
        "lost": due.absent,
    })  # fmt: skip


def timeline(history: History, *, message: str | None, node: str | None) -> pd.DataFrame:
    """The rows about a message, a node, or both, as `History.frame` has them; the index is the row's place."""
    if message is None and node is None:
        return history.frame()
    rows = history.array()
    chosen = np.ones(len(rows), np.bool_)
    if message is not None:
        chosen &= rows["message"] == history.messages.find(message)
    if node is not None:
        chosen &= rows["node"] == history.nodes.find(node)
    places = np.flatnonzero(chosen)
    facts = [row._replace(event=row.event.word) for row in map(history.row, places.tolist())]  # type: ignore[arg-type]
    return pd.DataFrame([fact[:-1] for fact in facts], index=places, columns=list(Row._fields[:-1]))


def _named(numbers: Numbers, names: list[str]) -> pd.Categorical:
    """Numbers of a name table, spelled out; -1 is missing. Only the names that occur become categories."""
    used, codes = np.unique(numbers, return_inverse=True)
    missing = int(len(used) > 0 and used[0] < 0)
    return pd.Categorical.from_codes(
        codes - missing, categories=pd.Index([names[number] for number in used[missing:].tolist()], dtype=str)
    )


def _times(evidence: Evidence, places: Numbers) -> npt.NDArray[np.float64]:
    """Seconds of rows, NaN where the place is -1."""
    times = np.full(len(places), np.nan)
    known = places >= 0
    times[known] = evidence.times(places[known])
    return times


def _slotted(slots: Numbers, column: Numbers) -> pd.arrays.IntegerArray:
    """A column of the log at some slots, missing where the slot is -1."""
    values = np.zeros(len(slots), np.int64)
    values[slots >= 0] = column[slots[slots >= 0]]
    return pd.arrays.IntegerArray(values, slots < 0)
