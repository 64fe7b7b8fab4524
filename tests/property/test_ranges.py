"""Ranges of seq are sets of seq, written briefly: rising, and never touching each other."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from imsim.protocol import ranges
from imsim.protocol.inbox import Inbox

LAST = 24
spans = st.tuples(st.integers(1, LAST), st.integers(0, 6)).map(lambda span: (span[0], span[0] + span[1] - 1))
many = st.lists(spans, max_size=10)
seqs = st.integers(1, LAST + 6)


def folded(spans_: list[tuple[int, int]]) -> ranges.Ranges:
    found: ranges.Ranges = ()
    for low, high in spans_:
        found = ranges.add(found, low, high)
    return found


def slots(spans_) -> set[int]:
    return {seq for low, high in spans_ for seq in range(low, high + 1)}


def assert_brief(found: ranges.Ranges) -> None:
    assert all(low <= high for low, high in found)
    assert all(high + 1 < low for (_, high), (low, _) in pairwise(found))


@given(many)
def test_adding_is_union(spans_):
    found = folded(spans_)
    assert_brief(found)
    assert slots(found) == slots(spans_)


@given(many, st.randoms(use_true_random=False))
def test_the_order_of_adding_does_not_matter(spans_, random):
    shuffled = list(spans_)
    random.shuffle(shuffled)
    assert folded(shuffled) == folded(spans_)


@given(many, st.integers(0, LAST))
def test_what_is_below_a_cut_is_an_intersection(spans_, cut):
    found = ranges.below(folded(spans_), cut)
    assert_brief(found)
    assert slots(found) == {seq for seq in slots(spans_) if seq <= cut}


@given(many, seqs, spans)
def test_membership_and_covering(spans_, seq, asked):
    found, held = folded(spans_), slots(spans_)
    assert ranges.contains(found, seq) == (seq in held)
    assert ranges.covers(found, *asked) == (slots([asked]) <= held)


@given(many, st.integers(0, LAST + 6))
def test_holes_are_what_is_left_out(spans_, upto):
    found = ranges.holes(folded(spans_), upto)
    assert_brief(found)
    assert slots(found) == set(range(1, upto + 1)) - slots(spans_)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("learn"), spans),
        st.tuples(st.just("lose"), spans),
        st.tuples(st.just("enter"), st.tuples(st.integers(0, LAST), st.just(0))),
    ),
    max_size=12,
)


@given(steps, seqs)
def test_an_inbox_knows_a_set_of_slots(steps_, seq):
    inbox, known, missing = Inbox("room"), set(), set()
    for step, (low, high) in steps_:
        if step == "enter":
            inbox.enter(inbox.epoch + 1, low)
            known, missing = {s for s in known if s <= low}, {s for s in missing if s <= low}
        else:
            getattr(inbox, step)(low, high)
            known |= slots([(low, high)])
            missing |= slots([(low, high)]) if step == "lose" else set()
        assert_brief(inbox.known)
        assert slots(inbox.known) == known
        assert slots(inbox.missing) == missing
        assert inbox.upto == next(s for s in range(LAST + 9) if s + 1 not in known)
        assert inbox.head >= max(known, default=0)
        assert inbox.knows(seq) == (seq in known)
        assert inbox.behind == (inbox.head > inbox.upto)


@given(many, st.integers(0, LAST + 6))
def test_the_hole_that_is_asked_for_is_the_newest(spans_, head):
    inbox = Inbox("room")
    for low, high in spans_:
        inbox.learn(low, high)
    inbox.head = max(inbox.head, head)
    left = set(range(1, inbox.head + 1)) - slots(spans_)
    hole = inbox.hole()
    assert (hole is None) == (not left)
    if hole is not None:
        low, high = hole
        assert high == max(left)
        assert set(range(low, high + 1)) <= left
        assert low - 1 not in left
