"""What every device promises: the public conformance suite of `imsim.protocol.contract`.

The promises are those that a world and the search rely upon, and those without which no other can be kept. They are
looked at from outside, at the effects and at what may be asked, so a class of one's own, a subclass of imsim's device
and a program in another language pass the same bodies.

    def test_my_device():
        check_device(MyDevice)                                   # or DeviceCommand("./my-sdk --imsim")

What does not belong here: what only many devices, servers that fail and lossy networks can show; `imsim.check` does.
"""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from imsim.protocol.config import DeviceConfig
from imsim.testing.device import life, receiving, sending, survival, view
from imsim.testing.device.book import DEVICE
from imsim.testing.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imsim.protocol.contract import DeviceFactory

__all__ = ["DEVICE", "check_device", "life", "receiving", "sending", "survival", "view"]


def check_device(
    factory: DeviceFactory, *, config: DeviceConfig | None = None, only: Sequence[str] | None = None
) -> None:
    """Check that a device keeps every promise of `imsim.protocol.contract`.

    Args:
        factory: a class with `load`, or any object that has it.
        config: how the devices are to behave; by default as `DeviceConfig()` says.
        only: names of promises (`DEVICE.sentences`), instead of all.

    Raises:
        AssertionError: a promise is broken; the message says which.
        ConfigError: `only` names a promise that does not exist.
    """
    how = DeviceConfig() if config is None else config

    with factory if isinstance(factory, AbstractContextManager) else contextlib.nullcontext():
        DEVICE.check(lambda: Stage(factory, how), only=only)
