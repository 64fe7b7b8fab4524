"""What a session pushes, repeats and gives up: in order, within its window, in the present epoch only."""

from __future__ import annotations

import pytest

from imsim.ports import LogState
from imsim.protocol.frames import (
    Answer,
    Ask,
    Cancel,
    Check,
    Closed,
    EpochChanged,
    Head,
    Heads,
    Hint,
    Outcome,
    Page,
    Ping,
    Pong,
    Position,
    Push,
    Send,
    Sent,
    Watch,
    Welcome,
)
from imsim.protocol.requests import Close, Fetch, Observe, ReadPage, Submit, Survey, Withdraw
from imsim.protocol.sync import Hybrid, LongPoll, Poll
from tests.session_alone import Served, written


@pytest.fixture
def served() -> Served:
    return Served()


def second_epoch(head: int, cut: int, **options) -> Served:
    """A session whose log is in its second epoch, and whose device knows that and holds all of it."""
    return Served(heads=[Head("room", 2, head)], held=[Position("room", 2, ((1, head),))], cuts=(cut,), **options)


def unacknowledged(served: Served, places: str) -> int:
    """Pushed entries that the device has not acknowledged, by the test's own book-keeping."""
    held = served.session.held()
    return sum(len({seq for seq in served.pushed(where) if seq > held.get(where, 0)}) for where in places)


# ---------------------------------------------------------------------------------------------- pushing


def test_a_commit_is_pushed_at_once(served):
    served.commit(1, 2)
    assert served.frames(Push) == [Push("room", 1, (written(1),)), Push("room", 1, (written(2),))]


def test_a_commit_that_the_queue_delivers_again_is_pushed_once(served):
    served.commit(1, 2, 1, 2).ack(2).commit(2, 1)
    assert served.pushed() == [1, 2]
    assert served.fetches == []


def test_what_the_queue_left_out_is_fetched_and_pushed_in_order(served):
    served.commit(1).commit(3)
    assert served.fetches == [Fetch("room", 2, 3)]
    served.fetched()
    assert served.pushed() == [1, 2, 3]


def test_what_comes_while_a_page_is_read_is_fetched_behind_it(served):
    served.commit(1).ack(1).commit(3).commit(4).fetched()
    assert served.pushed() == [1, 2, 3]
    assert served.fetches == [Fetch("room", 4, 4)]


def test_a_page_with_slots_that_are_not_the_readers_stays_a_page(served):
    page = Page("room", 1, 2, 4, (written(4),), 4)
    served.commit(1).ack(1).commit(4).tell("handle_fetched", page, (), 0.0)
    assert served.frames(Page) == [page]
    served.ack(4)
    assert served.session.wake_at > 1e9


def test_a_page_of_a_trimmed_log_says_so(served):
    page = Page("room", 1, 2, 3, (written(2), written(3)), 3, trimmed_below=3)
    served.commit(1).ack(1).commit(3).tell("handle_fetched", page, (), 0.0)
    assert served.frames(Page) == [page]


def test_what_no_longer_fits_waits_for_an_acknowledgement(served):
    served.commit(1, 2, 3, 4, 5)
    assert served.pushed() == [1, 2, 3]
    served.ack(1)
    assert served.fetches == [Fetch("room", 4, 4)]
    served.fetched().ack(4)
    assert served.fetches == [Fetch("room", 5, 5)]


def test_a_lane_that_found_no_place_goes_on_when_another_lane_makes_one(served):
    served.commit(1, 2, 3).commit(1, 2, where="hall")
    assert served.pushed("hall") == []
    served.ack(2)
    assert served.fetches == [Fetch("hall", 1, 2)]


@pytest.mark.parametrize("answered", ["in order", "the last first"])
def test_all_lanes_together_keep_within_the_window(answered):
    places = "abc"
    served = Served(heads=[Head(where, 1, 9) for where in places])
    for _ in range(100):
        if served.fetches:
            served.fetched(served.fetches.pop(0 if answered == "in order" else -1))
        else:
            waiting = next(
                (w for w in places if served.pushed(w) and served.session.held()[w] < served.pushed(w)[-1]), ""
            )
            if not waiting:
                break
            served.ack(served.session.held()[waiting] + 1, where=waiting)
        assert unacknowledged(served, places) <= 3
    assert [served.pushed(where) for where in places] == [list(range(1, 10))] * 3


