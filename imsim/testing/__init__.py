"""The public conformance suites: does this device, policy or port keep its promises?

One body a promise, for every world: the simulator's backends pass it, and so do the adapters for SQLite and the rest.
Whoever writes a device, a policy or an adapter of their own runs the same checks:

    def test_my_device():
        check_device(MyDevice)

    def test_my_log(tmp_path):
        check_log(lambda: MyLog.open(tmp_path / "log.db"))

A check raises AssertionError with a sentence that names the broken promise. That each promise can be found broken is
tested too (tests/conformance/).

For tests with Hypothesis there are strategies.py, machine.py and profiles.py, imported on their own, since Hypothesis
is no dependency.

What does not belong here: a pytest fixture (pytest_plugin.py), and promises that no single part can be asked to show:
those of many devices over failing servers and networks, for which `imsim.check` searches.
"""

from __future__ import annotations

from imsim.testing.device import DEVICE, check_device
from imsim.testing.keyvalue import KEY_VALUE, check_key_value
from imsim.testing.link import LINK, Ends, check_link
from imsim.testing.local_store import LOCAL_STORE, check_local_store
from imsim.testing.locks import LOCKS, check_locks
from imsim.testing.log import LOG, check_log
from imsim.testing.promise import Book, Factory, PlainBook, Run, Sleep
from imsim.testing.queue import QUEUE, check_queue
from imsim.testing.retry_policy import RETRY_POLICY, check_retry_policy
from imsim.testing.sync_policy import SYNC_POLICY, check_sync_policy

__all__ = [
    "DEVICE",
    "KEY_VALUE",
    "LINK",
    "LOCAL_STORE",
    "LOCKS",
    "LOG",
    "QUEUE",
    "RETRY_POLICY",
    "SYNC_POLICY",
    "Book",
    "Ends",
    "Factory",
    "PlainBook",
    "Run",
    "Sleep",
    "check_device",
    "check_key_value",
    "check_link",
    "check_local_store",
    "check_locks",
    "check_log",
    "check_queue",
    "check_retry_policy",
    "check_sync_policy",
]
