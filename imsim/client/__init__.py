"""The SDK: the real `Device` in a program of one's own, against `imsim serve`.

sdk.py     what a program calls
driver.py  what the device wants, carried out
"""

from __future__ import annotations

from imsim.client.sdk import Client

__all__ = ["Client"]