def test_a_commit_does_not_take_the_place_that_a_page_was_asked_for():
    served = Served(heads=[Head("hall", 1, 9)])
    served.commit(1, 2)
    assert served.pushed() == []
    served.fetched()
    assert unacknowledged(served, ["hall", "room"]) == 3


def test_the_place_of_a_page_that_could_not_be_read_is_given_to_others(served):
    served.commit(1).ack(1).commit(5).commit(1, where="hall")
    assert served.pushed("hall") == []
    assert served.unread().fetches == [Fetch("hall", 1, 1)]
    served.wait(2.0)
    assert served.fetches == [Fetch("hall", 1, 1), Fetch("room", 2, 3)]


def test_the_place_that_a_shorter_page_left_is_given_to_others(served):
    served.commit(1).ack(1).commit(5).commit(1, where="hall")
    page = Page("room", 1, 2, 2, (written(2),), 2)
    served.tell("handle_fetched", page, (), 0.0)
    assert served.fetches[1:] == [Fetch("hall", 1, 1), Fetch("room", 3, 3)]


def test_a_busy_lane_does_not_keep_the_places_from_others(served):
    served.commit(1, 2, 3, 4, 5, 6).commit(1, 2, where="hall").commit(1, where="yard")
    served.ack(1).ack(2)
    assert [fetch.conversation for fetch in served.fetches] == ["room", "hall"]
    served.ack(3)
    assert [fetch.conversation for fetch in served.fetches] == ["room", "hall", "yard"]


def test_a_page_behind_a_hole_is_not_pushed_before_it(served):
    """The answer to an own entry was not acknowledged, so that it is fetched, while a later page is already read."""
    served.tell("handle_sent", Sent("room", 1, (Outcome("alice-0", Answer.OK, 1, 1),)), 0.0)
    served.commit(3)
    assert served.fetches == [Fetch("room", 2, 3)]
    served.wait(2.0).fetched()
    assert served.pushed() == []
    assert served.fetches == [Fetch("room", 1, 3)]
    assert served.fetched().pushed() == [1, 2, 3]


def test_a_page_that_holds_nothing_is_not_asked_for_again(served):
    """The reader has left: for them the log ends earlier than for those who told of the commit."""
    served.commit(1).ack(1).commit(3)
    served.tell("handle_fetched", Page("room", 1, 2, 1, (), 1), (), 0.0)
    assert len(served.frames(Fetch)) == 1


def test_a_long_backlog_is_told_and_not_pushed():
    served = Served(heads=[Head("room", 1, 17), Head("hall", 1, 16)])
    assert served.frames(Heads) == [Heads((Head("room", 1, 17),))]
    assert served.fetches == [Fetch("hall", 1, 3)]


# ---------------------------------------------------------------------------------------------- repeating


def test_what_is_not_acknowledged_is_repeated_and_then_given_up(served):
    served.commit(1).wait(2.0)
    assert [push.attempt for push in served.frames(Push)] == [1, 2]
    served.wait(10.0)
    assert [push.attempt for push in served.frames(Push)] == [1, 2, 3]
    assert served.seen[-2:] == [Closed("gave up"), Close("gave up")]


def test_what_is_acknowledged_is_never_repeated(served):
    served.commit(1, 2, 3).ack(2).wait(1.0).ack(3).wait(100.0)
    assert served.pushed() == [1, 2, 3]
    assert served.frames(Closed) == []


def test_what_is_held_above_a_hole_is_not_repeated(served):
    served.commit(1, 2, 3).ack(0, (2, 3)).wait(2.0)
    assert served.pushed() == [1, 2, 3, 1]


def test_a_device_that_answers_is_not_given_up_for_one_lost_frame(served):
    served.commit(1, 2)
    for _ in range(9):
        served.wait(1.5).ack(0, (2, 2))
    assert served.frames(Closed) == []
    assert served.pushed().count(1) > 3


