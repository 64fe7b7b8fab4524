"""How a case breaks its promise: a space-time diagram, and beside it the last neighbour that passes.

Where there is no diagram, the case in words stands for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from imsim.errors import ConfigError
from imsim.study.diagram import diagram
from imsim.verify.search import neighbour

if TYPE_CHECKING:
    from imsim.verify.search import Trial

__all__ = ["explain"]

_FACTS: Final = 8


def explain(trial: Trial, *, width: int | None = None) -> str:
    """A replayed trial as text, `width` columns wide; by default as wide as the terminal."""
    passing = neighbour(trial) if trial.failures else None
    return _drawn(trial, width) + (f"\n\n{passing}" if passing is not None else "")


def _drawn(trial: Trial, width: int | None) -> str:
    case = trial.case
    violations = () if trial.verdict is None else trial.verdict.violations
    if not violations:
        return str(case) + (_last(trial) if trial.failures else "")
    meant = [violation for violation in violations if violation.property.value == case.breaks]
    title = f"{case.scenario.name or 'a scenario'}, seed {case.seed}"
    try:
        drawn = diagram(trial.history, violations=meant or violations, deviations=case.deviations, title=title)
        return drawn.text(width=width)
    except ConfigError as error:  # too many lanes for so narrow a terminal, or too long a story
        return f"{case}\n(no diagram: {error})"


def _last(trial: Trial) -> str:
    """What happened before an exception ended the run: nothing proves that one but itself."""
    last = range(max(0, len(trial.history) - _FACTS), len(trial.history))
    return "\n\n" + "\n".join(("the last facts before it:", *(f"    {trial.history.row(place)}" for place in last)))
