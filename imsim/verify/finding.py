"""What a property says when it is broken: a charge while it is being judged, a violation when a person reads it.

A broken algorithm breaks a promise not once but in every row, and a verdict must not take longer because of that. So a
property hands over a *charge*: all culprits as plain numbers, and how to tell the story of one. The judge counts all
and tells the first few.

What does not belong here: the properties, and what follows from their charges (verdict.py).
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from imsim.history.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt

__all__ = ["Charge", "Property", "Story", "Violation"]


class Property(enum.Enum):
    """The promises that are judged, as a person calls them."""

    NO_LOSS = "no loss"
    NO_DUPLICATE = "no duplicate shown"
    ONE_EFFECT = "one effect a key"
    ORDER = "order"
    CAUSAL_ORDER = "causal order"
    NO_HIDDEN_GAP = "no hidden gap"
    NEVER_BACK = "never back"
    SESSIONS = "session guarantees"
    UNREAD = "unread counts"
    CONVERGENCE = "convergence"
    RETRIES_ENDED = "retries ended"
    PROGRESS = "sync rounds progress"
    TRUTH = "told the truth"
    BUDGET = "within budget"
    PROVENANCE = "nothing out of nowhere"


class Story(NamedTuple):
    """One culprit: a plain sentence, and the places of the rows that prove it."""

    sentence: str
    places: tuple[int, ...]


class Charge(NamedTuple):
    """A property is broken, once for each culprit.

    `absence` says that something did not happen: that proves nothing while the run might still have gone on. `since`
    tells the second from which each culprit was due, where that is later than the begin of the run.
    """

    property: Property
    culprits: Sequence[int] | npt.NDArray[np.int64]
    tell: Callable[[int], Story]
    absence: bool = False
    since: npt.NDArray[np.float64] | None = None


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """A promise that was broken.

    Attributes:
        property: which one.
        sentence: what happened, in plain words.
        rows: the facts that prove it, in the order in which they happened.
        absence: something did not happen, which only the end of the run proves.
    """

    property: Property
    sentence: str
    rows: tuple[Row, ...]
    absence: bool = False

    def __str__(self) -> str:
        """The sentence, and the rows below it."""
        return "\n".join((f"{self.property.value}: {self.sentence}", *(f"    {row}" for row in self.rows)))
