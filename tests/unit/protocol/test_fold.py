"""What lasts of a device: marks, states and views follow from the records alone."""

from __future__ import annotations

import pytest

from imsim.protocol.frames import Answer, Edit, Joined, Left, Read, Recall, TailLost
from imsim.protocol.records import SendState
from tests.device_alone import Alone, entry, lasting, message


@pytest.fixture
def phone() -> Alone:
    """A device that is connected and holds three messages of bob's."""
    return Alone().connect().push(message(1)).push(message(2)).push(message(3))


def read(seq: int, epoch: int, upto: int, **names) -> object:
    return entry(seq, Read("room", epoch, upto), author="alice", where="~alice", **names)


def assert_counted(phone: Alone) -> None:
    assert phone.device.unread("room") == phone.device.recount("room")


def assert_lasting(phone: Alone) -> None:
    before = lasting(phone.device)
    assert lasting(phone.restart().device) == before


def test_rows_of_others_are_unread_until_the_mark_passes_them(phone):
    assert phone.device.unread("room") == 3
    phone.do("mark_read", "room", 2)
    assert phone.device.unread("room") == 1 == phone.device.recount("room")
    assert phone.device.read_mark("room") == (1, 2)
    assert_lasting(phone)


def test_a_recalled_row_is_not_unread_whichever_came_first(phone):
    phone.push(entry(4, Recall("bob-1002")))
    assert phone.device.unread("room") == 2
    phone.push(entry(5, Recall("bob-1006")), message(6))
    assert phone.device.unread("room") == 2 == phone.device.recount("room")
    assert phone.texts() == ["text 1", None, "text 3", None]
    assert_lasting(phone)


def test_a_strangers_recall_or_edit_counts_for_nothing(phone):
    phone.push(entry(4, Recall("bob-1002"), author="carol"), entry(5, Edit("bob-1001", "mine"), author="carol"))
    assert phone.device.unread("room") == 3
    assert phone.texts() == ["text 1", "text 2", "text 3"]


def test_a_mark_of_an_epoch_that_is_not_known_yet_holds_once_it_is(phone):
    phone.push(read(1, 2, 5))
    assert phone.device.read_mark("room") == (1, 0)  # a place in an epoch of which this device knows nothing
    phone.epoch(2, 2).push(message(3, epoch=2), message(4, epoch=2), message(5, epoch=2), message(6, epoch=2))
    assert phone.device.read_mark("room") == (2, 5)
    assert phone.device.unread("room") == 1 == phone.device.recount("room")
    assert_lasting(phone)


def test_a_mark_of_an_older_epoch_is_cut_with_it(phone):
    phone.epoch(2, 1).push(read(1, 1, 3)).push(message(2, epoch=2))
    assert phone.device.read_mark("room") == (2, 1)
    assert phone.device.unread("room") == 1 == phone.device.recount("room")
    assert_lasting(phone)


def test_a_mark_two_epochs_ahead_waits_for_its_own(phone):
    phone.push(read(1, 3, 4)).epoch(2, 3)
    assert phone.device.read_mark("room") == (2, 0)
    phone.epoch(3, 2)
    assert phone.device.read_mark("room") == (3, 4)
    assert_lasting(phone)


@pytest.mark.parametrize("answer", [Answer.REFUSED, Answer.CONFLICT, Answer.CANCELLED])
def test_a_mark_that_the_server_will_not_have_is_taken_back(phone, answer):
    phone.push(read(1, 1, 1))
    mark = phone.do("mark_read", "room", 3)
    assert phone.device.unread("room") == 0
    phone.answer((mark, answer, 0), where="~alice")
    assert phone.device.read_mark("room") == (1, 1)
    assert phone.device.unread("room") == 2 == phone.device.recount("room")
    assert_lasting(phone)


def test_a_mark_that_a_failover_took_from_the_own_log_holds_only_while_it_is_offered_again(phone):
    mark = phone.do("mark_read", "room", 3)
    phone.answer((mark, Answer.OK, 1), where="~alice").epoch(2, 0, "~alice")
    assert phone.device.read_mark("room") == (1, 3)
    assert_lasting(phone)
    phone.connect().answer((mark, Answer.CANCELLED, 0), where="~alice", epoch=2)
    assert phone.device.read_mark("room") == (1, 0)
    assert phone.device.unread("room") == 3 == phone.device.recount("room")
    assert_lasting(phone)


def test_a_mark_that_a_failover_lost_for_good_is_taken_back(phone):
    # the later one is not this device's to offer again: one before it is missing
    phone.push(read(1, 1, 2)).push(read(3, 1, 3)).epoch(2, 1, "~alice")
    assert phone.device.read_mark("room") == (1, 2)
    assert phone.device.unread("room") == 1 == phone.device.recount("room")
    assert_lasting(phone)
    phone.connect().push(entry(2, TailLost(("alice-1003",)), author="", where="~alice", epoch=2))
    phone.push(entry(3, Read("room", 1, 3), author="alice", where="~alice", epoch=2, client_id="alice-1003"))
    assert phone.device.read_mark("room") == (1, 3)
    assert_lasting(phone)


