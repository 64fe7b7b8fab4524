"""Several servers on the same ports, in one runtime."""

from __future__ import annotations

from imsim.ports import Durability
from imsim.protocol.frames import Created, Draft, Message
from imsim.protocol.server.announce import Append
from imsim.protocol.server.config import ServerConfig
from imsim.protocol.server.failover import Recheck
from imsim.protocol.server.sequencer import Sequencer
from imsim.protocol.services.patience import PatientKeyValue, PatientLocks, PatientLog
from tests.ports_memory import MemoryKeyValue, MemoryLocks, MemoryLog, MemoryPeers, MemoryRuntime

CONFIG = ServerConfig(patience=2, mailbox=2, content=10, page=3, lease=10.0, retry_after=1.5, reoffer_window=60.0)


def draft(counter, body="hello", nonce="n"):
    return Draft(f"{nonce}-{counter}", 0.0, Message(body) if isinstance(body, str) else body)


class Node:
    def __init__(self, world, name):
        self.world = world
        self.name = name
        self.commits = []
        self.sequencer = Sequencer(
            world.runtime,
            PatientLog(world.log, world.config.patience),
            PatientKeyValue(world.kv, world.config.patience),
            PatientLocks(world.locks, world.config.patience),
            MemoryPeers(name, world.nodes),
            world.config,
            self.on_commit,
        )
        world.nodes[name] = self.handle

    async def on_commit(self, entries, readers):
        self.commits.extend((entry.conversation, entry.seq, readers) for entry in entries)

    async def handle(self, request):
        if isinstance(request, Recheck):
            return await self.sequencer.recheck(request.conversation, request.user, request.reason)
        assert isinstance(request, Append)
        return await self.sequencer.append(request.conversation, request.draft)

    def begin_submit(self, *drafts, user="alice", conversation="room", epoch=1, resolved_below=0):
        return self.sequencer.submit(conversation, epoch, user, "n", drafts, resolved_below)

    def submit(self, *drafts, **asked):
        return self.world.runtime.run(self.begin_submit(*drafts, **asked))

    def answers(self, *drafts, **asked):
        sent = self.submit(*drafts, **asked)
        return None if sent is None else [outcome.answer.value for outcome in sent.outcomes]

    def cancel(self, client_id, *, epoch=1, conversation="room"):
        return self.world.runtime.run(self.sequencer.cancel(conversation, epoch, "n", client_id))

    def read(self, user, *, conversation="room", low=1, high=0, limit=100, newest=False):
        page, _ = self.world.runtime.run(self.sequencer.read(conversation, user, low, high, limit, newest=newest))
        return page


class Servers:
    def __init__(self, config=CONFIG, *, durability=Durability.QUORUM):
        self.config = config
        self.runtime = MemoryRuntime()
        self.kv = MemoryKeyValue()
        self.log = MemoryLog(durability=durability)
        self.locks = MemoryLocks(self.runtime)
        self.nodes = {}
        self.a = Node(self, "a")
        self.b = Node(self, "b")

    def create(self, *members, conversation="room", nonce="c"):
        answers = self.a.answers(
            draft(len(self.log.logs), Created(members), nonce=nonce), user=members[0], conversation=conversation
        )
        assert answers == ["ok"]
        self.runtime.settle()

    def gate(self, gate):
        self.kv.gate = self.log.gate = self.locks.gate = gate

    def expire(self, conversation="room"):
        self.locks.expire("conversation/" + conversation)

    def ids(self, conversation="room"):
        return [entry.client_id for _, entry in sorted(self.log.of(conversation).slots.items())]

    def bodies(self, conversation):
        return [entry.body for _, entry in sorted(self.log.of(conversation).slots.items())]
