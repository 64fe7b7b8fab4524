"""Ports in memory, for tests of what stands on ports: correct, tiny, and stoppable at every await.

Without a gate a call answers at once. With one, every call of a port hands `gate` its name and its effect and awaits
what comes back, so that a test can hold it, crash its caller, lose it, or let it land late. `MemoryRuntime` is a
deterministic loop whose time moves only when nothing else can.
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING, Any

from imsim.errors import Timeout, Unavailable
from imsim.ports import FENCED, OK, Durability, Lease, LogState, Swap, Taken

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator

    from imsim.protocol.frames import Entry

    Gate = Callable[[str, Callable[[], Any]], Awaitable[Any]]


class _Gated:
    def __init__(self, gate: Gate | None = None) -> None:
        self.gate = gate


class MemoryKeyValue(_Gated):
    def __init__(self, gate: Gate | None = None) -> None:
        super().__init__(gate)
        self.values: dict[str, Any] = {}

    async def get(self, key, *, fresh=True, timeout):
        if self.gate is None:
            return self.values.get(key)
        return await self.gate("kv.get", lambda: self.values.get(key))

    async def compare_and_set(self, key, expected, new, *, expires_in=None, timeout):
        if self.gate is None:
            return self._swap(key, expected, new)
        return await self.gate("kv.compare_and_set", lambda: self._swap(key, expected, new))

    async def put(self, key, new, *, timeout):
        """What no port offers: for the wrong readings that need it."""
        return await self.gate("kv.put", lambda: self.values.__setitem__(key, new))

    async def increment(self, key, by=1, *, timeout):
        if self.gate is None:
            return self._add(key, by)
        return await self.gate("kv.increment", lambda: self._add(key, by))

    async def raise_to(self, key, least, *, timeout):
        if self.gate is None:
            return self._raise(key, least)
        return await self.gate("kv.raise_to", lambda: self._raise(key, least))

    def _swap(self, key, expected, new):
        present = self.values.get(key)
        if present != expected:
            return Swap(done=False, present=present)
        if new is None:
            self.values.pop(key, None)
        else:
            self.values[key] = new
        return Swap(done=True, present=new)

    def _add(self, key, by):
        self.values[key] = self.values.get(key, 0) + by
        return self.values[key]

    def _raise(self, key, least):
        self.values[key] = max(self.values.get(key, 0), least)
        return self.values[key]


class _Slots:
    def __init__(self) -> None:
        self.slots: dict[int, Entry] = {}
        self.state = LogState(1, 0, 0)
        self.token = 0


class MemoryLog(_Gated):
    def __init__(self, gate: Gate | None = None, *, durability: Durability = Durability.QUORUM) -> None:
        super().__init__(gate)
        self.durability = durability
        self.checks_epoch = True
        self.logs: dict[str, _Slots] = {}

    def of(self, conversation) -> _Slots:
        return self.logs.setdefault(conversation, _Slots())

    async def write(self, conversation, epoch, seq, entry, token, *, timeout):
        if self.gate is None:
            return self._write(self.of(conversation), epoch, seq, entry, token)
        return await self.gate("log.write", lambda: self._write(self.of(conversation), epoch, seq, entry, token))

    async def read(self, conversation, low, high, *, timeout):
        if self.gate is None:
            return self._read(self.of(conversation), low, high)
        return await self.gate("log.read", lambda: self._read(self.of(conversation), low, high))

    async def peek(self, conversation, seq, *, timeout):
        if self.gate is None:
            return self.of(conversation).slots.get(seq)
        return await self.gate("log.peek", lambda: self.of(conversation).slots.get(seq))

    async def commit(self, conversation, epoch, upto, *, timeout):
        if self.gate is None:
            return self._commit(self.of(conversation), epoch, upto)
        return await self.gate("log.commit", lambda: self._commit(self.of(conversation), epoch, upto))

    async def state(self, conversation, *, timeout):
        if self.gate is None:
            return self.of(conversation).state
        return await self.gate("log.state", lambda: self.of(conversation).state)

    async def trim(self, conversation, below, *, timeout):
        log = self.of(conversation)
        state = log.state
        lowest = max(state.trimmed_below, min(below, state.committed + 1))
        log.state = LogState(state.epoch, state.cut, state.committed, lowest, state.cuts)
        for seq in [seq for seq in log.slots if seq < lowest]:
            del log.slots[seq]
        return lowest

    def fail_over(self, conversation, cut) -> None:
        """Lose everything above `cut`, and begin the next epoch there."""
        log = self.of(conversation)
        assert cut <= log.state.committed
        for seq in [seq for seq in log.slots if seq > cut]:
            del log.slots[seq]
        state = log.state
        log.state = LogState(state.epoch + 1, cut, cut, state.trimmed_below, (*state.cuts, cut))
        log.token = 0

    def _write(self, log, epoch, seq, entry, token):
        if (self.checks_epoch and epoch != log.state.epoch) or token < log.token or seq < log.state.trimmed_below:
            return FENCED
        log.token = token
        if seq in log.slots:
            return Taken(log.slots[seq])
        log.slots[seq] = entry
        return OK

    def _read(self, log, low, high):
        return [log.slots[seq] for seq in range(low, min(high, log.state.committed) + 1) if seq in log.slots]

    def _commit(self, log, epoch, upto):
        state = log.state
        committed = state.committed
        if epoch == state.epoch:
            while committed < upto and committed + 1 in log.slots:
                committed += 1
            log.state = LogState(state.epoch, state.cut, committed, state.trimmed_below, state.cuts)
        return committed


class MemoryFuture:
    def __init__(self, runtime: MemoryRuntime) -> None:
        self.runtime = runtime
        self.answer: tuple[Any, BaseException | None] | None = None
        self.waiting: list[Coroutine[Any, Any, Any]] = []

    def __await__(self) -> Generator[MemoryFuture, None, Any]:
        if self.answer is None:
            yield self
        value, error = self.answer
        if error is not None:
            raise error
        return value

    def done(self) -> bool:
        return self.answer is not None

    def set_result(self, value) -> None:
        self._settle(value, None)

    def set_exception(self, error) -> None:
        self._settle(None, error)

    def _settle(self, value, error) -> None:
        if self.answer is None:
            self.answer = (value, error)
            self.runtime.ready.extend(self.waiting)


class MemoryRuntime:
    """Runs coroutines until all of them wait, then lets time pass to the next timer."""

    def __init__(self) -> None:
        self.time = 0.0
        self.ready: deque[Coroutine[Any, Any, Any]] = deque()
        self.timers: list[tuple[float, int, MemoryFuture]] = []
        self.count = 0
        self.random = None

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.time

    def spawn(self, coroutine) -> None:
        self.ready.append(coroutine)

    def future(self) -> MemoryFuture:
        return MemoryFuture(self)

    async def sleep(self, seconds) -> None:
        future = MemoryFuture(self)
        self.count += 1
        heapq.heappush(self.timers, (self.time + seconds, self.count, future))
        await future

    def settle(self) -> None:
        """Run until everything that is ready has run; time stands still."""
        while self.ready:
            self._step(self.ready.popleft())

    def run(self, coroutine, *, until: float = 1e9) -> Any:
        """Run `coroutine` to its end, and time as far as that takes."""
        done = MemoryFuture(self)
        self.spawn(self._into(coroutine, done))
        self.settle()
        while not done.done():
            assert self.timers, "everything waits for ever"
            self.advance(self.timers[0][0] - self.time)
            assert self.time < until, "it does not end"
        value, error = done.answer
        if error is not None:
            raise error
        return value

    def advance(self, seconds) -> None:
        """Let time pass, with everything that happens in it."""
        end = self.time + seconds
        while self.timers and self.timers[0][0] <= end:
            self.time, _, future = heapq.heappop(self.timers)
            future.set_result(None)
            self.settle()
        self.time = end

    def crash(self) -> None:
        """Close everything that is ready or asleep."""
        for _, _, future in self.timers:
            for coroutine in future.waiting:
                coroutine.close()
        for coroutine in self.ready:
            coroutine.close()
        self.timers.clear()
        self.ready.clear()

    async def _into(self, coroutine, done) -> None:
        try:
            done.set_result(await coroutine)
        except Exception as error:  # noqa: BLE001 - raised again by `run`
            done.set_exception(error)

    def _step(self, coroutine) -> None:
        try:
            future = coroutine.send(None)
        except StopIteration:
            return
        assert future.runtime is self
        if future.done():
            self.ready.append(coroutine)
        else:
            future.waiting.append(coroutine)


class MemoryLocks(_Gated):
    def __init__(self, runtime: MemoryRuntime, gate: Gate | None = None) -> None:
        super().__init__(gate)
        self.runtime = runtime
        self.leases: dict[str, Lease] = {}

    async def acquire(self, name, holder, seconds, *, timeout):
        if self.gate is None:
            return self._acquire(name, holder, seconds)
        return await self.gate("locks.acquire", lambda: self._acquire(name, holder, seconds))

    async def release(self, lease, *, timeout):
        if self.leases.get(lease.name) == lease:
            self.expire(lease.name)

    def expire(self, name) -> None:
        """End a lease before its time."""
        lease = self.leases[name]
        self.leases[name] = Lease(name, lease.holder, lease.token, self.runtime.now())

    def _acquire(self, name, holder, seconds):
        now = self.runtime.now()
        lease = self.leases.get(name)
        if lease is not None and lease.until > now and lease.holder != holder:
            return lease
        token = lease.token if lease is not None and lease.until > now else (lease.token if lease else 0) + 1
        self.leases[name] = Lease(name, holder, token, now + seconds)
        return self.leases[name]


class MemoryPeers:
    """Calls between the servers of one test; `nodes` maps a name to what answers, and is shared."""

    def __init__(self, node: str, nodes: dict[str, Callable[[Any], Awaitable[Any]]]) -> None:
        self.node = node
        self.nodes = nodes

    async def call(self, node, request, *, timeout):
        if node not in self.nodes:
            raise Unavailable(node)
        return await self.nodes[node](request)


class Faulty:
    """A gate that fails chosen calls: `plan` maps a call's name to what happens to its next occurrences.

    `"lost"`: `Timeout` without the effect; `"late"`: `Timeout` after the effect; `"down"`: `Unavailable`; `"ok"`.
    """

    def __init__(self, **plan: list[str]) -> None:
        self.plan = {name.replace("_", ".", 1): list(faults) for name, faults in plan.items()}
        self.calls: list[str] = []

    async def __call__(self, name, effect):
        self.calls.append(name)
        faults = self.plan.get(name)
        fault = faults.pop(0) if faults else "ok"
        if fault == "down":
            raise Unavailable(name)
        if fault == "lost":
            raise Timeout(name)
        result = effect()
        if fault == "late":
            raise Timeout(name)
        return result
