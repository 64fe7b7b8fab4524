"""Flaws of edits and recalls: operations that should commute, and do not."""

from __future__ import annotations

from typing import Final, TypeGuard

from imsim.protocol.device import Device
from imsim.protocol.effects import Effect, Write
from imsim.protocol.fold import Fold
from imsim.protocol.frames import Edit, Entry, Recall
from imsim.protocol.records import Known
from imsim.protocol.timeline import Timeline
from imsim.sim.algorithms import Swap
from imsim.verify.zoo.flaw import Flaw

__all__ = ["FLAWS"]

_poll = Device.poll
_apply_operation = Fold._apply_operation


def _only_on_what_is_here(fold: Fold, entry: Entry, body: Edit | Recall) -> None:
    """An operation on a message that is not here has nothing to do."""
    if fold._store.row(body.target) is not None:
        _apply_operation(fold, entry, body)


def _last_in_the_log(timeline: Timeline, row: Entry) -> bool:
    """The operation that stands last in the log counts, whatever it is."""
    operations = timeline._operations_on(row)
    last = max(operations, key=lambda entry: (entry.epoch, entry.seq), default=None)
    return last is not None and type(last.body) is Recall


def _last_that_came(timeline: Timeline, row: Entry) -> bool:
    """The operation that came last here counts, whatever it is."""
    operations = timeline._operations_on(row)
    return bool(operations) and type(operations[-1].body) is Recall


def _recalls_later(device: Device) -> list[Effect]:
    """A recall is acknowledged with all else, and written a little later."""
    effects: list[Effect] = []
    later: list[Effect] = []
    for effect in _poll(device):
        recalls = [r for r in effect.records if _is_recall(r)] if isinstance(effect, Write) else []
        if not isinstance(effect, Write) or not recalls:
            effects.append(effect)
            continue
        known = tuple(Known(row.conversation, row.epoch, ((row.seq, row.seq),)) for row in recalls)
        effects.append(Write((*(r for r in effect.records if not _is_recall(r)), *known)))
        later.append(Write(tuple(recalls)))
    return effects + later


def _is_recall(record: object) -> TypeGuard[Entry]:
    return isinstance(record, Entry) and type(record.body) is Recall


FLAWS: Final = (
    Flaw(
        id="recall-unknown-target",
        wrong="A recall is dropped when the message that it is about is not here yet.",
        seen="sdk-core PR#868",
        breaks="unread counts",
        place="a recall",
        swaps=(Swap(Fold, "_apply_operation", _only_on_what_is_here),),
        smallest=("drop the 1st push of alice-1 to bob/phone",),
    ),
    Flaw(
        id="edit-after-recall",
        wrong="An edit that stands behind a recall in the log brings the message back.",
        seen="element-web#10006",
        breaks="convergence",
        place="an edit and a recall",
        swaps=(Swap(Timeline, "is_recalled", _last_in_the_log),),
        smallest=("delay the 1st send of alice-1+edit from alice/pc by 2 s",),
    ),
    Flaw(
        id="delete-not-durable",
        wrong="A recall is acknowledged before it is durable.",
        seen="element-web#23003",
        breaks="no loss",
        place="a recall",
        swaps=(Swap(Device, "poll", _recalls_later),),
        smallest=("crash before the 1st write of alice-1+recall at bob/phone",),
    ),
    Flaw(
        id="edit-delete-race",
        wrong="Of an edit and a recall from two devices the one that came last counts, on each device its own.",
        seen="Signal-Android#14329",
        breaks="convergence",
        place="an edit and a recall",
        swaps=(Swap(Timeline, "is_recalled", _last_that_came),),
        smallest=("delay the 1st answer of alice-1+edit to alice/pc by 2 s",),
    ),
)
