"""Every nondeterministic choice of the simulated world, answered by a stable key.

A generator that everybody draws from makes a run repeatable, and no more: take one message away, and every later
draw changes its owner. So nothing here is drawn *in turn*. A decision has a key,

    (kind, place, subject, occurrence)      the 2nd push of alice-3 to bob/phone

whose subject is the workload's own name of the thing, and whose occurrence counts, from 1, what was asked about that
same kind, place and subject. A seed answers every key, whatever else is asked before, between or after. That is what
lets a failing run be shrunk: what is left is answered as it was.

An answer is 64 random bits, the output function of splitmix64 (Steele, Lea and Flood, OOPSLA 2014) over the key:

    salt = kind_salt(kind) ^ name(place)                    # once, as early as possible
    bits = mix(salt ^ (subject * ODD + occurrence * GOLDEN mod 2**64))

where names are 64-bit hashes, and the kind's salt holds the seed. Hot code writes `draw` out in line, and splits the
bits: `unit` takes 53 of them, `halves` makes two coarser numbers, `remix` makes 64 new ones.

A *deviation* (deviations.py) is an exception to this: at this key, do that instead. Its key is drawn like any other,
so finding it is one look into a dictionary by the 64 bits, and nobody looks where `deviating` is false.

What does not belong here: what the bits decide, and what an action does.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import msgspec

from imsim.errors import ConfigError, InternalError, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imsim.sim.deviations import Action, Deviation, TimedAction

__all__ = [
    "FRAMES",
    "GOLDEN",
    "MASK",
    "ODD",
    "Asked",
    "Decisions",
    "Improviser",
    "Key",
    "KeyedDraws",
    "KeyedRandomness",
    "Kind",
    "draw",
    "halves",
    "name_hash",
    "remix",
    "unit",
]

MASK: Final = 2**64 - 1
GOLDEN: Final = 0x9E3779B97F4A7C15
"""2**64 / golden ratio, made odd: the step of splitmix64."""
ODD: Final = 0xD1342543DE82EF95
"""Spreads small subjects over 64 bits (a multiplier of Steele and Vigna, 2021)."""

Asked = tuple[int, int, int]
"""A key that was asked, as numbers: salt, subject, occurrence."""


class Kind(enum.StrEnum):
    """What is decided about; the value is the word for it."""

    HELLO = "hello"
    SEND = "send"
    CANCEL = "cancel"
    ACK = "ack"
    ASK = "ask"
    PING = "ping"
    WELCOME = "welcome"
    REFUSAL = "refusal"
    ANSWER = "answer"
    PUSH = "push"
    PAGE = "page"
    HEADS = "heads"
    HINT = "hint"
    EPOCH = "epoch change"
    PRESENCE = "presence"
    CLOSE = "close"
    PONG = "pong"
    CHECK = "check"
    WATCH = "watch"
    WAKE_UP = "wake-up"
    """A platform's push service wakes a sleeping device."""
    CONNECT = "connect"
    PORT = "port call"
    """A call of a port; its place begins with the operation: `kv.get at server-1`."""
    WRITE = "write"
    """A durable write of a device."""
    CRASH = "crash"
    PAUSE = "pause"
    CHOICE = "choice"
    """A draw of the algorithm itself, such as the jitter of a retry."""
    WORKLOAD = "workload"
    TIE = "tie"
    """Several things are due at a node at once, and this one first; asked in steered worlds only (steering.py)."""


FRAMES: Final = {
    "hello": Kind.HELLO,
    "send": Kind.SEND,
    "cancel": Kind.CANCEL,
    "ack": Kind.ACK,
    "ask": Kind.ASK,
    "ping": Kind.PING,
    "welcome": Kind.WELCOME,
    "refused": Kind.REFUSAL,
    "sent": Kind.ANSWER,
    "push": Kind.PUSH,
    "page": Kind.PAGE,
    "heads": Kind.HEADS,
    "hint": Kind.HINT,
    "epoch": Kind.EPOCH,
    "presence": Kind.PRESENCE,
    "closed": Kind.CLOSE,
    "pong": Kind.PONG,
    "check": Kind.CHECK,
    "watch": Kind.WATCH,
}
"""The kind of each frame, by its tag (protocol/frames.py)."""

