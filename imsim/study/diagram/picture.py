"""A diagram as a picture: onto axes that are given, or as an SVG that is the same byte for byte each time.

Lengths are inches, down the page; moments are as far from one another as a line of text needs, and what is shaded on a
lane lasts: a node that is down or stands still, a device without a connection, a partition across all of them.

What does not belong here: what is drawn, and in which order (layout.py).
"""

from __future__ import annotations

import io
import math
import textwrap
from typing import TYPE_CHECKING, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from imsim.study.diagram.lanes import Condition, Role
from imsim.study.diagram.words import Shape, span_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes

    from imsim.study.diagram.model import Arrow, Layout, Mark

__all__ = ["draw", "size", "svg"]

_PITCH: Final = 1.9
_STEP: Final = 0.34
_GAP: Final = 0.2
_CLOSE: Final = 0.17
_LINE: Final = 0.13
_HEAD: Final = 0.32
_CHARACTER: Final = 0.066
_NEAR: Final = 0.14
_FEW: Final = 5
_CAPTION: Final = 60
"""Characters beside a mark; what is longer is cut."""
_CALLOUT: Final = 34
"""Characters of a line that tells a broken promise."""

_INK, _PALE, _RED = "#333333", "#8c8c8c", "#c1121f"
_BLUE, _GREEN, _ORANGE, _AMBER = "#0072b2", "#007a5a", "#b85c00", "#fff3c4"
_HUES: Final = {
    Shape.DEED: _BLUE, Shape.ROW: _GREEN, Shape.ENTRY: _INK, Shape.FATE: _BLUE, Shape.FAULT: _ORANGE, Shape.NOTE: _PALE,
}  # fmt: skip
_MARKERS: Final = {
    Shape.DEED: "o", Shape.ROW: "D", Shape.ENTRY: "s", Shape.FATE: "o", Shape.FAULT: "X", Shape.NOTE: "o",
}  # fmt: skip
_HOLLOW: Final = frozenset({Shape.FATE})
_SMALL: Final = frozenset({Shape.NOTE})
_HEADS: Final = {Role.DEVICE: "#e3eef6", Role.SERVER: "#e8e8e8", Role.LOG: "#ffffff"}


