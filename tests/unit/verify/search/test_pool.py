"""Processes of a pool begin as they are told, and outlive nobody."""

from __future__ import annotations

import os
import select
import subprocess
import sys

import pytest

from imsim.verify.search.pool import Pool

PARENT = """
import os
from imsim.verify.search.pool import Pool

if __name__ == "__main__":
    executor = Pool(1, os.getpid)
    print(executor.submit(os.getpid).result(), flush=True)
    input()
"""


def test_a_process_begins_as_it_is_told():
    executor = Pool(1, os.putenv, "LC_IMSIM", "told")
    try:
        assert executor.submit(subprocess.getoutput, "echo $LC_IMSIM").result(60.0) == "told"
    finally:
        executor.shutdown()


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="tells of the end of any process, and is Linux's")
def test_a_process_ends_with_whoever_is_killed():
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as parent:
        child = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    assert select.select([child], [], [], 30.0)[0] == [child]
    os.close(child)