def test_an_acknowledgement_that_comes_late_takes_nothing_back(served):
    served.commit(1, 2).ack(2).ack(1).commit(3)
    assert served.pushed() == [1, 2, 3]
    assert served.session.held() == {"room": 2}


def test_an_own_entry_whose_answer_is_not_acknowledged_is_pushed(served):
    served.tell("handle_sent", Sent("room", 1, (Outcome("alice-0", Answer.OK, 1, 1),)), 0.0)
    served.commit(1).wait(2.0)
    assert served.pushed() == []
    assert served.fetches == [Fetch("room", 1, 1)]


def test_an_own_entry_is_not_pushed_while_its_answer_may_do(served):
    served.commit(1)
    served.tell("handle_sent", Sent("room", 1, (Outcome("alice-0", Answer.OK, 1, 2),)), 0.0)
    served.commit(2).ack(2).wait(10.0)
    assert served.pushed() == [1]


# ---------------------------------------------------------------------------------------------- epochs


def test_a_commit_of_an_older_epoch_moves_nothing():
    served = second_epoch(5, 5).commit(6, epoch=2).ack(6, epoch=2).clear()
    served.commit(9, epoch=1).commit(7, epoch=2).ack(7, epoch=2)
    assert served.pushed() == [7]
    assert served.fetches == []


def test_a_hint_does_not_tell_of_what_an_older_epoch_had():
    served = second_epoch(5, 5).commit(6, epoch=2).ack(6, epoch=2).clear()
    served.commit(9, epoch=1, large=True)
    assert served.seen == []


def test_a_device_that_knows_the_epoch_better_is_believed():
    """The first thing that this session hears of a level conversation is a commit that the queue delivers late."""
    served = second_epoch(6, 5).commit(7, epoch=1)
    served.ack(6, epoch=2)
    served.fetched(epoch=2, head=6).ack(6, epoch=2).fetched(epoch=2).wait(100.0)
    assert served.frames(Closed) == []
    assert served.commit(7, epoch=2).frames(Push)[-1] == Push("room", 2, (written(7, epoch=2),))


@pytest.mark.parametrize("epoch_of_device", [1, 2], ids=["as the session", "as the log"])
def test_what_a_state_makes_known_is_pushed_without_another_event(served, epoch_of_device):
    served.commit(1, 2, 3).ack(3)
    served.tell("handle_state", "room", epoch_of_device, LogState(2, 2, 3, cuts=(2,)), 0.0)
    assert served.frames(EpochChanged)[0] == EpochChanged("room", 2, 2)
    served.cuts = (2,)
    served.fetched(epoch=2)
    assert served.frames(Push)[-1] == Push("room", 2, (written(3, epoch=2),))


def test_what_a_page_makes_known_is_pushed_without_another_event(served):
    served.commit(1, 2, 3).ack(3)
    served.tell("handle_page", Page("room", 2, 3, 3, (written(3, epoch=2),), 4), (2,), 1, 0.0)
    assert served.seen[-2:] == [EpochChanged("room", 2, 2), Fetch("room", 3, 4)]


def test_what_was_on_its_way_when_an_epoch_ended_is_pushed_again(served):
    served.commit(1, 2, 3).ack(1).clear()
    served.tell("handle_page", Page("room", 2, 4, 4, (written(4, epoch=2),), 4), (3,), 1, 0.0)
    assert served.fetches == [Fetch("room", 2, 4)]
    served.cuts = (3,)
    served.fetched(epoch=2).ack(4, epoch=2).wait(100.0)
    assert served.pushed() == [2, 3, 4]
    assert served.frames(Closed) == []


def test_what_was_told_of_a_long_backlog_is_told_again_in_the_next_epoch():
    served = Served(heads=[Head("room", 1, 40)]).clear()
    served.tell("handle_page", Page("room", 2, 1, 4, (), 30), (30,), 1, 0.0)
    assert served.seen == [EpochChanged("room", 2, 30), Heads((Head("room", 2, 30),))]


