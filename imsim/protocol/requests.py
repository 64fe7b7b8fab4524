"""What a session wants done between its frames: values that the gateway carries out and answers.

A session reads no log and knows no port, so it asks. No behaviour belongs here.
"""

from __future__ import annotations

from typing import Union

import msgspec

from imsim.protocol.frames import Ask, Cancel, Frame, Send

__all__ = ["Close", "Fetch", "Observe", "Output", "ReadPage", "Submit", "Survey", "Withdraw"]


class Fetch(msgspec.Struct, frozen=True, gc=False):
    """Read `low..high` for this user, and hand it to `handle_fetched`."""

    conversation: str
    low: int
    high: int


class Submit(msgspec.Struct, frozen=True, gc=False):
    """Accept these drafts."""

    send: Send


class Withdraw(msgspec.Struct, frozen=True, gc=False):
    """Cancel this draft."""

    cancel: Cancel


class ReadPage(msgspec.Struct, frozen=True, gc=False):
    """Answer this question."""

    ask: Ask


class Survey(msgspec.Struct, frozen=True, gc=False):
    """Find the heads of the user's conversations, and hand them to `handle_survey`."""

    number: int
    hold: float


class Observe(msgspec.Struct, frozen=True, gc=False):
    """Tell this session of these users' presence."""

    users: tuple[str, ...]


class Close(msgspec.Struct, frozen=True, gc=False):
    """Drop the connection."""

    reason: str


Output = Union[Frame, Fetch, Submit, Withdraw, ReadPage, Survey, Observe, Close]  # noqa: UP007
