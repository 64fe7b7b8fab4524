"""What a device says of its conversations, for the history: cursors, read marks, unread counts, and changed texts.

The rows tell what is durable on a device; what it makes of them only it can say. It is asked where that is seldom and
tells something: after a read mark moved, a message was recalled, an epoch began or the process started, and at the end
of a run; at level `frames` after every row. It is asked between two inputs, when all that it wrote is durable. What its
user reads of edited and recalled messages is asked after a recall and when the process started, and is told where it is
not what was told before.

What does not belong here: whether it is right (verify/properties/).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, Protocol, TypeGuard

from imsim.history import Event
from imsim.history.schema import text_detail

if TYPE_CHECKING:
    from imsim.sim.device_node import DeviceNode

__all__ = ["EVERYWHERE", "ask_where", "tell_standing", "tell_views"]

EVERYWHERE: Final = ""
"""Stands for all conversations of a device."""
_SAYS: Final = ("conversations", "position", "read_mark", "unread")
_FITS: Final = 0xFFFFFFFF
"""A column holds no more; what a device says below 0 becomes a number that nobody can have counted."""


class _Counting(Protocol):
    """A device that says these things; a foreign one need not."""

    def conversations(self) -> list[str]: ...

    def position(self, conversation: str) -> tuple[int, int]: ...

    def read_mark(self, conversation: str) -> tuple[int, int]: ...

    def unread(self, conversation: str) -> int: ...


def _is_counting(device: object) -> TypeGuard[_Counting]:
    """As `isinstance` with such a protocol, of each class once."""
    return _says(type(device))  # type: ignore[arg-type]  # a class is hashable


@functools.cache
def _says(kind: type) -> bool:
    return all(callable(getattr(kind, name, None)) for name in _SAYS)


def ask_where(node: DeviceNode, conversation: str, *, read: bool = False) -> None:
    """Have a device say where it stands in a conversation, once all is durable that it wrote.

    `read`: and what its user reads of edited and recalled messages.
    """
    if node.due is None:
        node.due = {}
    if read and node.views is None:
        node.views = {}
    node.due[conversation] = read or node.due.get(conversation, False)


def tell_standing(node: DeviceNode) -> None:
    """Write what the device says of those conversations that are due, if it says such things."""
    device, due = node.device, node.due
    if device is None or due is None or node.waiting is not None:
        return
    node.due = None
    if any(due.values()):
        tell_views(node)
    if not _is_counting(device):
        return
    world = node.make.world
    index = world.writer.conversations.index
    for conversation in device.conversations() if EVERYWHERE in due else due:
        cursor = device.position(conversation)[1]
        epoch, mark = device.read_mark(conversation)
        world.row(
            world.kernel.now, node.index, node.lives, Event.COUNTED, index(conversation), 0, epoch, mark & _FITS,
            cursor & _FITS, 0, device.unread(conversation) & _FITS,
        )  # fmt: skip


def tell_views(node: DeviceNode, *, all_: bool = False) -> None:
    """Write what its user reads of edited and recalled messages: what is new of that, or `all_`."""
    world, told = node.make.world, {} if node.views is None else node.views
    for row, content in () if node.device is None else node.device.changed():
        read = text_detail(content)
        if all_ or told.get(row.client_id) != read:
            told[row.client_id] = read
            world.fact_about(node, Event.VIEWED, world.naming.of(row), row.epoch, row.seq, detail=read)
