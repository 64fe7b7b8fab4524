"""What the lines say: frames, records and effects in JSON, each with the `type` that tells what it is.

The same structs as in protocol/ do, with two differences. A row of the view is an entry, which has no type of its own,
so a line wraps it; and only what a device may transmit is taken as a frame of it. Whatever else comes is a `LineError`,
which says where in the line what was expected.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeVar, Union

import msgspec
from msgspec import Meta

from imsim.protocol.effects import Connect, Disconnect, Effect, Notify, Transmit, Write
from imsim.protocol.frames import Ack, Ask, Cancel, Check, Entry, Hello, Ping, Send, Watch
from imsim.protocol.records import Epoch, Installed, Kept, Known, Missing, Queued, Record, Resolved

__all__ = ["Answer", "Greeting", "LineError", "Look", "State", "decode", "effects_of", "encode", "told"]

Moment = Annotated[float, Meta(ge=0, le=1e12)]

T = TypeVar("T")


class LineError(Exception):
    """A line is not what was to be said."""


class _Row(msgspec.Struct, frozen=True, tag="row", forbid_unknown_fields=True):
    entry: Entry


_Record = Union[_Row, Installed, Queued, Resolved, Known, Missing, Epoch, Kept]  # noqa: UP007 (msgspec)


class _Write(msgspec.Struct, frozen=True, tag="write", forbid_unknown_fields=True):
    records: Annotated[tuple[_Record, ...], Meta(min_length=1)]


class _Transmit(msgspec.Struct, frozen=True, tag="transmit", forbid_unknown_fields=True):
    frame: Union[Hello, Send, Cancel, Ack, Ask, Check, Watch, Ping]  # noqa: UP007 (msgspec)


_Effect = Union[_Write, _Transmit, Notify, Connect, Disconnect]  # noqa: UP007 (msgspec)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What every line of the program begins with: the number of the line that it answers."""

    n: int


class Greeting(Answer, frozen=True, kw_only=True):
    """The first answer: the version of the protocol that the program speaks."""

    protocol: int


class State(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a device is after a command or an input, and what it wants done; protocol/contract.py says what that means.

    `client_id` is that of the entry which a command made.
    """

    effects: tuple[_Effect, ...]
    wake_at: Moment | None
    online: bool
    quiet: bool
    client_id: str | None = None


class Look(Answer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a device holds, by conversation, and what the user reads of some messages.

    `positions` are its cursors and `read` how far the user has read, both as `(epoch, seq)`; `unread` is what the user
    is told to be unread.
    """

    positions: dict[str, tuple[int, int]]
    read: dict[str, tuple[int, int]]
    unread: dict[str, int]
    contents: tuple[str | None, ...]


def encode(line: dict[str, Any]) -> bytes:
    """A line for the program, its end included."""
    return _ENCODER.encode(line) + b"\n"


def decode(line: bytes, kind: type[T]) -> T:
    """The line of the program.

    Raises:
        LineError: it is no such line.
    """
    try:
        found: T = _DECODERS[kind].decode(line)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise LineError(str(error)) from error
    return found


def told(record: Record) -> object:
    """A record as a line says it."""
    return _Row(record) if type(record) is Entry else record


def effects_of(state: State) -> list[Effect]:
    """The effects of a line as a world carries them out.

    Raises:
        LineError: one makes no sense.
    """
    return [_EFFECTS.get(type(effect), _same)(effect) for effect in state.effects]


def _write(effect: _Write) -> Write:
    return Write(tuple(record.entry if type(record) is _Row else record for record in effect.records))  # type: ignore[misc]


def _transmit(effect: _Transmit) -> Transmit:
    if type(effect.frame) is Send and not effect.frame.drafts:
        raise LineError("a send offers nothing: its `drafts` are empty")
    return Transmit(effect.frame)


def _same(effect: Effect) -> Effect:
    return effect


_EFFECTS: Final[dict[type, Any]] = {_Write: _write, _Transmit: _transmit}
_ENCODER: Final = msgspec.json.Encoder(enc_hook=repr)
"""A policy of somebody's own in the config is told by its name."""
_DECODERS: Final[dict[type, msgspec.json.Decoder[Any]]] = {
    kind: msgspec.json.Decoder(kind) for kind in (Answer, Greeting, State, Look)
}
