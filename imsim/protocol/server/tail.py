"""What a failover took from a conversation: offered again by those who have it, and else named as lost.

An asynchronous log may lose its tail, and then nobody can read there any more what was in it. So whose entry a slot
holds is noted beside the log, in the key-value store, *before* the slot is committed and hence before anybody is told
of it. (Rejected: asking the members' devices for what they hold above the cut, since a message whose sender was
wiped before it was pushed is on none of them; and looking through all claims, which are not ordered by slot.)

The owner of a conversation that finds itself in a later epoch lets the `reoffer_window` pass, in which the devices
of each author offer again what they hold. Then it goes through the notes of every slot above the cuts:

    in the log again                        → nothing is lost
    given up by its author meanwhile        → lost: others may have seen it
    anything else                           → its client id is cancelled, and it is lost

and one `TailLost` entry names all that is lost. Its client id is made from the epoch and the names, so naming twice is
naming once; it is written even if it names nothing, so that the log itself says where an epoch's tail was looked
through. An offer that comes too late finds a cancelled claim: its device learns that the message failed, as everybody
else did from the entry. Read marks, in users' own logs, are named and not cancelled: they are merged by maximum, and
late is better than never.

Joins and leaves were announced in the own logs of users (announce.py), and only the server can do that again. Their
notes say whose membership of what they were about, and that is *checked again*: the owner of the conversation puts
into the own log what is true now. A join that was lost with its announcement still there is taken back so, and an
announcement that was lost is made again.

Not here: offering again (device), and what a late offer is answered (services/claims.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from imsim.errors import Unavailable
from imsim.protocol.frames import Answer, Created, Join, Joined, Leave, Left, NoOp
from imsim.protocol.services.claims import ClaimState, counter_key, sealed_at

if TYPE_CHECKING:
    from imsim.ports import KeyValue
    from imsim.protocol.frames import Entry
    from imsim.protocol.server.accept import Tenure
    from imsim.protocol.server.config import ServerConfig
    from imsim.protocol.services.claims import Claims

__all__ = ["Pair", "Tail", "lost_of", "tail_key", "tail_of", "taken"]

Pair = tuple[str, str]
"""A conversation and a user whose membership of it is in question."""


def tail_key(conversation: str, epoch: int, seq: int) -> str:
    """Where it is noted whose entry is in a slot."""
    return f"tail/{epoch}-{seq}/{conversation}"


class Tail(msgspec.Struct, frozen=True, gc=False, tag="tail"):
    """Whose entry is in a slot.

    Attributes:
        client_id: the entry's.
        devices: whether devices hold it and offer it again; else it is the server's own.
        about: the memberships that it changed or announced.
    """

    client_id: str
    devices: bool = True
    about: tuple[Pair, ...] = ()


def tail_of(entry: Entry) -> Tail | None:
    """What is noted of an entry; None for what nobody misses."""
    body = entry.body
    if type(body) is NoOp:
        return None
    about: tuple[Pair, ...] = ()
    if type(body) is Created:
        about = tuple((entry.conversation, user) for user in body.members)
    elif type(body) is Join or type(body) is Leave:
        about = ((entry.conversation, body.user),)
    elif type(body) is Joined or type(body) is Left:
        about = ((body.conversation, entry.conversation[1:]),)
    return Tail(entry.client_id, entry.author != "", about)


async def taken(kv: KeyValue, tenure: Tenure, config: ServerConfig) -> list[Tail]:
    """The notes of all slots that the cuts of this log took, in the order of the slots.

    Raises:
        Unavailable, Timeout: not all of them could be read.
    """
    found = []
    for epoch in range(1, tenure.epoch):
        cut = min(tenure.cuts[epoch - 1 :])
        end = sealed_at(await kv.get(counter_key(tenure.place, epoch), timeout=config.kv_timeout))
        for seq in range(cut + 1, end + 1):
            tail = await kv.get(tail_key(tenure.place, epoch, seq), timeout=config.kv_timeout)
            if isinstance(tail, Tail):
                found.append(tail)
    return found


async def lost_of(claims: Claims, tenure: Tenure, notes: list[Tail]) -> tuple[str, ...]:
    """Cancel what devices should have offered again and did not; the client ids of all that is lost.

    Raises:
        Unavailable, Timeout, Sealed: part of it may be done; doing it again gives the same.
    """
    lost: dict[str, None] = {}
    for note in notes:
        if note.devices and await _is_lost(claims, tenure, note.client_id):
            lost[note.client_id] = None
    return tuple(lost)


async def _is_lost(claims: Claims, tenure: Tenure, client_id: str) -> bool:
    claim = await claims.look(client_id)
    if claim is None:
        return True  # forgotten since its author was answered: no offer of it is accepted any more
    if claim.place != tenure.place:
        return False
    if claim.state is ClaimState.CANCELLED:
        return True
    if tenure.forgot(claim):
        return False
    if tenure.membership.fixed:
        return not (tenure.survives(claim) and await tenure.has(claim, client_id))
    outcome = await claims.cancel(tenure, client_id)
    if outcome is None:
        raise Unavailable(client_id)
    return outcome.answer is not Answer.OK
