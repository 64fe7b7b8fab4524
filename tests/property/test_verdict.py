"""Whatever devices come, go and lose: the verdict counts exactly what sets say is missing or doubled."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from imsim.history import Event, Writer
from imsim.verify.finding import Property
from imsim.verify.verdict import judge

DEVICES = ("a/1", "b/1", "b/2", "c/1")
LENGTH = 6

memberships = st.lists(st.integers(1, LENGTH + 1), unique=True, max_size=4).map(sorted)
"""Slots at which a user joins, leaves, joins, ..."""


@given(
    changes=st.fixed_dictionaries(dict.fromkeys("abc", memberships)),
    shown=st.lists(st.tuples(st.sampled_from(DEVICES), st.integers(1, LENGTH)), max_size=40),
    wiped_after=st.dictionaries(st.sampled_from(DEVICES), st.integers(0, 40)),
    conversation=st.sampled_from(["x", "z"]),  # before or after the empty one
)
def test_losses_duplicates_and_strangers_are_counted_like_sets(changes, shown, wiped_after, conversation):
    writer = Writer()
    writer.conversations.index("x")
    writer.fact(0, "s", Event.JOINED, conversation="y", seq=1, detail="a")
    for device in DEVICES:
        writer.fact(0, device, Event.INSTALLED, detail="0")
    for user, slots in changes.items():
        for number, slot in enumerate(slots):
            event = Event.LEFT if number % 2 else Event.JOINED
            writer.fact(0, "s", event, conversation=conversation, seq=slot, detail=user)
    for slot in range(1, LENGTH + 1):
        name = f"m{slot}"
        writer.fact(1, "z/1", Event.SUBMITTED, conversation=conversation, message=name)
        writer.fact(1, "s", Event.COMMITTED, conversation=conversation, message=name, seq=slot)
        writer.fact(1, "s", Event.ACCEPTED, conversation=conversation, message=name, seq=slot)
        writer.fact(1, "z/1", Event.RESOLVED, conversation=conversation, message=name, seq=slot)
    install = Counter()
    for number, (device, slot) in enumerate(shown):
        for wiped in [each for each, after in wiped_after.items() if after == number]:
            writer.fact(2, wiped, Event.INSTALLED, detail="1")
            install[wiped] += 1
        writer.fact(2, device, Event.SHOWN, conversation=conversation, message=f"m{slot}", seq=slot)
    writer.fact(3, "world", Event.HEALED, detail="end")

    entitled = {
        (device, slot) for device in DEVICES for slot in range(1, LENGTH + 1) if member(changes[device[0]], slot)
    }
    expected = Counter()
    final, ever = Counter(), Counter()
    for number, (device, slot) in enumerate(shown):
        gone = wiped_after.get(device, -1)
        wiped = gone <= number and gone >= 0
        ever[device, slot, wiped] += 1
        if wiped or install[device] == 0:
            final[device, slot] += 1
        expected[Property.PROVENANCE] += (device, slot) not in entitled
    expected[Property.NO_LOSS] = len(entitled - set(final))
    expected[Property.NO_DUPLICATE] = sum(times - 1 for times in ever.values())

    assert judge(writer.finish()).counts == +expected


def member(slots, slot):
    """Whether somebody who joins and leaves at `slots` in turn may read `slot`: leaving at a slot includes it."""
    pairs = [slots[number : number + 2] for number in range(0, len(slots), 2)]
    return any(pair[0] <= slot <= (pair[1] if len(pair) > 1 else LENGTH) for pair in pairs)
