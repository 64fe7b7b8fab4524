"""The life of an own entry: every arrow of the picture in outbox.py, and the order of one sender."""

from __future__ import annotations

import msgspec
import pytest

from imsim.errors import ConfigError
from imsim.protocol.effects import SendChanged
from imsim.protocol.frames import Answer, Cancel, Message, Outcome, Read, Send, Sent
from imsim.protocol.records import Queued, Resolved, SendState
from imsim.protocol.retry import Exponential, Fixed
from tests.device_alone import PLAIN, Alone, entry, lasting, message

OK, CANCELLED, EXPIRED = Answer.OK, Answer.CANCELLED, Answer.EXPIRED


@pytest.fixture
def phone() -> Alone:
    return Alone().connect().clear()


# ---------------------------------------------------------------------------------------------- the picture


def test_waiting_then_sending_then_sent(phone):
    mine = phone.send()
    assert phone.offered() == [[mine]]
    assert phone.device.state(mine) is SendState.PENDING
    phone.answer((mine, OK, 1))
    assert phone.told(mine) == ["sent"]
    assert phone.device.state(mine) is SendState.SENT
    assert phone.device.position("room") == (1, 1)


@pytest.mark.parametrize("answer", [Answer.CONFLICT, Answer.REFUSED])
def test_sending_then_failed(phone, answer):
    mine = phone.send()
    phone.take(Sent("room", 1, (Outcome(mine, answer, reason="not a member"),)))
    assert phone.told(mine) == ["failed"]
    assert phone.notices(SendChanged)[-1].reason == "not a member"
    with pytest.raises(ConfigError, match="cannot be sent again"):
        phone.do("resend", mine)


def test_waiting_then_cancelled_without_a_word_to_the_server(phone):
    phone.cut()
    mine = phone.send()
    assert phone.do("cancel", mine)
    assert phone.told(mine) == ["cancelled"]
    assert phone.connect().frames(Send, Cancel) == []
    assert not phone.do("cancel", mine)


def test_waiting_then_overdue_is_failed_and_may_be_sent_again_under_its_id(phone):
    phone.cut()
    mine = phone.send(deadline=0.5)
    phone.wait(0.4)
    assert phone.device.state(mine) is SendState.PENDING
    phone.wait(0.2)
    assert phone.told(mine) == ["failed"]
    phone.connect()
    assert phone.frames(Send) == []
    phone.do("resend", mine)
    assert phone.offered() == [[mine]]
    phone.wait(1.0).answer((mine, OK, 1))
    assert phone.told(mine) == ["failed", "sent"]


def test_a_deadline_runs_on_after_a_restart():
    phone = Alone()
    mine = phone.send(deadline=5.0)
    phone.restart().wait(6.0)
    assert phone.device.state(mine) is SendState.UNKNOWN  # nobody remembers whether it was transmitted


def test_sending_then_overdue_is_cancelled_and_unknown_until_the_answer(phone):
    mine = phone.send(deadline=0.5)
    phone.wait(0.6)
    assert phone.told(mine) == ["unknown"]
    assert phone.last(Cancel) == Cancel("room", 1, mine)
    phone.answer((mine, CANCELLED, 0))
    assert phone.told(mine) == ["unknown", "failed"]


def test_giving_up_cancels_and_a_late_acceptance_still_counts(phone):
    mine = phone.send()
    phone.wait(5.9)
    assert [frame.attempt for frame in phone.frames(Send)] == [1, 2, 3]
    assert phone.frames(Cancel) == []
    phone.wait(0.2)
    assert phone.device.state(mine) is SendState.UNKNOWN
    assert phone.frames(Cancel) != []
    phone.answer((mine, OK, 1))
    assert phone.told(mine) == ["unknown", "sent"]


def test_a_cancel_is_repeated_until_it_is_answered(phone):
    mine = phone.send()
    assert phone.do("cancel", mine)
    phone.wait(100.0)
    assert len(phone.frames(Cancel)) > 20
    assert phone.device.state(mine) is SendState.UNKNOWN
    phone.answer((mine, CANCELLED, 0))
    assert phone.told(mine) == ["unknown", "cancelled"]


def test_what_the_device_gave_up_and_the_user_takes_back_is_cancelled(phone):
    mine = phone.send(deadline=0.5)
    phone.wait(0.6)
    phone.do("cancel", mine)
    phone.answer((mine, CANCELLED, 0))
    assert phone.told(mine)[-1] == "cancelled"


