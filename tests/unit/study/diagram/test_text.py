"""The diagram for a terminal."""

from __future__ import annotations

import io
import sys

import pytest
from rich.cells import cell_len

from imsim.errors import ConfigError
from imsim.history import Event
from imsim.sim.deviations import parse
from imsim.study.diagram import diagram
from imsim.verify.finding import Property, Violation

PHONE, PC, SERVER = "alice/phone", "bob/pc", "server-1"


def lines(history, *, width=80, ascii_only=False, **asked):
    return diagram(history, **asked).text(width=width, ascii_only=ascii_only).splitlines()


def twice(story):
    """A message that is shown twice, and what proves it."""
    story.later().posted("alice-1").delivered("alice-1").sent(PC, SERVER, "ack", "alice-1")
    story.dropped(PC, SERVER, "ack", "alice-1").later().say(SERVER, Event.CRASHED).later().say(SERVER, Event.RESTARTED)
    history = story.delivered("alice-1", attempt=2).end()
    rows = tuple(history.filter(event=Event.SHOWN))
    return history, Violation(property=Property.NO_DUPLICATE, sentence="bob/pc shows alice-1 twice", rows=rows)


TWICE = """\
17 of 20 facts
↯ drop the 1st ack of alice-1 from bob/pc
           alice server   bob    log
  seconds  phone    1     pc
    1.000    ●      │      │      │    submits alice-1
    2.000    ├─────▶■      │      ■    send alice-1 after 1 s: becomes chat[1],
             │      │      │      │    accepted
    3.000    │      ├─────▶◆      │    push alice-1 after 1 s: shown [1]
             │      │   ✗──┤      │    ack alice-1 lost ↯drop
    4.000    │      ✖      │      │    crashes
    5.000    │      •      │      │    restarts
    6.000    │      ├─────▶◆      │    2nd push alice-1 after 1 s: shown [1]
             │      │      ▲      │    [1] no duplicate shown: bob/pc shows
             │      │      │      │    alice-1 twice
             │      │      │      │    … 1 fact
● what a user does   ◆ a durable row   ■ an entry of the log   ✖ a fault
• any other fact   ▲ a broken promise   ↯ what the case does"""


def test_a_case_is_told_from_top_to_bottom(story):
    history, violation = twice(story)
    deviations = [parse("drop the 1st ack of alice-1 from bob/pc")]

    assert "\n".join(lines(history, violations=[violation], deviations=deviations)) == TWICE


def test_a_terminal_that_has_only_ascii_is_told_the_same(story):
    history, violation = twice(story)

    plain, boxes = (lines(history, violations=[violation], ascii_only=ascii_only) for ascii_only in (True, False))

    assert all(line.isascii() for line in plain)
    assert len(plain) == len(boxes)
    assert [len(line) for line in plain if "..." not in line] == [len(line) for line in boxes if "…" not in line]


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_no_line_is_wider_than_the_terminal(story, width, ascii_only):
    story.later().posted("\N{CJK UNIFIED IDEOGRAPH-4E2D}" * 40).say("world", Event.PARTITIONED, detail="a | b " * 20)

    drawn = lines(story.end(), width=width, ascii_only=ascii_only)

    assert max(cell_len(line) for line in drawn) <= width
    assert max(cell_len(line) for line in drawn) > width - 15


def test_a_name_that_is_too_long_is_cut(story):
    drawn = lines(story.say("christopher/phone", Event.INSTALLED).end(), width=60)

    assert drawn[1].split() == ["alice", "bob", "chris~"]
    assert drawn[2].split() == ["seconds", "phone", "pc", "phone"]


def test_too_many_lanes_for_the_width_are_refused(story):
    for number in range(20):
        story.say(f"server-{number}", Event.CRASHED)

    with pytest.raises(ConfigError, match="22 lanes need 185 columns, got 80"):
        lines(story.end())


def test_a_frame_that_arrives_later_is_drawn_where_it_left_and_where_it_arrived(story):
    story.later().sent(PHONE, SERVER, "send", "alice-1").later().shown(PC, "bob-1").later()

    drawn = lines(story.received(SERVER, PHONE, "send", "alice-1").end())

    assert sum("▷" in line for line in drawn) == 1
    assert sum("▶" in line for line in drawn) == 1
    assert next(number for number, line in enumerate(drawn) if "▷" in line) < next(
        number for number, line in enumerate(drawn) if "▶" in line
    )


def test_arrows_to_the_left_and_across_a_lane(story):
    story.say("alice/watch", Event.INSTALLED).later().say(PHONE, Event.SUBMITTED, message="alice-1")
    story.sent(SERVER, PHONE, "answer", "alice-1").later().received(PHONE, SERVER, "answer", "alice-1")

    (drawn,) = (line for line in lines(story.end()) if "◀" in line)

    assert "│◀─────┼──────┤" in drawn


def test_a_node_that_is_down_stands_still_or_is_alone_looks_so(story):
    story.later().say(PHONE, Event.DISCONNECTED).say(PC, Event.PAUSED).sent(SERVER, PC, "hint").say(
        SERVER, Event.CRASHED
    )
    story.later().say("world", Event.PARTITIONED, detail="a | b").later()

    drawn = next(line for line in lines(story.end()) if "partition" in line)

    assert "┊" in drawn
    assert "░" in drawn
    assert "│" not in drawn


def test_what_is_under_way_when_the_window_ends_is_open(story):
    history = (
        story.later().sent(PHONE, SERVER, "send", "alice-1").later().received(SERVER, PHONE, "send", "alice-1").end()
    )

    drawn = lines(history, until=1.5)

    assert any("send alice-1 is still under way" in line for line in drawn)
    assert not any("✗" in line for line in drawn)


def test_a_promise_that_is_broken_by_the_end_is_told_there(story):
    history = story.posted("alice-1").end()
    row = history.filter(event=Event.ACCEPTED)
    violation = Violation(property=Property.NO_LOSS, sentence="it is not there", rows=tuple(row), absence=True)

    drawn = lines(history, violations=[violation])

    end = next(number for number, line in enumerate(drawn) if "the run ends" in line)
    assert drawn[end + 1].endswith("▲ [1] no loss: it is not there")


def test_without_a_width_it_is_that_of_the_terminal(story, monkeypatch):
    monkeypatch.setenv("COLUMNS", "64")
    history = story.posted("alice-1").delivered("alice-1").end()

    assert str(diagram(history)).splitlines() == lines(history, width=64)


@pytest.mark.parametrize(("encoding", "plain"), [("utf-8", False), ("ascii", True), ("latin-1", True)])
def test_boxes_are_drawn_where_standard_output_can_say_them(story, monkeypatch, encoding, plain):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))

    assert str(diagram(story.posted("alice-1").end())).isascii() is plain
