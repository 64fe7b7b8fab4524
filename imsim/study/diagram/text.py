"""A diagram for a terminal: time, lanes, and beside them what happens, a line each.

    seconds  alice  server  log
             phone  1
     20.000    ●       ┊     │   submits alice-3
     24.540    │──────▶●     ■   send alice-3 after 4.54 s: becomes team[6], accepted

An arrow is drawn where it arrives; where it left is drawn too, dotted, unless it arrives in the next moment, when one
line says both. Where a terminal has only ASCII, every character has its likeness there.

What does not belong here: what is drawn, and in which order (layout.py).
"""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Final

import msgspec
from rich.cells import cell_len, set_cell_size

from imsim.errors import ConfigError
from imsim.study.diagram.lanes import Condition
from imsim.study.diagram.words import Shape, span_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imsim.study.diagram.model import Arrow, Layout, Mark, Moment

__all__ = ["render"]

_TIME: Final = 9
_LEAST_PITCH, _MOST_PITCH = 7, 13
_LEAST_WORDS, _GOOD_WORDS = 20, 42
_FEW: Final = 5
"""Facts left out that need no line of their own."""


_BY_WEIGHT: Final = (Shape.FAULT, Shape.ROW, Shape.ENTRY, Shape.DEED, Shape.FATE, Shape.NOTE)


class _Glyphs(msgspec.Struct, frozen=True, kw_only=True):
    """The characters of one alphabet, each one cell wide."""

    line: str
    crossing: str
    leaves_right: str
    leaves_left: str
    right: str
    left: str
    dots: str
    dotted_right: str
    dotted_left: str
    lost: str
    world: str
    action: str
    violated: str
    more: str
    up: dict[Condition, str]
    marks: dict[Shape, str]


_BOXES: Final = _Glyphs(
    line="─", crossing="┼", leaves_right="├", leaves_left="┤", right="▶", left="◀", dots="┄", dotted_right="▷",
    dotted_left="◁", lost="✗", world="═", action="↯", violated="▲", more="…",
    up={Condition.UP: "│", Condition.OFFLINE: "┊", Condition.PAUSED: "░", Condition.DOWN: " "},
    marks={
        Shape.DEED: "●", Shape.ROW: "◆", Shape.ENTRY: "■", Shape.FATE: "○", Shape.FAULT: "✖", Shape.NOTE: "•",
    },
)  # fmt: skip
_ASCII: Final = _Glyphs(
    line="-", crossing="+", leaves_right="+", leaves_left="+", right=">", left="<", dots=".", dotted_right=">",
    dotted_left="<", lost="x", world="=", action="!", violated="^", more="...",
    up={Condition.UP: "|", Condition.OFFLINE: ":", Condition.PAUSED: "%", Condition.DOWN: " "},
    marks={
        Shape.DEED: "@", Shape.ROW: "#", Shape.ENTRY: "$", Shape.FATE: "o", Shape.FAULT: "X", Shape.NOTE: "*",
    },
)  # fmt: skip


def render(layout: Layout, *, title: str = "", width: int | None = None, ascii_only: bool | None = None) -> str:
    """The diagram as lines of text.

    Args:
        layout: what is drawn.
        title: stands above it.
        width: columns, by default those of the terminal.
        ascii_only: whether to do without box-drawing characters; by default where standard output cannot say them.

    Raises:
        ConfigError: there are too many lanes for the width.
    """
    columns = shutil.get_terminal_size((100, 24)).columns if width is None else width
    plain = not _can_say(_BOXES) if ascii_only is None else ascii_only
    return "\n".join(line.rstrip() for line in _Page(layout, title, columns, _ASCII if plain else _BOXES).lines())


def _can_say(glyphs: _Glyphs) -> bool:
    try:
        "".join((glyphs.line, glyphs.right, glyphs.lost, *glyphs.marks.values())).encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


