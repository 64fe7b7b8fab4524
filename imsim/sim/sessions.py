"""When a device is online: sessions that alternate with pauses, nights, wake-ups, and whatever its user comes to do.

Sessions are made one after the other as they are asked for, since a year of them for thousands of devices would fill
the memory and a sleeping device should cost nothing. Three streams of intervals, each rising, are merged: the
device's own alternation (with the nights cut out), its wake-ups, and its user's activity. Every number is drawn under
the device's name.
"""

from __future__ import annotations

import heapq
import math
from typing import TYPE_CHECKING

from imsim.sim.decisions import Kind, draw, unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imsim.scenario.people import Presence
    from imsim.sim.decisions import Decisions

__all__ = ["sessions"]

Interval = tuple[float, float]

_HOUR = 3600.0
_DAY = 24 * _HOUR
_STEP = 0.001
"""Time goes on by this at least, whatever was drawn or rounded."""
_ONLINE, _OFFLINE, _WAKE, _FIRST = 11, 12, 13, 14


def sessions(
    presence: Presence, decisions: Decisions, device: str, *, hour: float, until: float, active: Iterable[float] = ()
) -> Iterator[Interval]:
    """The sessions of a device, (begin, end) in seconds, rising and apart from each other, from 0 to `until`.

    Args:
        presence: the model's settings for it.
        decisions: answers the draws.
        device: its name.
        hour: hour of the day at time 0.
        until: where the last session ends.
        active: rising moments at which its user does something on it; it is online then, and a little longer.
    """
    salt = decisions.salt(Kind.WORKLOAD, f"at {device}")
    own = _alternating(presence, salt, until)
    if presence.night is not None:
        own = _awake(own, presence.night, hour)
    used = ((moment, moment + presence.linger) for moment in active)
    last: Interval | None = None
    for begin, end in heapq.merge(own, _wake_ups(presence, salt, until), used):
        if begin >= until:
            break
        if last is None:
            last = (begin, end)
        elif begin <= last[1]:
            last = (last[0], max(last[1], end))
        else:
            yield last
            last = (begin, end)
    if last is not None:
        yield last[0], min(last[1], until)


def _exponential(mean: float, bits: int) -> float:
    return -mean * math.log1p(-unit(bits))


def _alternating(presence: Presence, salt: int, until: float) -> Iterator[Interval]:
    online, offline = presence.online, presence.offline
    if online is None:
        yield 0.0, until
        return
    now, turn = 0.0, 0
    awake = unit(draw(salt, _FIRST, 1)) * (online + offline) < online
    while now < until:
        turn += 1
        if not awake:
            now += _exponential(offline, draw(salt, _OFFLINE, turn)) + _STEP
        end = now + _exponential(online, draw(salt, _ONLINE, turn)) + _STEP
        yield now, end
        now, awake = end, False


def _awake(intervals: Iterator[Interval], night: tuple[float, float], hour: float) -> Iterator[Interval]:
    """What is left of the intervals outside of the nights."""
    asleep, length = night[0] * _HOUR, (night[1] - night[0]) % 24 * _HOUR
    for begin, end in intervals:
        at = begin
        while at < end:
            since = (at + hour * _HOUR - asleep) % _DAY
            if since < length:
                at += max(length - since, _STEP)
                continue
            bedtime = at + max(_DAY - since, _STEP)
            yield at, min(end, bedtime)
            at = bedtime


def _wake_ups(presence: Presence, salt: int, until: float) -> Iterator[Interval]:
    if presence.wake_ups == 0.0:
        return
    now, turn = 0.0, 0
    while True:
        turn += 1
        now += _exponential(_DAY / presence.wake_ups, draw(salt, _WAKE, turn))
        if now >= until:
            return
        yield now, now + presence.linger
