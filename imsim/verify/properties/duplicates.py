"""No duplicate shown: a message becomes a row once an install.

The same message at another position after a change of epoch is a move, not a duplicate: rows of different epochs are
told apart. A copy that arrived and was not shown (`suppressed`) is what should happen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imsim.verify.finding import Charge, Property, Story
from imsim.verify.views import identities

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imsim.verify.columns import Flags
    from imsim.verify.evidence import Evidence
    from imsim.verify.views import Sightings

__all__ = ["again", "check"]


def check(evidence: Evidence) -> Iterator[Charge]:
    """Nothing is shown twice."""
    pairs = again(evidence)

    def tell(number: int) -> Story:
        first = evidence.history.row(pairs[number][0])
        return Story(f"{first.node} shows {first.message} twice in one install", pairs[number])

    if pairs:
        yield Charge(Property.NO_DUPLICATE, range(len(pairs)), tell)


def again(evidence: Evidence) -> list[tuple[int, int]]:
    """Pairs of the places of a row and of one that showed the same again, in the same install and epoch."""
    views = evidence.views
    rows = views.odd
    if np.count_nonzero(views.rows_in_cell > 1):
        rows = np.concatenate([rows, *(identities(seen, _crowded(evidence, seen)) for seen in views.sightings())])
    if not len(rows):
        return []
    install = evidence.readers.install
    before: dict[tuple[int, int, int, int], int] = {}
    pairs = []
    for place, node, message, epoch in sorted(rows.tolist()):
        first = before.setdefault((node, install(node, place), message, epoch), place)
        if first != place:
            pairs.append((first, place))
    return pairs


def _crowded(evidence: Evidence, seen: Sightings) -> Flags:
    """Which rows of the present install fill a cell that others fill too."""
    crowded: Flags = (seen.cell >= 0) & seen.present & (evidence.views.rows_in_cell[seen.cell] > 1)
    return crowded
