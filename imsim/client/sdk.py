"""The SDK: the real `Device`, driven by asyncio over a WebSocket and a SQLite file.

    async with Client("ws://127.0.0.1:8765", user="alice", device="phone", store="alice.db") as client:
        client_id = await client.send("team", "Lunch?")
        await client.wait_sent(client_id)
        async for row in client.rows():
            print(row.author, row.body)

A write that fails, a server that refuses for good, or a bug ends the client, and whoever waits for anything is told.
The install value lies in a file beside the database, so that a copied database is known to be a copy. What does not
belong here: how the device's wishes are carried out (driver.py).
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from imsim.client.driver import Driver
from imsim.errors import ConfigError
from imsim.protocol.config import DeviceConfig
from imsim.protocol.device import Device, Row
from imsim.protocol.records import SendState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from imsim.protocol.effects import Effect
    from imsim.protocol.frames import Entry, Frame

__all__ = ["Client"]

_CONTENT_BYTES = 128 << 10
"""A whole batch of such contents still fits into a frame; a server may allow less, and then answers that it failed."""


class Client:
    """One device of one user, connected to a server; `async with` it.

    Args:
        url: the server, `ws://HOST:PORT`.
        user, device: who; the device's name is unique among the user's.
        store: the SQLite file of this device.
        config: how it behaves.
        on_effect: told of each effect after it was carried out.
        on_frame: told of each frame that arrives, before the device is.

    Raises:
        ConfigError: the file cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        user: str,
        device: str,
        store: str | Path,
        config: DeviceConfig | None = None,
        on_effect: Callable[[Effect], None] | None = None,
        on_frame: Callable[[Frame], None] | None = None,
    ) -> None:
        self._url = url
        self._user = user
        self._name = f"{user}/{device}"
        self._path = Path(store)
        self._config = config or DeviceConfig()
        self._on_effect = on_effect
        self._on_frame = on_frame

    async def __aenter__(self) -> Self:
        """Load the device and connect.

        Raises:
            ConfigError: the address or the file cannot be used.
            WorldError: another process uses the file, or the disk is full.
        """
        from imsim.adapters.asyncio_runtime import SharedRandomness
        from imsim.adapters.install import install_of
        from imsim.adapters.sqlite import SqliteStore
        from imsim.adapters.websocket import check_url

        check_url(self._url)
        store = SqliteStore(self._path)
        try:
            device = Device.load(
                store,
                self._config,
                SharedRandomness(),
                install_of(self._path),
                user=self._user,
                name=self._name,
                now=time.monotonic(),
            )
            patience = self._config.connect_timeout
            self._driver = Driver(
                device, store, self._url, name=self._name, connect_timeout=patience, on_effect=self._on_effect,
                on_frame=self._on_frame,
            )  # fmt: skip
            self._driver.command(device.open)
        except BaseException:
            store.close()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Leave the connection and close the file; what waits is sent the next time.

        Raises:
            Exception: whatever ended the client before.
        """
        await self._driver.stop()
        if kind is None and self._driver.failure is not None:
            raise self._driver.failure

    # ------------------------------------------------------------------------------------------ commands

    async def create(self, conversation: str, members: tuple[str, ...]) -> str:
        """Begin a conversation of these members, oneself among them; returns the client id of its first entry."""
        _check_texts(conversation, *members)
        return self._driver.command(self.device.create, conversation, tuple(members))

    async def send(self, conversation: str, content: str, *, reply_to: str | None = None) -> str:
        """Write a message; durable when this returns, and sent as soon as it can be. Returns its client id.

        Raises:
            ConfigError: the content is no Unicode text, or longer than any server takes.
            WorldError: it could not be made durable; the client has ended.
        """
        _check_texts(conversation, content)
        return self._driver.command(self.device.send, conversation, content, reply_to=reply_to)

    async def edit(self, conversation: str, target: str, content: str) -> str:
        """Give an own message a new content."""
        _check_texts(conversation, target, content)
        return self._driver.command(self.device.edit, conversation, target, content)

    async def recall(self, conversation: str, target: str) -> str:
        """Take an own message back."""
        _check_texts(conversation, target)
        return self._driver.command(self.device.recall, conversation, target)

    async def mark_read(self, conversation: str, seq: int) -> str | None:
        """The user has read up to `seq`; None if that is no news."""
        return self._driver.command(self.device.mark_read, conversation, seq)

    async def cancel(self, client_id: str) -> bool:
        """Take an own message back before it is accepted; False if it is resolved already."""
        return self._driver.command(self.device.cancel, client_id)

    # ------------------------------------------------------------------------------------------ what may be asked

    @property
    def device(self) -> Device:
        """The device itself, for everything that can be asked of it."""
        return self._driver.device

    @property
    def online(self) -> bool:
        """Whether a session is open."""
        return self.device.online

    def view(self, conversation: str) -> list[Row]:
        """What the user sees of a conversation."""
        return self.device.view(conversation)

    def unread(self, conversation: str) -> int:
        """How many messages wait to be read."""
        return self.device.unread(conversation)

    def conversations(self) -> list[str]:
        """Every conversation that this device knows."""
        return self.device.conversations()

    async def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition()` holds; it is looked at whenever something changed.

        Raises:
            WorldError: the local store failed, the server refused or the client was closed: nothing will change.
        """
        await self._driver.wait(condition)

    async def wait_sent(self, client_id: str) -> SendState:
        """Wait until it is known what became of an own message, and say what."""
        await self.wait(lambda: self._is_final(client_id))
        return self.device.state(client_id) or SendState.UNKNOWN

    def rows(self) -> AsyncIterator[Entry]:
        """New rows of the durable view, as they come; ends when the client is closed.

        Raises:
            WorldError: as `wait`.
        """
        return self._driver.rows()

    def _is_final(self, client_id: str) -> bool:
        state = self.device.state(client_id)
        return state is not None and state.final


def _check_texts(*texts: str) -> None:
    """Refuse what can be neither stored nor sent, before the device remembers it.

    Raises:
        ConfigError: it is too long, or no Unicode text.
    """
    for text in texts:
        try:
            size = len(text.encode())
        except UnicodeEncodeError as error:
            raise ConfigError(f"{text!r} is no Unicode text: it holds half of a surrogate pair") from error
        if size > _CONTENT_BYTES:
            raise ConfigError(f"a text of {size} bytes: expected at most {_CONTENT_BYTES}")
