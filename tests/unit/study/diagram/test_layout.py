"""The model: each frame has its arrow or its stub, moments are in order, and what proves a violation is marked."""

from __future__ import annotations

import msgspec
import pytest

from imsim.history import Event
from imsim.sim.deviations import parse
from imsim.study.diagram import choice
from imsim.study.diagram.flights import Fate
from imsim.study.diagram.layout import arrange
from imsim.study.diagram.sheet import Sheet
from imsim.verify.finding import Property, Violation

PHONE, PC, SERVER = "alice/phone", "bob/pc", "server-1"


def laid(history, *, violations=(), deviations=(), window=None):
    sheet = Sheet(history)
    chosen = choice.everything(sheet)
    return arrange(sheet, choice.within(sheet, chosen, *window) if window else chosen, violations, deviations)


def cited(history, *events, absence=False):
    rows = tuple(history.row(place) for place in range(len(history)) if history.row(place).event in events)
    return Violation(property=Property.NO_DUPLICATE, sentence="it is so", rows=rows, absence=absence)


def moments(layout):
    """Each moment as its lane, what arrives, the marks, and what leaves."""
    names = [lane.name for lane in layout.lanes]
    return [
        (
            None if moment.lane is None else names[moment.lane],
            None if moment.arrival is None else layout.arrows[moment.arrival].words,
            [mark.words for mark in moment.marks],
            [layout.arrows[number].words for number in moment.departures],
        )
        for moment in layout.moments
    ]


def test_what_arrives_what_follows_and_what_leaves_is_one_moment(story):
    layout = laid(story.later().posted("alice-1").delivered("alice-1").end())

    assert moments(layout)[2:] == [
        (PHONE, None, ["submits alice-1"], ["send alice-1"]),
        (SERVER, "send alice-1", ["becomes chat[1]", "accepted"], ["push alice-1"]),
        (PC, "push alice-1", ["shown"], []),
        (None, None, ["the run ends"], []),
    ]


def test_an_arrow_goes_from_the_moment_in_which_it_left_to_that_in_which_it_arrived(story):
    layout = laid(story.posted("alice-1").delivered("alice-1").end())
    send, push = layout.arrows
    names = [lane.name for lane in layout.lanes]

    assert (names[send.source], names[send.target]) == (PHONE, SERVER)
    assert (names[push.source], names[push.target]) == (SERVER, PC)
    assert layout.moments[send.end].arrival == 0
    assert layout.moments[push.start].departures == (1,)
    assert push.seconds == 1.0


def test_moments_are_in_the_order_of_time(story):
    layout = laid(story.posted("alice-1").posted("alice-2", 2).delivered("alice-1").end())

    times = [moment.t for moment in layout.moments]

    assert times == sorted(times)


def test_a_lost_frame_leaves_and_does_not_arrive(story):
    layout = laid(story.later().sent(SERVER, PC, "push", "alice-1").dropped(SERVER, PC, "push", "alice-1").end())

    (arrow,) = layout.arrows

    assert (arrow.fate, arrow.end) == (Fate.LOST, None)
    assert layout.moments[arrow.start].departures == (0,)


def test_a_doubled_frame_is_two_arrows_from_one_moment(story):
    story.later().sent(SERVER, PC, "push", "alice-1").doubled(SERVER, PC, "push", "alice-1").later()
    layout = laid(story.received(PC, SERVER, "push", "alice-1").received(PC, SERVER, "push", "alice-1").end())

    first, second = layout.arrows

    assert first.start == second.start
    assert first.end != second.end
    assert (first.copy, second.copy) == (False, True)
    assert second.words == "copy of push alice-1"


def test_marks_stay_with_the_frame_that_caused_them_when_another_arrives_in_between(story):
    story.sent(PHONE, SERVER, "send", "alice-1").sent(PC, SERVER, "ack", "bob-1").later()
    story.received(SERVER, PHONE, "send", "alice-1").received(SERVER, PC, "ack", "bob-1")
    layout = laid(story.say(SERVER, Event.ACCEPTED, message="alice-1", seq=1).end())

    assert (SERVER, "send alice-1", ["accepted"], []) in moments(layout)
    assert (SERVER, "ack bob-1", [], []) in moments(layout)


