"""What is known of one conversation; that it is a set of slots is tests/property/test_ranges.py's matter."""

from __future__ import annotations

import pytest

from imsim.protocol.frames import Edit, Position, Read, Recall
from imsim.protocol.inbox import Inbox
from tests.device_alone import Alone, entry, message


def learnt(*spans: tuple[int, int]) -> Inbox:
    inbox = Inbox("room")
    for low, high in spans:
        inbox.learn(low, high)
    return inbox


def test_the_cursor_runs_over_what_came_early():
    inbox = learnt((3, 4), (7, 7), (1, 1))
    assert (inbox.upto, inbox.above) == (1, ((3, 4), (7, 7)))
    inbox.learn(2, 2)
    assert (inbox.upto, inbox.above, inbox.head) == (4, ((7, 7),), 7)
    inbox.learn(5, 6)
    assert (inbox.upto, inbox.above, inbox.behind) == (7, (), False)


def test_a_position_names_all_that_is_known():
    assert learnt((1, 2), (5, 6)).position() == Position("room", 1, ((1, 2), (5, 6)))
    assert learnt((5, 6)).position() == Position("room", 1, ((5, 6),))
    assert learnt().position() == Position("room", 1, ())


def test_an_empty_range_teaches_nothing():
    inbox = learnt((1, 2))
    inbox.learn(5, 4)
    assert inbox.known == ((1, 2),)


def test_what_is_missing_is_known_to_be():
    inbox = learnt((4, 5))
    inbox.lose(1, 3)
    assert (inbox.upto, inbox.missing, inbox.behind) == (5, ((1, 3),), False)


@pytest.mark.parametrize(("epoch", "seq", "place"), [(1, 9, 4), (2, 9, 6), (3, 9, 9), (1, 3, 3), (4, 9, 0)], ids=repr)
def test_a_place_of_an_older_epoch_is_cut_by_every_one_since(epoch, seq, place):
    inbox = learnt((1, 9))
    inbox.enter(2, 4)
    inbox.enter(3, 6)
    assert inbox.place(epoch, seq) == place


# ---------------------------------------------------------------------------------------------- unread, at every moment


def test_the_number_of_unread_rows_is_right_after_every_frame():
    phone = Alone().connect()
    expected = []
    for seq, body in enumerate(
        ["m", Recall("bob-1003"), "m", "m", Edit("bob-1004", "new"), Recall("bob-1004")], start=1
    ):
        phone.push(message(seq) if body == "m" else entry(seq, body))
        expected.append(phone.device.unread("room"))
        assert phone.device.recount("room") == expected[-1]
    assert expected == [1, 1, 1, 2, 2, 1]


def test_holes_are_not_counted_and_what_fills_them_is():
    phone = Alone().connect().push(message(5))
    assert phone.device.unread("room") == 1
    phone.page(1, 4, *[message(seq) for seq in range(1, 5)], head=5)
    assert phone.device.unread("room") == 5


def test_what_comes_below_the_mark_was_read():
    phone = Alone().connect().push(message(5))
    phone.push(entry(1, Read("room", 1, 4), author="alice", where="~alice"))
    phone.page(1, 4, *[message(seq) for seq in range(1, 5)], head=5)
    assert phone.device.unread("room") == 1 == phone.device.recount("room")


def test_own_rows_are_never_unread():
    phone = Alone().connect().push(message(1, author="alice"), message(2))
    assert phone.device.unread("room") == 1
