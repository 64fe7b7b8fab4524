"""Every port keeps every promise, in every world."""

from __future__ import annotations

import pytest

from imsim.testing import (
    KEY_VALUE,
    LOCAL_STORE,
    LOCKS,
    LOG,
    QUEUE,
    check_key_value,
    check_local_store,
    check_locks,
    check_log,
    check_queue,
)


@pytest.mark.parametrize("promise", LOG.sentences)
def test_log(world, promise):
    check_log(world.fresh("log"), world.run, only=[promise])


@pytest.mark.parametrize("promise", KEY_VALUE.sentences)
def test_key_value(world, promise):
    check_key_value(world.fresh("kv"), world.run, sleep=world.sleep, only=[promise])


@pytest.mark.parametrize("promise", LOCKS.sentences)
def test_locks(world, promise):
    check_locks(world.fresh("locks"), world.run, sleep=world.sleep, only=[promise])


@pytest.mark.parametrize("promise", QUEUE.sentences)
def test_queue(world, promise):
    check_queue(world.fresh("queue"), world.run, sleep=world.sleep, visibility=world.visibility, only=[promise])


@pytest.mark.parametrize("promise", LOCAL_STORE)
def test_local_store(disks, promise):
    check_local_store(disks, only=[promise])