def test_an_epoch_that_a_commit_names_is_found_out(served):
    served.cuts = (2,)
    served.commit(1, 2, 3).ack(3).commit(3, epoch=2)
    served.fetched(epoch=2)
    assert served.frames(EpochChanged) == [EpochChanged("room", 2, 2)]
    assert served.fetched(epoch=2).frames(Push)[-1] == Push("room", 2, (written(3, epoch=2),))


def test_an_epoch_is_found_out_although_the_log_did_not_answer_at_first(served):
    served.cuts = (2,)
    served.commit(1, 2, 3).ack(3).commit(3, epoch=2).unread().wait(2.0)
    served.fetched(epoch=2)
    assert served.frames(EpochChanged) == [EpochChanged("room", 2, 2)]


def test_two_commits_of_a_new_epoch_leave_no_hole(served):
    """The pages that are read to find out the cuts answer in between those that are pushed."""
    served.cuts = (3,)
    served.commit(1, 2, 3).ack(3).commit(4, 5).ack(5).clear().commit(4, 5, epoch=2)
    first, second = served.fetches
    served.fetches.clear()
    served.fetched(first, epoch=2).fetched(second, epoch=2)
    while served.fetches:
        served.fetched(epoch=2)
    assert served.pushed() == [4, 5]


def test_a_device_in_an_older_epoch_is_told_every_one_that_it_missed():
    served = Served(heads=[Head("room", 3, 4)], held=[Position("room", 1, ((1, 5),))], cuts=(4, 3))
    assert served.frames(EpochChanged) == [EpochChanged("room", 2, 4), EpochChanged("room", 3, 3)]
    served.clear().ack(5)
    assert served.frames(EpochChanged) == [EpochChanged("room", 2, 4), EpochChanged("room", 3, 3)]


def test_a_device_in_an_older_epoch_is_told_once_its_cuts_are_known():
    served = second_epoch(6, 5).commit(7, epoch=2).ack(6)
    assert served.frames(EpochChanged) == []
    assert served.fetches == [Fetch("room", 7, 7)]
    served.ack(6)
    assert len(served.fetches) == 1
    served.fetched(epoch=2).ack(6)
    assert served.frames(EpochChanged) == [EpochChanged("room", 2, 5)]


def test_a_page_of_an_older_epoch_is_not_pushed(served):
    served.cuts = (2,)
    served.commit(1).ack(1).commit(3)
    served.tell("handle_state", "room", 1, LogState(2, 2, 3, cuts=(2,)), 0.0)
    served.clear().fetched(epoch=1)
    assert served.pushed() == []
    assert served.fetched(epoch=2).pushed() == [2, 3]


def test_a_page_for_a_device_in_an_older_epoch_tells_the_epoch_instead():
    served = second_epoch(5, 5).clear()
    served.tell("handle_page", Page("room", 2, 1, 1, (written(1),), 5), (5,), 1, 0.0)
    assert served.seen == [EpochChanged("room", 2, 5)]


def test_of_a_conversation_that_was_level_nothing_is_pushed_before_the_device_said_what_it_holds(served):
    served.tell("handle_state", "room", 1, LogState(2, 30, 32, cuts=(30,)), 0.0)
    assert served.seen[1:] == [EpochChanged("room", 2, 30)]
    served.ack(30, epoch=2)
    assert served.fetches == [Fetch("room", 31, 32)]


def test_the_present_epoch_is_no_news(served):
    served.tell("handle_state", "room", 1, LogState(1, 0, 32), 0.0)
    assert served.seen[1:] == []
    assert served.commit(33).pushed() == [33]


# ---------------------------------------------------------------------------------------------- what a commit means


def test_a_large_group_is_hinted_and_not_pushed(served):
    served.commit(1, large=True).commit(2, large=True)
    assert served.frames(Push, Hint) == [Hint("room", 1, 1)]
    assert served.wait(2.0).frames(Hint) == [Hint("room", 1, 1)] * 2


@pytest.mark.parametrize("large", [False, True])
def test_a_device_that_polls_is_told_of_no_commit(large):
    served = Served(Poll(interval=60.0)).clear().commit(1, 2, large=large).wait(100.0)
    assert served.seen == []