_PLACE = re.compile(r"(?:to|from|at) \S+")
_PORT_PLACE = re.compile(r"(?P<operation>\S+) (?P<node>(?:to|from|at) \S+)")
_KEY = re.compile(
    r"the (?P<number>[1-9][0-9]*)(?P<suffix>st|nd|rd|th) "
    rf"(?:{Kind.PORT} (?P<operation>\S+)|(?P<kind>{'|'.join(kind for kind in Kind if kind is not Kind.PORT)})) "
    r"of (?P<subject>\S+) (?P<place>(?:to|from|at) \S+)"
)


Improviser = Callable[[Kind, str, int], "Action | None"]
"""What to do at a decision of this kind, at this place, whose key has these 64 bits; None: nothing special."""


class Key(msgspec.Struct, frozen=True, gc=False):
    """The name of one decision; `str` and `parse` turn it into words and back.

    Attributes:
        kind: what is decided about.
        place: where: `to NAME`, `from NAME` or `at NAME`; for a port call with the operation before it.
        subject: the workload's name of the thing, without blanks: `alice-3`, a record, `team[3..7]`.
        occurrence: counts from 1 what is asked about the same kind, place and subject.

    Raises:
        ConfigError: one of them could not be said in words.
    """

    kind: Kind
    place: str
    subject: str
    occurrence: int

    def __post_init__(self) -> None:
        port = self.kind is Kind.PORT
        if not (_PORT_PLACE if port else _PLACE).fullmatch(self.place):
            form = "'kv.get at server-1'" if port else "'to NAME', 'from NAME' or 'at NAME'"
            raise ConfigError(f"the place of a {self.kind}: expected {form} without other blanks, got {self.place!r}")
        if not re.fullmatch(r"\S+", self.subject):
            raise ConfigError(f"the subject of a {self.kind}: expected a name without blanks, got {self.subject!r}")
        if self.occurrence < 1:
            raise ConfigError(f"the occurrence of a {self.kind}: expected an integer >= 1, got {self.occurrence}")

    def __str__(self) -> str:
        what, place = str(self.kind), self.place
        if self.kind is Kind.PORT:
            operation, place = place.split(" ", 1)
            what = f"{what} {operation}"
        return f"the {self.occurrence}{_suffix(self.occurrence)} {what} of {self.subject} {place}"

    @staticmethod
    def parse(text: str) -> Key:
        """Read what `str` wrote: `the 2nd push of alice-3 to bob/phone`.

        Raises:
            ConfigError: it is something else.
        """
        found = _KEY.fullmatch(text)
        if found is None:
            kind = re.match(r"the \S+ (.+?) of ", text)
            hint = nearest(kind[1], map(str, Kind)) if kind and kind[1] not in set(Kind) else ""
            raise ConfigError(f"expected 'the 2nd push of SUBJECT to NAME' or the like, got {text!r}{hint}")
        number, suffix = int(found["number"]), found["suffix"]
        if suffix != _suffix(number):
            raise ConfigError(f"{text!r}: expected {number}{_suffix(number)}, got {number}{suffix}")
        if found["operation"]:
            return Key(Kind.PORT, f"{found['operation']} {found['place']}", found["subject"], number)
        return Key(Kind(found["kind"]), found["place"], found["subject"], number)


# ---------------------------------------------------------------------------------------------- numbers


