"""The public conformance suite: does this port keep its promises?

One body a promise, for every world: the simulator's backends pass it, and so do the adapters for SQLite and the rest.
Whoever writes an adapter of their own runs the same checks:

    def test_my_log(tmp_path):
        check_log(lambda: MyLog.open(tmp_path / "log.db"), asyncio.run)

A check takes a factory that opens fresh ports and a `run` that drives a coroutine, and raises AssertionError with a
sentence that names the broken promise. That each promise can be found broken is tested too
(tests/conformance/test_broken_ports.py).

For tests with Hypothesis there are strategies.py, machine.py and profiles.py, imported on their own, since Hypothesis
is no dependency.

What does not belong here: a world, a pytest fixture, and promises that no port can be asked to show (failovers,
faults).
"""

from __future__ import annotations

from imsim.testing.keyvalue import KEY_VALUE, check_key_value
from imsim.testing.local_store import LOCAL_STORE, check_local_store
from imsim.testing.locks import LOCKS, check_locks
from imsim.testing.log import LOG, check_log
from imsim.testing.promise import Book, Factory, Run, Sleep
from imsim.testing.queue import QUEUE, check_queue

__all__ = [
    "KEY_VALUE",
    "LOCAL_STORE",
    "LOCKS",
    "LOG",
    "QUEUE",
    "Book",
    "Factory",
    "Run",
    "Sleep",
    "check_key_value",
    "check_local_store",
    "check_locks",
    "check_log",
    "check_queue",
]
