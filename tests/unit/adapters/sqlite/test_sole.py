"""One process a file."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from imsim.adapters.sqlite.sole import Sole
from imsim.errors import ConfigError, WorldError

HOLD = """
import sys
from imsim.adapters.sqlite.sole import Sole
held = Sole(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_a_file_is_used_by_one_at_a_time(tmp_path):
    first = Sole(tmp_path / "a.db")
    with pytest.raises(WorldError, match=r"a\.db: is in use"):
        Sole(tmp_path / "a.db")
    Sole(tmp_path / "b.db").release()
    first.release()
    first.release()
    Sole(tmp_path / "a.db").release()


def test_a_process_that_is_killed_holds_nothing(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "a.db"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(WorldError, match="is in use"):
            Sole(tmp_path / "a.db")
        holder.send_signal(signal.SIGKILL)
    Sole(tmp_path / "a.db").release()


def test_a_place_where_no_file_can_be(tmp_path):
    with pytest.raises(ConfigError, match="cannot be used as a database"):
        Sole(tmp_path / "nowhere" / "a.db")
