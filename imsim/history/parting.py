"""Where two histories first part: what one fault changed, or what was not determined by scenario and seed."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from imsim.history.rows import History, Row

__all__ = ["Parting", "parting"]


class Parting(NamedTuple):
    """The first rows that differ.

    Attributes:
        place: their index; all rows before are equal.
        first, second: the row there of either history; None where it had ended.
    """

    place: int
    first: Row | None
    second: Row | None


def parting(first: History, second: History) -> Parting | None:
    """The first place where two histories say something else; None: nowhere.

    Numbers of names are no matter, what they stand for is. Both should be of one level.
    """
    names = [
        (history.nodes.names, history.conversations.names, history.messages.names, history.details.names)
        for history in (first, second)
    ]
    for place, (one, other) in enumerate(zip_longest(first.rows(), second.rows())):
        if one is None or other is None or _named(one, names[0]) != _named(other, names[1]):
            return Parting(
                place,
                None if one is None else first.row(place),
                None if other is None else second.row(place),
            )
    return None


def _named(row: tuple[float | int, ...], names: tuple[list[str], ...]) -> tuple[object, ...]:
    nodes, conversations, messages, details = names
    t, node, incarnation, event, _, conversation, message, *numbers, detail = row
    named = (nodes[int(node)], conversations[int(conversation)], messages[int(message)], details[int(detail)])
    return (t, incarnation, event, *numbers, *named)
