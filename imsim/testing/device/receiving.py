"""What a device promises of what comes."""

from __future__ import annotations

from imsim.protocol.effects import Transmit, Write
from imsim.protocol.frames import Ack, Ask, Check, Entry, Page, Push
from imsim.testing.device.book import DEVICE, PATIENCE, Opens, holds
from imsim.testing.promise import expect
from imsim.testing.stage import ROOM

_HAIR = 1e-3


@DEVICE.promise("an entry is durable before it is acknowledged")
def writes_before_it_acknowledges(opens: Opens) -> None:
    """One entry, pushed."""
    stage = opens()
    stage.connect()
    entry = stage.write("one")
    stage.push(entry)
    written = stage.place(lambda effect: isinstance(effect, Write) and entry in effect.records)
    acked = stage.place(
        lambda effect: isinstance(effect, Transmit) and isinstance(effect.frame, Ack) and effect.frame.upto >= 1
    )
    holds(written is not None, "a pushed entry was not written")
    holds(acked is not None, "a pushed entry was not acknowledged")
    if written is not None and acked is not None:
        holds(written < acked, "a pushed entry was acknowledged before it was written")


@DEVICE.promise("an entry that comes again is acknowledged again, and written once")
def shows_once(opens: Opens) -> None:
    """Pushed twice, and after a restart."""
    stage = opens()
    stage.connect()
    entry = stage.write("one")
    stage.push(entry)
    stage.push(entry)
    stage.restart()
    stage.connect()
    acks = len(stage.frames(Ack))
    stage.push(entry)
    holds(len(stage.frames(Ack)) > acks, "an entry that came again was not acknowledged again")
    expect(stage.written(Entry).count(entry), 1, "how often the entry was written")


@DEVICE.promise("what is missing is not acknowledged, but asked for")
def asks_for_what_is_missing(opens: Opens) -> None:
    """1 and 3 came; 2 did not."""
    stage = opens()
    stage.connect()
    entries = [stage.write(text) for text in ("one", "two", "three")]
    stage.push(entries[0])
    stage.push(entries[2])
    ack = stage.acked()
    expect(ack.upto if ack else 0, 1, "what was acknowledged")
    expect(stage.device.position(ROOM), (1, 1), "the cursor")
    holds(stage.wait(PATIENCE, lambda: stage.frames(Ask)), f"no Ask within {PATIENCE:g} s")
    asked = stage.frames(Ask)[-1]
    high = asked.high or entries[1].seq
    holds(asked.low <= entries[1].seq <= high, f"it asks for something else: {asked}")
    stage.serve()
    expect(stage.device.position(ROOM), (1, 3), "the cursor in the end")


@DEVICE.promise("what a page leaves out is none of the reader's business, and not asked for again")
def believes_pages(opens: Opens) -> None:
    """Over a restart too."""
    stage = opens()
    stage.connect()
    entries = [stage.write(text) for text in ("one", "two", "three")]
    stage.push(entries[2])
    stage.wait(PATIENCE, lambda: stage.frames(Ask))
    stage.take(Page(ROOM, 1, 1, 3, (entries[0], entries[2]), 3))
    expect(stage.device.position(ROOM), (1, 3), "the cursor")
    stage.restart()
    expect(stage.device.position(ROOM), (1, 3), "the cursor after a restart")


@DEVICE.promise("a device that is connected and hears nothing asks for news within the bound that its strategy states")
def asks_for_news(opens: Opens) -> None:
    """Where its config names a strategy that states one; a rest between two rounds ends in a new connection."""
    stage = opens()
    stage.connect()
    bound = stage.config.sync.worst_staleness()
    stage.dialling = False
    if bound is not None:
        asks = stage.wait(bound + _HAIR, lambda: stage.frames(Check) or stage.dialling)
        holds(asks, f"no Check within {bound:g} s")


@DEVICE.promise("frames of an older connection change nothing")
def ignores_older_connections(opens: Opens) -> None:
    """They come after the next one is open."""
    stage = opens()
    stage.connect()
    older = stage.wire
    stage.cut()
    stage.connect()
    before = len(stage.effects)
    stage.do("handle_frame", older, Push(ROOM, 1, (stage.write("one"),)))
    expect(stage.effects[before:], [], "what it had done about a frame of an older connection")
