"""Every frame is read as it was written, and whatever else arrives ends in a frame or in one typed error."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsim.errors import FrameError
from imsim.protocol import frames as f
from imsim.protocol.codec import Codec

counts = st.integers(0, (1 << 53) - 1)
epochs = st.integers(1, (1 << 53) - 1)
seconds = st.floats(0, 1e12)
walls = st.floats(-1e12, 1e12)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
names = st.lists(texts, max_size=3).map(tuple)
spans = st.lists(st.tuples(counts, counts), max_size=3).map(tuple)
maybe = st.none() | texts

bodies = st.one_of(
    st.builds(f.Message, texts, maybe),
    st.builds(f.Edit, texts, texts),
    st.builds(f.Recall, texts),
    st.builds(f.Created, names),
    st.builds(f.Join, texts),
    st.builds(f.Leave, texts),
    st.builds(f.NoOp),
    st.builds(f.TailLost, names),
    st.builds(f.Joined, texts, counts),
    st.builds(f.Left, texts, counts),
    st.builds(f.Read, texts, counts, counts),
)
entries = st.lists(st.builds(f.Entry, texts, counts, counts, texts, texts, walls, bodies), max_size=3).map(tuple)
drafts = st.lists(st.builds(f.Draft, texts, walls, bodies), max_size=3).map(tuple)
positions = st.lists(st.builds(f.Position, texts, epochs, spans), max_size=3).map(tuple)
outcomes = st.lists(
    st.builds(f.Outcome, texts, st.sampled_from(f.Answer), counts, counts, st.none() | seconds, texts), max_size=3
).map(tuple)
heads = st.lists(st.builds(f.Head, texts, counts, counts, counts), max_size=3).map(tuple)
limits = st.builds(f.Limits, counts, counts, counts, seconds, seconds)

frames = st.one_of(
    st.builds(
        f.Hello, texts, texts, texts, texts, positions, counts, st.none() | st.builds(f.Resume, texts, counts), counts
    ),
    st.builds(f.Send, texts, epochs, drafts, counts, counts),
    st.builds(f.Cancel, texts, epochs, texts, counts),
    st.builds(f.Ack, texts, epochs, counts, spans),
    st.builds(f.Ask, texts, epochs, counts, counts, counts, st.booleans()),
    st.builds(f.Check, counts, seconds),
    st.builds(f.Watch, names),
    st.builds(f.Ping, counts),
    st.builds(f.Welcome, texts, counts, limits, st.booleans()),
    st.builds(f.Refused, texts, st.none() | seconds),
    st.builds(f.Sent, texts, counts, outcomes),
    st.builds(f.Push, texts, counts, entries, counts),
    st.builds(f.Page, texts, counts, counts, counts, entries, counts, counts),
    st.builds(f.Heads, heads, counts),
    st.builds(f.Hint, texts, counts, counts),
    st.builds(f.EpochChanged, texts, counts, counts),
    st.builds(f.Presence, texts, st.booleans(), seconds),
    st.builds(f.Closed, texts),
    st.builds(f.Pong, counts),
)
codecs = pytest.mark.parametrize("codec", list(Codec))


@codecs
@given(frames)
def test_a_frame_is_read_as_it_was_written(codec, frame):
    assert codec.decode(codec.encode(frame)) == frame


@codecs
@given(st.binary(max_size=60) | st.text(max_size=60))
def test_whatever_arrives_is_a_frame_or_one_error(codec, data):
    with suppress(FrameError):
        assert isinstance(codec.decode(data), f.Frame)


@codecs
@given(frames, st.integers(0), st.integers(0), st.binary(max_size=4))
def test_a_damaged_frame_is_a_frame_or_one_error(codec, frame, low, high, instead):
    data = codec.encode(frame)
    low, high = sorted((low % (len(data) + 1), high % (len(data) + 1)))
    with suppress(FrameError):
        again = codec.decode(data[:low] + instead + data[high:])
        assert codec.decode(codec.encode(again)) == again
