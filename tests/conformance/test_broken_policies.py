"""For each promise of a retry policy, a strategy and a link, one that breaks it, and what is said."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import ClassVar

import msgspec
import pytest

from imsim import testing
from imsim.protocol.frames import Push
from imsim.protocol.retry import Fixed, FullJitter
from imsim.protocol.sync import CheckNow, Hybrid, Poll, Timing, Wake


class Policy:
    """The shipped one, except what a subclass does worse; no subclass of it, as a user's own is none."""

    inside = Fixed(base=2.0, attempts=5, deadline=30.0)

    def next_delay(self, attempt, previous, random):
        return self.inside.next_delay(attempt, previous, random)

    def least_delay(self, attempt, previous):
        return self.inside.least_delay(attempt, previous)

    def within(self, delay, elapsed):
        return self.inside.within(delay, elapsed)


class Hurries(Policy):
    def next_delay(self, attempt, previous, random):
        return random.random() - 0.5


class PromisesTooMuch(Policy):
    inside = FullJitter()

    def least_delay(self, attempt, previous):
        return 0.5 * self.inside.ceiling(attempt)


class Remembers(Policy):
    def __init__(self):
        self.asked = 0

    def next_delay(self, attempt, previous, random):
        self.asked += 1
        return float(self.asked)

    def least_delay(self, attempt, previous):
        return 0.0


class ComesBack(Policy):
    def next_delay(self, attempt, previous, random):
        return None if attempt == 3 else 1.0


class Shortens(Policy):
    def within(self, delay, elapsed):
        return delay and min(delay, 30.0)


BROKEN_POLICIES = {
    "gives_seconds": Hurries,
    "bounds_from_below": PromisesTooMuch,
    "keeps_no_state": Remembers,
    "gives_up_for_good": ComesBack,
    "heeds_its_deadline": Shortens,
}


@pytest.mark.parametrize("promise", testing.RETRY_POLICY.sentences)
def test_a_broken_policy_is_caught(promise):
    with pytest.raises(AssertionError) as caught:
        testing.check_retry_policy(BROKEN_POLICIES[promise](), only=[promise])
    sentence = testing.RETRY_POLICY.sentences[promise]
    assert str(caught.value).startswith(f"RetryPolicy breaks its promise that {sentence}: ")


def test_a_delay_in_words_is_no_number():
    class Says(Policy):
        def next_delay(self, attempt, previous, random):
            return "1s"

    with pytest.raises(AssertionError, match=r"None: after attempt 1, with 0\.0 s before it: '1s'$"):
        testing.check_retry_policy(Says())


def test_a_policy_of_ones_own_keeps_them_all():
    testing.check_retry_policy(Policy())


# ---------------------------------------------------------------------------------------------- strategies


class Nameless(Hybrid, frozen=True):
    name: ClassVar[str] = ""


class Counts(Poll, frozen=True):
    rounds: ClassVar[list[int]] = []

    def on_timer(self, state, view, now):
        self.rounds.append(1)
        return Timing(float(len(self.rounds))), (Wake(now + self.interval),)


class WakesAtOnce(Poll, frozen=True):
    def on_quiet(self, state, view, now):
        return state, (Wake(now),)


class HoldsOn(Poll, frozen=True):
    def on_check(self, hold):
        return 60.0


class TellsInWords(Poll, frozen=True):
    def on_commit(self):
        return "push"


class TakesItsTime(Poll, frozen=True):
    """The first round is in time, and later ones are not."""

    def on_timer(self, state, view, now):
        return state, (CheckNow(), Wake(now + 2.0 * self.interval))


class SaysOnlyWhatItDoes(Hybrid, frozen=True):
    """Its timer is never set again."""

    def on_timer(self, state, view, now):
        return state, (CheckNow(),)


BROKEN_STRATEGIES = {
    "introduces_itself": Nameless,
    "is_pure": Counts,
    "plans_ahead": WakesAtOnce,
    "holds_as_asked": HoldsOn,
    "tells_commits": TellsInWords,
    "finds_what_was_missed": TakesItsTime,
}


