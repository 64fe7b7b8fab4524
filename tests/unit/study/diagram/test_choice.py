"""What is drawn: about one message, about a broken promise, about what a case does, or everything."""

from __future__ import annotations

import pytest

from imsim.history import Event
from imsim.sim.deviations import parse
from imsim.study.diagram import choice
from imsim.study.diagram.sheet import Sheet
from imsim.verify.finding import Property, Violation

PHONE, PC, SERVER = "alice/phone", "bob/pc", "server-1"


def violation(sheet, *events, absence=False):
    rows = tuple(sheet.row(place) for place in range(len(sheet.rows)) if sheet.event(place) in events)
    return Violation(property=Property.NO_DUPLICATE, sentence="it is so", rows=rows, absence=absence)


def facts(sheet, chosen):
    """The marks that were chosen, by node, event and message."""
    return {
        (sheet.row(place).node, sheet.event(place).word, sheet.row(place).message) for place in chosen.places
    }  # fmt: skip


def frames(sheet, chosen):
    history = sheet.history
    return [(history.details.name(f.kind), history.messages.name(f.message), f.attempt) for f in chosen.flights]


@pytest.fixture
def busy(story):
    """Two messages, of which the second is shown twice: its first acknowledgement was lost."""
    story.posted("alice-1").delivered("alice-1").sent(PC, SERVER, "ack", "alice-1").later()
    story.received(SERVER, PC, "ack", "alice-1").posted("alice-2", 2).delivered("alice-2", 2)
    story.sent(PC, SERVER, "ack", "alice-2").dropped(PC, SERVER, "ack", "alice-2").later()
    return story.delivered("alice-2", 2, attempt=2).say("carol/phone", Event.INSTALLED).later()


def test_everything_is_all_marks_and_all_frames(busy):
    sheet = Sheet(busy.end())

    chosen = choice.everything(sheet)

    assert set(chosen.flights) == set(sheet.flights)
    assert {sheet.event(place) for place in chosen.places}.isdisjoint({Event.SENT, Event.RECEIVED, Event.PUSHED})
    assert sum(event == Event.SHOWN for event in map(sheet.event, chosen.places)) == 3


def test_a_run_without_frames_says_as_marks_what_frames_would_say(quiet):
    sheet = Sheet(quiet.posted("alice-1").delivered("alice-1").end())

    assert (SERVER, "pushed", "alice-1") in facts(sheet, choice.everything(sheet))


def test_about_a_message_is_every_fact_and_frame_that_names_it(busy):
    sheet = Sheet(busy.end())

    chosen = choice.about(sheet, sheet.history.messages.find("alice-1"))

    assert facts(sheet, chosen) == {
        (PHONE, "submitted", "alice-1"),
        ("world", "committed", "alice-1"),
        (SERVER, "accepted", "alice-1"),
        (PC, "shown", "alice-1"),
    }
    assert frames(sheet, chosen) == [("send", "alice-1", 1), ("push", "alice-1", 1), ("ack", "alice-1", 1)]


def test_about_a_message_are_its_recalls_too(busy):
    busy.say(PC, Event.RECALLED, message="alice-1+recall", detail="alice-1")
    sheet = Sheet(busy.end())

    chosen = choice.about(sheet, sheet.history.messages.find("alice-1"))

    assert (PC, "recalled", "alice-1+recall") in facts(sheet, chosen)


def test_what_is_read_in_the_end_is_no_part_of_a_story_unless_it_proves_something(story):
    sheet = Sheet(story.posted("alice-1").later(60).say(PC, Event.VIEWED, message="alice-1").end())
    number = sheet.history.messages.find("alice-1")

    assert (PC, "viewed", "alice-1") not in facts(sheet, choice.about(sheet, number))
    assert (PC, "viewed", "alice-1") in facts(sheet, choice.relevant(sheet, violation(sheet, Event.VIEWED), ()))


def test_the_frame_that_brought_a_message_without_naming_it_is_chosen_with_what_it_answers(story):
    story.posted("alice-1").later(10).sent(PC, SERVER, "ask").later().received(SERVER, PC, "ask")
    story.sent(SERVER, PC, "page").later().received(PC, SERVER, "page").shown(PC, "alice-1")
    sheet = Sheet(story.sent(PC, SERVER, "check").end())

    chosen = choice.about(sheet, sheet.history.messages.find("alice-1"))

    assert [kind for kind, _, _ in frames(sheet, chosen)] == ["send", "page", "ask"]


def test_a_broken_promise_needs_its_message_on_its_devices_up_to_the_proof(busy):
    sheet = Sheet(busy.posted("alice-3", 3).later().say("carol/phone", Event.SHOWN, message="alice-2", seq=2).end())
    broken = violation(sheet, Event.SHOWN)
    broken = Violation(property=broken.property, sentence="", rows=broken.rows[1:3])

    chosen = choice.relevant(sheet, broken, ())

    assert {message for _, _, message in facts(sheet, chosen)} == {"alice-2"}
    assert {node for node, _, _ in facts(sheet, chosen)} == {PHONE, PC, SERVER, "world"}
    assert ("ack", "alice-2", 1) in frames(sheet, chosen)  # it was lost
    assert {row.place for row in broken.rows} <= chosen.places
    assert max(chosen.places) == broken.rows[-1].place


def test_an_acknowledgement_that_arrived_is_no_part_of_a_case(busy):
    sheet = Sheet(busy.end())
    shown = violation(sheet, Event.SHOWN)
    first = Violation(property=shown.property, sentence="", rows=shown.rows[:1])

    assert [kind for kind, _, _ in frames(sheet, choice.relevant(sheet, first, ()))] == ["send", "push"]


