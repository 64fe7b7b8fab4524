"""The last neighbour of a failing case that passes, and where the two first part.

A shrunk case says which faults are needed. What they change is seen best beside the run in which one of them does not
happen: both are the same run up to the moment when they part, and what follows is all due to it. The neighbour leaves
out the last deviation that is needed, since the others have done their work by then; where a case has none, the last
message or device that is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from imsim.errors import ConfigError
from imsim.history import Level
from imsim.history.parting import Parting, parting
from imsim.verify.search.trial import Trial, try_case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imsim.history import Row
    from imsim.verify.search.case import Case

__all__ = ["Neighbour", "neighbour"]

_MOST = 20
"""Runs, at most."""


class Neighbour(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A case that differs by one thing, and passes.

    Attributes:
        trial: what became of it.
        without: what it leaves out, in words.
        parting: where the two histories first part; the failing one is the first.
        only: marks in the code that the failing case passes, and this one does not.
    """

    trial: Trial
    without: str
    parting: Parting | None
    only: tuple[str, ...] = ()

    def __str__(self) -> str:
        head = f"passes without: {self.without}"
        if self.parting is None:
            return f"{head}\nyet both say the same"
        place, here, there = self.parting
        parts = f"the same up to row {place}; then\n    here:  {_plain(here)}\n    there: {_plain(there)}"
        only = f"\nonly here: {'; '.join(self.only)}" if self.only else ""
        return f"{head}\n{parts}{only}"


def neighbour(trial: Trial) -> Neighbour | None:
    """The last neighbour of a failing trial that passes; None if leaving out any one thing changes nothing.

    The trial must have been recorded at the level of frames, as `replay` does.
    """
    breaks = trial.case.breaks or next(iter(trial.failures), "")
    for tries, (case, without) in enumerate(_neighbours(trial)):
        if tries == _MOST:
            break
        try:
            other = try_case(case, algorithms=trial.algorithms, level=Level.FRAMES)
        except ConfigError:  # what was left out is needed by what is left
            continue
        if breaks not in other.failures:
            only = tuple(mark for mark in trial.marks if mark not in other.marks)
            return Neighbour(trial=other, without=without, parting=parting(trial.history, other.history), only=only)
    return None


def _plain(row: Row | None) -> str:
    return "nothing more" if row is None else str(row).partition(": ")[2]


def _neighbours(trial: Trial) -> Iterator[tuple[Case, str]]:
    case = trial.case
    for place in reversed(range(len(case.deviations))):
        rest = case.deviations[:place] + case.deviations[place + 1 :]
        yield msgspec.structs.replace(case, deviations=rest), str(case.deviations[place])
    if case.deviations:
        return
    for name in reversed(trial.history.messages.names[1:]):
        scenario = msgspec.structs.replace(case.scenario, without=(*case.scenario.without, name))
        yield msgspec.structs.replace(case, scenario=scenario), name
