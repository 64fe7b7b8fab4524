"""From client ids to the workload's own names: what keys, rows and people talk about.

A client id holds a nonce and a counter and says nothing to anybody; the workload calls the same entry `alice-3`.
Each entry gets one `Named` that carries all that the world needs at every frame about it: its number in the history
and its 64-bit subject for decisions, so the hot path looks a client id up once a frame and hashes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imsim.history import Writer
    from imsim.protocol.frames import Entry
    from imsim.sim.decisions import Decisions

__all__ = ["Named", "Naming"]


class Named:
    """One entry as the world knows it.

    Attributes:
        name: the workload's name, such as `alice-3`.
        subject: its 64-bit number for decisions.
        index: its number among the history's messages.
        conversation: its conversation's number in the history.
        epoch, seq: where it was committed, once it was.
        size: bytes of the frame that pushes it, once one was sent.
    """

    __slots__ = ("conversation", "epoch", "index", "name", "seq", "size", "subject")

    def __init__(self, name: str, subject: int, index: int, conversation: int) -> None:
        self.name = name
        self.subject = subject
        self.index = index
        self.conversation = conversation
        self.size = 0
        self.epoch = 0
        self.seq = 0


class Naming:
    """All names of one world."""

    __slots__ = ("_by_id", "_decisions", "_writer")

    def __init__(self, decisions: Decisions, writer: Writer) -> None:
        self._decisions = decisions
        self._writer = writer
        self._by_id: dict[str, Named] = {}

    def give(self, client_id: str, name: str, conversation: str) -> Named:
        """The workload's name of a client id."""
        named = Named(
            name,
            self._decisions.name(name),
            self._writer.messages.index(name),
            self._writer.conversations.index(conversation) if conversation else 0,
        )
        self._by_id[client_id] = named
        return named

    def of(self, entry: Entry) -> Named:
        """The name of an entry; the server's own entries are called by their client ids."""
        named = self._by_id.get(entry.client_id)
        return named if named is not None else self.give(entry.client_id, entry.client_id, entry.conversation)

    def of_id(self, client_id: str, conversation: str) -> Named:
        """The name of a client id that some frame mentions."""
        named = self._by_id.get(client_id)
        return named if named is not None else self.give(client_id, client_id, conversation)

    def other(self, name: str, conversation: str = "") -> Named:
        """The name of something that is no entry: a range that is asked for, a device that greets."""
        index = self._writer.conversations.index(conversation) if conversation else 0
        return Named(name, self._decisions.name(name), 0, index)

    def word(self, client_id: str) -> str:
        """The workload's name of a client id, or the id itself."""
        named = self._by_id.get(client_id)
        return client_id if named is None else named.name