def test_what_did_not_happen_is_proven_by_the_end_of_the_run(busy):
    sheet = Sheet(busy.end())

    chosen = choice.relevant(sheet, violation(sheet, Event.ACCEPTED, absence=True), ())

    assert len(sheet.rows) - 1 in chosen.places


def test_a_frame_that_a_case_changes_is_chosen_whatever_it_is_about(busy):
    sheet = Sheet(busy.end())
    deviations = [parse("delay the 1st ack of alice-1 from bob/pc by 1 s")]

    chosen = choice.relevant(sheet, None, deviations)

    assert ("ack", "alice-1", 1) in frames(sheet, chosen)
    assert list(choice.deviating(sheet, deviations).values()) == ["delay"]


@pytest.mark.parametrize(
    "sentence",
    [
        "drop the 2nd ack of alice-1 from bob/pc",
        "drop the 1st ack of alice-1 from alice/phone",
        "drop the 1st push of alice-1 from bob/pc",
        "drop the 1st ack of alice-3 from bob/pc",
    ],
)
def test_a_frame_is_changed_only_where_every_word_fits(busy, sentence):
    assert not choice.deviating(Sheet(busy.end()), [parse(sentence)])


def test_a_frame_that_names_no_message_is_known_by_its_device(story):
    sheet = Sheet(story.sent(PC, SERVER, "hello").end())

    assert choice.deviating(sheet, [parse("drop the 1st hello of bob/pc from bob/pc")])


def test_faults_of_the_nodes_of_a_story_and_partitions_are_chosen_and_those_of_others_are_not(story):
    story.say("carol/phone", Event.INSTALLED).posted("alice-1").later()
    story.say("carol/phone", Event.CRASHED).say(SERVER, Event.CRASHED).say("world", Event.PARTITIONED, detail="a | b")
    story.later().say(SERVER, Event.RESTARTED).delivered("alice-1").say("world", Event.HEALED, detail="a | b")
    sheet = Sheet(story.end())
    broken = violation(sheet, Event.SHOWN)

    chosen = choice.relevant(sheet, broken, ())

    faults = {(node, event) for node, event, message in facts(sheet, chosen) if not message}
    assert faults == {(SERVER, "crashed"), (SERVER, "restarted"), ("world", "partitioned")}


def test_every_crash_within_a_story_belongs_to_it_and_of_connections_the_last_before_each_row(story):
    story.posted("alice-1").later().say(PC, Event.CRASHED).later().say(PC, Event.RESTARTED).later()
    for detail in ("first", "second"):
        story.say(PC, Event.DISCONNECTED, detail=detail).later().say(PC, Event.CONNECTED, detail=detail).later()
    sheet = Sheet(story.delivered("alice-1").end())

    chosen = choice.relevant(sheet, violation(sheet, Event.SHOWN), ())

    faults = [(sheet.event(place).word, sheet.detail(place)) for place in sorted(chosen.places)]
    assert [fault for fault in faults if fault[0] in {"crashed", "restarted"} or "d" in fault[1]] == [
        ("crashed", ""), ("restarted", ""), ("disconnected", "second"), ("connected", "second"),
    ]  # fmt: skip


def test_what_was_wrong_with_a_server_long_before_is_no_part_of_the_story(story):
    story.sent(SERVER, PC, "hint").say(SERVER, Event.CRASHED).later().say(SERVER, Event.RESTARTED).later()
    sheet = Sheet(story.posted("alice-1").delivered("alice-1").end())

    chosen = choice.relevant(sheet, violation(sheet, Event.SHOWN), ())

    assert all(message for _, _, message in facts(sheet, chosen))


def test_greetings_that_nobody_heard_belong_to_the_story_of_their_device(story):
    story.say(PHONE, Event.SUBMITTED, message="alice-1").later().sent(PHONE, SERVER, "hello").later()
    story.dropped(PHONE, SERVER, "hello").sent(PC, SERVER, "hello").dropped(PC, SERVER, "hello").later()
    sheet = Sheet(story.end())

    chosen = choice.relevant(sheet, violation(sheet, Event.SUBMITTED, absence=True), ())

    assert [sheet.history.nodes.name(flight.sender) for flight in chosen.flights] == [PHONE]


def test_the_crash_of_a_case_about_no_message_is_found(story):
    story.say(PC, Event.CRASHED).later().say(PC, Event.RESTARTED).posted("alice-1")
    sheet = Sheet(story.say(PHONE, Event.CRASHED).end())

    chosen = choice.relevant(sheet, None, [parse("crash before the 1st hello of bob/pc from bob/pc")])

    assert facts(sheet, chosen) == {(PC, "crashed", ""), (PC, "restarted", "")}


def test_the_partition_of_a_case_is_found(story):
    for detail in ("a | b", "c -> d"):
        story.later().say("world", Event.PARTITIONED, detail=detail)
    sheet = Sheet(story.end())

    chosen = choice.relevant(sheet, None, [parse("partition c towards d from 1 s until 2 s")])

    assert [sheet.detail(place) for place in sorted(chosen.places)] == ["c -> d", "end"]


def test_a_window_holds_what_happens_in_it_and_frames_that_reach_into_it(busy):
    sheet = Sheet(busy.end())

    chosen = choice.within(sheet, choice.everything(sheet), 1.5, 2.0)

    assert {sheet.rows[place][0] for place in chosen.places} == {2.0}
    assert frames(sheet, chosen) == [("push", "alice-1", 1), ("ack", "alice-1", 1)]


def test_rows_that_prove_something_are_added_to_any_choice(busy):
    sheet = Sheet(busy.end())
    broken = violation(sheet, Event.PUSHED, absence=True)

    chosen = choice.proving(sheet, choice.Choice(frozenset(), ()), [broken])

    assert chosen.places == {row.place for row in broken.rows} | {len(sheet.rows) - 1}
