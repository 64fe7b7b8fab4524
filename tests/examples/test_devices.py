"""The example devices keep every promise over a hundred cases, and a flaw in them is found and made small.

Where there is no Node, its device is not tried, unless this is continuous integration.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

import pytest

import imsim
from imsim.sim.foreign import DeviceCommand
from imsim.verify.verdict import Outcome

EXAMPLES = Path(__file__).parents[2] / "examples" / "devices"
PROGRAMS = {
    "python": (sys.executable, EXAMPLES / "python" / "device.py"),
    "node": ("node", EXAMPLES / "node" / "device.mjs"),
}
SECONDS = 30.0
"""A busy machine may need a while to start a program."""


@pytest.fixture(params=PROGRAMS)
def started(request):
    """The command of a device, and whatever is typed behind it."""
    program, file = PROGRAMS[request.param]
    if shutil.which(program) is None and "CI" not in os.environ:
        pytest.skip(f"{program} is not installed")

    def typed(*options):
        return DeviceCommand(shlex.join([program, str(file), *options]), SECONDS)

    return typed


def test_it_keeps_every_promise(started):
    found = imsim.check(imsim.load("tiny"), device=started(), strategy="all", runs=100, jobs=1)
    assert found.outcome is Outcome.HOLDS, str(found)
    assert found.cases == 100
    assert {"crash before", "crash after", "drop", "duplicate", "cut"} <= found.coverage.actions.keys()
    assert found.coverage.goals["a retry"] > 0


def test_a_case_is_the_same_every_time(started):
    runs = [imsim.simulate(imsim.load("tiny"), seed=5, device=started()) for _ in range(2)]
    assert runs[0].history.sha256 == runs[1].history.sha256


def test_an_outbox_that_is_forgotten_is_found_and_made_small(started):
    found = imsim.check(imsim.load("tiny"), device=started("--forget-outbox"), runs=60, jobs=1)
    (failure,) = found.failures
    assert failure.case.breaks == "retries ended"
    (deviation,) = failure.smallest.deviations
    assert str(deviation).startswith("crash ")
    assert imsim.replay(failure.smallest, device=started("--forget-outbox")).failures
    assert not imsim.replay(failure.smallest, device=started()).failures
