"""A diagram to look at: which facts it shows, and its three renderings.

    print(diagram(run.history, violations=run.verdict.violations))
    diagram(run.history, message="alice-3").svg()

What does not belong here: how facts are chosen (choice.py), laid out (layout.py) and drawn (text.py, picture.py).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from imsim.errors import ConfigError, nearest
from imsim.study.diagram import choice, text
from imsim.study.diagram.layout import arrange
from imsim.study.diagram.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from imsim.history import History
    from imsim.sim.deviations import Deviation
    from imsim.study.diagram.model import Layout
    from imsim.verify.finding import Violation

__all__ = ["Diagram", "diagram"]

_MOST_MOMENTS: Final = 500
"""A picture of so many is 14 feet high."""


class Diagram:
    """A space-time diagram of one run: in a notebook a picture, in a terminal text.

    Attributes:
        layout: what is drawn, and where.
        title: stands above it.
    """

    __slots__ = ("layout", "title")

    def __init__(self, layout: Layout, title: str = "") -> None:
        self.layout = layout
        self.title = title

    def text(self, *, width: int | None = None, ascii_only: bool | None = None) -> str:
        """The diagram as lines of text.

        Args:
            width: columns, by default those of the terminal.
            ascii_only: without box-drawing characters, by default where standard output cannot say them.

        Raises:
            ConfigError: the lanes do not fit the width.
        """
        return text.render(self.layout, title=self.title, width=width, ascii_only=ascii_only)

    def svg(self) -> str:
        """The diagram as an SVG document: the same run gives the same text, byte for byte."""
        from imsim.study.diagram import picture

        return picture.svg(self.layout, title=self.title)

    def draw(self, axes: Axes) -> Axes:
        """Draw onto some axes, and return them; `picture_size` says how large they should be."""
        from imsim.study.diagram import picture

        return picture.draw(self.layout, axes, title=self.title)

    @property
    def picture_size(self) -> tuple[float, float]:
        """The width and height of the picture in inches."""
        from imsim.study.diagram import picture

        return picture.size(self.layout, title=self.title)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        layout = self.layout
        return f"Diagram({len(layout.lanes)} lanes, {layout.facts - layout.left_out:,} of {layout.facts:,} facts)"

    def _repr_svg_(self) -> str:
        return self.svg()


def diagram(
    history: History,
    *,
    violations: Sequence[Violation] = (),
    deviations: Sequence[Deviation] = (),
    message: str | None = None,
    since: float = 0.0,
    until: float = math.inf,
    everything: bool = False,
    title: str = "",
) -> Diagram:
    """Draw a run, from its history alone; arrows need one that was recorded at level `frames`.

    Without a message, what the first violation and the deviations are about is drawn, and the rest left out; if there
    are neither, everything is. Of several violations the first is that which a row proves and not only the end.

    Args:
        history: the facts.
        violations: the promises that were broken, as the verdict tells them; they are marked.
        deviations: what the case does; the frames that it does something to are marked.
        message: only what is about this message, its edits and recalls.
        since: the beginning of a window of time, in seconds.
        until: its end.
        everything: leave nothing out.
        title: what stands above it.

    Raises:
        ConfigError: there is no such message, there is nothing to draw, or too much.
    """
    sheet = Sheet(history)
    violations = sorted(violations, key=lambda violation: violation.absence)
    chosen, told = _chosen(sheet, violations, deviations, message, everything=everything)
    if (since, until) != (0.0, math.inf):
        chosen = choice.within(sheet, chosen, since, until)
    layout = arrange(sheet, chosen, told, deviations)
    if not layout.moments:
        raise ConfigError(f"there is nothing to draw between {since:g} s and {until:g} s")
    if len(layout.moments) > _MOST_MOMENTS:
        raise ConfigError(
            f"a diagram has at most {_MOST_MOMENTS} moments, and this one would have {len(layout.moments):,}: "
            "name a message, or a shorter time"
        )
    shown = f"{layout.facts - layout.left_out:,} of {layout.facts:,} facts"
    if len(told) < len(violations):
        shown += f", {len(told)} of {len(violations)} broken promises"
    return Diagram(layout, f"{title}: {shown}" if title else shown)


def _chosen(
    sheet: Sheet,
    violations: Sequence[Violation],
    deviations: Sequence[Deviation],
    message: str | None,
    *,
    everything: bool,
) -> tuple[choice.Choice, Sequence[Violation]]:
    """What is drawn, and the violations that are told in it."""
    if message is not None:
        number = sheet.history.messages.find(message) if message else None
        if number is None:
            raise ConfigError(f"this run has no message {message!r}{nearest(message, sheet.history.messages.names)}")
        told = [violation for violation in violations if any(row.message == message for row in violation.rows)]
        return choice.proving(sheet, choice.about(sheet, number), told), told
    if everything or not (violations or deviations):
        return choice.proving(sheet, choice.everything(sheet), violations), violations
    return choice.relevant(sheet, violations[0] if violations else None, deviations), violations[:1]
