"""The diagram as a user asks for it."""

from __future__ import annotations

import pytest

from imsim.errors import ConfigError
from imsim.history import Event, Writer
from imsim.sim.deviations import parse
from imsim.study.diagram import diagram, view
from imsim.verify.finding import Property, Violation

PHONE, PC, SERVER = "alice/phone", "bob/pc", "server-1"


def violation(history, event, **found):
    rows = tuple(history.filter(event=event, **found))
    return Violation(property=Property.ORDER, sentence="it is so", rows=rows)


def messages(drawn):
    return {arrow.message for arrow in drawn.layout.arrows}


@pytest.fixture
def history(story):
    story.later().posted("alice-1").delivered("alice-1").later().posted("alice-2", 2).delivered("alice-2", 2)
    return story.end()


def test_without_a_violation_everything_is_drawn(history):
    assert messages(diagram(history)) == {"alice-1", "alice-2"}


def test_with_violations_the_first_is_drawn_and_the_title_says_of_how_many(history):
    found = [violation(history, Event.SHOWN, message=message) for message in ("alice-2", "alice-1")]

    drawn = diagram(history, violations=found, title="tiny, seed 1")

    assert messages(drawn) == {"alice-2"}
    assert drawn.layout.violations == ("order: it is so",)
    assert drawn.title == "tiny, seed 1: 9 of 21 facts, 1 of 2 broken promises"
    assert repr(drawn) == "Diagram(4 lanes, 9 of 21 facts)"


def test_what_a_row_proves_is_drawn_before_what_only_the_end_does(history):
    proven, absent = (violation(history, Event.SHOWN, message=message) for message in ("alice-2", "alice-1"))
    absent = Violation(property=Property.NO_LOSS, sentence="it is not there", rows=absent.rows, absence=True)

    assert messages(diagram(history, violations=[absent, proven])) == {"alice-2"}
    assert messages(diagram(history, violations=[absent])) == {"alice-1"}


def test_with_deviations_what_they_name_is_drawn(history):
    assert messages(diagram(history, deviations=[parse("drop the 1st send of alice-1 from alice/phone")])) == {
        "alice-1"
    }


def test_everything_may_be_asked_for(history):
    found = [violation(history, Event.SHOWN, message="alice-2")]

    drawn = diagram(history, violations=found, everything=True)

    assert messages(drawn) == {"alice-1", "alice-2"}
    assert drawn.layout.violations


def test_of_a_message_only_its_own_violations_are_told(history):
    found = [violation(history, Event.SHOWN, message=message) for message in ("alice-2", "alice-1")]

    drawn = diagram(history, violations=found, message="alice-1")

    assert messages(drawn) == {"alice-1"}
    assert len(drawn.layout.violations) == 1


def test_a_window_of_time(history):
    drawn = diagram(history, since=3.5, until=4.5)

    assert [moment.t for moment in drawn.layout.moments] == [4.0]


def test_a_message_that_there_is_not_is_refused_with_the_nearest(history):
    with pytest.raises(ConfigError, match=r"this run has no message 'alise-1' \(did you mean 'alice-1'\?\)"):
        diagram(history, message="alise-1")


def test_nothing_to_draw_is_refused(history):
    with pytest.raises(ConfigError, match="nothing to draw between 70 s and 80 s"):
        diagram(history, since=70, until=80)
    with pytest.raises(ConfigError, match="nothing to draw"):
        diagram(Writer().finish())


def test_too_much_to_draw_is_refused(history, monkeypatch):
    monkeypatch.setattr(view, "_MOST_MOMENTS", 3)

    with pytest.raises(ConfigError, match="at most 3 moments, and this one would have 9: name a message"):
        diagram(history)


def test_a_notebook_gets_a_picture(history):
    assert diagram(history)._repr_svg_() == diagram(history).svg()


def test_a_history_without_frames_is_drawn_without_arrows(quiet):
    drawn = diagram(quiet.later().posted("alice-1").delivered("alice-1").end())

    assert drawn.layout.arrows == ()
    assert "pushes alice-1" in drawn.text(width=80)