def test_a_policys_own_deadline_gives_up_too():
    config = msgspec.structs.replace(PLAIN, send=Exponential(base=1.0, cap=60.0, deadline=5.0))
    phone = Alone(config).connect()
    mine = phone.send()
    phone.wait(2.9)
    assert [frame.attempt for frame in phone.frames(Send)] == [1, 2]
    phone.wait(0.2)
    assert [frame.attempt for frame in phone.frames(Send)] == [1, 2, 3]
    assert phone.device.state(mine) is SendState.PENDING
    phone.wait(4.0)  # the next try would come 7 s after the first
    assert len(phone.frames(Send)) == 3
    assert phone.device.state(mine) is SendState.UNKNOWN


# ---------------------------------------------------------------------------------------------- judged by slots


def test_an_expired_answer_is_judged_once_every_slot_below_is_known(phone):
    mine = phone.send()
    phone.answer((mine, EXPIRED, 4))
    assert phone.told(mine) == ["unknown"]
    phone.push(message(1)).push(message(2))
    assert phone.device.state(mine) is SendState.UNKNOWN
    phone.push(message(3))
    assert phone.told(mine) == ["unknown", "failed"]


def test_an_expired_answer_is_sent_where_a_slot_says_so(phone):
    mine = phone.send()
    phone.answer((mine, EXPIRED, 3))
    phone.push(message(1), entry(2, Message("hello"), author="alice", client_id=mine))
    assert phone.told(mine) == ["unknown", "sent"]


def test_an_expired_answer_stays_unknown_where_the_slots_are_trimmed(phone):
    mine = phone.send()
    phone.answer((mine, EXPIRED, 3)).page(1, 4, message(3), message(4), trimmed_below=3)
    assert phone.told(mine) == ["unknown", "unknown"]
    assert phone.device.state(mine) is SendState.UNKNOWN
    assert phone.restart().device.state(mine) is SendState.UNKNOWN


def test_what_is_judged_holds_nothing_up(phone):
    first, second = phone.send("1"), phone.send("2")
    phone.answer((first, EXPIRED, 4))
    assert phone.offered() == [[first], [second]]


def test_the_bound_of_an_epoch_ends_with_it(phone):
    mine = phone.send()
    phone.answer((mine, EXPIRED, 4)).epoch(2, 0)
    assert phone.offered() == [[mine], [mine]]
    assert phone.last(Send).epoch == 2


def test_what_is_judged_is_offered_again_behind_what_a_failover_took(phone):
    first, second, third = phone.send("1"), phone.send("2"), phone.send("3")
    phone.answer((first, OK, 1)).answer((second, EXPIRED, 9)).clear().epoch(2, 0)
    assert phone.offered() == [[first, second, third]]
    before = lasting(phone.device)
    assert lasting(phone.restart().device) == before


def test_what_is_judged_keeps_its_order_however_the_answers_came(phone):
    ids = [phone.send(str(number)) for number in range(4)]
    phone.restart().connect().clear()
    phone.answer((ids[2], EXPIRED, 9)).answer((ids[0], EXPIRED, 9)).answer((ids[1], EXPIRED, 9))
    assert [row.client_id for row in phone.device.view("room")] == ids
    phone.clear().epoch(2, 0)
    assert phone.offered() == [ids]


def test_what_is_being_cancelled_is_not_sent_again_by_a_failover(phone):
    mine = phone.send()
    phone.do("cancel", mine)
    phone.answer((mine, EXPIRED, 9)).clear().epoch(2, 0)
    assert phone.frames(Send) == []
    assert phone.last(Cancel) == Cancel("room", 2, mine)


def test_what_an_older_install_left_is_offered_again_before_what_was_written_since(phone):
    phone.send("old")
    elsewhere = Alone(install="elsewhere", disk=phone.disk).connect()
    old, new = elsewhere.device.view("room")[0].client_id, elsewhere.send("new")
    elsewhere.answer((old, EXPIRED, 9)).clear().epoch(2, 0)
    assert elsewhere.offered() == [[old, new]]


# ---------------------------------------------------------------------------------------------- batches and order


def test_what_waits_meanwhile_travels_as_one_batch_in_order(phone):
    first, second, third = phone.send("1"), phone.send("2"), phone.send("3")
    assert phone.offered() == [[first]]
    phone.answer((first, OK, 1))
    assert phone.offered() == [[first], [second, third]]


