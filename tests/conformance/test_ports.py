"""Every port keeps every promise, in every world."""

from __future__ import annotations

import pytest

from imsim import testing


@pytest.mark.parametrize("promise", testing.LOG.sentences)
def test_log(world, promise):
    testing.check_log(world.fresh("log"), world.run, together=world.together, only=[promise])


@pytest.mark.parametrize("promise", testing.KEY_VALUE.sentences)
def test_key_value(world, promise):
    testing.check_key_value(world.fresh("kv"), world.run, sleep=world.sleep, together=world.together, only=[promise])


@pytest.mark.parametrize("promise", testing.LOCKS.sentences)
def test_locks(world, promise):
    testing.check_locks(world.fresh("locks"), world.run, sleep=world.sleep, together=world.together, only=[promise])


@pytest.mark.parametrize("promise", testing.QUEUE.sentences)
def test_queue(world, promise):
    testing.check_queue(world.fresh("queue"), world.run, sleep=world.sleep, visibility=world.visibility, only=[promise])


@pytest.mark.parametrize("promise", testing.LOCAL_STORE.sentences)
def test_local_store(disks, promise):
    testing.check_local_store(disks, only=[promise])
