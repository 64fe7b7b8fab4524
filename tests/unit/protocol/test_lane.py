"""What a session knows of each conversation: positions as numbers, epochs as cuts, and whether it missed anything."""

from __future__ import annotations

import pytest

from imsim.protocol.frames import EpochChanged, Head, Position
from imsim.protocol.lane import Lane, Lanes, cursor, weight


@pytest.mark.parametrize(("known", "upto"), [((), 0), (((1, 4),), 4), (((1, 4), (6, 9)), 4), (((2, 4),), 0)], ids=repr)
def test_the_cursor_is_the_end_of_the_run_from_one(known, upto):
    assert cursor(Position("room", 1, known)) == upto


def test_an_end_weighs_more_the_later_its_epoch_and_its_slot():
    ends = [(1, 0), (1, 1), (1, 10**9), (2, 0), (2, 5), (3, 1)]
    weights = [weight(*end) for end in ends]
    assert weights == sorted(weights)
    assert len(set(weights)) == len(ends)


def begun(*conversations: tuple[Head, Position], cuts: tuple[int, ...] = ()) -> Lanes:
    lanes = Lanes()
    for head, position in conversations:
        lanes._begin(head, cuts if head.epoch > 1 else (), position)
    return lanes


def test_a_level_conversation_costs_nothing():
    assert begun((Head("room", 1, 3), Position("room", 1, ((1, 3),)))).held() == {}


def test_a_device_that_is_behind_has_a_lane_from_where_it_stands():
    lanes = begun((Head("room", 1, 9), Position("room", 1, ((1, 3), (6, 7)))))
    lane = lanes._lanes["room"]
    assert (lane.acked, lane.sent, lane.head) == (3, 3, 9)


def test_every_epoch_has_cut_something_of_its_own():
    lanes = begun((Head("room", 3, 9), Position("room", 1, ((1, 8),))), cuts=(6, 4))
    lane = lanes._lanes["room"]
    assert lanes.outputs == [EpochChanged("room", 2, 6), EpochChanged("room", 3, 4)]
    assert (lane.epoch, lane.acked, lane.sent, lane.head) == (3, 4, 4, 9)


def test_a_device_that_holds_as_much_of_an_older_epoch_is_not_level():
    lanes = begun((Head("room", 2, 8), Position("room", 1, ((1, 8),))), cuts=(6,))
    assert lanes.held() == {"room": 6}


LEVEL = (Head("room", 1, 3), Position("room", 1, ((1, 3),)))
BEHIND = (Head("hall", 1, 5), Position("hall", 1, ((1, 2),)))


def test_a_session_that_was_told_of_all_that_there_is_can_be_resumed():
    lanes = begun(LEVEL, BEHIND)
    assert lanes.accounts_for([(Head("room", 1, 3), ()), (Head("hall", 1, 5), ())])
    lanes._lanes["room"] = Lane("room", 1, 3)  # the first commit since
    lanes._lanes["room"].head = 4
    assert lanes.accounts_for([(Head("room", 1, 4), ()), (Head("hall", 1, 5), ())])


@pytest.mark.parametrize(
    "heads",
    [
        [Head("room", 1, 4), Head("hall", 1, 5)],
        [Head("room", 1, 3), Head("hall", 1, 6)],
        [Head("room", 2, 3), Head("hall", 1, 5)],
        [Head("room", 1, 3), Head("hall", 2, 5)],
        [Head("room", 1, 3), Head("hall", 1, 5), Head("yard", 1, 1)],
        [Head("room", 1, 3)],
    ],
    ids=["a level one grew", "another grew", "a level one failed over", "another failed over", "a new one", "one less"],
)
def test_a_session_that_missed_anything_cannot_be_resumed(heads):
    assert not begun(LEVEL, BEHIND).accounts_for([(head, ()) for head in heads])
