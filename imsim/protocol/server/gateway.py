"""Connections and sessions: frames come in, sessions say what they want, and the gateway has it done.

A connection begins with `Hello`. The session is registered for commits *before* the heads are read, so nothing
falls between the end of a survey and the beginning of a subscription. What a session wants between its frames
(accept this, read that) becomes a coroutine of its own: a lost connection does not stop the handling of its frame,
and whoever waits for a port delays nobody else. A session whose connection is lost stays, detached, for
`resume_window` seconds.

A conversation has one owner among the servers. If that is another server, the request is forwarded to it through
`Peers` and its answer handed to the session as if it had been made here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from imsim.errors import WorldError
from imsim.ports import FIRST_EPOCH
from imsim.protocol import marks
from imsim.protocol.frames import PROTOCOL_VERSION, Closed, Frame, Head, Hello, Limits, Page, Push, Refused, Sent
from imsim.protocol.requests import Close, Fetch, Observe, ReadPage, Submit, Survey, Withdraw
from imsim.protocol.server.log import fitting
from imsim.protocol.server.routing import PageOf
from imsim.protocol.server.wheel import Wheel
from imsim.protocol.session import Session
from imsim.protocol.sync import STRATEGIES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from imsim.ports import Link, MessageLog, Runtime
    from imsim.protocol.contract import AnyRetryPolicy
    from imsim.protocol.frames import Presence
    from imsim.protocol.server.config import ServerConfig
    from imsim.protocol.server.delivery import Delivery
    from imsim.protocol.server.directory import Directory
    from imsim.protocol.server.offline import OfflineStore
    from imsim.protocol.server.presence import PresenceService
    from imsim.protocol.server.routing import Router
    from imsim.protocol.sync import Strategy

__all__ = ["Channel", "Gateway"]

_RETRY_AFTER = 1.0
_STRATEGIES: Mapping[str, Strategy] = {name: kind() for name, kind in STRATEGIES.items()}


class Channel:
    """The server's end of one connection, before and after it has a session."""

    __slots__ = ("link", "opening", "session")

    def __init__(self, link: Link) -> None:
        """A connection without a session."""
        self.link = link
        self.session: Session | None = None
        self.opening = False


