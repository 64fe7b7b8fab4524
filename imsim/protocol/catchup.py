"""Catching up: asks for the holes of every conversation, a page at a time, the newest hole first.

Single flight: one `Ask` a conversation, a few conversations at once, the user's own log before any other (it names the
conversations). A gap that a push reveals waits a moment first, because the missing frame is usually only late. Live
pushes need no buffer: rows may be written in any order, and ranges merge.

Progress: a page that brings nothing new is an unanswered question, not an answer, so that a confused server costs a
time-out a round and never an endless loop. After a few unanswered questions the connection is given up.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import msgspec

from imsim.protocol import marks
from imsim.protocol.effects import CaughtUp, GapNoticed, Notice
from imsim.protocol.frames import Ask, Frame

if TYPE_CHECKING:
    from imsim.ports import Randomness
    from imsim.protocol.config import DeviceConfig
    from imsim.protocol.inbox import Inbox

__all__ = ["CatchUp", "CatchUpHost"]

_AT_ONCE = 4
_PATIENCE = 4
"""Unanswered questions about one conversation before the connection is given up."""


class CatchUpHost(Protocol):
    """What catching up needs of its device."""

    online: bool
    own_log: str
    config: DeviceConfig
    random: Randomness

    def inbox(self, conversation: str) -> Inbox:
        """The conversation's state."""
        ...

    def transmit(self, frame: Frame) -> None:
        """Hand a frame to the connection."""
        ...

    def notify(self, notice: Notice) -> None:
        """Tell the user."""
        ...

    def give_up_connection(self, reason: str, now: float) -> None:
        """The peer does not answer."""
        ...


class _Question(msgspec.Struct, gc=False):
    """One conversation that is behind: waiting until `due` to be asked about, or asked and unanswered until `due`."""

    due: float
    asked: bool = False
    attempts: int = 0


class CatchUp:
    """The open questions of one device."""

    __slots__ = ("_host", "_questions", "due")

    def __init__(self, host: CatchUpHost) -> None:
        """No questions; `due` is when `handle_due` wants to be called (infinity: never)."""
        self._host = host
        self._questions: dict[str, _Question] = {}
        self.due = math.inf

    @property
    def idle(self) -> bool:
        """Whether nothing is known to be missing."""
        return not self._questions

    def notice(self, conversation: str, now: float, *, patient: bool) -> None:
        """`conversation` is behind; `patient`: give the missing frame a moment to arrive by itself."""
        if conversation not in self._questions:
            self._questions[conversation] = _Question(now + self._host.config.gap_wait if patient else now)
            if patient:
                marks.GAP_WAITED_FOR()
                self._host.notify(GapNoticed(conversation, self._host.inbox(conversation).head))
        if patient:
            self._rearm()
        else:
            self._pump(now)

    def handle_online(self, now: float) -> None:
        """A session is open: ask again what was not answered."""
        for question in self._questions.values():
            question.asked = False
            question.due = now
        self._pump(now)

    def handle_offline(self) -> None:
        """Nothing can be asked."""
        for question in self._questions.values():
            question.asked = False
        self.due = math.inf

    def handle_learned(self, conversation: str, now: float) -> None:
        """A push filled something: the question may be settled."""
        if conversation in self._questions and not self._host.inbox(conversation).behind:
            self._settle(conversation, now)

    def handle_page(self, conversation: str, now: float, *, progress: bool) -> None:
        """What was asked is answered, by a page or by a new epoch; `progress`: it brought something new."""
        question = self._questions.get(conversation)
        if question is None:
            return
        if not self._host.inbox(conversation).behind:
            self._settle(conversation, now)
        elif progress:
            question.asked, question.attempts, question.due = False, 0, now
            self._pump(now)

    def handle_due(self, now: float) -> None:
        """Gaps have waited long enough; questions were not answered."""
        for question in self._questions.values():
            if question.due <= now and question.asked:
                question.asked = False
                if question.attempts >= _PATIENCE:
                    question.attempts = 0
                    marks.QUESTIONS_UNANSWERED()
                    self._host.give_up_connection("questions are not answered", now)
                    return
        self._pump(now)

    def _settle(self, conversation: str, now: float) -> None:
        del self._questions[conversation]
        if not self._questions:
            self._host.notify(CaughtUp())
        self._pump(now)

    def _pump(self, now: float) -> None:
        """Ask what may be asked now."""
        if self._host.online and self._questions:
            own = self._questions.get(self._host.own_log)
            candidates = self._questions if own is None else {self._host.own_log: own}
            free = _AT_ONCE - sum(1 for question in candidates.values() if question.asked)
            for conversation, question in list(candidates.items()):
                if free > 0 and not question.asked and question.due <= now:
                    self._ask(conversation, question, now)
                    free -= 1
        self._rearm()

    def _ask(self, conversation: str, question: _Question, now: float) -> None:
        host = self._host
        inbox = host.inbox(conversation)
        hole = inbox.hole()
        if hole is None:
            del self._questions[conversation]
            return
        question.asked = True
        question.attempts += 1
        if question.attempts > 1:
            marks.QUESTION_REPEATED()
        question.due = now + self._patience(conversation, question.attempts)
        host.transmit(Ask(conversation, inbox.epoch, hole[0], hole[1], host.config.page, newest=True))

    def _patience(self, conversation: str, attempt: int) -> float:
        """Seconds to wait for the answer to this attempt."""
        policy, draws = self._host.config.ask, self._host.random.at(f"ask {conversation}", attempt)
        return policy.next_delay(attempt, 0.0, draws) or policy.least_delay(attempt, 0.0)

    def _rearm(self) -> None:
        if not self._host.online:
            self.due = math.inf
            return
        own = self._questions.get(self._host.own_log)
        waiting = self._questions.values() if own is None else (own,)
        # a question that only waits for a free place has a due time in the past: the next answer pumps it
        asked = [question.due for question in waiting if question.asked]
        gaps = [question.due for question in waiting if not question.asked]
        self.due = min(asked + (gaps if len(asked) < _AT_ONCE else []), default=math.inf)