class _Page:
    """One rendering."""

    def __init__(self, layout: Layout, title: str, width: int, glyphs: _Glyphs) -> None:
        self._title = title
        self._layout = layout
        self._glyphs = glyphs
        count = max(1, len(layout.lanes))
        self._pitch = max(_LEAST_PITCH, min(_MOST_PITCH, (width - _TIME - 2 - _GOOD_WORDS) // count))
        self._graph = self._pitch * len(layout.lanes)
        self._words = width - _TIME - 2 - self._graph
        if self._words < _LEAST_WORDS:
            least = _TIME + 2 + _LEAST_PITCH * count + _LEAST_WORDS
            raise ConfigError(f"{count} lanes need {least} columns, got {width}: name a message, or ask for an SVG")
        self._width = width

    def lines(self) -> Iterator[str]:
        layout = self._layout
        if self._title:
            yield from self._wrapped("", self._title, self._width)
        for deviation in layout.deviations:
            yield from self._wrapped(f"{self._glyphs.action} ", deviation, self._width)
        yield from self._header()
        left_out = 0
        for index, moment in enumerate(layout.moments):
            left_out += moment.left_out
            rows = list(self._moment(index, moment))
            if rows and left_out >= _FEW:
                yield self._left_out(index, left_out)
            if rows:
                left_out = 0
            yield from rows
        if left_out + layout.left_out_after:
            yield self._left_out(len(layout.moments), left_out + layout.left_out_after)
        yield from self._legend()

    # ------------------------------------------------------------------------------------------ rows

    def _header(self) -> Iterator[str]:
        cells = [self._name(lane.name) for lane in self._layout.lanes]
        for part in (0, 1):
            names = "".join(set_cell_size(f"{name[part]:^{self._pitch}}", self._pitch) for name in cells)
            yield f"{'seconds' if part else '':>{_TIME}} {names}"

    def _name(self, name: str) -> tuple[str, str]:
        """The name of a lane in two parts that fit it."""
        head, cut, tail = self._said(name).partition("/")
        if not cut:
            head, cut, tail = head.partition("-")
        return self._fitting(head), self._fitting(tail)

    def _fitting(self, part: str) -> str:
        room = self._pitch - 1
        return part if cell_len(part) <= room else set_cell_size(part, room - 1) + "~"

    def _left_out(self, index: int, facts: int) -> str:
        words = f"{self._glyphs.more} {facts:,} {'fact' if facts == 1 else 'facts'}"
        return self._row("", self._lanes(index - 1), words)

    def _moment(self, index: int, moment: Moment) -> Iterator[str]:
        rows = list(self._rows(index, moment))
        for number, (graph, words) in enumerate(rows):
            time = f"{moment.t:.3f}" if not number else ""
            for part, line in enumerate(self._folded(words)):
                yield self._row("" if part else time, self._lanes(index) if part else graph, line)

    def _rows(self, index: int, moment: Moment) -> Iterator[tuple[list[str], str]]:
        yield from self._arrival(index, moment)
        yield from self._verdicts(index, moment)
        arrows = [self._layout.arrows[number] for number in moment.departures]
        going = [arrow for arrow in arrows if arrow.fate is None and arrow.end is not None]
        if any(arrow.end != index + 1 for arrow in going):
            yield self._departures(index, going)
        for arrow in arrows:
            if arrow.end is None:
                yield self._stub(index, arrow)

    def _arrival(self, index: int, moment: Moment) -> Iterator[tuple[list[str], str]]:
        """What arrives, and the marks: of other lanes and of the world in rows of their own."""
        graph = self._lanes(index)
        words = []
        if moment.arrival is not None:
            arrow = self._layout.arrows[moment.arrival]
            self._draw(graph, arrow, index)
            words.append(self._arrow_words(arrow))
        for mark in sorted(moment.marks, key=_weight):
            if mark.lane is None:
                edge = self._pitch // 2
                graph[edge : len(graph) - edge] = [
                    self._glyphs.world if cell == " " else cell for cell in graph[edge : len(graph) - edge]
                ]
            else:
                graph[self._at(mark.lane)] = self._glyphs.marks[mark.shape]
        if moment.arrival is not None or moment.marks:
            said = ", ".join(self._mark_words(mark) for mark in moment.marks)
            yield graph, ": ".join(filter(None, (*words, said)))

    def _verdicts(self, index: int, moment: Moment) -> Iterator[tuple[list[str], str]]:
        """The promises that are broken here, under the mark that proves it."""
        for mark in moment.marks:
            for number in mark.breaks:
                graph, lead = self._lanes(index), f"{self._glyphs.violated} "
                if mark.lane is not None:
                    graph[self._at(mark.lane)], lead = self._glyphs.violated, ""
                yield graph, f"{lead}[{number}] {self._layout.violations[number - 1]}"

    def _departures(self, index: int, arrows: Sequence[Arrow]) -> tuple[list[str], str]:
        graph = self._lanes(index)
        for arrow in arrows:
            self._draw(graph, arrow, None)
        words = ", ".join(dict.fromkeys(arrow.words for arrow in arrows))
        return graph, f"leaves: {words}"

    def _stub(self, index: int, arrow: Arrow) -> tuple[list[str], str]:
        graph = self._lanes(index)
        glyphs = self._glyphs
        if arrow.source is not None:
            start = self._at(arrow.source)
            step = -1 if arrow.target is not None and arrow.target < arrow.source else 1
            graph[start] = glyphs.leaves_left if step < 0 else glyphs.leaves_right
            length = self._pitch // 2
            for offset in range(1, length):
                if 0 <= start + step * offset < len(graph):
                    graph[start + step * offset] = glyphs.line
            if 0 <= start + step * length < len(graph):
                graph[start + step * length] = glyphs.lost if arrow.fate else glyphs.dots
        fate = arrow.fate.value if arrow.fate else "is still under way"
        return graph, f"{arrow.words} {fate}{self._action(arrow)}"

    def _legend(self) -> Iterator[str]:
        """What the signs that were used mean."""
        layout, glyphs = self._layout, self._glyphs
        used = {mark.shape for moment in layout.moments for mark in moment.marks if mark.lane is not None}
        seen = {condition for row in layout.conditions for condition in row} - {Condition.UP, Condition.DOWN}
        said = [f"{sign} {shape.value}" for shape, sign in glyphs.marks.items() if shape in used]
        said += [f"{sign} {condition.value}" for condition, sign in glyphs.up.items() if condition in seen]
        if any(mark.breaks for moment in layout.moments for mark in moment.marks):
            said.append(f"{glyphs.violated} a broken promise")
        if any(arrow.action for arrow in layout.arrows):
            said.append(f"{glyphs.action} what the case does")
        yield from _folded(said, self._width, gap="   ")

    # ------------------------------------------------------------------------------------------ graph

    def _at(self, lane: int) -> int:
        return self._pitch * lane + self._pitch // 2

    def _lanes(self, index: int) -> list[str]:
        """The lanes alone, as they are after a moment."""
        graph = [" "] * self._graph
        states = self._layout.conditions[index] if index >= 0 else self._layout.before
        for lane, condition in enumerate(states):
            graph[self._at(lane)] = self._glyphs.up[condition]
        return graph

    def _draw(self, graph: list[str], arrow: Arrow, index: int | None) -> None:
        """An arrow over its whole way: solid into the moment `index`, dotted where it leaves."""
        if arrow.source is None or arrow.target is None:
            return
        glyphs, start, end = self._glyphs, self._at(arrow.source), self._at(arrow.target)
        step = 1 if end > start else -1
        line = glyphs.dots if index is None else glyphs.line
        for at in range(start + step, end, step):
            if graph[at] == " ":
                graph[at] = line
            elif graph[at] == glyphs.up[Condition.UP] and index is not None:
                graph[at] = glyphs.crossing
        heads = (glyphs.dotted_left, glyphs.dotted_right) if index is None else (glyphs.left, glyphs.right)
        graph[end - step] = heads[step > 0]
        if index is None or arrow.start == index - 1:
            graph[start] = glyphs.leaves_right if step > 0 else glyphs.leaves_left

    # ------------------------------------------------------------------------------------------ words

    def _arrow_words(self, arrow: Arrow) -> str:
        late = f" after {span_words(arrow.seconds)}" if arrow.seconds is not None else ""
        return f"{arrow.words}{late}{self._action(arrow)}"

    def _action(self, arrow: Arrow) -> str:
        return f" {self._glyphs.action}{arrow.action}" if arrow.action else ""

    def _mark_words(self, mark: Mark) -> str:
        numbers = "".join(f"[{number}]" for number in mark.proves)
        return f"{mark.words} {numbers}".rstrip()

    def _row(self, time: str, graph: list[str], words: str) -> str:
        return f"{time:>{_TIME}} {''.join(graph)} {words}"

    def _folded(self, words: str) -> list[str]:
        return _folded(self._said(words).split(" "), self._words)

    def _wrapped(self, lead: str, words: str, width: int) -> Iterator[str]:
        for number, line in enumerate(_folded(self._said(words).split(" "), width - len(lead))):
            yield (lead if not number else " " * len(lead)) + line

    def _said(self, text: str) -> str:
        """A text in the alphabet of this page."""
        return text.encode("ascii", "backslashreplace").decode() if self._glyphs is _ASCII else text


def _weight(mark: Mark) -> tuple[bool, int]:
    """Of several marks in one place the heaviest is seen."""
    return bool(mark.proves), -_BY_WEIGHT.index(mark.shape)


def _folded(words: Sequence[str], width: int, *, gap: str = " ") -> list[str]:
    """The words in lines of at most `width` cells; a word that is longer is cut."""
    lines: list[str] = []
    for word in words:
        fitting = word if cell_len(word) <= width else set_cell_size(word, width - 1) + "~"
        if lines and cell_len(joined := f"{lines[-1]}{gap}{fitting}") <= width:
            lines[-1] = joined
        else:
            lines.append(fitting)
    return lines
