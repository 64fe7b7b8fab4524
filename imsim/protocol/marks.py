"""Marks: places in the algorithms that are seldom reached, and where mistakes are at home.

A test that never got to a place says nothing about it. So each mark counts how often it was passed in this process:
a search tells which of them its cases reached and which none did, and a service may watch the counts like any other
figure. Passing a mark changes nothing of what happens.

What does not belong here: what users see (effects.py), and what ordinary messages pass all the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MARKS", "Mark", "passed_since", "times"]


class Mark:
    """One place; calling it counts.

    Attributes:
        words: what happens there.
        times: how often it was passed.
    """

    __slots__ = ("times", "words")

    def __init__(self, words: str) -> None:
        """A place that was never passed."""
        self.words = words
        self.times = 0

    def __call__(self) -> None:
        """The place is passed."""
        self.times += 1

    def __str__(self) -> str:
        return self.words


# -------------------------------------------------------------------------------------------------- what a device sends

SEND_REPEATED: Final = Mark("a send is repeated")
BATCH_SENT: Final = Mark("several entries are sent as one batch")
SEND_GIVEN_UP: Final = Mark("a device gives a send up, and cancels it")
SEND_TOO_LATE: Final = Mark("an entry is over its deadline before it is sent")
TAKEN_BACK_UNSENT: Final = Mark("an entry is taken back before it is sent")
ASKED_TO_WAIT: Final = Mark("a busy server asks a sender to come again later")
ANSWER_OF_OTHER_EPOCH: Final = Mark("an answer comes from another epoch than the device is in")
SEND_CANCELLED: Final = Mark("a sender learns that its entry is cancelled")
SEND_EXPIRED: Final = Mark("a sender learns that its key is forgotten, and looks into the log")
SEND_REFUSED: Final = Mark("a send is refused for good, or in conflict")
SEND_JUDGED: Final = Mark("what became of a forgotten key is read in the log")
SENT_AGAIN_IN_NEW_EPOCH: Final = Mark("what is unresolved is sent again in a new epoch")
REPETITION_NOT_PAID: Final = Mark("a repetition waits, for the retry budget is spent")

# ----------------------------------------------------------------------------------------------- what a device receives

ENTRY_TWICE: Final = Mark("an entry comes that is known")
OWN_BEFORE_ANSWER: Final = Mark("an own entry comes before the answer to its send")
OPERATION_BEFORE_TARGET: Final = Mark("an edit or recall comes before its message")
GAP_WAITED_FOR: Final = Mark("a device waits whether a missing entry comes by itself")
QUESTION_REPEATED: Final = Mark("a device asks again for what it lacks")
QUESTIONS_UNANSWERED: Final = Mark("a device leaves, for its questions are not answered")
CHECK_REPEATED: Final = Mark("a device checks its position again")
HISTORY_MISSING: Final = Mark("a device learns that what it lacks is trimmed")
NOTHING_TO_READ: Final = Mark("a page has nothing of what was asked for")
FRAME_OF_OTHER_EPOCH: Final = Mark("a push, page or head comes from another epoch than the device is in")
EPOCH_ENTERED: Final = Mark("a device enters a new epoch")
OFFERED_AGAIN: Final = Mark("a device offers again what a failover took")
EPOCH_SKIPPED: Final = Mark("a device is told of an epoch before it knows the one before")
TAIL_LOST: Final = Mark("a device learns that a failover lost a message for good")
MARK_LOWERED: Final = Mark("a read mark goes back, for the user's own log lost it")

# ------------------------------------------------------------------------------------------------ how a device connects

GREETING_REPEATED: Final = Mark("a device greets again, for no welcome came")
NO_WELCOME: Final = Mark("a device leaves, for no welcome came")
CONNECTING_TOO_LONG: Final = Mark("a device gives a connection up that is not made")
SERVER_SILENT: Final = Mark("a device leaves a server that is silent")
RESUME_REFUSED: Final = Mark("a device may not resume its session, and greets in full")
CIRCUIT_OPEN: Final = Mark("a circuit breaker keeps a device from connecting")
CONNECTION_STABLE: Final = Mark("an end of a connection that lasted begins the attempts anew")

# -------------------------------------------------------------------------------------------------- what a session does

PUSH_REPEATED: Final = Mark("a push is repeated")
SESSION_GIVEN_UP: Final = Mark("a server closes a session that acknowledges nothing")
WINDOW_FULL: Final = Mark("a lane waits for a place in the window")
BACKLOG_NAMED: Final = Mark("a backlog is too large to push, and only named")
FETCH_FAILED: Final = Mark("a session could not read the log, and tries again")
PUSH_HAS_HOLES: Final = Mark("a page goes out in place of a push, for entries of it may not be read or are trimmed")
COMMIT_OF_OLD_EPOCH: Final = Mark("a session hears late of a commit that a failover took")
CHECK_HELD: Final = Mark("a server holds the answer to a check")
LANE_SHORTENED: Final = Mark("a conversation ends earlier for a user than was thought")
CUTS_ASKED_FOR: Final = Mark("a session asks the log what epochs it missed")
SESSION_RESUMED: Final = Mark("a session is resumed")
MISSED_MEANWHILE: Final = Mark("a session cannot be resumed, for it missed a commit")
OLDER_SESSION_ENDED: Final = Mark("a device comes again before its older connection is known to be gone")
GREETING_REFUSED: Final = Mark("a greeting is refused, for the log cannot be read")

# --------------------------------------------------------------------------------------------- how a key has one effect

CLAIM_MOVED: Final = Mark("a claim moves to another slot, for its slot went to somebody else")
CLAIM_CUT: Final = Mark("a claim is on a slot that a failover took")
CLAIM_FOUND: Final = Mark("a handler finds the claim of another")
BELOW_FLOOR: Final = Mark("a claim is put below the floor, and dropped again")
KEY_CONFLICT: Final = Mark("a key comes with another payload")
KEY_CANCELLED: Final = Mark("a key is cancelled already")
KEY_FORGOTTEN: Final = Mark("a key is forgotten: trimmed, or below the floor")
STOPPED_WITHOUT_ANSWER: Final = Mark("a handler stops without an answer, as a port fails or its epoch is over")
CANCEL_IN_TIME: Final = Mark("a cancel comes before its slot is filled")
CANCEL_TOO_LATE: Final = Mark("a cancel comes when the effect is there")
SEND_JOINED: Final = Mark("the same send comes while it is handled, and shares the answer")

# ------------------------------------------------------------------------------------- how a server owns a conversation

TAKEN_OVER: Final = Mark("a conversation with entries is taken over")
SLOT_VOIDED: Final = Mark("a reserved slot that nobody filled becomes a no-op")
SLOT_TAKEN: Final = Mark("a slot is filled already")
WRITE_FENCED: Final = Mark("a write is refused, for its handler is no owner any more or its epoch is over")
COMMIT_REFUSED: Final = Mark("a commit is refused, for its epoch is over")
DEPOSED_WAS_FASTER: Final = Mark("an owner that was deposed committed more")
SLOT_AHEAD: Final = Mark("a slot is filled above one that is not")
LEASE_NOT_RENEWED: Final = Mark("a lease cannot be renewed, and still lasts")
OWNED_ELSEWHERE: Final = Mark("another server owns the conversation")
COMMIT_REPAIRED: Final = Mark("a commit that failed is repaired")
EPOCH_NOT_NOTICED: Final = Mark("a device knows of a failover before the owner does")
MAILBOX_FULL: Final = Mark("a server has too much to do in a conversation")
BATCH_STOPPED: Final = Mark("a batch stops at an entry that is not accepted")
ANSWER_WITHHELD: Final = Mark("an answer is withheld, for what it is about is not committed")
READ_IN_OLD_EPOCH: Final = Mark("a reader finds a failover that its server has not noticed")
FORWARDED: Final = Mark("a send is handed to the server that owns its conversation")
TAIL_NAMED: Final = Mark("the owner names what a failover lost for good")

# ---------------------------------------------------------------------------------------- what is stored, and forgotten

QUEUE_REFUSED: Final = Mark("the queue does not take a commit, and is tried again")
QUEUE_NOT_ACKNOWLEDGED: Final = Mark("what the queue delivered cannot be acknowledged, and comes again")
STORED_OFFLINE: Final = Mark("an entry is stored for a user who is away")
OFFLINE_CAPPED: Final = Mark("the offline store drops the oldest entry of a conversation")
OFFLINE_HAS_HOLE: Final = Mark("the offline store begins anew, for it missed an entry")
BACKLOG_FROM_STORE: Final = Mark("a backlog comes from the offline store")
FLOOR_RAISED: Final = Mark("the floor of an install rises")
INSTALL_AGED: Final = Mark("an install that was silent for long is forgotten")
LOG_TRIMMED: Final = Mark("a log is trimmed")

MARKS: Final = tuple(value for value in tuple(globals().values()) if isinstance(value, Mark))
"""All of them, in the order above."""


def times() -> tuple[int, ...]:
    """How often each was passed until now."""
    return tuple(mark.times for mark in MARKS)


def passed_since(before: Sequence[int]) -> tuple[str, ...]:
    """The words of those that were passed since `times` gave this."""
    return tuple(mark.words for mark, count in zip(MARKS, before, strict=True) if mark.times > count)
