"""Flaws of catching up: what a device, or whoever serves it, takes for all that there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from imsim.errors import WorldError
from imsim.protocol.catchup import CatchUp
from imsim.protocol.fold import Fold
from imsim.protocol.frames import Entry, Joined, Page, user_log
from imsim.protocol.receiving import Receiver
from imsim.protocol.server.delivery import Delivery
from imsim.protocol.server.gateway import Gateway
from imsim.protocol.server.offline import Backlog, OfflineStore
from imsim.protocol.server.routing import PageOf
from imsim.protocol.server.sequencer import Sequencer
from imsim.protocol.session import Session
from imsim.protocol.sync import Hybrid
from imsim.protocol.sync.strategy import Passive
from imsim.sim.algorithms import Swap
from imsim.verify.zoo.flaw import Flaw

if TYPE_CHECKING:
    from imsim.protocol.records import Record
    from imsim.protocol.requests import Fetch

__all__ = ["FLAWS"]

_drop_older = Gateway._drop_older
_backlog = Gateway._backlog
_on_head = Receiver._on_head
_apply = Fold.apply
_read = Sequencer.read
_open = Session.open
_handle_due = CatchUp.handle_due
_handle_page = CatchUp.handle_page


def _not_yet(_delivery: Delivery, _session: Session) -> None:
    """Where the device is behind is looked up first."""


def _subscribe(gateway: Gateway, session: Session) -> None:
    """And now that it is known, the session is told of commits."""
    _drop_older(gateway, session)
    delivery = gateway._delivery
    delivery.sessions[session.user] = (*delivery.sessions.get(session.user, ()), session)


async def _whatever_is_stored(
    store: OfflineStore, user: str, conversation: str, low: int, high: int
) -> tuple[Entry, ...] | None:
    """What a replica of the offline store has of it."""
    try:
        backlog = await store._kv.get(f"offline/{user}/{conversation}", fresh=False, timeout=store._timeout)
    except WorldError:
        return None
    entries = backlog.entries if isinstance(backlog, Backlog) else ()
    return tuple(entry for entry in entries if low <= entry.seq <= high) or None


async def _all_of_it(gateway: Gateway, user: str, fetch: Fetch) -> PageOf:
    """The page ends where the news of a commit said, whatever was read."""
    stored = await gateway._offline.read(user, fetch.conversation, fetch.low, fetch.high)
    if stored is None:
        return await _backlog(gateway, user, fetch)
    state = await gateway._log.state(fetch.conversation, timeout=gateway._config.log_timeout)
    page = Page(fetch.conversation, state.epoch, fetch.low, fetch.high, stored, state.committed, state.trimmed_below)
    return PageOf(page, state.cuts)


async def _add_to_all(store: OfflineStore, user: str, entry: Entry) -> None:
    """All that a user misses is in one list, of which the newest are kept."""
    key = f"offline/{user}"
    try:
        old = await store._kv.get(key, timeout=store._timeout)
        entries = () if old is None else old.entries[-store._cap + 1 :]
        await store._kv.compare_and_set(
            key, old, Backlog((*entries, entry)), expires_in=store._keep, timeout=store._timeout
        )
    except WorldError:
        return


async def _read_from_all(
    store: OfflineStore, user: str, conversation: str, low: int, high: int
) -> tuple[Entry, ...] | None:
    """What is left of a conversation in the list of all."""
    try:
        backlog = await store._kv.get(f"offline/{user}", timeout=store._timeout)
    except WorldError:
        return None
    entries = backlog.entries if isinstance(backlog, Backlog) else ()
    return tuple(e for e in entries if e.conversation == conversation and low <= e.seq <= high) or None


def _offer_only_known(
    session: Session,
    incarnation: int,
    heads: Any,
    positions: Any,
    now: float,
    *,
    resumed: bool,
) -> None:
    """A device is told of what it has; what is new to it will be pushed when it comes."""
    known = {user_log(session.user), *(position.conversation for position in positions)}
    _open(session, incarnation, [one for one in heads if one[0].conversation in known], positions, now, resumed=resumed)


def _only_known(receiver: Receiver, conversation: str, epoch: int, head: int, now: float) -> None:
    """A conversation that is not here has nothing to catch up with."""
    if conversation in receiver._inboxes:
        _on_head(receiver, conversation, epoch, head, now)


def _without_joined(fold: Fold, record: Record, now: float, *, fresh: bool) -> None:
    """That the user is a member of a new conversation opens nothing: its first message will."""
    if type(record) is Entry and type(record.body) is Joined:
        fold.inbox(record.conversation).learn(record.seq, record.seq)
    else:
        _apply(fold, record, now, fresh=fresh)


def _tell_nothing(_receiver: Receiver, _record: Record, _now: float) -> None:
    """Nothing follows from a record."""


async def _newest_slice(
    sequencer: Sequencer, conversation: str, user: str, low: int, _high: int, limit: int, *, newest: bool
) -> tuple[Page, tuple[int, ...]]:
    """The newest slice, whichever was asked for."""
    return await _read(sequencer, conversation, user, low, 0, limit, newest=newest)


def _any_page_is_progress(catchup: CatchUp, conversation: str, now: float, *, progress: bool) -> None:
    """Whatever the page brought: ask for the next."""
    del progress
    _handle_page(catchup, conversation, now, progress=True)


def _one_time_out_for_all(catchup: CatchUp, conversation: str, now: float, *, progress: bool) -> None:
    """The time-out is one for all pages together."""
    question = catchup._questions.get(conversation)
    due = None if question is None else question.due
    _handle_page(catchup, conversation, now, progress=progress)
    if question is not None and due is not None and question.asked:
        question.due = due
        catchup._rearm()


def _from_zero(catchup: CatchUp, now: float) -> None:
    """What was not complete in time begins again."""
    for conversation, question in catchup._questions.items():
        if question.asked and question.due <= now:
            catchup._host.inbox(conversation).above = ()
    _handle_due(catchup, now)


FLAWS: Final = (
    Flaw(
        id="sync-then-subscribe",
        wrong="Where a device is behind is looked up before its session hears of commits, and never again.",
        seen="gim#46",
        breaks="no loss",
        place="a late subscription",
        swaps=(
            Swap(Delivery, "add", _not_yet),
            Swap(Gateway, "_drop_older", _subscribe),
            Swap(Hybrid, "on_timer", Passive.on_timer),
        ),
        smallest=("delay the 2nd connect of server-1 from bob/phone by 0.5 s",),
    ),
    Flaw(
        id="lost-last-push",
        wrong="A device that is connected takes it for granted that it was told of everything.",
        seen="why position checks exist",
        breaks="no loss",
        place="a last push",
        swaps=(Swap(Hybrid, "on_timer", Passive.on_timer),),
        smallest=("drop the 1st push of alice-1 to bob/phone",),
    ),
    Flaw(
        id="token-ahead-of-replica",
        wrong="A page ends where the news of a commit said, and its entries come from a replica that is behind.",
        seen="synapse#14158, synapse#9424",
        breaks="no loss",
        place="a lagging replica",
        swaps=(Swap(OfflineStore, "read", _whatever_is_stored), Swap(Gateway, "_backlog", _all_of_it)),
        smallest=("crash before the 2nd welcome of bob/phone to bob/phone",),
    ),
    Flaw(
        id="shared-offline-cap",
        wrong="What a user misses has one cap for all conversations, and what is left of one is taken for all of it.",
        seen="wildfire#289",
        breaks="no loss",
        place="a noisy group",
        swaps=(
            Swap(OfflineStore, "add", _add_to_all),
            Swap(OfflineStore, "read", _read_from_all),
            Swap(Gateway, "_backlog", _all_of_it),
        ),
    ),
    Flaw(
        id="first-message-no-conversation",
        wrong="A device catches up with the conversations that it has, and not with one that is new to it.",
        seen="WuKongIM#358",
        breaks="no loss",
        place="a first message",
        swaps=(
            Swap(Session, "open", _offer_only_known),
            Swap(Receiver, "_on_head", _only_known),
            Swap(Receiver, "_tell", _tell_nothing),
            Swap(Fold, "apply", _without_joined),
        ),
        smallest=("delay the 1st write of records at bob/phone by 2 s",),
    ),
    Flaw(
        id="no-progress-recovery",
        wrong="The server answers every question with the same slice, and the device asks again at once.",
        seen="Telethon#808, mattermost#30388",
        breaks="sync rounds progress",
        place="a polling phone far away",
        swaps=(Swap(Sequencer, "read", _newest_slice), Swap(CatchUp, "handle_page", _any_page_is_progress)),
    ),
    Flaw(
        id="heavy-catch-up-restarts",
        wrong="Catching up has one time-out for all pages, and begins again after it.",
        seen="wildfire#302",
        breaks="no loss",
        place="far behind",
        swaps=(
            Swap(CatchUp, "handle_page", _one_time_out_for_all),
            Swap(CatchUp, "handle_due", _from_zero),
        ),
    ),
)
