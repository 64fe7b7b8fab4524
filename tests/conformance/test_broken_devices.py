"""A check that cannot fail is a defect: for each promise of a device, one that breaks it, and what is said."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from imsim import testing
from imsim.errors import ConfigError
from imsim.protocol.config import DeviceConfig
from imsim.protocol.device import Device
from imsim.protocol.effects import Disconnect, Transmit, Write
from imsim.protocol.frames import Ask, Check, Entry, Push, Send
from imsim.protocol.records import Installed, Known, Resolved, SendState
from imsim.protocol.sync import Hybrid
from tests.flawed_devices import Hasty

CHECKING = DeviceConfig(sync=Hybrid(check=30.0))


class Filtered(Device):
    """Does less than it should: what `wants` does not want is left out."""

    __slots__ = ()

    def wants(self, effect):
        return True

    def poll(self):
        return [effect for effect in super().poll() if self.wants(effect)]


class InstallsAgain(Device):
    __slots__ = ()

    @classmethod
    def load(cls, store, config, random, install, **names):
        device = super().load(store, config, random, install, **names)
        if not device._effects:
            device.commit((device._installed,), names["now"])
        return device


class GreetsAsSomebodyElse(Device):
    __slots__ = ()

    def hello(self):
        return msgspec.structs.replace(super().hello(), install="n")


class AlwaysOnline(Device):
    __slots__ = ()

    def handle_disconnected(self, reason, *, now, wall):
        super().handle_disconnected(reason, now=now, wall=wall)
        self.online = True


class StaysAway(Device):
    __slots__ = ()

    def handle_disconnected(self, reason, *, now, wall):
        self._connector.sleep(now)


class Stays(Filtered):
    __slots__ = ()

    def wants(self, effect):
        return not isinstance(effect, Disconnect)


class HandsOutTwice(Device):
    __slots__ = ()

    def poll(self):
        return list(self._effects)


class WakesWithoutEnd(Device):
    __slots__ = ()

    def handle_wake(self, *, now, wall):
        super().handle_wake(now=now, wall=wall)
        self.wake_at = now


class Counts(Device):
    """A nonce out of the process's own counter."""

    __slots__ = ()
    count = itertools.count()

    def commit(self, records, now):
        fresh = [
            Installed(record.install, f"{next(self.count)}") if isinstance(record, Installed) else record
            for record in records
        ]
        super().commit(tuple(fresh), now)


class CountsFromNought(Device):
    __slots__ = ()

    @classmethod
    def load(cls, store, config, random, install, **names):
        device = super().load(store, config, random, install, **names)
        device._next = 0
        return device


class SendsOnce(Filtered):
    __slots__ = ()

    def wants(self, effect):
        return not (isinstance(effect, Transmit) and isinstance(effect.frame, Send) and effect.frame.attempt > 1)


class Forgets(Device):
    __slots__ = ()

    @classmethod
    def load(cls, store, config, random, install, **names):
        device = super().load(store, config, random, install, **names)
        device._outbox = None
        return device


class SendsBackwards(Device):
    __slots__ = ()

    def transmit(self, frame):
        if isinstance(frame, Send):
            frame = msgspec.structs.replace(frame, drafts=frame.drafts[::-1])
        super().transmit(frame)


class NeverResolves(Device):
    __slots__ = ()

    def poll(self):
        return [
            Write(tuple(record for record in effect.records if not isinstance(record, Resolved)))
            if isinstance(effect, Write)
            else effect
            for effect in super().poll()
        ]


class AlwaysQuiet(Device):
    __slots__ = ()

    def is_quiet(self):
        return True


class CancelsNothing(Device):
    __slots__ = ()

    def cancel(self, client_id, *, now, wall):
        return True


class CancelsAtOnce(Device):
    """Does not ask."""

    __slots__ = ()

    def cancel(self, client_id, *, now, wall):
        done = super().cancel(client_id, now=now, wall=wall)
        self.commit((Resolved(client_id, SendState.CANCELLED),), now)
        return done


class AcknowledgesFirst(Hasty):
    __slots__ = ()


