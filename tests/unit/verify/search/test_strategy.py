"""The order of a search: turns of fixed lengths, every case once, as many as were asked for."""

from __future__ import annotations

import msgspec
import pytest

from imsim.verify.search.strategy import Portion, Strategy, interleaved


class Cases(msgspec.Struct, frozen=True):
    """A source whose cases are their own numbers."""

    strategy: Strategy
    count: int | None
    largest: int = 3

    def at_once(self, _index):
        return self.largest

    def tell(self, index, order):
        yield self.strategy, index, order


def told(chances, runs):
    sources = [source for source, _ in chances]
    return [one for portion in interleaved(chances, runs=runs) for one in portion.tell(sources)]


def test_sources_take_turns_and_one_that_has_ended_is_passed_over():
    chances = [(Cases(Strategy.EXHAUSTIVE, 3), 2), (Cases(Strategy.RANDOM, None), 4)]
    found = told(chances, 12)
    assert [(str(word), index) for word, index, _ in found] == [
        *(("exhaustive", index) for index in (0, 1)),
        *(("random", index) for index in (0, 1, 2, 3)),
        ("exhaustive", 2),
        *(("random", index) for index in (4, 5, 6, 7, 8)),
    ]
    assert [order for _, _, order in found] == [(number,) for number in range(12)]


def test_fewer_runs_are_the_beginning_of_more():
    chances = [(Cases(Strategy.EXHAUSTIVE, 30), 5), (Cases(Strategy.RANDOM, None), 7)]
    assert told(chances, 17) == told(chances, 50)[:17]


def test_where_all_sources_end_so_does_the_search():
    assert len(told([(Cases(Strategy.EXHAUSTIVE, 30), 40)], None)) == 30


@pytest.mark.parametrize("largest", [1, 3, 20])
def test_portions_are_no_larger_than_the_source_allows(largest):
    parts = list(interleaved([(Cases(Strategy.RANDOM, None, largest), 10)], runs=25))
    assert {type(part) for part in parts} == {Portion}
    assert max(part.high - part.low for part in parts) == min(largest, 10)
    assert [part.order for part in parts] == [(part.low,) for part in parts]
