"""The promises, one a file: plain functions from the evidence to charges, none where the promise was kept.

    loss.py         acknowledged is never lost              order.py        one order, the senders' own in it
    duplicates.py   nothing is shown twice                  convergence.py  all devices agree in the end
    provenance.py   nothing comes out of nowhere            retries.py      every submission ends in a truth

A property reads what evidence.py and its tables have at hand and never the algorithm's own state; its sentence names
people's things (a message, a device), its places the rows that anyone can check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from imsim.verify.properties import convergence, duplicates, loss, order, provenance, retries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from imsim.verify.evidence import Evidence
    from imsim.verify.finding import Charge

__all__ = ["PROPERTIES"]

PROPERTIES: Final[tuple[Callable[[Evidence], Iterable[Charge]], ...]] = (
    loss.check,
    duplicates.check,
    order.check,
    convergence.check,
    retries.check,
    provenance.check,
)
