"""Frames as bytes: JSON for what people read, MessagePack for what must be small.

Whatever arrives, decoding ends in a frame or in one `FrameError`. What a frame means, and who may send it, does not
belong here.
"""

from __future__ import annotations

import enum

import msgspec

from imsim.errors import FrameError
from imsim.protocol.frames import PROTOCOL_VERSION, Frame

__all__ = ["Codec"]


class Codec(enum.Enum):
    """How frames become bytes."""

    JSON = "json"
    MSGPACK = "msgpack"

    def encode(self, frame: Frame) -> bytes:
        """The bytes of one frame."""
        return _ENCODERS[self].encode(frame)

    def decode(self, data: bytes | str) -> Frame:
        """The frame in `data`.

        Raises:
            FrameError: whatever else `data` is; the only error that can come out.
        """
        try:
            return _DECODERS[self].decode(data)  # type: ignore[arg-type]
        except (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError, TypeError) as error:
            # msgspec lets RecursionError and UnicodeDecodeError through for hostile input
            message = f"not a frame of protocol {PROTOCOL_VERSION} ({self.value}, {len(data)} bytes): {error}"
            raise FrameError(message) from error


_ENCODERS: dict[Codec, msgspec.json.Encoder | msgspec.msgpack.Encoder] = {
    Codec.JSON: msgspec.json.Encoder(),
    Codec.MSGPACK: msgspec.msgpack.Encoder(),
}
_DECODERS: dict[Codec, msgspec.json.Decoder[Frame] | msgspec.msgpack.Decoder[Frame]] = {
    Codec.JSON: msgspec.json.Decoder(Frame),
    Codec.MSGPACK: msgspec.msgpack.Decoder(Frame),
}