@lru_cache(maxsize=4096)  # a search says the same few hundred names in every case
def name_hash(name: str) -> int:
    """64 bits that stand for `name`, in every process and on every machine; 0.7 µs, so keep them."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")


def draw(salt: int, subject: int, occurrence: int) -> int:
    """The 64 random bits of a key."""
    z = salt ^ ((subject * ODD + occurrence * GOLDEN) & MASK)
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK  # _mix, without the call
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def unit(bits: int) -> float:
    """A number in [0, 1) from the upper 53 bits."""
    return (bits >> 11) * 2.0**-53


def halves(bits: int) -> tuple[float, float]:
    """Two independent numbers in [0, 1) from the upper and the lower 32 bits."""
    return (bits >> 32) * 2.0**-32, (bits & 0xFFFFFFFF) * 2.0**-32


def remix(bits: int, step: int = 1) -> int:
    """Other 64 bits, for a further number about the same key; each `step` gives its own."""
    return _mix((bits + step * GOLDEN) & MASK)


def _mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


# ---------------------------------------------------------------------------------------------- decisions


class Decisions:
    """What a seed answers, and where a case deviates from it.

    Args:
        seed: any integer.
        deviations: at most one for a key; timed ones are handed on in order of time.
        recording: keep the keys that `decide` is asked, and the words for them.
        steered: ask about ties too.
        improviser: asked at every key where no deviation says what to do: given the kind, the place and the key's 64
            bits, it may name an action. What it named is kept, so that the run can be had again from deviations alone.

    Attributes:
        deviating: whether `decide` must be asked at all; hot code skips it otherwise.
        record: the keys that were asked, in order (`key_of` puts one into words), or None.
        improvised: the keys at which the improviser named an action, in order.
        asked: how often `decide` was asked.
        healed: set when all faults are over; from then on nothing deviates.
        steered: whether the order of events is asked about, or a deviation changes it.
        timed: the deviations that happen at a time and not at a key.

    Raises:
        ConfigError: two deviations have the same key.
    """

    __slots__ = (
        "_actions", "_improviser", "_kinds", "_salts", "_words", "asked", "deviating", "healed", "improvised", "record",
        "seed", "steered", "timed",
    )  # fmt: skip

    def __init__(
        self,
        seed: int,
        deviations: Sequence[Deviation] = (),
        *,
        recording: bool = False,
        steered: bool = False,
        improviser: Improviser | None = None,
    ) -> None:
        self.seed = seed
        self.record: list[Asked] | None = [] if recording else None
        self.improvised: list[tuple[Asked, Action]] = []
        self.asked = 0
        self.healed = False
        self._improviser = improviser
        self._kinds: dict[int, tuple[Kind, str]] = {}
        self._words: dict[int, str] | None = {} if recording or improviser is not None else None
        self._salts = {kind: name_hash(f"{seed} {kind}") for kind in Kind}
        self._actions: dict[int, Action | None] = {}
        timed: list[TimedAction] = []
        for deviation in deviations:
            match deviation.keyed():
                case key, action:
                    self._deviate(key, action)
                case happening:
                    timed.append(happening)
        self.timed = tuple(sorted(timed, key=lambda action: action.at))
        self.deviating = self._words is not None or bool(self._actions)
        self.steered = steered or any(deviation.steers for deviation in deviations)

    def name(self, word: str) -> int:
        """The number of a place or subject, to be kept by the caller."""
        number = name_hash(word)
        if self._words is not None:
            self._words[number] = word
        return number

    def kind_salt(self, kind: Kind) -> int:
        """The seed's number for a kind; `kind_salt(kind) ^ name(place)` is the salt of the two."""
        return self._salts[kind]

    def salt(self, kind: Kind, place: str) -> int:
        """The first argument of `draw` and `decide`, to be kept by the caller."""
        return self._salts[kind] ^ self.name(place)

    def decide(self, salt: int, subject: int, occurrence: int) -> tuple[int, Action | None]:
        """The bits of this key, as `draw` gives them, and what to do instead, if anything.

        Asked once for each decision, and only while `deviating`.
        """
        bits = draw(salt, subject, occurrence)
        if self.healed:
            return bits, None
        self.asked += 1
        if self.record is not None:
            self.record.append((salt, subject, occurrence))
        if self._improviser is not None and bits not in self._actions:
            # An algorithm that forgets what it answered for can be asked the same again: it is answered alike.
            action = self._actions[bits] = self._improviser(*self._kind_and_place(salt), bits)
            if action is not None:
                self.improvised.append(((salt, subject, occurrence), action))
        return bits, self._actions.get(bits)

    def deviation(self, salt: int, subject: int, occurrence: int) -> Action | None:
        """What `decide` says to do instead, where nobody needs the bits."""
        return self.decide(salt, subject, occurrence)[1]

    def planned(self, salt: int, subject: int, occurrence: int) -> Action | None:
        """What is done at a key that was asked already."""
        return self._actions.get(draw(salt, subject, occurrence))

    def key_of(self, asked: Asked) -> Key:
        """The words of a recorded key.

        Raises:
            InternalError: its place or subject never went through `name`.
        """
        salt, subject, occurrence = asked
        words = self._words or {}
        if subject not in words:
            raise InternalError(f"a decision about something without a name was recorded: {asked}")
        return Key(*self._kind_and_place(salt), words[subject], occurrence)

    def kind_of(self, salt: int) -> Kind:
        """The kind in the salt of a key that was asked, while words are kept.

        Raises:
            InternalError: its place never went through `name`.
        """
        return self._kind_and_place(salt)[0]

    def _kind_and_place(self, salt: int) -> tuple[Kind, str]:
        known = self._kinds.get(salt)
        if known is None:
            known = self._kinds[salt] = self._found(salt)
        return known

    def _found(self, salt: int) -> tuple[Kind, str]:
        words = self._words or {}
        for kind, own in self._salts.items():
            if (place := words.get(salt ^ own)) is not None:
                return kind, place
        raise InternalError(f"a decision at a place without a name was asked: {salt}")

    def met(self) -> tuple[str, ...]:
        """What was decided about, while an improviser is asked: kinds of decisions, and operations of ports."""
        kinds = self._kinds.values()
        return tuple(sorted({place.partition(" ")[0] if kind is Kind.PORT else str(kind) for kind, place in kinds}))

    def randomness(self, place: str) -> KeyedRandomness:
        """The randomness of the algorithms at `place`."""
        return KeyedRandomness(self, place)

    def _deviate(self, key: Key, action: Action) -> None:
        number = draw(self.salt(key.kind, key.place), self.name(key.subject), key.occurrence)
        if number in self._actions:
            raise ConfigError(f"two deviations for {key}: only one thing can be done instead")
        self._actions[number] = action


class KeyedRandomness:
    """The `Randomness` port of one place: each decision of an algorithm has numbers of its own."""

    __slots__ = ("_decisions", "_salt")

    def __init__(self, decisions: Decisions, place: str) -> None:
        self._decisions = decisions
        self._salt = decisions.salt(Kind.CHOICE, place)

    def at(self, subject: str, occurrence: int) -> KeyedDraws:
        """The numbers for the `occurrence`-th decision about `subject`."""
        return KeyedDraws(draw(self._salt, self._decisions.name(subject), occurrence))


class KeyedDraws:
    """The numbers for one decision, as many as are wanted: splitmix64 from `bits` on."""

    __slots__ = ("_state",)

    def __init__(self, bits: int) -> None:
        self._state = bits

    def random(self) -> float:
        """Uniform in [0, 1)."""
        self._state = (self._state + GOLDEN) & MASK
        return unit(_mix(self._state))

    def uniform(self, a: float, b: float, /) -> float:
        """Uniform between a and b."""
        return a + (b - a) * self.random()


def _suffix(number: int) -> str:
    if number % 100 in {11, 12, 13}:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
