"""Looking for the faults that break a promise, and for the fewest of them.

    scenario ─▶ portfolio.py: sources of cases ─▶ trial.py ─▶ verdict ─▶ hunt.py: the first case that fails
                  sampling.py    any faults anywhere                        └─▶ shrink.py: a smaller one ─▶ case.py
                  priorities.py  unlucky orders
                  exhaustive.py  all with few faults
                  drawn.py       what Hypothesis draws

A **case** is a scenario, a seed, and *deviations*: at this key, do that instead. A trial runs one case and judges it.
A strategy may let the world improvise deviations while it runs, and keeps what it did; from then on there are only
cases. Shrinking leaves out deviations, then what is not needed of the scenario, and what remains is a short file that
anybody can read, replay, and keep as a test; beside it stands its last neighbour that passes (neighbour.py).

Not here: what the promises are (properties/), and how a world carries a deviation out (imsim/sim/).
"""

from __future__ import annotations

from imsim.verify.search.case import Case
from imsim.verify.search.export import to_pytest
from imsim.verify.search.found import Failure, Found
from imsim.verify.search.hunt import check
from imsim.verify.search.kept import FAILURES, earlier, keep
from imsim.verify.search.neighbour import Neighbour, neighbour
from imsim.verify.search.shrink import Shrunk, shrink
from imsim.verify.search.strategy import Strategy
from imsim.verify.search.trial import Trial, check_promises, replay, try_case

__all__ = [
    "FAILURES",
    "Case",
    "Failure",
    "Found",
    "Neighbour",
    "Shrunk",
    "Strategy",
    "Trial",
    "check",
    "check_promises",
    "earlier",
    "keep",
    "neighbour",
    "replay",
    "shrink",
    "to_pytest",
    "try_case",
]
