"""For all cases: words and back, files and back, and an answer that depends on nothing but its key."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from imsim.sim.decisions import Decisions, Key, Kind, draw
from imsim.sim.deviations import ClockJump, Delay, Deviation, Hold, Partition, Pause, Release, parse, possible

NAMES = st.text(min_size=1, max_size=12).filter(lambda text: len(text.split()) == 1 and text == text.strip()) | (
    st.sampled_from(["of", "the", "to", "s", "by", "from", "until", "x,", "team[3..7]", "{key}", "bob/phone"])
)
PREPOSITIONS = st.sampled_from(["to", "from", "at"])
SECONDS = st.floats(min_value=0, allow_nan=False, allow_infinity=False)


@st.composite
def keys(draw_from: st.DrawFn) -> Key:
    kind = draw_from(st.sampled_from([kind for kind in Kind if possible(kind)]))
    place = f"{draw_from(PREPOSITIONS)} {draw_from(NAMES)}"
    if kind is Kind.PORT:
        place = f"{draw_from(NAMES)} {place}"
    return Key(kind, place, draw_from(NAMES), draw_from(st.integers(1, 10**6)))


@st.composite
def keyed(draw_from: st.DrawFn) -> Deviation:
    key = draw_from(keys())
    action = draw_from(st.sampled_from(possible(key.kind)))
    how = {Delay: SECONDS, Pause: SECONDS, Hold: st.sampled_from(Release)}
    return Deviation(key, action(draw_from(how[action])) if action in how else action())


@st.composite
def timed(draw_from: st.DrawFn) -> Deviation:
    if draw_from(st.booleans()):
        jump = draw_from(st.floats(allow_nan=False, allow_infinity=False))
        return Deviation(None, ClockJump(at=draw_from(SECONDS), node=draw_from(NAMES), seconds=jump))
    at, until = sorted(draw_from(st.lists(SECONDS, min_size=2, max_size=2, unique=True)))
    one_way = draw_from(st.booleans())
    return Deviation(None, Partition(at=at, until=until, a=draw_from(NAMES), b=draw_from(NAMES), one_way=one_way))


@given(keys())
def test_a_key_and_its_words_say_the_same(key: Key) -> None:
    assert Key.parse(str(key)) == key


@given(keyed() | timed())
def test_a_deviation_and_its_words_say_the_same(deviation: Deviation) -> None:
    assert parse(str(deviation)) == deviation


@given(keyed() | timed())
def test_a_deviation_survives_a_file(deviation: Deviation) -> None:
    assert msgspec.json.decode(msgspec.json.encode(deviation), type=Deviation) == deviation


@given(st.lists(keyed() | timed(), unique_by=str, max_size=6))
def test_different_deviations_have_different_words(deviations: list[Deviation]) -> None:
    assert all(one != other for n, one in enumerate(deviations) for other in deviations[:n])


@given(st.integers(), st.lists(keys(), min_size=1, max_size=10, unique=True), st.randoms(use_true_random=False))
def test_an_answer_depends_on_nothing_but_its_key(seed: int, asked: list[Key], random) -> None:
    def ask(decisions: Decisions, key: Key) -> int:
        return draw(decisions.salt(key.kind, key.place), decisions.name(key.subject), key.occurrence)

    first = Decisions(seed)
    answers = {key: ask(first, key) for key in asked}
    shuffled = random.sample(asked, random.randint(1, len(asked)))
    second = Decisions(seed)
    assert all(ask(second, key) == answers[key] for key in shuffled)
    assert len(set(answers.values())) == len(asked)


@given(st.integers(), st.lists(keyed(), max_size=6, unique_by=lambda deviation: deviation.key))
def test_every_deviation_is_found_and_no_other(seed: int, deviations: list[Deviation]) -> None:
    planted, empty = Decisions(seed, deviations), Decisions(seed)
    for deviation in deviations:
        key = deviation.key
        asked = planted.salt(key.kind, key.place), planted.name(key.subject), key.occurrence
        assert planted.deviation(*asked) == deviation.action
        assert planted.deviation(asked[0], asked[1], key.occurrence + 10**7) is None
        assert empty.deviation(*asked) is None
