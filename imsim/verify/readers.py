"""The devices, their installs, and who may read which part of which log.

Membership is in the log: who joined at a slot may read it and what follows, who left at a slot nothing after it. A
device is named `user/kind` and reads what its user may. It begins a new *install* with each `installed` row, empty
until rows say otherwise (what a restored backup brought is shown to the new install, and said so).

What does not belong here: what was read (views.py).
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

import numpy as np

from imsim.history.schema import Event
from imsim.verify.columns import SEQ_BITS

if TYPE_CHECKING:
    from imsim.verify.evidence import Evidence, Flags, Numbers

__all__ = ["NEVER_LEFT", "RETIRED", "Readers"]

RETIRED: Final = "retired"
"""The detail of a `disconnected` row after which the device is no longer in use."""

NEVER_LEFT: Final = (1 << SEQ_BITS) - 1
"""The upper end of a membership that goes on."""


class Readers:
    """Devices by node number, memberships as spans of slots.

    Attributes:
        installs: by node, the places where its installs begin; nothing of what is no device.
        installed: the place of the present install of a node, -1 for what is no device.
        alive: whether a node is a device that is in use at the end.
        devices: users' device numbers.
        spans: by conversation, its memberships, one element a device of the member: device and slots, inclusive.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        names = evidence.history.nodes.names
        self.installs: dict[int, list[int]] = {}
        for place, node in evidence.few(Event.INSTALLED, "node"):
            self.installs.setdefault(node, []).append(place)
        self.installed: Numbers = np.full(len(names), -1)
        for node, places in self.installs.items():
            self.installed[node] = places[-1]
        self.alive: Flags = self.installed >= 0
        self.devices: dict[str, list[int]] = {}
        for node in sorted(self.installs):
            self.devices.setdefault(names[node].partition("/")[0], []).append(node)
        self._retire()
        self.spans: dict[int, list[tuple[int, int, int]]] = {}
        self._span()

    def install(self, node: int, place: int) -> int:
        """The number of the install that a row of a device belongs to."""
        return bisect_left(self.installs.get(node, ()), place)

    def _retire(self) -> None:
        word = self._evidence.history.details.find(RETIRED)
        for place, node, detail in self._evidence.few(Event.DISCONNECTED, "node", "detail") if word else ():
            if detail == word and place > self.installed[node]:
                self.alive[node] = False

    def _span(self) -> None:
        """Turn joins and leaves that live into spans of slots, one for each device of the user."""
        names = self._evidence.history.details.names
        for (conversation, user), changes in self._changes().items():
            devices = self.devices.get(names[user], ())
            for low, high in _memberships(changes):
                self.spans.setdefault(conversation, []).extend((device, low, high) for device in devices)

    def _changes(self) -> dict[tuple[int, int], list[tuple[int, bool]]]:
        """By conversation and user: the slots of joins (True) and leaves (False), as rows told them."""
        evidence = self._evidence
        changes: dict[tuple[int, int], list[tuple[int, bool]]] = {}
        for event, joins in ((Event.JOINED, True), (Event.LEFT, False)):
            for _, conversation, user, epoch, seq in evidence.few(event, "conversation", "detail", "epoch", "seq"):
                if seq < evidence.log.end(conversation, epoch):
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