class Silent(Poll, frozen=True):
    """Has nothing to say, and not even that."""

    def on_hint(self, state, view, now):
        return None


def test_an_answer_that_is_none_is_told():
    with pytest.raises(AssertionError, match=r"on_hint at 1000 s with .*: None is no state with its actions"):
        testing.check_sync_policy(Silent())


@pytest.mark.parametrize("promise", testing.SYNC_POLICY.sentences)
def test_a_broken_strategy_is_caught(promise):
    with pytest.raises(AssertionError) as caught:
        testing.check_sync_policy(BROKEN_STRATEGIES[promise](), only=[promise])
    sentence = testing.SYNC_POLICY.sentences[promise]
    assert str(caught.value).startswith(f"SyncPolicy breaks its promise that {sentence}: ")


def test_a_strategy_that_stops_checking_is_caught():
    with pytest.raises(AssertionError, match=r"no check between 60 s and 720 s, where 60 s are stated"):
        testing.check_sync_policy(SaysOnlyWhatItDoes(check=60.0), only=["finds_what_was_missed"])


# ---------------------------------------------------------------------------------------------- links


class Ends:
    """A link in memory, and its other end; a subclass loses or changes something."""

    def __init__(self):
        self.heard = []
        self.open = True

    @property
    def link(self):
        return self

    def send(self, frame):
        if self.open:
            self.heard.append(frame)

    def close(self, reason):
        self.open = False


class Truncates(Ends):
    def send(self, frame):
        if isinstance(frame, Push):
            entry = frame.entries[0]
            body = msgspec.structs.replace(entry.body, content=entry.body.content[:100])
            frame = msgspec.structs.replace(frame, entries=(msgspec.structs.replace(entry, body=body),))
        super().send(frame)


class Reorders(Ends):
    def send(self, frame):
        self.heard.insert(max(0, len(self.heard) - 1), frame)


class CutsOff(Ends):
    def close(self, reason):
        super().close(reason)
        self.heard.clear()


class SpeaksAfterItsEnd(Ends):
    def send(self, frame):
        self.heard.append(frame)


class Complains(Ends):
    def send(self, frame):
        if not self.open:
            raise RuntimeError("closed")
        super().send(frame)


class StaysOpen(Ends):
    def close(self, reason):
        pass


BROKEN_LINKS = {
    "brings_frames": Truncates,
    "keeps_the_order": Reorders,
    "closes": CutsOff,
    "stays_closed": SpeaksAfterItsEnd,
}


def opened(kind):
    @asynccontextmanager
    async def ends():
        yield kind()

    return ends


async def soon(_):
    await asyncio.sleep(0)


@pytest.mark.parametrize("promise", testing.LINK.sentences)
def test_a_broken_link_is_caught(promise):
    with pytest.raises(AssertionError) as caught:
        testing.check_link(opened(BROKEN_LINKS[promise]), asyncio.run, sleep=soon, only=[promise])
    assert str(caught.value).startswith(f"Link breaks its promise that {testing.LINK.sentences[promise]}: ")


@pytest.mark.parametrize(
    ("kind", "promise", "says"),
    [
        (Complains, "stays_closed", "used after its close, it raises RuntimeError"),
        (StaysOpen, "closes", "the other end is still open"),
    ],
)
def test_there_is_more_than_one_way_to_close_badly(kind, promise, says):
    with pytest.raises(AssertionError, match=says):
        testing.check_link(opened(kind), asyncio.run, sleep=soon, only=[promise])


def test_datagrams_need_no_order():
    testing.check_link(opened(Reorders), asyncio.run, sleep=soon, ordered=False, only=["keeps_the_order"])


def test_a_link_in_memory_keeps_every_promise():
    testing.check_link(opened(Ends), asyncio.run, sleep=soon)
