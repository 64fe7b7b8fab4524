"""How a case breaks its promise: a space-time diagram, and beside it the last neighbour that passes.

Where there is no diagram, the case in words stands for it.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Final, Unpack

import msgspec

from imsim.errors import ConfigError
from imsim.history import Level
from imsim.study.diagram import Diagram, diagram
from imsim.verify.search import Case, Failure, Neighbour, Trial, neighbour, replay, try_case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imsim.sim.algorithms import Instead

__all__ = ["Explanation", "explain"]

_FACTS: Final = 8


class Explanation(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A case that was run again; a notebook shows it as a picture.

    Attributes:
        trial: what became of it.
        diagram: who did what, up to the broken promise; None where no promise was broken, an exception broke it, or
            the story is too long.
        too_long: what to say of that; empty where it is not so.
        neighbour: the last case beside it that passes, and where the two part; None where there is none.
    """

    trial: Trial
    diagram: Diagram | None
    too_long: str
    neighbour: Neighbour | None

    def text(self, *, width: int | None = None) -> str:
        """All of it in `width` columns; by default as wide as the terminal."""
        try:
            drawn = self._words() if self.diagram is None else self.diagram.text(width=width)
        except ConfigError as error:  # too many lanes for so narrow a terminal
            drawn = _in_place_of_a_diagram(self.trial.case, error)
        return "\n\n".join((drawn, *self._beside()))

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"Explanation({self.trial!r})"

    def _repr_html_(self) -> str:
        drawn = _pre(self._words()) if self.diagram is None else self.diagram.svg()
        return "".join((_pre(str(self.trial)), drawn, *map(_pre, self._beside())))

    def _words(self) -> str:
        """The case, and what happened before an exception ended the run: nothing proves that one but itself."""
        trial = self.trial
        if self.too_long:
            return self.too_long
        if not trial.failures:
            return str(trial.case)
        last = (trial.history.row(place) for place in range(max(0, len(trial.history) - _FACTS), len(trial.history)))
        return "\n".join((str(trial.case), "", "the last facts before it:", *(f"    {row}" for row in last)))

    def _beside(self) -> Iterator[str]:
        if self.neighbour is not None:
            yield str(self.neighbour)


def explain(what: Failure | Case | Trial, **instead: Unpack[Instead]) -> Explanation:
    """Run a case again with every frame recorded, and see how it breaks its promise.

    Args:
        what: what a search found (it knows what ran), a case, or one that was replayed.
        instead: what runs instead of the real algorithms, where `what` is a case.

    Raises:
        ConfigError: the case asks for what there is not.
    """
    if isinstance(what, Trial):
        trial = what
    elif isinstance(what, Failure):
        trial = try_case(what.smallest, algorithms=what.algorithms, level=Level.FRAMES)
    else:
        trial = replay(what, **instead)
    drawn, too_long = None, ""
    try:
        drawn = _drawn(trial)
    except ConfigError as error:
        too_long = _in_place_of_a_diagram(trial.case, error)
    passing = neighbour(trial) if trial.failures else None
    return Explanation(trial=trial, diagram=drawn, too_long=too_long, neighbour=passing)


def _drawn(trial: Trial) -> Diagram | None:
    violations = () if trial.verdict is None else trial.verdict.violations
    if not violations:
        return None
    case = trial.case
    meant = [violation for violation in violations if violation.property.value == case.breaks]
    title = f"{case.scenario.name or 'a scenario'}, seed {case.seed}"
    return diagram(trial.history, violations=meant or violations, deviations=case.deviations, title=title)


def _in_place_of_a_diagram(case: Case, error: ConfigError) -> str:
    return f"{case}\n(no diagram: {error})"


def _pre(text: str) -> str:
    return f"<pre>{html.escape(text)}</pre>"
