"""A history as a judge reads it: columns by event, mapped once, and what all properties ask, worked out once.

Nearly all rows of a large run are of one kind (a message shown on a device), so these are judged as NumPy columns;
what is few beside them (installs, messages, slots, words of devices) is judged as plain rows. A tiny history, of which
a search judges thousands, costs what is touched, and a NumPy call is microseconds whatever it is about: hence one set
of shared tables, each built once from those above it.

    columns.py  the packed rows, from memory or from a file
    log.py      what the log says: one entry a slot, which of them an epoch change took away
    readers.py  the devices, their installs, and who may read which part of which log
    fates.py    what became of every message
    views.py    what every device holds in the end, beside what it should hold
    standing.py what devices said of it meanwhile, beside what they held then

What does not belong here: any opinion about it (properties/).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.errors import ConfigError
from imsim.verify.columns import SEQ_BITS, Columns, Flags, Numbers
from imsim.verify.fates import Fates
from imsim.verify.log import Log
from imsim.verify.readers import Readers
from imsim.verify.standing import Standing
from imsim.verify.views import Views

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imsim.history import Event, History

__all__ = ["SEQ_BITS", "Evidence", "Flags", "Numbers"]


class Evidence:
    """The columns of one history; places are row numbers, counted from 0.

    Attributes:
        events: the event of every row.
        epochs: one more than the highest epoch.
        counts: how many rows each event has, by its number.
        places, column, times, block, shown, rows_of: as in `Columns`.
        log, readers, fates, views, standing: the tables, in the files of these names.

    Raises:
        ConfigError: conversations times epochs do not fit a position.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        columns = self._columns = Columns(history)
        self.events, self.epochs, self.counts = columns.events, columns.epochs, columns.counts
        self.places, self.column, self.times = columns.places, columns.column, columns.times
        self.block, self.shown, self.rows_of = columns.block, columns.shown, columns.rows_of
        if len(history.conversations) * self.epochs >= 1 << (63 - SEQ_BITS):
            raise ConfigError(
                f"a verdict tells at most {1 << (63 - SEQ_BITS):,} epochs of conversations apart, "
                f"got {len(history.conversations):,} conversations of up to {self.epochs:,} epochs"
            )
        # Each needs some of those above it.
        self.log = Log(self)
        self.fates = Fates(self)
        self.readers = Readers(self)
        self.views = Views(self)
        self.standing = Standing(self)

    def columns(self, event: Event, *names: str) -> tuple[Numbers, ...]:
        """Columns of all rows of an event, in order; not for events that are only counted."""
        return tuple([self._columns.of(event, name) for name in names])

    def few(self, event: Event, *names: str) -> Sequence[tuple[int, ...]]:
        """The rows of an event that is rare, each as its place and the columns that are named."""
        return self._columns.rows(event, names) if self.counts[event] else ()

    def positions(self, event: Event) -> Numbers:
        """The positions that all rows of an event name, in order."""
        return self.keys(*self.columns(event, "conversation", "epoch", "seq"))

    def keys(self, conversation: Numbers, epoch: Numbers, seq: Numbers) -> Numbers:
        """Positions as one number each."""
        return (conversation * self.epochs + epoch) << SEQ_BITS | seq

    # ------------------------------------------------------------------------------------------ for sentences

    def node(self, number: int) -> str:
        """The name of a node."""
        return self.history.nodes.name(number)

    def message(self, number: int) -> str:
        """The name of a message."""
        return self.history.messages.name(number) or "an entry without a name"

    def conversation(self, number: int) -> str:
        """The name of a conversation."""
        return self.history.conversations.name(number) or "no conversation"

    def position(self, key: int) -> str:
        """A position in words."""
        conversation, epoch = divmod(key >> SEQ_BITS, self.epochs)
        where = f"{self.conversation(conversation)}[{key & ((1 << SEQ_BITS) - 1)}]"
        return f"{where} of epoch {epoch}" if self.log.epoch_changes else where