def test_a_batch_goes_on_behind_what_was_accepted(phone):
    ids = [phone.send(str(number)) for number in range(4)]
    phone.answer((ids[0], OK, 1)).clear()
    phone.take(Sent("room", 1, (Outcome(ids[1], OK, 1, 2), Outcome(ids[2], Answer.LATER, retry_after=3.0))))
    assert phone.offered() == []
    phone.wait(2.9)
    assert phone.offered() == []
    phone.wait(0.2)
    assert phone.offered() == [[ids[2], ids[3]]]


def test_nothing_starts_while_the_server_said_later(phone):
    first = phone.send("1")
    phone.answer((first, Answer.LATER, 0)).clear()
    second = phone.send("2")
    assert phone.offered() == []
    phone.wait(1.1)
    assert phone.offered() == [[first, second]]


def test_a_cancel_does_not_wait_for_later(phone):
    mine = phone.send()
    phone.answer((mine, Answer.LATER, 0))
    phone.do("cancel", mine)
    assert phone.last(Cancel).client_id == mine


def test_cancelling_inside_a_flying_batch_lets_nothing_overtake(phone):
    ids = [phone.send(str(number)) for number in range(4)]
    phone.answer((ids[0], OK, 1)).clear()
    phone.do("cancel", ids[2])
    assert phone.offered() == [[ids[1]]]
    phone.answer((ids[1], OK, 2))
    assert phone.last(Cancel).client_id == ids[2]
    assert phone.offered() == [[ids[1]]]
    phone.answer((ids[2], CANCELLED, 0))
    assert phone.offered() == [[ids[1]], [ids[3]]]


def test_a_push_resolves_what_is_in_flight(phone):
    first, second, third = phone.send("1"), phone.send("2"), phone.send("3")
    phone.push(entry(1, Message("1"), author="alice", client_id=first))
    assert phone.told(first) == ["sent"]
    assert phone.offered() == [[first], [second, third]]
    phone.push(entry(2, Message("2"), author="alice", client_id=second))
    assert phone.offered() == [[first], [second, third]]  # the third is still in flight
    phone.answer((second, OK, 2), (third, OK, 3))
    assert phone.told(second) == ["sent"]
    assert phone.told(third) == ["sent"]


def test_conversations_do_not_wait_for_each_other(phone):
    here, there = phone.send("1"), phone.send("2", where="hall")
    assert phone.offered() == [[here], [there]]


def test_a_cancelling_entry_keeps_its_place_over_a_restart(phone):
    first, second = phone.send("1"), phone.send("2")
    phone.do("cancel", first)
    phone.restart().clear().connect()
    assert phone.frames(Send) == []
    assert phone.last(Cancel).client_id == first
    assert [row.client_id for row in phone.device.view("room")] == [first, second]


def test_a_message_that_is_sent_again_does_not_slip_into_a_flying_batch(phone):
    phone.cut()
    failed = phone.send("1", deadline=0.1)
    phone.wait(0.2)
    phone.connect().clear()
    flying = phone.send("2")
    phone.do("resend", failed)
    assert phone.offered() == [[flying]]
    phone.answer((flying, OK, 1))
    assert phone.offered() == [[flying], [failed]]


def test_an_answer_of_another_epoch_is_ignored(phone):
    mine = phone.send()
    phone.answer((mine, OK, 1), epoch=2)
    assert phone.device.state(mine) is SendState.PENDING


def test_an_answer_that_comes_twice_is_taken_once(phone):
    first, second = phone.send("1"), phone.send("2")
    phone.answer((first, OK, 1)).answer((first, OK, 1))
    assert phone.told(first) == ["sent"]
    assert phone.offered() == [[first], [second]]
    assert len([r for r in phone.written(Resolved) if r.client_id == first]) == 1


def test_a_batch_is_bounded():
    phone = Alone()
    ids = [phone.send(str(number)) for number in range(60)]
    phone.connect()
    assert phone.offered() == [ids[:50]]


def test_a_batch_of_long_messages_is_shorter():
    phone = Alone()
    ids = [phone.send("x" * 40_000) for _ in range(4)]
    phone.connect()
    assert phone.offered() == [ids[:2]]
    phone.answer((ids[0], OK, 1), (ids[1], OK, 2))
    assert phone.offered() == [ids[:2], ids[2:]]


# ---------------------------------------------------------------------------------------------- connections


