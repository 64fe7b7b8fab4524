"""The diagram as a picture: the same bytes each time, and onto axes that somebody else made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from imsim.history import Event
from imsim.sim.deviations import parse
from imsim.study.diagram import diagram
from imsim.verify.finding import Property, Violation

PHONE, PC, SERVER = "alice/phone", "bob/pc", "server-1"

_PRINT = """
import imsim
from imsim.history import Level
from imsim.sim.deviations import parse
run = imsim.simulate(
    imsim.load("tiny"), seed=1, level=Level.FRAMES, deviations=[parse("drop the 1st push of alice-1 to bob/phone")]
)
print(run.diagram(everything=True, until=30.0).svg())
"""


def words(svg):
    """All texts of a picture."""
    return [element.text for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314


def broken(story):
    story.later().posted("alice-1").delivered("alice-1").say("world", Event.PARTITIONED, detail="a | b").later()
    story.sent(PHONE, SERVER, "send", "<b> & co").dropped(PHONE, SERVER, "send", "<b> & co").say(PC, Event.PAUSED)
    story.later().say("world", Event.HEALED, detail="a | b").say(PC, Event.RESUMED)
    history = story.delivered("alice-1", attempt=2).end()
    rows = tuple(history.filter(event=Event.SHOWN))
    return history, Violation(property=Property.NO_DUPLICATE, sentence="bob/pc shows alice-1 twice", rows=rows)


def test_the_picture_is_the_same_in_another_process():
    pictures = [
        subprocess.run(
            [sys.executable, "-c", _PRINT],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    ]

    assert pictures[0] == pictures[1]
    assert pictures[0].startswith(b"<?xml")


def test_the_picture_is_the_same_whatever_style_is_set(story):
    drawn = diagram(story.posted("alice-1").end())
    plain = drawn.svg()

    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "svg.hashsalt": "x", "axes.facecolor": "black"}):
        styled = drawn.svg()
        assert mpl.rcParams["font.size"] == 30

    assert styled == plain


def test_everything_that_the_text_says_is_in_the_picture(story):
    history, violation = broken(story)
    deviation = parse("delay the 2nd push of alice-1 to bob/pc by 1 s")

    said = words(diagram(history, violations=[violation], deviations=[deviation], everything=True, title="t").svg())

    assert {
        f"t: {len(history)} of {len(history)} facts",
        f"The case: {deviation}",
        "alice/phone", "server-1", "bob/pc", "log",
        "1.000 s",
        "submits alice-1",
        "send alice-1, 1 s",
        "becomes chat[1]",
        "shown [1]",
        "partition: a | b",
        "send <b> & co lost",
        "stands still",
        "2nd push alice-1, 1 s (delay)",
        "[1] no duplicate shown: bob/pc",
        "shows alice-1 twice",
        "the run ends",
    } <= set(said)  # fmt: skip


def test_what_is_left_out_is_counted(story):
    for _ in range(5):
        story.say(PHONE, Event.CAUGHT_UP)
    history = story.later().posted("alice-1").end()

    assert "… 7 facts" in words(diagram(history, message="alice-1").svg())


def test_a_long_caption_is_cut(story):
    for number in range(20):
        story.say(PHONE, Event.CANCELLED, message=f"alice-{number}")

    (said,) = (word for word in words(diagram(story.end()).svg()) if "cancelled" in word)

    assert said.endswith("…")
    assert len(said) <= 60


def test_it_is_drawn_onto_the_axes_of_others(story):
    history, violation = broken(story)
    drawn = diagram(history, violations=[violation])
    axes = Figure(figsize=drawn.picture_size).add_subplot()

    assert drawn.draw(axes) is axes

    width, height = drawn.picture_size
    assert axes.get_xlim() == (0, width)
    assert axes.get_ylim() == (height, 0)
    assert any(text.get_text() == "alice/phone" for text in axes.texts)


@pytest.mark.parametrize("everything", [True, False])
def test_nothing_is_drawn_outside_of_the_picture(story, everything):
    history, violation = broken(story)
    missing = Violation(property=Property.NO_LOSS, sentence="it is not there " * 9, rows=violation.rows, absence=True)
    drawn = diagram(history, violations=[violation, missing, missing], everything=everything, title="a title")
    figure = Figure(figsize=drawn.picture_size)
    axes = drawn.draw(figure.add_axes((0, 0, 1, 1)))
    renderer = FigureCanvasAgg(figure).get_renderer()

    for text in axes.texts:
        box = text.get_window_extent(renderer).transformed(axes.transData.inverted())
        assert -0.05 < box.x0 < box.x1 < drawn.picture_size[0] + 0.05, text.get_text()
        assert -0.05 < box.y1 < box.y0 < drawn.picture_size[1] + 0.05, text.get_text()


def test_no_plot_is_left_open(story):
    import matplotlib.pyplot as plt

    diagram(story.posted("alice-1").end()).svg()

    assert plt.get_fignums() == []


def test_importing_it_does_not_import_matplotlib():
    question = "import sys, imsim.study.diagram; print('matplotlib' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", question], capture_output=True, check=True, text=True, timeout=60)

    assert answer.stdout.strip() == "False"


def test_the_sources_name_no_state_of_pyplot():
    source = Path(sys.modules["imsim.study.diagram.view"].__file__).with_name("picture.py").read_text(encoding="utf-8")

    assert "pyplot" not in source
