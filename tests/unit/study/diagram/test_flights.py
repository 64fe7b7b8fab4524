"""Which frame arrived where: doubled, lost, overtaken and cut ones too."""

from __future__ import annotations

from imsim.history import Event
from imsim.study.diagram.flights import Fate, flights

PHONE, PC, SERVER = "alice/phone", "bob/pc", "server-1"


def rows(history, *events):
    return [place for place, row in enumerate(history.rows()) if row[3] in events]


def test_a_frame_is_sent_in_one_row_and_arrives_in_another(story):
    history = story.sent(PHONE, SERVER, "send", "alice-1").later().received(SERVER, PHONE, "send", "alice-1").end()

    (flight,) = flights(history)

    assert [flight.sent] == rows(history, Event.SENT)
    assert flight.arrivals == rows(history, Event.RECEIVED)
    assert flight.fate is None
    assert (history.nodes.name(flight.sender), history.nodes.name(flight.receiver)) == (PHONE, SERVER)


def test_frames_that_overtake_each_other_are_told_apart_by_their_occurrence(story):
    story.sent(SERVER, PC, "push", "alice-1", 1).later().sent(SERVER, PC, "push", "alice-1", 2).later()
    history = story.received(PC, SERVER, "push", "alice-1", 2).received(PC, SERVER, "push", "alice-1", 1).end()

    first, second = flights(history)
    later, earlier = rows(history, Event.RECEIVED)

    assert (first.arrivals, second.arrivals) == ([earlier], [later])


def test_what_the_network_dropped_is_lost_in_that_row(story):
    story.sent(PHONE, SERVER, "send", "alice-1").dropped(PHONE, SERVER, "send", "alice-1")
    history = story.later().sent(PHONE, SERVER, "send", "alice-1", 2).end()

    lost, unheard = flights(history)

    assert lost.fate is Fate.LOST
    assert lost.losses == rows(history, Event.DROPPED)
    assert unheard.fate is Fate.NEVER
    assert unheard.losses == []


def test_of_two_frames_of_one_name_the_one_just_sent_is_dropped_at_once_and_the_oldest_later(story):
    story.sent(SERVER, PC, "page").later().sent(SERVER, PC, "page").dropped(SERVER, PC, "page")
    old, new = flights(story.end())

    assert (old.fate, new.fate) == (Fate.NEVER, Fate.LOST)


def test_of_two_frames_of_one_name_the_older_one_is_lost_by_a_partition(story):
    story.sent(SERVER, PC, "page").later().sent(SERVER, PC, "page").later().dropped(SERVER, PC, "page")
    old, new = flights(story.received(PC, SERVER, "page").end())

    assert old.fate is Fate.LOST
    assert new.arrivals


def test_a_doubled_frame_arrives_twice(story):
    story.sent(SERVER, PC, "push", "alice-1").doubled(SERVER, PC, "push", "alice-1").later()
    story.received(PC, SERVER, "push", "alice-1").received(PC, SERVER, "push", "alice-1")
    history = story.later().sent(SERVER, PC, "push", "alice-1").end()

    doubled, again = flights(history)

    assert doubled.arrivals == rows(history, Event.RECEIVED)
    assert again.fate is Fate.NEVER


def test_a_doubled_frame_of_which_one_copy_is_lost_has_arrived(story):
    story.sent(SERVER, PC, "push", "alice-1").doubled(SERVER, PC, "push", "alice-1").later()
    story.received(PC, SERVER, "push", "alice-1").later().dropped(SERVER, PC, "push", "alice-1")

    (flight,) = flights(story.end())

    assert len(flight.arrivals) == 1
    assert flight.fate is None


def test_both_copies_of_a_doubled_frame_may_be_lost(story):
    story.sent(SERVER, PC, "push", "alice-1").doubled(SERVER, PC, "push", "alice-1").later()
    history = story.dropped(SERVER, PC, "push", "alice-1").dropped(SERVER, PC, "push", "alice-1").end()

    (flight,) = flights(history)

    assert flight.fate is Fate.LOST
    assert flight.losses == rows(history, Event.DROPPED)


def test_what_is_under_way_to_a_node_that_dies_is_gone_and_a_later_frame_of_the_same_name_is_not(story):
    story.sent(SERVER, PC, "page").later().say(PC, Event.DISCONNECTED, detail="cut").later().sent(SERVER, PC, "page")
    history = story.later().received(PC, SERVER, "page").end()

    gone, arrived = flights(history)

    assert gone.fate is Fate.CUT
    assert gone.losses == rows(history, Event.DISCONNECTED)
    assert arrived.arrivals == rows(history, Event.RECEIVED)


def test_what_was_lost_with_its_connection_may_be_dropped_later(story):
    story.sent(SERVER, PC, "page").later().say(PC, Event.DISCONNECTED, detail="cut").later()
    history = story.dropped(SERVER, PC, "page").end()

    (flight,) = flights(history)

    assert flight.fate is Fate.CUT
    assert flight.losses == rows(history, Event.DISCONNECTED, Event.DROPPED)


def test_what_a_dead_node_had_sent_still_arrives(story):
    story.sent(PHONE, SERVER, "send", "alice-1").later().say(PHONE, Event.CRASHED).later()
    (flight,) = flights(story.received(SERVER, PHONE, "send", "alice-1").end())

    assert flight.fate is None
    assert flight.arrivals


def test_a_push_carries_all_messages_that_were_handed_to_its_connection(story):
    to_bob = {"conversation": "chat", "op": story.writer.nodes.index(PC)}
    for message in ("alice-1", "alice-2"):
        story.say(SERVER, Event.PUSHED, message=message, **to_bob)
    history = story.sent(SERVER, PC, "push", "alice-1").sent(SERVER, PHONE, "push", "alice-1").end()

    batch, single = flights(history)

    assert [history.messages.name(number) for number in batch.carries] == ["alice-1", "alice-2"]
    assert [history.messages.name(number) for number in single.carries] == ["alice-1"]


def test_an_arrival_without_a_departure_is_a_frame_too(story):
    (flight,) = flights(story.received(PC, SERVER, "push", "alice-1").end())

    assert flight.sent is None
    assert len(flight.places) == 1


def test_a_repeated_send_carries_all_messages_that_are_repeated(story):
    for message in ("alice-1", "alice-2"):
        story.say(PHONE, Event.RETRIED, message=message, attempt=2)
    history = story.sent(PHONE, SERVER, "send", "alice-1", 2).end()

    (flight,) = flights(history)

    assert [history.messages.name(number) for number in flight.carries] == ["alice-1", "alice-2"]


def test_what_was_handed_over_elsewhere_or_before_is_not_carried(story):
    story.say(PHONE, Event.RETRIED, message="alice-2").say(PHONE, Event.RETRIED, message="alice-1").later()
    history = story.sent(PHONE, SERVER, "send", "alice-1", 2).end()

    (flight,) = flights(history)

    assert [history.messages.name(number) for number in flight.carries] == ["alice-1"]
