"""What may be done instead, where, and what is said about what cannot be."""

from __future__ import annotations

import math

import msgspec
import pytest

from imsim.errors import ConfigError
from imsim.sim.decisions import Key, Kind
from imsim.sim.deviations import (
    ClockJump,
    CrashAfter,
    CrashBefore,
    Cut,
    Delay,
    Deviation,
    Drop,
    Duplicate,
    Hold,
    LosePush,
    Partition,
    Pause,
    Release,
    TimeoutAfter,
    TimeoutBefore,
    Yield,
    parse,
    possible,
)

PUSH = Key(Kind.PUSH, "to bob/phone", "alice-3", 2)
CALL = Key(Kind.PORT, "kv.get at server-1", "alice-3", 1)

SAID = [
    ("drop the 2nd push of alice-3 to bob/phone", Deviation(PUSH, Drop())),
    ("duplicate the 2nd push of alice-3 to bob/phone", Deviation(PUSH, Duplicate())),
    ("delay the 2nd push of alice-3 to bob/phone by 0.25 s", Deviation(PUSH, Delay(0.25))),
    ("cut the connection at the 2nd push of alice-3 to bob/phone", Deviation(PUSH, Cut())),
    ("lose the 2nd push of alice-3 to bob/phone between commit and socket", Deviation(PUSH, LosePush())),
    (
        "hold the 2nd push of alice-3 to bob/phone until its receiver has met something else",
        Deviation(PUSH, Hold(Release.EVENT)),
    ),
    (
        "hold the 2nd push of alice-3 to bob/phone until a timer of its receiver has gone off",
        Deviation(PUSH, Hold(Release.TIMER)),
    ),
    ("hold the 2nd push of alice-3 to bob/phone until everything is healed", Deviation(PUSH, Hold(Release.HEAL))),
    (
        "let the others go first at the 1st tie of alice-3 at server-1",
        Deviation(Key(Kind.TIE, "at server-1", "alice-3", 1), Yield()),
    ),
    ("crash before the 1st port call kv.get of alice-3 at server-1", Deviation(CALL, CrashBefore())),
    ("crash after the 1st port call kv.get of alice-3 at server-1", Deviation(CALL, CrashAfter())),
    ("pause for 5 s before the 1st port call kv.get of alice-3 at server-1", Deviation(CALL, Pause(5))),
    ("time out before the 1st port call kv.get of alice-3 at server-1", Deviation(CALL, TimeoutBefore())),
    ("time out after the 1st port call kv.get of alice-3 at server-1", Deviation(CALL, TimeoutAfter())),
    (
        "partition berlin from paris from 10 s until 20.5 s",
        Deviation(None, Partition(at=10, until=20.5, a="berlin", b="paris")),
    ),
    (
        "partition berlin towards paris from 10 s until 20.5 s",
        Deviation(None, Partition(at=10, until=20.5, a="berlin", b="paris", one_way=True)),
    ),
    ("jump the clock of server-1 by -3 s at 1e-07 s", Deviation(None, ClockJump(at=1e-7, node="server-1", seconds=-3))),
]


@pytest.mark.parametrize(("text", "deviation"), SAID)
def test_it_is_said_so(text: str, deviation: Deviation) -> None:
    assert str(deviation) == text
    assert parse(text) == deviation
    assert parse("  " + text.replace(" ", "\n ")) == deviation


@pytest.mark.parametrize(("text", "deviation"), SAID)
def test_it_travels_in_a_file(text: str, deviation: Deviation) -> None:
    assert msgspec.json.decode(msgspec.json.encode(deviation), type=Deviation) == deviation


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (21, "21st"),
        (102, "102nd"),
        (111, "111th"),
        (1003, "1003rd"),
    ],
)
def test_ordinals(number: int, word: str) -> None:
    key = Key(Kind.ACK, "from a/b", "x", number)
    assert str(key) == f"the {word} ack of x from a/b"
    assert Key.parse(str(key)) == key


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "expected a deviation such as"),
        ("dorp the 2nd push of a to b", r"did you mean 'drop'"),
        ("drop the 2nd psuh of a to b", r"did you mean 'push'"),
        ("drop the 2nd push of a near b", "expected 'the 2nd push of SUBJECT to NAME'"),
        ("drop the 2th push of a to b", "expected 2nd, got 2th"),
        ("drop the 0th push of a to b", "expected 'the 2nd push of SUBJECT to NAME'"),
        ("drop the 1st port call of a at b", "expected 'the 2nd push of SUBJECT to NAME'"),
        ("drop the 1st port call kv.get of a at b", "drop: makes no sense for the 1st port call kv.get of a at b"),
        ("time out after the 1st push of a to b", "timeout after: makes no sense"),
        ("lose the 1st ack of a to b between commit and socket", "lose push: makes no sense"),
        ("delay the 1st push of a to b by soon s", "expected a number of seconds, got 'soon'"),
        ("delay the 1st push of a to b by -1 s", "delay: expected seconds >= 0, got -1"),
        ("pause for nan s before the 1st push of a to b", "pause: expected seconds >= 0, got nan"),
        ("partition a from b from 5 s until 5 s", "expected 0 <= at < until"),
        ("partition a from b from -1 s until 5 s", "expected 0 <= at < until"),
        ("partition a from b from 1 s until inf s", "expected 0 <= at < until"),
        ("jump the clock of a by inf s at 1 s", "expected finite seconds"),
    ],
)
def test_what_cannot_be_parsed_is_explained(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        parse(text)


@pytest.mark.parametrize(
    ("kind", "place", "subject", "occurrence"),
    [
        (Kind.PUSH, "bob/phone", "a", 1),
        (Kind.PUSH, "to bob phone", "a", 1),
        (Kind.PUSH, "to ", "a", 1),
        (Kind.PUSH, "kv.get at server-1", "a", 1),
        (Kind.PORT, "at server-1", "a", 1),
        (Kind.PUSH, "to bob", "a b", 1),
        (Kind.PUSH, "to bob", "", 1),
        (Kind.PUSH, "to bob", "a", 0),
    ],
)
def test_a_key_that_cannot_be_said_is_refused(kind: Kind, place: str, subject: str, occurrence: int) -> None:
    with pytest.raises(ConfigError, match="expected"):
        Key(kind, place, subject, occurrence)


def test_an_action_has_a_key_exactly_if_it_needs_one() -> None:
    with pytest.raises(ConfigError, match="drop: expected a key"):
        Deviation(None, Drop())
    with pytest.raises(ConfigError, match="partition: expected no key"):
        Deviation(PUSH, Partition(at=1, until=2, a="a", b="b"))


def test_names_with_blanks_are_refused() -> None:
    with pytest.raises(ConfigError, match="partition: expected a name without blanks"):
        Partition(at=1, until=2, a="new york", b="b")
    with pytest.raises(ConfigError, match="clock jump: expected a name without blanks"):
        ClockJump(at=1, node="", seconds=math.pi)


def test_what_is_possible_can_be_said_and_nothing_else() -> None:
    assert possible(Kind.CHOICE) == ()
    assert TimeoutAfter in possible(Kind.PORT)
    assert LosePush in possible(Kind.PUSH)
    assert LosePush not in possible(Kind.PAGE)
    assert all(possible(kind) for kind in (Kind.WRITE, Kind.CONNECT, Kind.WAKE_UP))
