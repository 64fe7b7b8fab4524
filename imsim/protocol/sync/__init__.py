"""When a device asks, and what a commit means for it: one strategy a file behind one Protocol (strategy.py).

`SyncConfig` is the tagged union that models name by `strategy`; `STRATEGIES` finds a class by the name in a Hello.
Catch-up itself is not here: every strategy shares the device's.
"""

from __future__ import annotations

from typing import Union

from imsim.protocol.sync.adaptive import Adaptive
from imsim.protocol.sync.hybrid import Hybrid
from imsim.protocol.sync.long_poll import LongPoll
from imsim.protocol.sync.poll import Poll
from imsim.protocol.sync.push import Push
from imsim.protocol.sync.strategy import CheckNow, Delivery, Rest, Strategy, Timing, View, Wake

__all__ = [
    "STRATEGIES",
    "Adaptive",
    "CheckNow",
    "Delivery",
    "Hybrid",
    "LongPoll",
    "Poll",
    "Push",
    "Rest",
    "Strategy",
    "SyncConfig",
    "Timing",
    "View",
    "Wake",
]

SyncConfig = Union[Push, Poll, LongPoll, Hybrid, Adaptive]  # noqa: UP007 (msgspec)

STRATEGIES: dict[str, type[SyncConfig]] = {kind.name: kind for kind in (Push, Poll, LongPoll, Hybrid, Adaptive)}