def test_a_mark_that_is_being_cancelled_is_the_same_after_a_restart(phone):
    mark = phone.do("mark_read", "room", 3)
    assert phone.do("cancel", mark)
    assert_lasting(phone)


def test_what_a_failover_lost_is_shown_and_counted_no_more(phone):
    phone.epoch(2, 2)
    assert phone.device.unread("room") == 2
    assert phone.texts() == ["text 1", "text 2", "text 3"]  # its author may still offer it again
    phone.push(entry(3, TailLost(("bob-1003",)), author="", epoch=2))
    assert phone.texts() == ["text 1", "text 2"]
    assert_counted(phone)
    assert_lasting(phone)


def test_an_operation_that_a_failover_lost_has_no_effect_any_more(phone):
    phone.push(entry(4, Recall("bob-1003")))
    assert phone.device.unread("room") == 2
    phone.epoch(2, 3).push(entry(4, TailLost(("bob-1004",)), author="", epoch=2))
    assert phone.texts() == ["text 1", "text 2", "text 3"]
    assert phone.device.unread("room") == 3 == phone.device.recount("room")
    assert_lasting(phone)


def test_a_message_that_is_offered_again_is_shown_once(phone):
    mine = phone.send("mine")
    phone.answer((mine, Answer.OK, 4)).epoch(2, 3)
    assert [row.client_id for row in phone.device.view("room")].count(mine) == 1
    assert phone.device.state(mine) is SendState.PENDING
    phone.answer((mine, Answer.OK, 5), epoch=2)
    assert [(row.client_id, row.epoch, row.seq) for row in phone.device.view("room")][-1] == (mine, 2, 5)


def test_a_message_that_was_offered_again_in_vain_has_failed(phone):
    mine = phone.send("mine")
    phone.answer((mine, Answer.OK, 4)).epoch(2, 3).answer((mine, Answer.CANCELLED, 0), epoch=2)
    assert phone.device.state(mine) is SendState.FAILED
    assert phone.restart().device.state(mine) is SendState.FAILED


def test_a_conversation_that_was_joined_is_known_to_be_behind(phone):
    phone.push(entry(1, Joined("hall", 7), author="", where="~alice"))
    assert phone.device.inbox("hall").head == 7
    assert sorted(phone.device.conversations()) == ["hall", "room"]
    phone.push(entry(2, Left("hall", 9), author="", where="~alice"))
    assert phone.device.inbox("hall").head == 7


def test_the_ids_of_an_install_are_dense_over_restarts(phone):
    first = phone.send()
    nonce, _, counter = first.rpartition("-")
    phone.answer((first, Answer.OK, 4)).restart()
    second = phone.send()
    assert second == f"{nonce}-{int(counter) + 1}"
    assert phone.device.resolved_below == int(counter) + 1


def test_another_install_draws_another_nonce_and_keeps_what_is_unresolved(phone):
    old = phone.send("old")
    elsewhere = Alone(install="elsewhere", disk=phone.disk)
    assert elsewhere.device.state(old) is SendState.PENDING
    new = elsewhere.send("new")
    assert new.endswith("-0")
    assert new.partition("-")[0] != old.partition("-")[0]
    assert elsewhere.device.install == "elsewhere"
    assert elsewhere.texts()[-2:] == ["old", "new"]
    again = Alone(install="elsewhere", disk=phone.disk)
    assert again.send().endswith("-1")
    assert again.device.resolved_below == 0


def test_an_unresolved_entry_of_an_older_install_holds_no_bound_of_this_one(phone):
    phone.send("old")
    elsewhere = Alone(install="elsewhere", disk=phone.disk).connect()
    new = elsewhere.send("new")
    assert elsewhere.device.resolved_below == 0
    elsewhere.answer((new, Answer.REFUSED, 0))
    assert elsewhere.device.resolved_below == 1


def test_a_message_that_may_be_sent_again_keeps_its_claim(phone):
    phone.cut()
    failed = phone.send("late", deadline=0.1)
    phone.wait(0.2)
    assert phone.device.state(failed) is SendState.FAILED
    phone.connect()
    later = phone.send("later")
    phone.answer((later, Answer.OK, 4))
    counter = int(failed.rpartition("-")[2])
    assert phone.device.resolved_below == counter
    assert phone.restart().device.resolved_below == counter
    phone.do("resend", failed)
    phone.connect().answer((failed, Answer.OK, 5))
    assert phone.device.resolved_below == counter + 2
    assert_lasting(phone)
