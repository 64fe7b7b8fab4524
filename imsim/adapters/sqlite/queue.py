"""The queue on SQLite: values in the order of publishing, and what each group has not acknowledged.

Members of a group live in this process, and so does what was handed to them: after a restart everything
unacknowledged comes again. A key whose delivery is not acknowledged waits, so its values come in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imsim.adapters.sqlite.database import Database, decode, encode
from imsim.errors import WorldError
from imsim.ports import Queued

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imsim.ports import Future, Runtime, Value

__all__ = ["SqliteQueue"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS queued (tag INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT, grp TEXT, key TEXT, value BLOB,
    deliveries INTEGER);
CREATE INDEX IF NOT EXISTS queued_by_group ON queued (topic, grp, tag);
CREATE TABLE IF NOT EXISTS topic_groups (topic TEXT, grp TEXT, PRIMARY KEY (topic, grp)) WITHOUT ROWID;
"""
_NOBODY = ""
"""The group of values that were published before anybody joined."""
_PAUSE = 1.0
"""Seconds before a file that could not be read is tried again: waiting for a delivery never fails."""


class SqliteQueue:
    """The `Queue` port."""

    def __init__(self, database: Database, runtime: Runtime, *, visibility: float = 30.0) -> None:
        """Hand out again what was not acknowledged for `visibility` seconds."""
        self._database = database
        self._runtime = runtime
        self._visibility = visibility
        self._taken: dict[int, tuple[tuple[str, str, str], float]] = {}
        self._waiting: list[Future[None]] = []
        self._alarmed = False

    async def publish(self, topic: str, key: str, value: Value, *, timeout: float) -> None:
        """Hand a value over to every group."""
        with self._database.transaction() as connection:
            rows = connection.execute("SELECT grp FROM topic_groups WHERE topic = ?", (topic,)).fetchall()
            for (group,) in rows or [(_NOBODY,)]:
                connection.execute(
                    "INSERT INTO queued (topic, grp, key, value, deliveries) VALUES (?, ?, ?, ?, 0)",
                    (topic, group, key, encode(value)),
                )
        self._wake()

    async def subscribe(self, topic: str, group: str, *, timeout: float) -> SqliteConsumer:
        """Join `group`; the first group gets what waited."""
        with self._database.transaction() as connection:
            first = connection.execute("SELECT 1 FROM topic_groups WHERE topic = ?", (topic,)).fetchone() is None
            connection.execute("INSERT OR IGNORE INTO topic_groups VALUES (?, ?)", (topic, group))
            if first:
                connection.execute("UPDATE queued SET grp = ? WHERE topic = ? AND grp = ?", (group, topic, _NOBODY))
        return SqliteConsumer(self, topic, group)

    async def receive(self, topic: str, group: str, limit: int) -> Sequence[Queued]:
        """What may be handed to a member of the group now, waiting for at least one."""
        while True:
            try:
                batch = self._take(topic, group, limit)
            except WorldError:
                await self._runtime.sleep(_PAUSE)
                continue
            if batch:
                return batch
            woken: Future[None] = self._runtime.future()
            self._waiting.append(woken)
            self._arm()
            await woken

    async def ack(self, tags: Iterable[int]) -> None:
        """These deliveries are handled."""
        tags = list(tags)
        with self._database.transaction() as connection:
            connection.executemany("DELETE FROM queued WHERE tag = ?", [(tag,) for tag in tags])
        for tag in tags:
            self._taken.pop(tag, None)
        self._wake()

    def _take(self, topic: str, group: str, limit: int) -> list[Queued]:
        now = self._runtime.now()
        self._taken = {tag: taken for tag, taken in self._taken.items() if taken[1] > now}
        held = {key for key, _ in self._taken.values()}
        batch: list[Queued] = []
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT tag, key, value, deliveries FROM queued WHERE topic = ? AND grp = ? ORDER BY tag",
                (topic, group),
            )
            for tag, key, value, deliveries in rows:
                if len(batch) == limit:
                    break
                if (topic, group, key) not in held:
                    batch.append(Queued(topic, key, decode(value), tag, deliveries + 1))
            connection.executemany(
                "UPDATE queued SET deliveries = deliveries + 1 WHERE tag = ?", [(item.tag,) for item in batch]
            )
        for item in batch:
            self._taken[item.tag] = ((topic, group, item.key), now + self._visibility)
        return batch

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            future.set_result(None)

    def _arm(self) -> None:
        """One alarm for all: who waits looks again when the oldest delivery may be handed out again."""
        if self._taken and not self._alarmed:
            self._alarmed = True
            self._runtime.spawn(self._wake_at(min(until for _, until in self._taken.values())))

    async def _wake_at(self, until: float) -> None:
        await self._runtime.sleep(max(0.0, until - self._runtime.now()))
        self._alarmed = False
        self._wake()


class SqliteConsumer:
    """The `Consumer` of one group."""

    def __init__(self, queue: SqliteQueue, topic: str, group: str) -> None:
        self._queue = queue
        self._topic = topic
        self._group = group

    async def receive(self, limit: int) -> Sequence[Queued]:
        """Wait for at least one delivery."""
        return await self._queue.receive(self._topic, self._group, limit)

    async def ack(self, tags: Iterable[int], *, timeout: float) -> None:
        """These deliveries are handled."""
        await self._queue.ack(tags)
