"""What hostile or broken peers send ends in one typed error; what a peer may send is read as it was written."""

from __future__ import annotations

import msgspec
import pytest

from imsim.errors import FrameError
from imsim.protocol.codec import Codec
from imsim.protocol.frames import Ack, Ask, Draft, Hello, Message, Ping, Refused, Send

_DEEP = 200_000


def packed(**fields) -> bytes:
    return msgspec.msgpack.encode(fields)


def hello(version: int) -> Hello:
    return Hello("alice", "phone", "install", "push", version=version)


@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("version", [0, 1, 99])
def test_a_greeting_of_any_version_can_be_read_and_so_refused(codec, version):
    assert codec.decode(codec.encode(hello(version))) == hello(version)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"type":"ping"}',
        b'{"type":"ping","number":1} {}',
        b'{"type":"ping","number":1,"more":2}',
        b'{"type":"ping","number":1.5}',
        b'{"type":"ping","number":"1"}',
        b'{"type":"ping","number":true}',
        b'{"type":"ping","number":NaN}',
        b'{"type":"ping","number":-1}',
        b'{"type":"ping","number":9007199254740992}',
        b'{"type":"ping","number":1' + b"0" * 4000 + b"}",
        b'{"type":"message","content":"a body is no frame"}',
        b'{"type":"unheard of"}',
        b'{"type":7}',
        b'{"type":"closed","reason":"\xff"}',
        b'{"type":"closed","reason":"\\ud800"}',
        b'{"type":"refused","reason":"","retry_after":1e999}',
        b'{"type":"ack","conversation":"room","epoch":1,"upto":1,"above":[[3,4,5]]}',
        b"[" * _DEEP,
        b'{"type":' * _DEEP,
        b'{"type":"watch","users":' + b"[" * _DEEP,
        b'{"type":"ping","unknown":' + b"[" * _DEEP,
        "\ud800",
    ],
    ids=lambda data: repr(data[:40]),
)
def test_what_is_no_frame_of_json_is_one_typed_error(data):
    with pytest.raises(FrameError, match="not a frame of protocol 1"):
        Codec.JSON.decode(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\xff",
        b"\x91" * _DEEP,
        b"\x81\xa4type" * _DEEP,
        packed(type="ping", number=1)[:-1],
        packed(type="ping", number=1) + b"\x00",
        packed(type="ping", number=1 << 63),
        packed(type="ping", number=-1),
        packed(type="closed", reason=b"\xff"),
        b"\x82\xa4type\xa6closed\xa6reason\xa1\xff",
        packed(type="check", number=1, hold=float("nan")),
        packed(type="check", number=1, hold=float("inf")),
        b"\xc9\xff\xff\xff\xff\x01",
        b"\xdd\xff\xff\xff\xff",
        "text",
    ],
    ids=lambda data: repr(data[:40]),
)
def test_what_is_no_frame_of_messagepack_is_one_typed_error(data):
    with pytest.raises(FrameError, match="not a frame of protocol 1"):
        Codec.MSGPACK.decode(data)


@pytest.mark.parametrize("wall", [float("nan"), float("inf"), -float("inf")])
def test_a_time_that_is_no_number_is_refused(wall):
    """Devices that compare it with another one would not agree on which edit is the latest."""
    with pytest.raises(FrameError):
        Codec.MSGPACK.decode(Codec.MSGPACK.encode(Send("room", 1, (Draft("a-1", wall, Message("x")),))))


@pytest.mark.parametrize("frame", [Ack("room", 1, -1), Ask("room", 1, -5, 3, 9), Ack("room", -1, 0), Ack("room", 0, 0)])
def test_a_slot_that_cannot_be_is_refused(frame):
    with pytest.raises(FrameError):
        Codec.JSON.decode(Codec.JSON.encode(frame))


def test_an_error_says_what_was_wrong_and_keeps_its_cause():
    with pytest.raises(FrameError, match=r"\(json, 15 bytes\).*missing required field `number`") as caught:
        Codec.JSON.decode(b'{"type":"ping"}')
    assert isinstance(caught.value.__cause__, msgspec.ValidationError)


@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("content", ["", "\x00\x1f", "🙂 äöü 中文", "\u2028", 'a "quoted" \\ text'])
def test_any_text_is_read_as_it_was_written(codec, content):
    frame = Send("room", 1, (Draft("a-1", 1.5, Message(content)),))
    assert codec.decode(codec.encode(frame)) == frame


def test_the_largest_numbers_are_read_as_they_were_written():
    frames = [Ping((1 << 53) - 1), Refused("later", 1e12), Refused("never", None)]
    assert [Codec.JSON.decode(Codec.JSON.encode(frame)) for frame in frames] == frames
