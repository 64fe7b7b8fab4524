"""The promises, one a file: plain functions from the evidence to charges, none where the promise was kept.

    loss.py         acknowledged is never lost              duplicates.py   nothing is shown twice
    effects.py      one effect a key                        provenance.py   nothing comes out of nowhere
    order.py        one order, the senders' own in it       causality.py    answers follow what they answer
    cursors.py      cursors never go back and hide no gap   sessions.py     devices see what they wrote
    unread.py       devices count right                     truth.py        what users were told is so, and stays so
    convergence.py  all devices agree in the end            retries.py      every submission ends
    progress.py     sync rounds lead on                     costs.py        no figure is above its budget

A property reads what evidence.py and its tables have at hand and never the algorithm's own state; its sentence names
people's things (a message, a device), its places the rows that anyone can check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from imsim.verify.properties import (
    causality,
    convergence,
    cursors,
    duplicates,
    effects,
    loss,
    order,
    progress,
    provenance,
    retries,
    sessions,
    truth,
    unread,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from imsim.verify.evidence import Evidence
    from imsim.verify.finding import Charge

__all__ = ["PROPERTIES"]

PROPERTIES: Final[tuple[Callable[[Evidence], Iterable[Charge]], ...]] = (
    loss.check,
    duplicates.check,
    effects.check,
    order.check,
    causality.check,
    cursors.check,
    sessions.check,
    unread.check,
    convergence.check,
    retries.check,
    truth.check,
    progress.check,
    provenance.check,
)