class Gateway:
    """All connections of one server."""

    __slots__ = (
        "_config",
        "_count",
        "_delivery",
        "_detached",
        "_directory",
        "_epochs",
        "_incarnation",
        "_limits",
        "_log",
        "_node",
        "_offline",
        "_presence",
        "_push",
        "_router",
        "_runtime",
        "_strategies",
        "_wheel",
        "sessions_opened",
    )

    def __init__(  # noqa: PLR0913, PLR0917 (the composition root hands everything over once)
        self,
        runtime: Runtime,
        log: MessageLog,
        router: Router,
        delivery: Delivery,
        directory: Directory,
        offline: OfflineStore,
        presence: PresenceService,
        push: AnyRetryPolicy,
        config: ServerConfig,
        *,
        node: str,
        incarnation: int,
        strategy: Strategy | None = None,
    ) -> None:
        """The gateway of `node`; `push` says how pushes are repeated, `strategy` is one besides those of sync/."""
        self._strategies: Mapping[str, Strategy] = _STRATEGIES
        if strategy is not None:
            self._strategies = {**_STRATEGIES, strategy.name: strategy}
        self._runtime = runtime
        self._log = log
        self._router = router
        self._delivery = delivery
        self._directory = directory
        self._offline = offline
        self._presence = presence
        self._push = push
        self._config = config
        self._node = node
        self._incarnation = incarnation
        self._limits = Limits(config.page, config.window, config.content, config.ping, config.resume_window)
        self._count = 0
        self._detached: dict[str, tuple[Session, float]] = {}
        self._epochs: dict[str, int] = {}
        """The latest epoch in which each conversation was seen that failed over: its owner is told of it."""
        self._wheel = Wheel(runtime, config.timer_tick, self._wake)
        self.sessions_opened = 0

    # ------------------------------------------------------------------------------------------ inputs

    def handle_frame(self, channel: Channel, frame: Frame) -> None:
        """A frame came on a connection."""
        session = channel.session
        if session is not None:
            if type(frame) is Hello:
                channel.link.send(session.welcome(self._incarnation))
                return
            now = self._runtime.now()
            session.handle_frame(frame, now)
            if session.outputs or session.wake_at < session.armed:
                self.flush(session, now)
        elif type(frame) is Hello and not channel.opening:
            channel.opening = True
            self._runtime.spawn(self._open(channel, frame))

    def handle_closed(self, channel: Channel) -> None:
        """A connection is gone."""
        session = channel.session
        channel.session = None
        if session is None or session.link is not channel.link:
            return
        session.detach()
        self._forget_stale()
        self._detached[session.id] = (session, self._runtime.now() + self._config.resume_window)
        self._presence.forget(session)
        if self._config.presence and not any(s.connected for s in self._delivery.sessions.get(session.user, ())):
            self._runtime.spawn(self._presence.announce(session.user, online=False))

    def tell(self, session: Session, presence: Presence) -> None:
        """Transmit a change of presence."""
        if session.connected:
            session.link.send(presence)

    def flush(self, session: Session, now: float) -> None:  # noqa: ARG002 (as everything that is told of a session)
        """Carry out what a session wants."""
        for output in session.poll():
            if type(output) is Push:  # hot
                session.link.send(output)
                continue
            request = _REQUESTS.get(type(output))
            if request is not None:
                request(self, session, output)
            elif session.link is not None:
                session.link.send(output)
        if session.wake_at < session.armed:
            self._wheel.arm(session, session.wake_at)

    # ------------------------------------------------------------------------------------------ opening

    async def _open(self, channel: Channel, hello: Hello) -> None:
        refusal = self._objection(hello)
        if refusal is not None:
            self._refuse(channel, refusal)
            return
        resumed = self._resumable(hello)
        if hello.resume is not None and resumed is None:
            self._refuse(channel, Refused("resume", 0.0))
            return
        session = resumed or self._new_session(hello)
        self._delivery.add(session)
        try:
            heads = await self._heads(session.user)
        except WorldError:
            self._delivery.remove(session)
            marks.GREETING_REFUSED()
            self._refuse(channel, Refused("unavailable", _RETRY_AFTER))
            return
        if resumed is not None and not resumed.accounts_for(heads):
            marks.MISSED_MEANWHILE()
            self._delivery.remove(session)  # it missed something: only what the device holds can tell
            self._refuse(channel, Refused("resume", 0.0))
            return
        if resumed is not None:
            marks.SESSION_RESUMED()
        self._drop_older(session)
        channel.opening = False
        channel.session = session
        session.link = channel.link
        session.armed = math.inf
        self.sessions_opened += 1
        now = self._runtime.now()
        session.open(self._incarnation, heads, hello.positions, now, resumed=resumed is not None)
        self.flush(session, now)
        if self._config.presence:
            self._runtime.spawn(self._presence.announce(session.user, online=True))

    def _objection(self, hello: Hello) -> Refused | None:
        if hello.version != PROTOCOL_VERSION:
            return Refused(f"protocol version {hello.version}; this server speaks {PROTOCOL_VERSION}")
        if hello.strategy not in self._strategies:
            return Refused(f"unknown strategy {hello.strategy!r}; known are {', '.join(self._strategies)}")
        return None

    def _refuse(self, channel: Channel, refusal: Refused) -> None:
        channel.opening = False
        channel.link.send(refusal)

    def _new_session(self, hello: Hello) -> Session:
        self._count += 1
        session_id = f"{self._node}.{self._incarnation}.{self._count}"
        return Session(
            session_id, hello, self._strategies[hello.strategy], self._limits, self._push, self._runtime.random
        )

    def _resumable(self, hello: Hello) -> Session | None:
        if hello.resume is None or hello.resume.incarnation != self._incarnation:
            return None
        found = self._detached.pop(hello.resume.session, None)
        if found is None or found[1] < self._runtime.now():
            return None
        session = found[0]
        same = session.user == hello.user and session.device == hello.device and session.install == hello.install
        return session if same else None

    async def _notice(self, conversation: str, epoch: int) -> None:
        """The log failed over: whoever owns the conversation has to know."""
        if not await self._router.settle(conversation, epoch):
            self._epochs.pop(conversation, None)

    def _drop_older(self, session: Session) -> None:
        """A device has one session: an older one of the same device ends."""
        for other in self._delivery.sessions.get(session.user, ()):
            if other is not session and other.device == session.device:
                marks.OLDER_SESSION_ENDED()
                self._end(other, "another connection of this device")

    async def _heads(self, user: str) -> list[tuple[Head, tuple[int, ...]]]:
        """Where each conversation of the user ends, the user's own log first."""
        heads = []
        for conversation, member in await self._directory.conversations(user):
            if member:
                state = await self._log.state(conversation, timeout=self._config.log_timeout)
                if state.epoch > self._epochs.get(conversation, FIRST_EPOCH):
                    self._epochs[conversation] = state.epoch
                    self._runtime.spawn(self._notice(conversation, state.epoch))
                heads.append((Head(conversation, state.epoch, state.committed, state.trimmed_below), state.cuts))
            else:
                left = await self._router.read(conversation, user, 1, 0, 1, newest=True)
                page = left.page
                heads.append((Head(conversation, page.epoch, page.head, page.trimmed_below), left.cuts))
        return heads

    # ------------------------------------------------------------------------------------------ what sessions want

    def _fetch(self, session: Session, fetch: Fetch) -> None:
        self._runtime.spawn(self._do_fetch(session, fetch))

    async def _do_fetch(self, session: Session, fetch: Fetch) -> None:
        try:
            found = await self._backlog(session.user, fetch)
        except WorldError:
            session.handle_failed(fetch.conversation, self._runtime.now())
        else:
            session.handle_fetched(found.page, found.cuts, self._runtime.now())
        self.flush(session, self._runtime.now())

    async def _backlog(self, user: str, fetch: Fetch) -> PageOf:
        """From the offline store if it has all of it, else from the log."""
        stored = await self._offline.read(user, fetch.conversation, fetch.low, fetch.high)
        if stored is not None:
            state = await self._log.state(fetch.conversation, timeout=self._config.log_timeout)
            if stored[-1].epoch == state.epoch and fetch.high <= state.committed and fetch.low > state.cut:
                marks.BACKLOG_FROM_STORE()
                fit = tuple(fitting(stored, self._config.page_bytes, newest=False))
                high, head, trimmed = fit[-1].seq, state.committed, state.trimmed_below
                return PageOf(Page(fetch.conversation, state.epoch, fetch.low, high, fit, head, trimmed), state.cuts)
        return await self._router.read(
            fetch.conversation, user, fetch.low, fetch.high, fetch.high - fetch.low + 1, newest=False
        )

    def _answer(self, session: Session, request: ReadPage) -> None:
        self._runtime.spawn(self._do_answer(session, request))

    async def _do_answer(self, session: Session, request: ReadPage) -> None:
        ask = request.ask
        limit = min(max(ask.limit, 1), self._config.page)
        try:
            found = await self._router.read(ask.conversation, session.user, ask.low, ask.high, limit, newest=ask.newest)
        except WorldError:
            return  # the device asks again
        session.handle_page(found.page, found.cuts, ask.epoch, self._runtime.now())
        self.flush(session, self._runtime.now())

    def _submit(self, session: Session, request: Submit) -> None:
        self._runtime.spawn(self._do_submit(session, request))

    async def _do_submit(self, session: Session, request: Submit) -> None:
        send = request.send
        answer = await self._router.submit(
            send.conversation, send.epoch, session.user, session.install, send.drafts, send.resolved_below
        )
        await self._deliver_answer(session, send.conversation, send.epoch, answer)

    def _withdraw(self, session: Session, request: Withdraw) -> None:
        self._runtime.spawn(self._do_withdraw(session, request))

    async def _do_withdraw(self, session: Session, request: Withdraw) -> None:
        cancel = request.cancel
        answer = await self._router.cancel(cancel.conversation, cancel.epoch, session.install, cancel.client_id)
        await self._deliver_answer(session, cancel.conversation, cancel.epoch, answer)

    async def _deliver_answer(self, session: Session, conversation: str, epoch: int, answer: Sent | None) -> None:
        if answer is None:
            try:
                state = await self._log.state(conversation, timeout=self._config.log_timeout)
            except WorldError:
                return
            session.handle_state(conversation, epoch, state, self._runtime.now())
        else:
            session.handle_sent(answer, self._runtime.now())
        self.flush(session, self._runtime.now())

    def _survey(self, session: Session, survey: Survey) -> None:
        self._runtime.spawn(self._do_survey(session, survey))

    async def _do_survey(self, session: Session, survey: Survey) -> None:
        try:
            heads = await self._heads(session.user)
        except WorldError:
            return  # the device checks again
        session.handle_survey(survey, heads, self._runtime.now())
        self.flush(session, self._runtime.now())

    def _observe(self, session: Session, observe: Observe) -> None:
        self._runtime.spawn(self._presence.watch(session, observe.users))

    def _close(self, session: Session, close: Close) -> None:
        link = session.link
        session.detach()
        self._detached[session.id] = (session, self._runtime.now() + self._config.resume_window)
        if link is not None:
            link.close(close.reason)

    # ------------------------------------------------------------------------------------------ inside

    def _wake(self, session: Any, now: float) -> None:  # noqa: ANN401 (the wheel's timers are sessions here)
        if session.wake_at <= now:
            session.handle_wake(now)
        if session.outputs or session.wake_at < session.armed:
            self.flush(session, now)

    def _end(self, session: Session, reason: str) -> None:
        link = session.link
        session.detach()
        self._detached.pop(session.id, None)
        self._delivery.remove(session)
        self._presence.forget(session)
        if link is not None:
            link.send(Closed(reason))
            link.close(reason)

    def _forget_stale(self) -> None:
        """Detached sessions leave in the order in which they came."""
        now = self._runtime.now()
        for session_id, (session, until) in list(self._detached.items()):
            if until >= now:
                return
            del self._detached[session_id]
            if not session.connected:
                self._delivery.remove(session)


_REQUESTS: dict[type, Callable[[Gateway, Session, Any], None]] = {
    Fetch: Gateway._fetch,  # noqa: SLF001 (the table of this very class)
    Submit: Gateway._submit,  # noqa: SLF001
    Withdraw: Gateway._withdraw,  # noqa: SLF001
    ReadPage: Gateway._answer,  # noqa: SLF001
    Survey: Gateway._survey,  # noqa: SLF001
    Observe: Gateway._observe,  # noqa: SLF001
    Close: Gateway._close,  # noqa: SLF001
}
