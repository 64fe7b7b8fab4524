"""Flaws of accepting: slots that stay empty, and effects that happen twice."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

import msgspec

from imsim.ports import Swap as Swapped
from imsim.protocol.frames import Push
from imsim.protocol.server.accept import Tenure
from imsim.protocol.server.gateway import Gateway
from imsim.protocol.server.sequencer import Sequencer
from imsim.protocol.server.server import Server
from imsim.protocol.services.claims import Claims
from imsim.sim.algorithms import Swap
from imsim.verify.zoo.flaw import Flaw

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from imsim.protocol.frames import Entry, Hello, Page
    from imsim.protocol.server.ownership import Ownership
    from imsim.protocol.services.claims import Claim
    from imsim.protocol.session import Session

__all__ = ["FLAWS"]

_move = Claims._move
_init = Server.__init__
_read = Sequencer.read
_resumable = Gateway._resumable

_MEMORY: Final = 3.0
"""Seconds for which a client id is remembered."""


async def _leave_burnt(_tenure: Tenure, _upto: int) -> None:
    """A slot that was reserved is its handler's, dead or alive."""


def _forget_soon(
    claims: Claims, name: str, seen: Claim | None, target: Claim, _expires_in: float | None = None
) -> Coroutine[Any, Any, Claim | None]:
    """Client ids are remembered for a few seconds."""
    return _move(claims, name, seen, target, _MEMORY)


class _Memory:
    """A key-value store in the memory of one process."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    async def get(self, key: str, *, fresh: bool = True, timeout: float) -> Any:  # noqa: ARG002
        return self._values.get(key)

    async def compare_and_set(self, key: str, expected: Any, new: Any, **_how: Any) -> Swapped:
        done = self._values.get(key) == expected
        if done:
            self._values[key] = new
        return Swapped(done, self._values.get(key))


def _remember_in_memory(server: Server, *args: Any, **kwargs: Any) -> None:
    """The table of client ids is in the memory of the server."""
    _init(server, *args, **kwargs)
    server.sequencer._claims._kv = _Memory()  # type: ignore[assignment]


def _archive_again(gateway: Gateway, hello: Hello) -> Session | None:
    """What the device did not acknowledge is routed once more, through the archive as everything that is routed."""
    session = _resumable(gateway, hello)
    for lane in () if session is None else session._lanes.values():
        for flight in lane.flights:
            if type(flight.frame) is Push:
                owned = gateway._router._sequencer._conversation(lane.conversation)
                for entry in flight.frame.entries:
                    gateway._runtime.spawn(owned.mailbox.do(functools.partial(_append, owned, entry)))
    return session


async def _append(owned: Ownership, entry: Entry) -> None:
    tenure = await owned.enter(None)
    if tenure is not None:
        seq = await tenure.reserve()
        await tenure._fill(seq, msgspec.structs.replace(entry, epoch=tenure.epoch, seq=seq))
        await owned.settle(tenure)


async def _upto_the_last_reserved(
    sequencer: Sequencer, conversation: str, user: str, low: int, high: int, limit: int, *, newest: bool
) -> tuple[Page, tuple[int, ...]]:
    """A page reaches up to the last slot that was given away, whether it is committed or not."""
    page, cuts = await _read(sequencer, conversation, user, low, high, limit, newest=newest)
    tenure = sequencer._conversation(conversation).present
    if tenure is not None and page.high == page.head:
        page = msgspec.structs.replace(page, high=await tenure.bound() - 1)
    return page, cuts


FLAWS: Final = (
    Flaw(
        id="commit-out-of-order",
        wrong="A reader's position passes a slot that was given away and is committed later.",
        seen="synapse#1449, OpenIM#320",
        breaks="no loss",
        place="a slow writer",
        swaps=(Swap(Sequencer, "read", _upto_the_last_reserved),),
        smallest=("time out after the 1st port call log.write of alice-2 at server-1",),
    ),
    Flaw(
        id="burnt-block",
        wrong="Slots that were reserved by a handler that died stay empty, and the log does not go on behind them.",
        seen="OpenIM sdk-core PR#856",
        breaks="retries ended",
        place="one message",
        swaps=(Swap(Tenure, "fill", _leave_burnt),),
        smallest=("crash after the 1st port call kv.increment of 1 at server-1",),
    ),
    Flaw(
        id="short-dedup-window",
        wrong="The server forgets a client id before the last repeat of its message can come.",
        seen="synapse#3365",
        breaks="one effect a key",
        place="one message over datagrams",
        swaps=(Swap(Claims, "_move", _forget_soon),),
        smallest=("delay the 1st send of alice-1 from alice/phone by 8 s",),
    ),
    Flaw(
        id="dedup-not-durable",
        wrong="The table of client ids that were seen is in the memory of the server.",
        seen="the class of synapse#3365",
        breaks="one effect a key",
        place="one message",
        swaps=(Swap(Server, "__init__", _remember_in_memory),),
        smallest=("crash before the 1st answer of alice-1 to alice/phone",),
    ),
    Flaw(
        id="archived-again",
        wrong="What a device did not acknowledge is archived once more when it resumes its session.",
        seen="MongooseIM#4316",
        breaks="one effect a key",
        place="one message",
        swaps=(Swap(Gateway, "_resumable", _archive_again),),
        smallest=("cut the connection at the 1st push of alice-1 to bob/phone",),
    ),
)