def test_a_new_session_repeats_what_is_in_flight_first(phone):
    first, second = phone.send("1"), phone.send("2")
    phone.cut().wait(30.0)
    phone.clear().connect()
    assert phone.offered() == [[first]]
    phone.answer((first, OK, 1))
    assert phone.offered() == [[first], [second]]


def test_a_restart_offers_everything_again(phone):
    first, second = phone.send("1"), phone.send("2")
    phone.restart().clear().connect()
    assert phone.offered() == [[first, second]]


def test_sends_name_what_is_resolved(phone):
    first = phone.send("1")
    phone.answer((first, OK, 1))
    phone.send("2")
    assert [frame.resolved_below for frame in phone.frames(Send)] == [0, 1]


# ---------------------------------------------------------------------------------------------- epochs


def test_what_a_failover_took_is_offered_again_in_order_before_anything_new(phone):
    ids = [phone.send(str(number)) for number in range(3)]
    phone.answer((ids[0], OK, 1)).answer((ids[1], OK, 2), (ids[2], OK, 3))
    new = phone.send("new")
    phone.clear().epoch(2, 1)
    assert phone.offered() == [[ids[1], ids[2], new]]
    assert [record.offered for record in phone.written(Queued)] == [2, 3]


def test_what_is_offered_again_does_not_overtake_an_older_one_that_waits(phone):
    """The later message of a batch was pushed back first, so that it alone is resolved when the log fails over."""
    before, first, second = phone.send("0"), phone.send("1"), phone.send("2")
    phone.answer((before, OK, 1)).push(entry(3, Message("2"), author="alice", client_id=second))
    assert phone.told(second) == ["sent"]
    phone.clear().epoch(2, 1)
    assert phone.offered() == [[first, second]]


def test_two_failovers_keep_the_order_of_a_sender(phone):
    first, second = phone.send("1"), phone.send("2")
    phone.answer((first, OK, 4)).answer((second, OK, 5))
    phone.epoch(2, 3).take(Sent("room", 2, (Outcome(first, OK, 2, 9), Outcome(second, Answer.LATER))))
    phone.clear().epoch(3, 3)
    assert phone.offered() == [[first, second]]
    before = [row.client_id for row in phone.device.view("room")]
    assert before == [first, second]
    phone.restart()
    assert [row.client_id for row in phone.device.view("room")] == before


def test_a_newer_device_of_the_user_is_offered_for_too(phone):
    theirs = entry(1, Message("from the pc"), author="alice", client_id="pc-0")
    phone.push(theirs).epoch(2, 0)
    assert phone.offered() == [["pc-0"]]
    phone.answer(("pc-0", OK, 1), epoch=2)
    assert phone.device.state("pc-0") is SendState.SENT


# ---------------------------------------------------------------------------------------------- read marks


def test_a_read_mark_is_never_given_up():
    phone = Alone().connect().push(message(1))
    phone.do("mark_read", "room", 1)
    phone.wait(60.0)
    assert phone.frames(Cancel) == []
    assert len(phone.frames(Send)) > 10


def test_of_the_marks_that_wait_only_the_last_is_sent():
    phone = Alone().connect()
    for seq in range(1, 6):
        phone.push(message(seq))
    flying = phone.do("mark_read", "room", 1)
    second, third = phone.do("mark_read", "room", 2), phone.do("mark_read", "room", 3)
    other = phone.send("elsewhere", where="hall")
    last = phone.do("mark_read", "room", 5)
    assert phone.told(second) == phone.told(third) == ["cancelled"]
    assert phone.device.read_mark("room") == (1, 5)
    before = lasting(phone.device)
    phone.answer((flying, OK, 1), where="~alice")
    assert phone.offered() == [[flying], [other], [last]]
    assert lasting(phone.restart().device)["room"] == before["room"]


def test_a_mark_that_is_no_news_is_not_sent():
    phone = Alone().connect().push(message(1))
    assert phone.do("mark_read", "hall", 1) is None
    phone.push(entry(1, Read("room", 1, 7), author="alice", where="~alice"))
    assert phone.do("mark_read", "room", 9) is None  # the user has read further on another device
    assert phone.frames(Send) == []


def test_delays_are_drawn_only_when_they_matter():
    phone = Alone(msgspec.structs.replace(PLAIN, send=Fixed(base=2.0))).connect()
    mine = phone.send()
    phone.answer((mine, OK, 1))
    assert not [subject for subject, _ in phone.chance.asked if subject == mine]
