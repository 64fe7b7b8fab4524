"""Where two histories part: at the first row that says something else, whatever numbers its names have."""

from __future__ import annotations

from imsim.history import Event, Level, Writer
from imsim.history.parting import parting


def history(*nodes, before=()):
    writer = Writer(Level.FRAMES)
    for name in before:
        writer.nodes.index(name)
    for second, node in enumerate(nodes):
        writer.row(float(second), writer.nodes.index(node), 1, Event.CRASHED, 0, 0, 0, 0, 0, 0, 0, 0)
    return writer.finish()


def test_equal_histories_part_nowhere_even_if_their_names_have_other_numbers():
    assert parting(history("a", "b"), history("a", "b")) is None
    assert parting(history("a", "b"), history("a", "b", before=["z", "b"])) is None


def test_the_first_row_that_differs_is_named_with_both_sides():
    place, first, second = parting(history("a", "b", "c"), history("a", "c", "c"))
    assert (place, first.node, second.node) == (1, "b", "c")


def test_one_may_end_earlier():
    place, first, second = parting(history("a"), history("a", "b"))
    assert (place, first, second.node) == (1, None, "b")
    assert parting(history("a", "b"), history("a")).second is None
