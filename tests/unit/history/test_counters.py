"""Counters: values of their own, equal if they say the same, whoever counted."""

from __future__ import annotations

import msgspec

from imsim.history.counters import Counters, DeviceCounters


def test_counters_survive_a_file():
    counters = Counters(events=3, seconds=1.5, queue_depth=2, devices={"bob/pc": DeviceCounters(wakes=1, joules=0.5)})

    assert msgspec.json.decode(msgspec.json.encode(counters), type=Counters) == counters


def test_two_counters_share_no_devices():
    one, other = Counters(), Counters()
    one.devices["bob/pc"] = DeviceCounters()

    assert not other.devices
