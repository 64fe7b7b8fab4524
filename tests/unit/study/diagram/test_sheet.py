"""What caused what, and how long a trouble lasted."""

from __future__ import annotations

from imsim.history import Event
from imsim.study.diagram.sheet import Sheet

PHONE, PC, SERVER = "alice/phone", "bob/pc", "server-1"


def place_of(sheet, event):
    return next(place for place in range(len(sheet.rows)) if sheet.event(place) is event)


def troubles(sheet, event):
    return [(trouble.begin, trouble.end) for trouble in sheet.troubles if trouble.event is event]


def test_the_frame_that_arrives_in_an_instant_causes_what_follows_in_it(story):
    sheet = Sheet(story.delivered("alice-1").later().say(PC, Event.CAUGHT_UP).end())
    (push,) = sheet.flights

    assert sheet.causes[place_of(sheet, Event.SHOWN)] is push
    assert place_of(sheet, Event.CAUGHT_UP) not in sheet.causes


def test_the_log_is_written_because_of_what_reached_the_server(story):
    sheet = Sheet(story.posted("alice-1").end())
    (send,) = sheet.flights

    assert sheet.causes[place_of(sheet, Event.COMMITTED)] is send
    assert sheet.causes[place_of(sheet, Event.ACCEPTED)] is send


def test_an_acknowledgement_causes_nothing(story):
    story.sent(PHONE, SERVER, "send", "alice-1").sent(PC, SERVER, "ack", "bob-1").later()
    story.received(SERVER, PHONE, "send", "alice-1").received(SERVER, PC, "ack", "bob-1")
    sheet = Sheet(story.say(SERVER, Event.ACCEPTED, message="alice-1", seq=1).end())

    assert sheet.causes[place_of(sheet, Event.ACCEPTED)] is sheet.flights[0]


def test_a_trouble_lasts_until_its_node_says_otherwise(story):
    story.say(SERVER, Event.CRASHED).say(PC, Event.PAUSED).later().say(PC, Event.RESUMED).later()
    sheet = Sheet(story.say(SERVER, Event.RESTARTED).later().say(SERVER, Event.CRASHED).end())
    first, last = (place for place in range(len(sheet.rows)) if sheet.event(place) is Event.CRASHED)

    assert troubles(sheet, Event.CRASHED) == [(first, place_of(sheet, Event.RESTARTED)), (last, None)]
    assert troubles(sheet, Event.PAUSED) == [(place_of(sheet, Event.PAUSED), place_of(sheet, Event.RESUMED))]


def test_a_partition_ends_when_it_is_named_or_all_are(story):
    for detail in ("a | b", "c | d"):
        story.say("world", Event.PARTITIONED, detail=detail)
    story.later().say("world", Event.HEALED, detail="c | d").later().say("world", Event.HEALED, detail="all partitions")
    sheet = Sheet(story.end())
    one, other = (place for place in range(len(sheet.rows)) if sheet.event(place) is Event.PARTITIONED)

    assert troubles(sheet, Event.PARTITIONED) == [(one, other + 2), (other, other + 1)]


def test_of_two_partitions_of_one_name_the_older_one_ends_first(story):
    for event in (Event.PARTITIONED, Event.PARTITIONED, Event.HEALED):
        story.later().say("world", event, detail="a | b")
    sheet = Sheet(story.writer.finish())

    assert troubles(sheet, Event.PARTITIONED) == [(2, 4), (3, None)]


def test_facts_of_the_log_and_of_the_world_are_on_no_node(story):
    story.posted("alice-1").say(SERVER, Event.COMMITTED, message="alice-1").say("world", Event.PARTITIONED)
    sheet = Sheet(story.end())

    assert {sheet.lane_of(place) for place in range(len(sheet.rows)) if sheet.event(place) is Event.COMMITTED} == {0}
    assert sheet.lane_of(place_of(sheet, Event.PARTITIONED)) is None
    assert sheet.lane_of(place_of(sheet, Event.ACCEPTED)) == sheet.history.nodes.find(SERVER)
