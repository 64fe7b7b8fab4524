"""The checker: what is told of a violation, what an answer that never came means, and the budget."""

from __future__ import annotations

import msgspec
import pytest

from imsim.errors import ConfigError
from imsim.verify.linear.check import check_linearizable
from imsim.verify.linear.models import MODELS
from imsim.verify.linear.operation import UNKNOWN, Operation, Status
from imsim.verify.linear.recheck import is_linearization
from imsim.verify.linear.shrink import shrunk
from imsim.verify.verdict import Outcome

REGISTER, KV = MODELS["register"], MODELS["kv"]


def call(function, begin, end, value=None, result=UNKNOWN, key=None):
    status = Status.INFO if end is None else Status.OK
    return Operation(
        process=begin, function=function, value=value, result=result, key=key, call=begin, returned=end, status=status
    )


def test_concurrent_operations_may_take_effect_in_either_order():
    history = [call("write", 0, 3, 1), call("write", 1, 4, 2), call("read", 5, 6, result=1)]
    assert check_linearizable(history, REGISTER).outcome is Outcome.HOLDS
    history[1] = call("write", 4, 5, 2)
    assert check_linearizable(history, REGISTER).outcome is Outcome.HOLDS  # at equal times they are concurrent
    history[0] = call("write", 0, 2, 1)
    assert check_linearizable(history, REGISTER).outcome is Outcome.HOLDS
    history[2] = call("read", 6, 7, result=1)
    assert check_linearizable(history, REGISTER).outcome is Outcome.VIOLATED


def test_what_never_returned_may_happen_late_or_never_but_only_once():
    late = [
        call("write", 0, None, 1),
        call("write", 1, 2, 2),
        call("read", 3, 4, result=2),
        call("read", 5, 6, result=1),
    ]
    assert check_linearizable(late, REGISTER).outcome is Outcome.HOLDS
    never = [call("write", 0, None, 1), call("read", 1, 2, result=None)]
    assert check_linearizable(never, REGISTER).outcome is Outcome.HOLDS
    twice = [*late, call("write", 7, 8, 2), call("read", 9, 10, result=1)]
    assert check_linearizable(twice, REGISTER).outcome is Outcome.VIOLATED


def test_what_failed_did_not_happen():
    history = [msgspec.structs.replace(call("write", 0, 1, 1), status=Status.FAIL), call("read", 2, 3, result=1)]
    assert check_linearizable(history, REGISTER).outcome is Outcome.VIOLATED


def test_a_violation_names_the_first_that_cannot_be_placed_the_last_that_could_and_what_was_possible():
    history = [
        call("write", 0, 9, 1), call("write", 1, 2, 2), call("read", 3, 4, result=2), call("read", 5, 6, result=3),
        call("read", 7, 8, result=4),
    ]  # fmt: skip
    obstacle = check_linearizable(history, REGISTER).obstacle
    assert (obstacle.unplaceable, obstacle.last) == (history[3], history[2])
    assert sorted(obstacle.possible) == [1, 2]


def test_the_earliest_of_several_broken_keys_is_told():
    history = [call("put", 0, 1, "a", key="x"), call("put", 2, 3, "b", key="y"), call("get", 8, 9, result="?", key="x")]
    history.append(call("get", 4, 5, result="?", key="y"))
    obstacle = check_linearizable(history, KV).obstacle
    assert (obstacle.key, obstacle.unplaceable) == ("y", history[3])


def test_what_a_later_observation_rules_out_is_not_taken_for_the_first_that_is_impossible():
    """The search prunes by the garbage that is read at the end; what is told is the end, not where it pruned."""
    history = [call("append", 2 * n, 2 * n + 1, str(n), key="x") for n in range(5)]
    history.append(call("get", 20, 21, result="garbage", key="x"))
    obstacle = check_linearizable(history, KV).obstacle
    assert (obstacle.unplaceable, obstacle.last) == (history[5], history[4])
    assert obstacle.possible == ("01234",)