def svg(layout: Layout, *, title: str = "") -> str:
    """The diagram as an SVG document: the same text for the same layout, whatever style the process has set."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update({"svg.hashsalt": "imsim", "svg.fonttype": "none"})
        page = _Page(layout, title)
        figure = Figure(figsize=page.size)
        page.draw(figure.add_axes((0.0, 0.0, 1.0, 1.0)))
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "imsim"})
    return out.getvalue()


def size(layout: Layout, *, title: str = "") -> tuple[float, float]:
    """How wide and high the diagram is, in inches."""
    return _Page(layout, title).size


def draw(layout: Layout, axes: Axes, *, title: str = "") -> Axes:
    """Draw onto some axes, which become as wide and high as the diagram in inches; returns them."""
    _Page(layout, title).draw(axes)
    return axes


class _Page:
    """One drawing."""

    def __init__(self, layout: Layout, title: str) -> None:
        self._layout = layout
        self._title = [title] if title else []
        lefts = [len(words) for _, lane, words, side in self._captions() if not lane and side < 0]
        rights = [len(words) for _, lane, words, side in self._captions() if lane == len(layout.lanes) - 1 and side > 0]
        self._left = 0.75 + _CHARACTER * max(lefts, default=0)
        self._right = 0.3 + _CHARACTER * max(rights, default=4)
        self._ys = list(self._heights())

    # ------------------------------------------------------------------------------------------ where

    @property
    def size(self) -> tuple[float, float]:
        """Inches."""
        width = self._left + _PITCH * (len(self._layout.lanes) - 1) + self._right
        bottom = self._bottom
        for _, _, middle, said in self._callouts():
            bottom = max(bottom, middle + (said.count("\n") + 1) * _LINE / 2 + _CLOSE)
        if self._layout.violations:
            width += 0.2 + _CHARACTER * _CALLOUT
        return max(width, 4.0), bottom + 0.2

    @property
    def _top(self) -> float:
        return 0.15 + 0.22 * (len(self._title) + len(self._layout.deviations))

    @property
    def _bottom(self) -> float:
        return (self._ys[-1] if self._ys else self._top + _HEAD) + _STEP

    def _heights(self) -> Iterator[float]:
        y = self._top + _HEAD
        for moment in self._layout.moments:
            y += _STEP + (_GAP if moment.left_out >= _FEW else 0.0)
            yield y
            y += _CLOSE * max(0, sum(self._is_stub(number) for number in moment.departures) - 1)

    def _x(self, lane: int) -> float:
        return self._left + _PITCH * lane

    # ------------------------------------------------------------------------------------------ what

    def draw(self, axes: Axes) -> None:
        """Everything, from back to front."""
        width, height = self.size
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.set_axis_off()
        self._titles(axes)
        self._partitions(axes)
        for lane, _ in enumerate(self._layout.lanes):
            self._lane(axes, lane)
        self._times(axes)
        for arrow in self._layout.arrows:
            self._arrow(axes, arrow)
        for y, moment in zip(self._ys, self._layout.moments, strict=True):
            for place, number in enumerate(filter(self._is_stub, moment.departures)):
                self._stub(axes, self._layout.arrows[number], y, y + _STEP * 0.35 + _CLOSE * place)
        for index, moment in enumerate(self._layout.moments):
            if moment.lane is not None:
                axes.plot([self._x(moment.lane)], [self._ys[index]], marker="o", color=_INK, markersize=3, zorder=4)
            for mark in moment.marks:
                self._mark(axes, self._ys[index], mark)
        for index, where, words, side in self._captions():
            self._caption(axes, self._ys[index], where, words, side)
        self._verdicts(axes)

    def _titles(self, axes: Axes) -> None:
        y = 0.22
        for title in self._title:
            axes.text(0.15, y, title, fontsize=9, weight="bold", color=_INK)
            y += 0.22
        for deviation in self._layout.deviations:
            axes.text(0.15, y, f"The case: {deviation}", fontsize=8, color=_ORANGE)
            y += 0.22

    def _partitions(self, axes: Axes) -> None:
        for begin, end in _runs(self._layout.parted):
            if self._layout.parted[begin]:
                last = self._ys[end] if end < len(self._ys) else self._bottom
                axes.axhspan(self._ys[begin], last, color=_AMBER, linewidth=0, zorder=0)

    def _lane(self, axes: Axes, lane: int) -> None:
        x, about = self._x(lane), self._layout.lanes[lane]
        box = {"boxstyle": "round,pad=0.35", "facecolor": _HEADS[about.role], "edgecolor": _INK, "linewidth": 0.8}
        axes.text(x, self._top + 0.2, about.name, ha="center", va="center", fontsize=8.5, color=_INK, bbox=box)
        states = [row[lane] for row in self._layout.conditions]
        first = self._ys[0] if self._ys else self._bottom
        self._stretch(axes, x, self._top + 0.36, first, self._layout.before[lane])
        for begin, end in _runs(states):
            last = self._ys[end] if end < len(self._ys) else self._bottom
            self._stretch(axes, x, self._ys[begin], last, states[begin])

    def _stretch(self, axes: Axes, x: float, begin: float, end: float, condition: Condition) -> None:
        colour, width, style = _LINES[condition]
        axes.plot([x, x], [begin, end], color=colour, linewidth=width, linestyle=style, solid_capstyle="butt", zorder=1)

    def _times(self, axes: Axes) -> None:
        said = ""
        for y, moment in zip(self._ys, self._layout.moments, strict=True):
            time = f"{moment.t:.3f} s"
            if moment.left_out >= _FEW:
                words = f"… {moment.left_out:,} facts"
                axes.text(0.6, y - _STEP / 2 - _GAP / 2, words, ha="right", va="center", fontsize=6.5, color=_PALE)
            if time != said:
                axes.text(0.6, y, time, ha="right", va="center", fontsize=7, color=_PALE)
            said = time

    def _arrow(self, axes: Axes, arrow: Arrow) -> None:
        if arrow.source is None or arrow.target is None:
            return
        start, end = self._x(arrow.source), self._x(arrow.target)
        side = 1.0 if end > start else -1.0
        colour = _ORANGE if arrow.action else _INK
        if arrow.end is None:
            return
        arrives = self._ys[arrow.end]
        leaves = arrives if arrow.start is None else self._ys[arrow.start]
        axes.annotate(
            "",
            xy=(end, arrives),
            xytext=(start, leaves),
            zorder=3,
            arrowprops={
                "arrowstyle": "-|>,head_length=0.45,head_width=0.18",
                "color": colour,
                "linewidth": 1.0,
                "linestyle": "--" if arrow.copy else "-",
                "shrinkA": 2,
                "shrinkB": 4,
            },
        )
        late = f", {span_words(arrow.seconds)}" if arrow.seconds is not None else ""
        action = f" ({arrow.action})" if arrow.action else ""
        slope = (arrives - leaves) / (end - start)
        x = end - side * _PITCH / 2
        axes.text(
            x, arrives + slope * (x - end) - 0.03, f"{arrow.words}{late}{action}", ha="center", va="bottom", fontsize=7,
            color=colour, zorder=5, rotation=-math.degrees(math.atan(slope)), rotation_mode="anchor",
        )  # fmt: skip

    def _is_stub(self, number: int) -> bool:
        return self._layout.arrows[number].end is None

    def _stub(self, axes: Axes, arrow: Arrow, y: float, low: float) -> None:
        """A frame that does not arrive: half the way, ending in a cross."""
        if arrow.source is None:
            return
        start, side = self._x(arrow.source), -1.0 if (arrow.target or 0) < arrow.source else 1.0
        reach, colour = start + side * _PITCH * 0.42, _ORANGE if arrow.action else _RED if arrow.fate else _INK
        axes.plot([start, reach], [y, low], color=colour, linewidth=1.0, zorder=3)
        if arrow.fate:
            axes.plot([reach], [low], marker="x", color=colour, markersize=7, markeredgewidth=1.8, zorder=4)
        fate = arrow.fate.value if arrow.fate else "still under way"
        action = f" ({arrow.action})" if arrow.action else ""
        self._label(axes, reach + side * 0.1, low, f"{arrow.words} {fate}{action}", side, colour)

    def _label(self, axes: Axes, x: float, y: float, words: str, side: float, colour: str) -> None:
        axes.text(
            x, y, words, ha="left" if side > 0 else "right", va="center", fontsize=7, color=colour, zorder=5,
            bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.75},
        )  # fmt: skip

    def _mark(self, axes: Axes, y: float, mark: Mark) -> None:
        if mark.lane is None:
            end = self._x(len(self._layout.lanes) - 1)
            axes.plot([self._left, end], [y, y], color=_ORANGE, linewidth=1.0, linestyle=":", zorder=2)
            return
        x, hue = self._x(mark.lane), _HUES[mark.shape]
        axes.plot(
            [x], [y], marker=_MARKERS[mark.shape], color=hue, markersize=3.5 if mark.shape in _SMALL else 6,
            markerfacecolor="white" if mark.shape in _HOLLOW else hue, zorder=6 if mark.shape is Shape.ROW else 5,
        )  # fmt: skip
        if mark.proves:
            axes.plot(
                [x], [y], marker="o", color=_RED, markersize=14, markerfacecolor="none",
                markeredgewidth=2.0 if mark.breaks else 0.8, zorder=7,
            )  # fmt: skip

    def _captions(self) -> Iterator[tuple[int, int | None, str, int]]:
        """What is said beside each lane at each moment: the moment, the lane, the words, and on which side."""
        for index, moment in enumerate(self._layout.moments):
            lanes: dict[int | None, list[str]] = {}
            for mark in moment.marks:
                numbers = "".join(f" [{number}]" for number in mark.proves)
                lanes.setdefault(mark.lane, []).append(mark.words + numbers)
            for lane, words in lanes.items():
                said = textwrap.shorten(", ".join(words), _CAPTION, placeholder=" …")
                yield index, lane, said, self._side(lane, moment.arrival)

    def _side(self, lane: int | None, arrival: int | None) -> int:
        """Away from where the frame came from; outwards at the edges."""
        last = len(self._layout.lanes) - 1
        if lane is None:
            return -1
        if lane == last:
            return 1
        source = self._layout.arrows[arrival].source if arrival is not None else None
        if source is None or source == lane:
            return -1 if lane == 0 else 1
        return 1 if source < lane else -1

    def _caption(self, axes: Axes, y: float, lane: int | None, words: str, side: int) -> None:
        x = self._x(lane or 0) + side * _NEAR
        self._label(axes, x, y, words, side, _ORANGE if lane is None else _INK)

    def _callouts(self) -> Iterator[tuple[float, float, float, str]]:
        """The broken promises: where each is proven (x, y), how high it is told (below the one before), what."""
        free = self._top
        for y, moment in zip(self._ys, self._layout.moments, strict=True):
            for mark in moment.marks:
                told = [f"[{number}] {self._layout.violations[number - 1]}" for number in mark.breaks]
                if not told:
                    continue
                said = "\n".join(textwrap.fill(sentence, _CALLOUT) for sentence in told)
                half = (said.count("\n") + 1) * _LINE / 2 + _CLOSE
                middle = max(y, free + half)
                free = middle + half
                yield self._x(mark.lane or 0), y, middle, said

    def _verdicts(self, axes: Axes) -> None:
        """The broken promises, in a column on the right, each tied to the mark that proves it."""
        column = self._x(len(self._layout.lanes) - 1) + self._right + 0.1
        box = {"boxstyle": "round,pad=0.4", "facecolor": "#fdecec", "edgecolor": _RED}
        for x, y, middle, said in self._callouts():
            axes.plot([x + 0.11, column], [y, middle], color=_RED, linewidth=0.8, linestyle=":", zorder=2)
            axes.text(column, middle, said, va="center", fontsize=7.5, color=_RED, weight="bold", bbox=box, zorder=8)


_LINES: Final = {
    Condition.UP: (_INK, 1.1, "-"),
    Condition.OFFLINE: (_PALE, 1.1, ":"),
    Condition.PAUSED: ("#c9c9c9", 7.0, "-"),
    Condition.DOWN: ("#f3c9a8", 7.0, "-"),
}
"""The colour, width in points and style of a lane in each condition."""


def _runs(values: tuple[object, ...] | list[Condition]) -> Iterator[tuple[int, int]]:
    """The stretches of equal values: first, and one past the last."""
    begin = 0
    for index in range(1, len(values) + 1):
        if index == len(values) or values[index] != values[begin]:
            yield begin, index
            begin = index
