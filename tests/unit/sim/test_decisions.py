"""A key is answered alike whatever else is asked, and different keys are answered independently."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from itertools import product

import pytest

from imsim.errors import ConfigError, InternalError
from imsim.protocol.frames import Frame
from imsim.sim.decisions import FRAMES, Decisions, KeyedDraws, Kind, draw, halves, name_hash, remix, unit
from imsim.sim.deviations import CrashBefore, Deviation, Drop, parse

QUESTIONS = [
    (kind, place, subject, occurrence)
    for kind, place, subject, occurrence in product(
        [Kind.PUSH, Kind.SEND, Kind.PORT],
        ["to bob/phone", "to bob/tablet", "from bob/phone"],
        ["alice-1", "alice-2", "bob-1"],
        [1, 2, 3],
    )
]


def ask(decisions: Decisions, kind: Kind, place: str, subject: str, occurrence: int) -> int:
    return draw(decisions.salt(kind, place), decisions.name(subject), occurrence)


# -- the promise


def test_a_key_is_answered_alike_in_any_order_and_company() -> None:
    first = {question: ask(Decisions(7), *question) for question in QUESTIONS}
    one = Decisions(7)
    for question in reversed(QUESTIONS):
        ask(one, Kind.ACK, "from somebody/else", "carol-9", len(first))
        assert ask(one, *question) == first[question]


def test_the_answers_are_fixed_for_ever() -> None:
    """Stored cases rest on these numbers: a change makes every replay file worthless."""
    assert name_hash("alice-3") == 0xC75C053220319E97
    assert ask(Decisions(7), Kind.PUSH, "to bob/phone", "alice-3", 2) == 0x6FD1C3B9DC6B452E


def test_the_answers_do_not_depend_on_the_process() -> None:
    program = (
        "from imsim.sim.decisions import *; d = Decisions(7);"
        "print([draw(d.salt(k, 'to x'), d.name('alice-3'), 1) for k in Kind])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("0", "1", "12345")
    }
    assert len(outputs) == 1


def test_every_part_of_the_key_and_the_seed_count() -> None:
    answers = [ask(Decisions(seed), *question) for seed in (0, 1, -1, 2**70) for question in QUESTIONS]
    assert len(set(answers)) == len(answers)


# -- independence


def chi_square(counts: Counter[int], cells: int) -> float:
    """Pearson's statistic, as standard deviations from its mean."""
    expected = counts.total() / cells
    statistic = sum((counts[cell] - expected) ** 2 / expected for cell in range(cells))
    return (statistic - (cells - 1)) / (2 * (cells - 1)) ** 0.5


def variants(axis: str, count: int) -> list[int]:
    """The answers along one axis of the key, all else equal."""
    decisions = Decisions(2024)
    salt, subject = decisions.salt(Kind.PUSH, "to bob/phone"), decisions.name("alice-3")
    return {
        "occurrence": lambda: [draw(salt, subject, n) for n in range(1, count + 1)],
        "subject": lambda: [draw(salt, decisions.name(f"alice-{n}"), 1) for n in range(count)],
        "small subject": lambda: [draw(salt, n, 1) for n in range(count)],
        "place": lambda: [draw(decisions.salt(Kind.PUSH, f"to user-{n}/phone"), subject, 1) for n in range(count)],
        "seed": lambda: [ask(Decisions(n), Kind.PUSH, "to bob/phone", "alice-3", 1) for n in range(count)],
        "remix": lambda: [remix(draw(salt, subject, n)) for n in range(1, count + 1)],
    }[axis]()


@pytest.mark.parametrize("shift", [0, 30, 58])
@pytest.mark.parametrize("axis", ["occurrence", "subject", "small subject", "place", "seed", "remix"])
def test_answers_are_uniform_and_neighbours_independent(axis: str, shift: int) -> None:
    cells = [(bits >> shift) & 7 for bits in variants(axis, 4_000)]
    assert abs(chi_square(Counter(cells), 8)) < 4
    pairs = Counter(8 * left + right for left, right in zip(cells[::2], cells[1::2], strict=True))
    assert abs(chi_square(pairs, 64)) < 4


def test_kinds_are_independent_of_each_other() -> None:
    decisions = Decisions(5)
    pairs: Counter[int] = Counter()
    for n in range(4_000):
        subject = decisions.name(f"alice-{n}")
        push, ack = (draw(decisions.salt(kind, "to x"), subject, 1) >> 61 for kind in (Kind.PUSH, Kind.ACK))
        pairs[8 * push + ack] += 1
    assert abs(chi_square(pairs, 64)) < 4


def test_the_check_of_independence_can_fail() -> None:
    counter = [n & 7 for n in range(4_000)]
    assert abs(chi_square(Counter(counter), 8)) < 4
    pairs = Counter(8 * left + right for left, right in zip(counter[::2], counter[1::2], strict=True))
    assert abs(chi_square(pairs, 64)) > 4
    assert chi_square(Counter({0: 2_200, 1: 1_800}), 2) > 4


# -- bits into numbers


def test_units_cover_the_half_open_interval() -> None:
    assert unit(0) == 0.0
    assert unit(2**64 - 1) == 1 - 2.0**-53
    assert halves(0) == (0.0, 0.0)
    assert halves(2**64 - 1) == (1 - 2.0**-32,) * 2
    assert halves(2**63) == (0.5, 0.0)
    assert halves(2**31) == (0.0, 0.5)