def test_a_broken_key_is_found_though_another_is_hard():
    hard = [call("put", 0, 1000, str(n), key="hard") for n in range(40)]
    hard.append(call("get", 1001, 1002, result="?", key="hard"))
    easy = [call("get", 5, 6, result="?", key="easy")]
    assert check_linearizable([*hard, *easy], KV, budget=60.0).obstacle.key == "easy"


def test_what_cannot_be_decided_in_time_is_unknown():
    history = [call("add", 0, 1000, 2**n) for n in range(40)] + [call("read", 1001, 1002, result=-1)]
    found = check_linearizable(history, MODELS["counter"], budget=0.05)
    assert (found.outcome, found.reason) == (Outcome.UNKNOWN, "the history could not be decided in 0.05 s")


def test_forty_equal_pending_operations_are_no_harder_than_one():
    """Without the pruning of symmetric ones there are 2 to the 40 sets of them."""
    pending = [call("inc", 0, None) for _ in range(40)]
    reads = [call("read", 2 * n + 1, 2 * n + 2, result=n) for n in range(41)]
    assert check_linearizable([*pending, *reads], MODELS["counter"]).outcome is Outcome.HOLDS
    assert (
        check_linearizable([*pending, *reads, call("read", 99, 100, result=41)], MODELS["counter"]).obstacle is not None
    )


def test_thirty_concurrent_writes_are_no_harder_than_few():
    """Without hiding them behind one another there are 2 to the 30 sets of them before each read."""
    writes = [call("write", n, 1000 + n, n) for n in range(30)]
    reads = [call("read", 100 + 2 * n, 101 + 2 * n, result=n) for n in range(30)]
    assert check_linearizable([*writes, *reads], REGISTER).outcome is Outcome.HOLDS
    again = call("read", 200, 201, result=3)  # after it was overwritten, and nobody writes it again
    found = check_linearizable([*writes, *reads, again], REGISTER)
    assert (found.outcome, found.obstacle.unplaceable) == (Outcome.VIOLATED, again)


def test_an_empty_history_holds():
    assert check_linearizable([], REGISTER).outcome is Outcome.HOLDS


@pytest.mark.parametrize("end", [None, 1.0])
def test_an_end_that_cannot_be_is_refused(end):
    wrong = msgspec.structs.replace(call("write", 2, 3, 1), returned=end)
    with pytest.raises(ConfigError, match=r"process 2: write 1: called at 2 and done at .*: expected a later time"):
        check_linearizable([wrong], REGISTER)


def test_what_does_not_matter_is_left_out_of_a_violation():
    noise = [call("write", 4 * n, 4 * n + 1, n) for n in range(10)]
    noise += [call("read", 4 * n + 2, 4 * n + 3, result=n) for n in range(10)]
    stale = [call("write", 50, 51, 77), call("read", 52, 53, result=3)]
    found = check_linearizable([*noise, *stale], REGISTER)
    left = shrunk([*noise, *stale], REGISTER, found)
    assert left[-1] == stale[1]
    assert len(left) <= 4


class TestRecheck:
    """The independent check refuses each way of being no order."""

    first, second, pending = call("write", 0, 1, 1), call("read", 2, 3, result=1), call("write", 0, None, 2)

    def says(self, *order):
        return is_linearization(REGISTER, [self.first, self.second, self.pending], order)

    def test_it_accepts_an_order(self):
        assert self.says(self.first, self.second)
        assert self.says(self.pending, self.first, self.second)

    def test_it_refuses_a_missing_one(self):
        assert not self.says(self.first)

    def test_it_refuses_one_twice(self):
        assert not self.says(self.first, self.first, self.second)

    def test_it_refuses_a_strange_one(self):
        assert not self.says(call("write", 0, 1, 1), self.first, self.second)

    def test_it_refuses_one_after_what_was_called_later_than_it_returned(self):
        later = call("write", 2, 3, 5)
        assert not is_linearization(REGISTER, [self.first, later], (later, self.first))

    def test_it_refuses_a_step_that_the_model_does_not_allow(self):
        assert not self.says(self.first, self.pending, self.second)