class ShowsTwice(Device):
    __slots__ = ()

    def handle_frame(self, connection, frame, *, now, wall):
        super().handle_frame(connection, frame, now=now, wall=wall)
        if isinstance(frame, Push):
            self._effects.append(Write(frame.entries))


class AsksForNothing(Filtered):
    __slots__ = ()

    def wants(self, effect):
        return not (isinstance(effect, Transmit) and isinstance(effect.frame, Ask))


class DoubtsPages(Device):
    __slots__ = ()

    def commit(self, records, now):
        super().commit(tuple(record for record in records if not isinstance(record, Known)) or records[:0], now)


class NeverChecks(Filtered):
    __slots__ = ()

    def wants(self, effect):
        return not (isinstance(effect, Transmit) and isinstance(effect.frame, Check))


class HearsEverybody(Device):
    __slots__ = ()

    def handle_frame(self, connection, frame, *, now, wall):
        super().handle_frame(self._connector.connection, frame, now=now, wall=wall)


class MarksAgain(Device):
    __slots__ = ()

    def mark_read(self, conversation, seq, *, now, wall):
        return super().mark_read(conversation, seq, now=now, wall=wall) or "n-1"


class ReadsOn(Device):
    """What is recalled can be read."""

    __slots__ = ()

    def changed(self):
        return [(row, content or row.body.content) for row, content in super().changed()]


class ResolvesTooEarly(Device):
    """The answer is written, and then, apart from it, what was answered; the one without the other is lost."""

    __slots__ = ()

    def poll(self):
        apart = []
        for effect in super().poll():
            if isinstance(effect, Write) and any(isinstance(record, Known | Entry) for record in effect.records):
                knows = [Known(r.conversation, r.epoch, ((r.seq, r.seq),)) for r in effect.records if type(r) is Entry]
                apart.append(Write(tuple(knows)))
            apart.append(effect)
        return apart


BROKEN = {
    "begins_an_install": InstallsAgain,
    "greets": GreetsAsSomebodyElse,
    "knows_whether_it_is_online": AlwaysOnline,
    "connects_again": StaysAway,
    "leaves": Stays,
    "hands_out_once": HandsOutTwice,
    "wakes_calmly": WakesWithoutEnd,
    "is_repeatable": Counts,
    "writes_before_it_sends": Hasty,
    "names_once": CountsFromNought,
    "repeats": SendsOnce,
    "remembers": Forgets,
    "sends_in_order": SendsBackwards,
    "tells_what_was_sent": NeverResolves,
    "knows_when_it_is_quiet": AlwaysQuiet,
    "cancels_what_waits": CancelsNothing,
    "cancels_by_asking": CancelsAtOnce,
    "writes_before_it_acknowledges": AcknowledgesFirst,
    "shows_once": ShowsTwice,
    "asks_for_what_is_missing": AsksForNothing,
    "believes_pages": DoubtsPages,
    "asks_for_news": NeverChecks,
    "ignores_older_connections": HearsEverybody,
    "marks_as_read": MarksAgain,
    "shows_edits": ReadsOn,
    "survives_every_crash": ResolvesTooEarly,
}


@pytest.mark.parametrize("promise", testing.DEVICE.sentences)
def test_a_broken_device_is_caught(promise):
    with pytest.raises(AssertionError) as caught:
        testing.check_device(BROKEN[promise], config=CHECKING, only=[promise])
    assert str(caught.value).startswith(f"Device breaks its promise that {testing.DEVICE.sentences[promise]}: ")


def test_a_crash_between_saying_and_writing_is_found_too():
    with pytest.raises(AssertionError, match="what is in the log and was never written after a crash behind"):
        testing.check_device(Hasty, only=["survives_every_crash"])


def test_only_the_promise_that_is_broken_is_named():
    for promise in testing.DEVICE.sentences:
        if promise != "shows_edits":
            testing.check_device(ReadsOn, only=[promise])


def test_a_wrong_name_of_a_promise_is_an_error():
    with pytest.raises(ConfigError, match="Device has no promise 'no such promise'; it has begins_an_install, "):
        testing.check_device(Device, only=["no such promise"])