def test_remixed_bits_differ_by_step() -> None:
    assert len({0, *(remix(0, step) for step in range(1, 100))}) == 100


def test_keyed_draws_are_a_stream_of_their_own() -> None:
    first, again, other = (KeyedDraws(bits) for bits in (1, 1, 2))
    numbers = [first.random() for _ in range(1_000)]
    assert numbers == [again.random() for _ in range(1_000)]
    assert not set(numbers) & {other.random() for _ in range(1_000)}
    assert abs(sum(numbers) / 1_000 - 0.5) < 0.04
    assert all(3 <= other.uniform(3, 5) < 5 for _ in range(1_000))


def test_an_algorithm_decides_alike_whatever_it_decides_between() -> None:
    one, other = Decisions(3).randomness("at bob/phone"), Decisions(3).randomness("at bob/phone")
    first = one.at("bob-1", 2).random()
    for occurrence in range(5):
        other.at("bob-9", occurrence).random()
    assert other.at("bob-1", 2).random() == first
    assert Decisions(3).randomness("at bob/tablet").at("bob-1", 2).random() != first


# -- deviations and the record


def test_a_deviation_is_found_at_its_key_only() -> None:
    decisions = Decisions(7, [parse("drop the 2nd push of alice-1 to bob/phone")])
    assert decisions.deviating
    hits = [
        question
        for question in QUESTIONS
        if decisions.deviation(decisions.salt(*question[:2]), decisions.name(question[2]), question[3]) is not None
    ]
    assert hits == [(Kind.PUSH, "to bob/phone", "alice-1", 2)]
    assert decisions.record is None


def test_deviations_do_not_change_the_answers() -> None:
    plain, deviating = Decisions(7), Decisions(7, [parse("drop the 2nd push of alice-1 to bob/phone")])
    assert not plain.deviating
    assert [ask(plain, *question) for question in QUESTIONS] == [ask(deviating, *question) for question in QUESTIONS]


def test_the_same_deviation_is_found_under_every_seed() -> None:
    for seed in range(20):
        decisions = Decisions(seed, [parse("drop the 2nd push of alice-1 to bob/phone")])
        salt = decisions.kind_salt(Kind.PUSH) ^ decisions.name("to bob/phone")
        asked = salt, decisions.name("alice-1"), 2
        assert decisions.decide(*asked) == (draw(*asked), Drop())
        assert decisions.deviation(*asked) == Drop()


def test_timed_deviations_are_handed_on_in_order_of_time() -> None:
    late = parse("jump the clock of server-1 by -3 s at 20 s")
    early = parse("partition a from b from 10 s until 30 s")
    decisions = Decisions(7, [late, early])
    assert decisions.timed == (early.action, late.action)
    assert not decisions.deviating


def test_two_deviations_at_one_key_are_refused() -> None:
    key = "the 2nd push of alice-1 to bob/phone"
    with pytest.raises(ConfigError, match=f"two deviations for {key}"):
        Decisions(7, [parse(f"drop {key}"), parse(f"crash before {key}")])


def test_what_is_asked_is_recorded_and_can_be_said() -> None:
    decisions = Decisions(7, recording=True)
    assert decisions.deviating
    for kind, place, subject, occurrence in QUESTIONS:
        where = f"kv.get {place}" if kind is Kind.PORT else place
        decisions.deviation(decisions.salt(kind, where), decisions.name(subject), occurrence)
    assert decisions.record is not None
    said = [str(Deviation(decisions.key_of(asked), CrashBefore())) for asked in decisions.record]
    assert len(set(said)) == len(QUESTIONS)
    assert said[1] == "crash before the 2nd push of alice-1 to bob/phone"
    replayed = Decisions(7, [parse(text) for text in said])
    assert all(replayed.deviation(*asked) is not None for asked in decisions.record)


def test_what_is_improvised_at_a_key_is_improvised_there_again() -> None:
    """Or it could not be had again: a deviation at a key is done whenever the key is asked."""
    met: list[tuple[Kind, str]] = []
    answers = iter([Drop(), None, Drop()])

    def improvise(kind: Kind, place: str, _bits: int) -> Drop | None:
        met.append((kind, place))
        return next(answers)

    decisions = Decisions(1, improviser=improvise)
    salt = decisions.salt(Kind.PUSH, "to bob/phone")
    one, two = decisions.name("alice-1"), decisions.name("alice-2")
    given = [decisions.deviation(salt, subject, 1) for subject in (one, two, one, two)]
    assert given == [Drop(), None, Drop(), None]
    assert met == [(Kind.PUSH, "to bob/phone")] * 2
    assert decisions.improvised == [((salt, one, 1), Drop())]
    assert decisions.met() == ("push",)


def test_a_record_without_words_is_a_bug() -> None:
    decisions = Decisions(7, recording=True)
    decisions.deviation(1, 2, 3)
    with pytest.raises(InternalError, match="without a name"):
        decisions.key_of((1, 2, 3))


def test_every_frame_has_a_kind_of_its_own() -> None:
    tags = [frame.__struct_config__.tag for frame in Frame.__args__]
    assert sorted(FRAMES) == sorted(tags)
    assert len(set(FRAMES.values())) == len(FRAMES)