def test_a_poll_finds_what_was_committed():
    served = Served(Poll(interval=60.0)).clear().commit(1, 2)
    served.tell("handle_survey", Survey(7, 0.0), [(Head("room", 1, 2), ())], 0.0)
    assert served.seen == [Heads((Head("room", 1, 2),), 7)]


def test_a_check_finds_the_last_commit_that_the_queue_lost():
    served = Served(Hybrid(check=40.0), heads=[Head("room", 1, 1)], held=[Position("room", 1, ((1, 1),))]).clear()
    served.tell("handle_survey", Survey(1, 0.0), [(Head("room", 1, 2), ())], 0.0)
    assert served.frames(Heads) == [Heads((Head("room", 1, 2),), 1)]


def test_a_held_question_is_answered_by_the_next_commit():
    served = Served(LongPoll(hold=30.0)).clear()
    served.tell("handle_survey", Survey(1, 30.0), [], 0.0)
    assert served.seen == []
    served.commit(1)
    assert served.seen == [Heads((Head("room", 1, 1),), 1)]
    assert served.commit(2).seen == [Heads((Head("room", 1, 1),), 1)]


@pytest.mark.parametrize(("asked", "held"), [(10.0, 10.0), (500.0, 30.0)])
def test_a_held_question_is_answered_at_the_end_of_its_hold(asked, held):
    served = Served(LongPoll(hold=30.0)).clear()
    served.tell("handle_survey", Survey(1, asked), [], 0.0)
    assert served.wait(held - 0.001).seen == []
    assert served.wait(0.001).seen == [Heads((), 1)]


def test_a_question_is_not_held_while_the_device_is_behind():
    served = Served(LongPoll(hold=30.0)).clear().commit(1)
    served.tell("handle_survey", Survey(1, 30.0), [(Head("room", 1, 1), ())], 0.0)
    assert served.seen == [Heads((Head("room", 1, 1),), 1)]


# ---------------------------------------------------------------------------------------------- the connection


def test_requests_become_what_the_gateway_does(served):
    send, cancel = Send("room", 1, ()), Cancel("room", 1, "alice-0")
    ask, check = Ask("room", 1, 1, 9, 4), Check(3, 1.0)
    served.clear()
    for frame in (send, cancel, ask, check, Ping(5), Watch(("bob",))):
        served.take(frame)
    assert served.seen == [Submit(send), Withdraw(cancel), ReadPage(ask), Survey(3, 1.0), Pong(5), Observe(("bob",))]


def test_frames_that_only_a_server_sends_are_ignored(served):
    assert served.clear().take(Welcome("x", 1)).take(Closed("x")).seen == []


def test_a_resumed_session_pushes_what_was_not_acknowledged_and_what_came_meanwhile():
    served = Served(heads=[Head("room", 1, 0)]).commit(1, 2).ack(1)
    served.session.detach()
    served.commit(3).clear()
    assert served.session.accounts_for([(Head("room", 1, 3), ())])
    served.open(resumed=True)
    assert served.fetches == [Fetch("room", 2, 3)]
    assert served.fetched().pushed() == [2, 3]


def test_a_session_that_missed_a_commit_cannot_be_resumed():
    served = Served(heads=[Head("room", 1, 0)]).commit(1)
    served.session.detach()
    assert served.session.accounts_for([(Head("room", 1, 1), ())])
    assert not served.session.accounts_for([(Head("room", 1, 2), ())])
    assert not served.session.accounts_for([(Head("room", 1, 1), ()), (Head("hall", 1, 1), ())])
    assert not served.session.accounts_for([(Head("room", 2, 1), ())])


def test_what_a_log_answers_after_the_connection_was_lost_is_dropped(served):
    served.commit(1).commit(3)
    served.session.detach()
    served.clear().fetched()
    assert served.seen == []
    assert served.session.wake_at > 1e9


def test_an_answer_to_an_earlier_connection_frees_no_place_twice(served):
    served.commit(1).ack(1).commit(5)
    old = served.fetches.pop()
    served.session.detach()
    served.open(resumed=True)
    new = served.fetches.pop()
    served.fetched(old).fetched(new).commit(6, 7, 8)
    assert unacknowledged(served, ["room"]) <= 3
