from __future__ import annotations

import pytest

from imsim.sim.backends import TopicBroker
from imsim.sim.kernel import Kernel
from imsim.sim.runtime import Incarnation


@pytest.fixture
def kernel():
    return Kernel()


@pytest.fixture
def broker(kernel):
    return TopicBroker(lambda: kernel.now, kernel.call_at, visibility=10.0)


def values(batch):
    return [(item.value, item.delivery) for item in batch]


def publish(broker, *pairs):
    for key, value in pairs:
        broker.publish("topic", key, value)


def test_what_was_published_before_the_first_group_waits_for_it(broker):
    publish(broker, ("k", "early"))
    assert values(broker.join("topic", "one", Incarnation(1)).take(9)) == [("early", 1)]
    assert broker.join("topic", "two", Incarnation(1)).take(9) == []


def test_a_parked_member_is_handed_what_comes(broker):
    got = []
    broker.join("topic", "g", Incarnation(1)).park(9, got.append)
    publish(broker, ("k", "a"), ("k", "b"))
    assert [values(batch) for batch in got] == [[("a", 1)]]


def test_a_key_is_locked_while_a_delivery_of_it_is_open(broker):
    one, two = (broker.join("topic", "g", Incarnation(1)) for _ in range(2))
    publish(broker, ("k", "a"), ("k", "b"))
    (a,) = one.take(1)
    assert two.take(9) == []
    one.ack([a.tag])
    assert values(two.take(9)) == [("b", 1)]


def test_open_deliveries_come_again_after_the_visibility_timeout_in_order(broker, kernel):
    one, two = (broker.join("topic", "g", Incarnation(1)) for _ in range(2))
    publish(broker, ("k", "a"), ("k", "b"))
    one.take(9)
    publish(broker, ("k", "c"))
    kernel.run(until=9.9)
    assert two.take(9) == []
    kernel.run(until=10.1)
    assert values(two.take(9)) == [("a", 2), ("b", 2), ("c", 1)]


def test_a_parked_member_is_handed_what_another_let_expire(broker, kernel):
    one, two = (broker.join("topic", "g", Incarnation(1)) for _ in range(2))
    publish(broker, ("k", "a"))
    one.take(9)
    got = []
    two.park(9, got.append)
    kernel.run()
    assert [values(batch) for batch in got] == [[("a", 2)]]
    assert kernel.now == 20.0  # its own time-out runs, and then nothing more


def test_the_timer_rests_when_nothing_is_open(broker, kernel):
    one = broker.join("topic", "g", Incarnation(1))
    for number in range(3):
        publish(broker, ("k", str(number)))
        (item,) = one.take(9)
        one.ack([item.tag])
    kernel.run()
    assert kernel.now == 10.0


def test_each_lane_has_its_own_time(broker, kernel):
    one = broker.join("topic", "g", Incarnation(1))
    publish(broker, ("k", "a"))
    one.take(9)
    kernel.run(until=4)
    publish(broker, ("l", "b"))
    one.take(9)
    kernel.run(until=10.5)
    assert values(one.take(9)) == [("a", 2)]
    kernel.run(until=14.5)
    assert values(one.take(9)) == [("b", 2)]


def test_a_late_acknowledgement_counts(broker, kernel):
    one = broker.join("topic", "g", Incarnation(1))
    publish(broker, ("k", "a"), ("l", "b"))
    first = one.take(9)
    kernel.run(until=11)
    one.ack([first[0].tag])
    assert values(one.take(9)) == [("b", 2)]
    assert broker.depth("topic") == 1


def test_a_dead_member_is_handed_nothing(broker):
    dead, alive = Incarnation(1), Incarnation(1)
    got = []
    broker.join("topic", "g", dead).park(9, lambda _: pytest.fail("handed to the dead"))
    broker.join("topic", "g", alive).park(9, got.append)
    dead.alive = False
    publish(broker, ("k", "a"))
    assert len(got) == 1


def test_what_a_member_held_comes_again_at_once_when_it_leaves(broker):
    gone, alive = Incarnation(1), Incarnation(1)
    one, two = broker.join("topic", "g", gone), broker.join("topic", "g", alive)
    publish(broker, ("k", "a"), ("l", "b"))
    (held,) = two.take(1)
    one.take(9)
    got = []
    two.park(9, got.append)
    broker.leave(gone)
    assert [values(batch) for batch in got] == [[("b", 2)]]
    assert held.value == "a"


def test_deliveries_are_counted_for_poison(broker, kernel):
    one = broker.join("topic", "g", Incarnation(1))
    publish(broker, ("k", "poison"))
    counts = []
    for round_ in range(1, 5):
        counts += [item.delivery for item in one.take(9)]
        kernel.run(until=round_ * 11)
    assert counts == [1, 2, 3, 4]


def test_depth_counts_what_is_not_acknowledged(broker):
    publish(broker, ("k", "a"))
    assert broker.depth("topic") == 1
    one = broker.join("topic", "g", Incarnation(1))
    publish(broker, ("l", "b"))
    assert broker.depth("topic") == 2
    one.ack([item.tag for item in one.take(9)])
    assert (broker.depth("topic"), broker.depth("nowhere")) == (0, 0)


def test_a_visibility_of_no_length_is_refused(kernel):
    with pytest.raises(ValueError, match="not positive"):
        TopicBroker(lambda: 0.0, kernel.call_at, visibility=0.0)
