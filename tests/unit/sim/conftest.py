"""A kernel at its begin, and the runtime of one node on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imsim.sim.kernel import Kernel
from tests.one_node import node_runtime

if TYPE_CHECKING:
    from imsim.sim.runtime import SimRuntime


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture
def runtime(kernel: Kernel) -> SimRuntime:
    return node_runtime(kernel)
