"""A policy and a client of a backend of somebody's own: right ones, and some with a mistake."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from imsim.ports import OK
from imsim.protocol.frames import Message
from imsim.protocol.sync import CheckNow, Wake
from imsim.protocol.sync.strategy import Passive

__all__ = [
    "Doubling",
    "Forgetful",
    "Lazy",
    "Passing",
    "Rounds",
    "Unfinished",
    "around_the_log",
    "forgetting",
    "raising",
]


class Doubling:
    """1, 2, 4, … seconds, up to a minute; nobody's subclass."""

    def next_delay(self, attempt, previous, random):
        return min(60.0, 2.0 ** (attempt - 1))

    def least_delay(self, attempt, previous):
        return min(60.0, 2.0 ** (attempt - 1))

    def within(self, delay, elapsed):
        return delay


class Unfinished(Doubling):
    """Not finished."""

    def next_delay(self, attempt, previous, random):
        raise ValueError("how long?")

    def least_delay(self, attempt, previous):
        raise ValueError("how long?")


class Rounds(Passive, frozen=True):
    """Checks every ten seconds and is told nothing meanwhile; a strategy of somebody's own."""

    name: ClassVar[str] = "rounds"

    def on_start(self, state, view, now):
        return state, (CheckNow(), Wake(now + 10.0))

    on_timer = on_start

    def worst_staleness(self):
        return 10.0


class Lazy(Rounds, frozen=True):
    """Checks once, and says that it checks always."""

    name: ClassVar[str] = "lazy"

    def on_start(self, state, view, now):
        return state, (CheckNow(),)


class Passing:
    """A client that adds nothing."""

    def __init__(self, inside):
        self.inside = inside

    def __getattr__(self, name):
        return getattr(self.inside, name)


class Forgetful(Passing):
    """Says that it wrote, and forgets one message in three."""

    async def write(self, conversation, epoch, seq, entry, token, *, timeout):
        if type(entry.body) is Message and seq % 3 == 0:
            return OK
        return await self.inside.write(conversation, epoch, seq, entry, token, timeout=timeout)


def around_the_log(ports):
    return msgspec.structs.replace(ports, log=Passing(ports.log))


def forgetting(ports):
    return msgspec.structs.replace(ports, log=Forgetful(ports.log))


def raising(ports):
    raise LookupError("no such backend")
