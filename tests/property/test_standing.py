"""What devices say of themselves, and what they write after what they saw: judged as a person would count."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from imsim.history import Event, Writer
from imsim.verify.finding import Property
from imsim.verify.verdict import judge

LENGTH = 3
DEVICES = ("a/1", "b/1", "b/2")
AUTHORS = {slot: ("a/1", "b/1", "b/2")[slot % 3] for slot in range(1, LENGTH + 1)}

shows = st.tuples(st.just("show"), st.sampled_from(DEVICES), st.integers(1, LENGTH))
recalls = st.tuples(st.just("recall"), st.sampled_from(DEVICES), st.integers(1, LENGTH), st.booleans())
words = st.tuples(
    st.just("say"), st.sampled_from(DEVICES), st.integers(0, LENGTH), st.integers(0, LENGTH), st.integers(0, 2)
)
wipes = st.tuples(st.just("wipe"), st.sampled_from(DEVICES))


def user(device):
    return device.partition("/")[0]


class Story:
    """Writes what happens, and keeps what each device holds."""

    def __init__(self, joined):
        self.writer = Writer()
        self.joined = joined
        self.shown = {device: set() for device in DEVICES}
        self.recalled = {device: set() for device in DEVICES}
        self.said = []
        for device in DEVICES:
            self.tell(device, Event.INSTALLED)
        for name, slot in joined.items():
            self.tell("s", Event.JOINED, conversation="c", seq=slot, detail=name)
        for slot, author in AUTHORS.items():
            self.tell(author, Event.SUBMITTED, conversation="c", message=f"m{slot}")
            self.tell("s", Event.COMMITTED, conversation="c", message=f"m{slot}", seq=slot)
        for slot, author in AUTHORS.items():
            recall, seq = f"r{slot}", LENGTH + slot
            self.tell(author, Event.SUBMITTED, conversation="~c", message=recall, detail="recall")
            self.tell("s", Event.COMMITTED, conversation="~c", message=recall, seq=seq, detail="recall")

    def tell(self, node, event, **columns):
        self.writer.fact(0.0, node, event, **columns)

    def may_read(self, device, slot):
        return slot >= self.joined[user(device)]

    def show(self, device, slot):
        self.tell(device, Event.SHOWN, conversation="c", message=f"m{slot}", seq=slot)
        self.shown[device].add(slot)

    def recall(self, device, slot, early):
        if not early:
            self.show(device, slot)
        recall = {"conversation": "~c", "message": f"r{slot}", "seq": LENGTH + slot, "detail": f"m{slot}"}
        self.tell(device, Event.RECALLED, **recall)
        self.recalled[device].add(slot)

    def wipe(self, device):
        self.tell(device, Event.INSTALLED)
        self.shown[device].clear()
        self.recalled[device].clear()
        self.said = [each for each in self.said if each[0] != device]

    def say(self, device, cursor, mark, wrong):
        unread = sum(
            user(AUTHORS[slot]) != user(device) and slot > mark and slot not in self.recalled[device]
            for slot in self.shown[device]
            if self.may_read(device, slot)
        )
        self.tell(device, Event.COUNTED, conversation="c", seq=mark, op=cursor, size=unread + wrong)
        entitled = {slot for slot in range(1, cursor + 1) if self.may_read(device, slot)}
        self.said.append((device, cursor, mark, wrong > 0, not entitled <= self.shown[device]))

    def expected(self):
        found = Counter()
        for device in DEVICES:
            own = [said for said in self.said if said[0] == device]
            found[Property.UNREAD] += sum(said[3] for said in own)
            found[Property.NO_HIDDEN_GAP] += sum(said[4] for said in own)
        return +found


@given(
    joined=st.fixed_dictionaries(dict.fromkeys("ab", st.integers(1, LENGTH))),
    steps=st.lists(shows | recalls | words | wipes, min_size=4, max_size=30),
)
def test_words_are_counted_like_sets(joined, steps):
    story = Story(joined)
    for name, *arguments in steps:
        getattr(story, name)(*arguments)
    counts = judge(story.writer.finish()).counts
    assert {one: counts[one] for one in (Property.UNREAD, Property.NO_HIDDEN_GAP) if one in counts} == story.expected()


marks = st.tuples(
    st.sampled_from(["say", "hear", "install"]),
    st.sampled_from(DEVICES[:2]),
    st.sampled_from("cd"),
    st.integers(0, 3),
    st.integers(0, 3),
)


@given(steps=st.lists(marks, max_size=20))
def test_what_goes_back_is_found_whatever_else_is_said(steps):
    writer = Writer()
    last, heard, expected = {}, {}, 0
    for kind, device, where, mark, cursor in steps:
        own = (device, where)
        if kind == "install":
            writer.fact(0.0, device, Event.INSTALLED)
            last, heard = ({key: one[key] for key in one if key[0] != device} for one in (last, heard))
        elif kind == "hear":
            writer.fact(0.0, device, Event.READ, conversation=where, seq=mark)
            heard[own] = max(mark, heard.get(own, 0))
        else:
            before = last.get(own, (0, 0))
            expected += (cursor < before[0]) + (mark < before[1]) + (mark < heard.get(own, 0))
            last[own] = (cursor, mark)
            writer.fact(0.0, device, Event.COUNTED, conversation=where, seq=mark, op=cursor)
    assert judge(writer.finish()).counts.get(Property.NEVER_BACK, 0) == expected


@given(
    order=st.permutations(range(1, 5)),
    steps=st.lists(st.tuples(st.sampled_from(DEVICES), st.integers(1, 4)), max_size=12),
    authors=st.lists(st.sampled_from(DEVICES), min_size=4, max_size=4),
)
def test_writes_follow_reads_as_pairs_say(order, steps, authors):
    """Message n is submitted before every second step, stands in slot `order[n]`, and is shown as `steps` say."""
    writer = Writer()
    for device in DEVICES:
        writer.fact(0.0, device, Event.INSTALLED)
    for name in "ab":
        writer.fact(0.0, "s", Event.JOINED, conversation="c", seq=1, detail=name)
    seen, expected, wanted = [], set(), 0
    for place, (device, slot) in enumerate([*steps, *[("", 0)] * 4]):
        if wanted < len(authors) and place % 2 == 0:
            writer.fact(0.0, authors[wanted], Event.SUBMITTED, conversation="c", message=f"m{wanted}")
            expected |= {
                (reader, number)
                for reader, other, number in seen
                if reader == authors[wanted] and other > order[wanted]
            }
            wanted += 1
        if device:
            message = order.index(slot)
            writer.fact(0.0, device, Event.SHOWN, conversation="c", message=f"m{message}", seq=slot)
            seen.append((device, slot, place))
    for number, slot in enumerate(order[:wanted]):
        writer.fact(0.0, "s", Event.COMMITTED, conversation="c", message=f"m{number}", seq=slot)
    entitled = {number for _, slot, number in seen if order.index(slot) < wanted}
    judged = {number for _, number in expected if number in entitled}
    assert judge(writer.finish()).counts.get(Property.SESSIONS, 0) == len(judged)