def test_the_row_that_completes_a_proof_breaks_the_promise_and_the_others_are_evidence(story):
    history = story.delivered("alice-1").later().delivered("alice-1", attempt=2).end()

    layout = laid(history, violations=[cited(history, Event.SHOWN)])

    marks = [mark for moment in layout.moments for mark in moment.marks if mark.proves]
    assert [mark.event for mark in marks] == [Event.SHOWN, Event.SHOWN]
    assert [mark.breaks for mark in marks] == [(), (1,)]
    assert layout.violations == ("no duplicate shown: it is so",)


def test_what_did_not_happen_breaks_its_promise_at_the_end(story):
    history = story.posted("alice-1").end()

    layout = laid(history, violations=[cited(history, Event.ACCEPTED, absence=True)])

    breaking = [mark for moment in layout.moments for mark in moment.marks if mark.breaks]
    assert [mark.words for mark in breaking] == ["the run ends"]
    assert [mark.words for moment in layout.moments for mark in moment.marks if mark.proves] == ["accepted"]


def test_a_frame_that_the_case_changes_says_how(story):
    history = story.posted("alice-1").delivered("alice-1").end()

    layout = laid(history, deviations=[parse("delay the 1st push of alice-1 to bob/pc by 1 s")])

    assert [arrow.action for arrow in layout.arrows] == ["", "delay"]
    assert layout.deviations == ("delay the 1st push of alice-1 to bob/pc by 1 s",)


def test_a_partition_lasts_from_its_moment_to_its_end(story):
    story.later().say("world", Event.PARTITIONED, detail="a | b").later().sent(PHONE, SERVER, "hello")
    layout = laid(story.later().say("world", Event.HEALED, detail="a | b").end())

    assert layout.parted == (False, False, True, True, False, False)


def test_a_partition_that_nobody_heals_lasts_to_the_end(story):
    layout = laid(story.later().say("world", Event.PARTITIONED, detail="a | b").later().writer.finish())

    assert layout.parted == (False, False, True)


def test_a_state_before_the_first_moment_is_that_before_its_first_row(story):
    story.later().say(SERVER, Event.CRASHED)
    layout = laid(story.end(), window=(1.0, 1.0))

    assert [state.name for state in layout.before] == ["UP"]
    assert [state.name for state in layout.conditions[0]] == ["DOWN"]


def test_the_facts_that_are_left_out_are_counted_where_they_are(story):
    story.later().delivered("alice-1").later().delivered("alice-2", 2)
    history = story.end()
    sheet = Sheet(history)

    layout = arrange(sheet, choice.about(sheet, sheet.history.messages.find("alice-2")))

    assert layout.facts == len(history)
    assert [moment.left_out for moment in layout.moments] == [6, 0]  # two installs, four facts about alice-1
    assert layout.left_out_after == 1  # the end of the run
    assert layout.left_out == 7


def test_everything_leaves_nothing_out(story):
    story.posted("alice-1").delivered("alice-1").sent(PC, SERVER, "ack", "alice-1").later()
    story.say(SERVER, Event.ACKNOWLEDGED, op=story.writer.nodes.index(PC))
    layout = laid(story.received(SERVER, PC, "ack", "alice-1").end())

    assert layout.left_out == 0
    assert not any(moment.left_out for moment in layout.moments)


@pytest.mark.parametrize(("window", "start", "end"), [((1.0, 1.5), True, False), ((1.5, 2.0), False, True)])
def test_an_arrow_that_reaches_out_of_the_window_has_one_end(story, window, start, end):
    history = story.later().sent(SERVER, PC, "push", "alice-1").later().received(PC, SERVER, "push", "alice-1").end()

    (arrow,) = laid(history, window=window).arrows

    assert (arrow.start is not None, arrow.end is not None) == (start, end)
    assert arrow.fate is None


def test_a_frame_to_or_from_nobody_known_has_no_lane_there(story):
    layout = laid(story.say(SERVER, Event.SENT, detail="push").end())

    (arrow,) = layout.arrows

    assert arrow.source is not None
    assert arrow.target is None


def test_a_layout_is_plain_data(story):
    layout = laid(story.posted("alice-1").end())

    assert msgspec.json.decode(msgspec.json.encode(layout), type=type(layout)) == layout
