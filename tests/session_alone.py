"""One session, and nobody else: a test plays its device, its log and the clock.

The log is what the test says it is (`written`); what the session wants to read waits in `fetches` until the test has it
read, so that a test decides what comes in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imsim.protocol.frames import Ack, Entry, Head, Hello, Limits, Message, Page, Position, Push
from imsim.protocol.requests import Fetch
from imsim.protocol.retry import Fixed, RetryPolicy
from imsim.protocol.session import Session
from imsim.protocol.sync import Push as PushStrategy
from tests.device_alone import Chance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imsim.protocol.requests import Output
    from imsim.protocol.sync import SyncConfig

__all__ = ["LIMITS", "Served", "written"]

LIMITS = Limits(page=4, window=3, ping=0.0)
"""Small enough to be met."""


def written(seq: int, *, epoch: int = 1, where: str = "room", text: str = "") -> Entry:
    """An entry of bob's."""
    return Entry(where, epoch, seq, f"bob-{where}-{epoch}-{seq}", "bob", float(seq), Message(text or f"text {seq}"))


class Served:
    """A session that is open, and the log behind it.

    Args:
        strategy: of the device.
        limits: of the server.
        policy: how pushes are repeated.
        heads: where each conversation ends.
        held: how far the device holds it, in the epoch that it names.
    """

    def __init__(
        self,
        strategy: SyncConfig | None = None,
        *,
        limits: Limits = LIMITS,
        policy: RetryPolicy | None = None,
        heads: Sequence[Head] = (),
        held: Sequence[Position] = (),
        cuts: tuple[int, ...] = (),
    ) -> None:
        self.now = 0.0
        self.cuts = cuts
        self.seen: list[Output] = []
        self.fetches: list[Fetch] = []
        hello = Hello("alice", "phone", "install", "push", tuple(held))
        policy = policy or Fixed(base=2.0, attempts=3)
        self.session = Session("session", hello, strategy or PushStrategy(), limits, policy, Chance())
        self.open(*heads, held=held)

    def open(self, *heads: Head, held: Sequence[Position] = (), resumed: bool = False) -> Served:
        pairs = [(head, self.cuts if head.epoch > 1 else ()) for head in heads]
        self.session.open(1, pairs, held, self.now, resumed=resumed)
        return self._collect()

    # -- inputs

    def commit(self, *seqs: int, epoch: int = 1, where: str = "room", large: bool = False) -> Served:
        for seq in seqs:
            self.session.handle_commit(
                Push(where, epoch, (written(seq, epoch=epoch, where=where),)), self.now, large=large
            )
            self._collect()
        return self

    def ack(self, upto: int, *above: tuple[int, int], epoch: int = 1, where: str = "room") -> Served:
        self.session.handle_frame(Ack(where, epoch, upto, above), self.now)
        return self._collect()

    def take(self, frame: Any) -> Served:
        self.session.handle_frame(frame, self.now)
        return self._collect()

    def tell(self, method: str, *arguments: Any) -> Served:
        """Any other input of the session."""
        getattr(self.session, method)(*arguments)
        return self._collect()

    def read(self, fetch: Fetch, *, epoch: int = 1, head: int | None = None) -> Page:
        """The page that a log of this epoch has for a question."""
        high = fetch.high if head is None else min(fetch.high, head)
        entries = tuple(written(seq, epoch=epoch, where=fetch.conversation) for seq in range(fetch.low, high + 1))
        return Page(fetch.conversation, epoch, fetch.low, high, entries, fetch.high if head is None else head)

    def fetched(self, fetch: Fetch | None = None, *, epoch: int = 1, head: int | None = None) -> Served:
        """The log answers the oldest question, or this one."""
        fetch = self.fetches.pop(0) if fetch is None else fetch
        page = self.read(fetch, epoch=epoch, head=head)
        self.session.handle_fetched(page, self.cuts if epoch > 1 else (), self.now)
        return self._collect()

    def unread(self) -> Served:
        """The log does not answer the oldest question."""
        self.session.handle_failed(self.fetches.pop(0).conversation, self.now)
        return self._collect()

    def wait(self, seconds: float) -> Served:
        """Let time pass, with every wake-up on the way."""
        until = self.now + seconds
        for _ in range(1000):
            if self.session.wake_at > until:
                self.now = until
                return self
            self.now = max(self.now, self.session.wake_at)
            self.session.handle_wake(self.now)
            self._collect()
        raise AssertionError("the session wakes up without end")

    # -- what it did

    def frames(self, *kinds: type) -> list[Any]:
        return [output for output in self.seen if isinstance(output, kinds)]

    def pushed(self, where: str = "room") -> list[int]:
        """The seqs that were pushed, in order, repetitions too."""
        return [e.seq for f in self.frames(Push, Page) if f.conversation == where for e in f.entries]

    def clear(self) -> Served:
        self.seen.clear()
        return self

    def _collect(self) -> Served:
        for output in self.session.poll():
            self.seen.append(output)
            if isinstance(output, Fetch):
                self.fetches.append(output)
        return self
