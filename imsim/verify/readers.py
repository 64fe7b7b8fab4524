"""The devices, their installs, and who may read which part of which log.

Membership is in the log: who joined at a slot may read it and what follows, who left at a slot nothing after it. A
device is named `user/kind` and reads what its user may. It begins a new *install* with each `installed` row, empty
until rows say otherwise (what a restored backup brought is shown to the new install, and said so).

What does not belong here: what was read (views.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from imsim.history.schema import Event
from imsim.verify.evidence import SEQ_BITS

if TYPE_CHECKING:
    from imsim.verify.evidence import Evidence, Flags, Numbers

__all__ = ["NEVER_LEFT", "RETIRED", "Readers"]

RETIRED: Final = "retired"
"""The detail of a `disconnected` row after which the device is no longer in use."""

NEVER_LEFT: Final = (1 << SEQ_BITS) - 1
"""The upper end of a membership that goes on."""


class Readers:
    """Devices by node number, memberships as spans.

    Attributes:
        installed: the place of the present install of a node, -1 for what is no device.
        alive: whether a node is a device that is in use at the end.
        devices: users' device numbers.
        span_device, span_conversation, span_low, span_high: one element a device and membership, slots inclusive.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        nodes = len(evidence.history.nodes)
        installs = evidence.places(Event.INSTALLED)
        self.installed: Numbers = np.full(nodes, -1, np.int64)
        self.installed[evidence.column("node", installs)] = installs  # the last of several stays
        self.alive: Flags = self.installed >= 0
        self._retire()
        self.devices: dict[str, list[int]] = {}
        names = evidence.history.nodes.names
        for number in np.flatnonzero(self.installed >= 0).tolist():
            self.devices.setdefault(names[number].partition("/")[0], []).append(number)
        self._span()

    def _retire(self) -> None:
        word = self._evidence.history.details.find(RETIRED)
        if word is None:
            return
        ended = self._evidence.places(Event.DISCONNECTED)
        ended = ended[self._evidence.column("detail", ended) == word]
        nodes = self._evidence.column("node", ended)
        self.alive[nodes[ended > self.installed[nodes]]] = False

    def _span(self) -> None:
        """Turn joins and leaves that live into spans of slots, one for each device of the user."""
        names = self._evidence.history.details.names
        spans: list[tuple[int, int, int, int]] = []
        for (conversation, user), changes in self._changes().items():
            devices = self.devices.get(names[user], ())
            for low, high in _memberships(changes):
                spans.extend((device, conversation, low, high) for device in devices)
        columns = np.array(spans, np.int64).reshape(-1, 4).T
        self.span_device: Numbers = columns[0]
        self.span_conversation: Numbers = columns[1]
        self.span_low: Numbers = columns[2]
        self.span_high: Numbers = columns[3]

    def _changes(self) -> dict[tuple[int, int], list[tuple[int, bool]]]:
        """By conversation and user: the slots of joins (True) and leaves (False), as rows told them."""
        evidence = self._evidence
        changes: dict[tuple[int, int], list[tuple[int, bool]]] = {}
        for event, joins in ((Event.JOINED, True), (Event.LEFT, False)):
            places = evidence.places(event)
            if evidence.epochs > 1 and len(places):
                at = (evidence.column(name, places) for name in ("conversation", "epoch", "seq"))
                places = places[~evidence.log.dead(evidence.keys(*at))]
            columns = (evidence.column(name, places).tolist() for name in ("conversation", "detail", "seq"))
            for conversation, user, seq in zip(*columns, strict=True):
                changes.setdefault((conversation, user), []).append((seq, joins))
        return changes


def _memberships(changes: list[tuple[int, bool]]) -> list[tuple[int, int]]:
    """Spans of slots, inclusive, from joins and leaves; what several servers told is there once."""
    if len(changes) == 1:
        seq, joins = changes[0]
        return [(seq, NEVER_LEFT)] if joins else []
    spans: list[tuple[int, int]] = []
    since: int | None = None
    for seq, joins in sorted(changes):
        if joins and since is None:
            since = seq
        elif not joins and since is not None:
            spans.append((since, seq))
            since = None
    return spans if since is None else [*spans, (since, NEVER_LEFT)]
