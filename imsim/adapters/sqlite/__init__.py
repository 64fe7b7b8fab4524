"""Every port on SQLite: for one server on one machine, durable across a kill, with nothing to install.

What does not belong here: what a port promises (imsim/ports.py), and who uses it.
"""

from __future__ import annotations

from imsim.adapters.sqlite import keyvalue, locks, log, queue
from imsim.adapters.sqlite.database import Database
from imsim.adapters.sqlite.keyvalue import SqliteKeyValue
from imsim.adapters.sqlite.local_store import SqliteStore
from imsim.adapters.sqlite.locks import SqliteLocks
from imsim.adapters.sqlite.log import SqliteLog
from imsim.adapters.sqlite.queue import SqliteQueue
from imsim.adapters.sqlite.sole import Sole

__all__ = ["SCHEMA", "Database", "Sole", "SqliteKeyValue", "SqliteLocks", "SqliteLog", "SqliteQueue", "SqliteStore"]

SCHEMA = log.SCHEMA + keyvalue.SCHEMA + locks.SCHEMA + queue.SCHEMA
"""The tables of a server's file; a device's are `local_store.SCHEMA`."""
