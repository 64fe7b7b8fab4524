"""The zoo: bugs that real messaging systems had, each planted in the real algorithm.

    flaw.py ◀── cursor · catching_up · slots · sending · changing · reading · retrying
    scenes.py      where each of them shows                  hunt.py: search, shrink, replay, beside the correct ones

A verifier that says *holds* is believed if it says *violated* when it should. Each flaw changes the one thing that was
wrong, in a few lines, and names where it was reported. They are examples: a search must find their relatives too, and
must stay silent on correct code.

Not here yet is `lease-shorter-than-work` (CAP#1682, redbeat#163): what a lease protects here is safe by put-if-empty
and compare-and-set, and nothing else is done under a lock.
"""

from __future__ import annotations

from typing import Final

from imsim.errors import ConfigError, nearest
from imsim.verify.zoo import catching_up, changing, cursor, reading, retrying, sending, slots
from imsim.verify.zoo.flaw import Flaw
from imsim.verify.zoo.hunt import Hunted, Tally, hunt, hunt_all

__all__ = ["FLAWS", "MISSING", "Flaw", "Hunted", "Tally", "flaw", "hunt", "hunt_all"]

FLAWS: Final[tuple[Flaw, ...]] = (
    *cursor.FLAWS,
    *catching_up.FLAWS,
    *slots.FLAWS,
    *sending.FLAWS,
    *changing.FLAWS,
    *reading.FLAWS,
    *retrying.FLAWS,
)
"""Every flaw, grouped by what it is about."""

MISSING: Final = {"lease-shorter-than-work": "nothing is done under a lock yet that the lock alone makes safe"}
"""Bugs that are known and cannot be planted yet, and why."""


def flaw(name: str) -> Flaw:
    """The flaw of this name.

    Raises:
        ConfigError: there is none.

    Example:
        >>> import imsim
        >>> from imsim.verify.zoo import flaw
        >>> hasty = flaw("early-cursor")
        >>> imsim.replay(hasty.case, swaps=hasty.swaps).outcome.word
        'violated'
    """
    found = next((one for one in FLAWS if one.id == name), None)
    if found is not None:
        return found
    if name in MISSING:
        raise ConfigError(f"{name}: not in the zoo yet: {MISSING[name]}")
    raise ConfigError(f"{name}: no such flaw{nearest(name, [one.id for one in FLAWS])}; docs/zoo.md has them all")
